"""Attention: at each of its T steps the decoder takes a weighted mean of the encoder's S states."""

import numpy as np

from course_rnn.numpy._check import check_features, check_mask
from course_rnn.numpy.cells import softmax
from course_rnn.numpy.nn import Linear, Module


class Attention(Module):
    """Mix the rows of a memory, weighted by how well each fits a query; a subclass says what a good fit is.

    α_ts = exp(score(q_t, m_s)) / Σ_s' exp(score(q_t, m_s')),   c_t = Σ_s α_ts m_s,   s over the real source steps only

    After `forward`, `alpha` (T, B, S) holds the weights: rows sum to 1, and padding has exactly 0, whatever it holds.
    """

    def forward(self, query, memory, mask=None):
        """Attend from every query to every real row of the memory.

        Parameters
        ----------
        query : (T, B, H) ndarray
            The decoder's states.
        memory : (S, B, M) ndarray
            The encoder's states.
        mask : (S, B) ndarray of bool, optional
            True is a real source step; without it all are.

        Returns
        -------
        context : (T, B, M) ndarray
        alpha : (T, B, S) ndarray

        Raises
        ------
        ValueError
            If the shapes do not fit each other or the layer, or a source has no real step.
        TypeError
            If the mask is not boolean, or query and memory have different dtypes.
        """
        if query.ndim != 3 or memory.ndim != 3 or query.shape[1] != memory.shape[1]:
            raise ValueError(f"query {query.shape} and memory {memory.shape} are not (T, B, H) and (S, B, M) of one B")
        mask = np.ones(memory.shape[:2], bool) if mask is None else mask
        check_mask(mask, memory.shape[:2])
        if not mask.any(axis=0).all():
            raise ValueError(f"sequence {mask.any(axis=0).argmin()} has no real source step to attend to")
        if query.dtype != memory.dtype:
            raise TypeError(f"query is {query.dtype}, memory is {memory.dtype}")
        memory = np.where(mask[..., None], memory, 0)  # a weight of 0 does not silence a NaN
        scores = self._score(query, memory)  # (T, B, S)
        self.alpha = softmax(np.where(mask.T, scores, -np.inf))
        self._keep(self.alpha, memory)
        return np.einsum("tbs,sbm->tbm", self.alpha, memory, optimize=True), self.alpha

    def backward(self, dcontext):
        """Map dcontext (T, B, M) to dquery (T, B, H) and dmemory (S, B, M), and add to `grads`."""
        alpha, memory = self._kept_last()
        dmemory = np.einsum("tbs,tbm->sbm", alpha, dcontext, optimize=True)
        dalpha = np.einsum("tbm,sbm->tbs", dcontext, memory, optimize=True)
        dscores = alpha * (dalpha - (alpha * dalpha).sum(axis=-1, keepdims=True))
        dquery, dmemory_score = self._score_backward(dscores)
        return dquery, dmemory + dmemory_score


class DotAttention(Attention):
    """Score by the dot product, q · m: no parameters, but query and memory must have the same size.

    References
    ----------
    Luong, Pham and Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    Examples
    --------
    >>> query, memory = np.array([[[9.0, 0.0]]]), np.array([[[9.0, 1.0]], [[0.0, 5.0]]])
    >>> context, alpha = DotAttention().forward(query, memory)
    >>> context
    array([[[9., 1.]]])
    """

    def _score(self, query, memory):
        check_features("query", query, memory.shape[-1], "memory")
        self._keep(query, memory)
        return np.einsum("tbm,sbm->tbs", query, memory, optimize=True)

    def _score_backward(self, dscores):
        query, memory = self._kept_last()
        dquery = np.einsum("tbs,sbm->tbm", dscores, memory, optimize=True)
        dmemory = np.einsum("tbs,tbm->sbm", dscores, query, optimize=True)
        return dquery, dmemory


class AdditiveAttention(Attention):
    """Score by a small network, v · tanh(W_q q + W_m m): query and memory may have different sizes.

    Parameters
    ----------
    query_size, memory_size, attention_size : int
        H, M, and the number of hidden units A of the small network.
    rng : numpy.random.Generator, optional
    dtype : numpy dtype

    References
    ----------
    Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015.

    Examples
    --------
    >>> context, alpha = AdditiveAttention(4, 3, 7).forward(np.ones((5, 2, 4)), np.ones((6, 2, 3)))
    >>> context.shape, alpha.shape
    ((5, 2, 3), (5, 2, 6))
    """

    def __init__(self, query_size, memory_size, attention_size, *, rng=None, dtype=np.float64):
        rng = np.random.default_rng() if rng is None else rng
        self.query_proj = Linear(query_size, attention_size, bias=False, rng=rng, dtype=dtype)
        self.memory_proj = Linear(memory_size, attention_size, bias=False, rng=rng, dtype=dtype)
        self.score = Linear(attention_size, 1, bias=False, rng=rng, dtype=dtype)

    def _score(self, query, memory):
        a = self.query_proj.forward(query)[:, None] + self.memory_proj.forward(memory)  # (T, S, B, A)
        tanh_a = np.tanh(a)
        self._keep(tanh_a)
        return self.score.forward(tanh_a)[..., 0].swapaxes(1, 2)

    def _score_backward(self, dscores):
        (tanh_a,) = self._kept_last()
        dtanh = self.score.backward(dscores.swapaxes(1, 2)[..., None])  # (T, S, B, A)
        da = dtanh * (1 - tanh_a * tanh_a)
        return self.query_proj.backward(da.sum(axis=1)), self.memory_proj.backward(da.sum(axis=0))
