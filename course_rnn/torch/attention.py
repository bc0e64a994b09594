"""Attention: at each of its T steps the decoder takes a weighted mean of the encoder's S states."""

import torch

from course_rnn.torch._check import check_dtype_and_device


class Attention(torch.nn.Module):
    """Mix the rows of a memory, weighted by how well each fits a query; a subclass says what a good fit is.

    α_ts = exp(score(q_t, m_s)) / Σ_s' exp(score(q_t, m_s')),   c_t = Σ_s α_ts m_s,   s over the real source steps only

    After a call, `alpha` (T, B, S) holds the weights, detached: rows sum to 1, and padding has exactly 0.
    """

    def forward(self, query, memory, mask=None):
        """Attend from every query to every real row of the memory.

        Parameters
        ----------
        query : (T, B, H) Tensor
            The decoder's states.
        memory : (S, B, M) Tensor
            The encoder's states.
        mask : (S, B) Tensor of bool, optional
            True is a real source step; without it all are. A source with none gives NaN.

        Returns
        -------
        context : (T, B, M) Tensor
        alpha : (T, B, S) Tensor

        Raises
        ------
        ValueError
            If the shapes do not fit each other or the layer, or the devices differ.
        TypeError
            If the mask is not boolean, or query and memory have different dtypes.
        """
        shapes = tuple(query.shape), tuple(memory.shape)
        if query.ndim != 3 or memory.ndim != 3 or query.shape[1] != memory.shape[1] or len(memory) == 0:
            raise ValueError(
                f"query {shapes[0]} and memory {shapes[1]} are not (T, B, H) and (S, B, M) of one B, S ≥ 1"
            )
        mask = memory.new_ones(memory.shape[:2], dtype=torch.bool) if mask is None else mask
        if mask.dtype != torch.bool:
            raise TypeError(f"mask is {mask.dtype}, expected bool: True is a real step")
        if mask.shape != memory.shape[:2]:
            raise ValueError(f"mask has shape {tuple(mask.shape)}, expected {shapes[1][:2]}")
        check_dtype_and_device("query", query, memory, "memory")
        memory = memory.masked_fill(~mask[..., None], 0)  # a weight of 0 does not silence a NaN
        scores = self._score(query, memory).masked_fill(~mask.T, -torch.inf)  # (T, B, S)
        alpha = scores.softmax(dim=-1)
        self.alpha = alpha.detach()
        return torch.einsum("tbs,sbm->tbm", alpha, memory), alpha


class DotAttention(Attention):
    """Score by the dot product, q · m: no parameters, but query and memory must have the same size.

    References
    ----------
    Luong, Pham and Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    Examples
    --------
    >>> query, memory = torch.tensor([[[9.0, 0.0]]]), torch.tensor([[[9.0, 1.0]], [[0.0, 5.0]]])
    >>> context, alpha = DotAttention()(query, memory)
    >>> context
    tensor([[[9., 1.]]])
    """

    def _score(self, query, memory):
        _check_features("query", query, memory.shape[-1], "memory")
        return torch.einsum("tbm,sbm->tbs", query, memory)


class AdditiveAttention(Attention):
    """Score by a small network, v · tanh(W_q q + W_m m): query and memory may have different sizes.

    Parameters
    ----------
    query_size, memory_size, attention_size : int
        H, M, and the number of hidden units A of the small network.
    device, dtype
        As in torch.nn.

    References
    ----------
    Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015.

    Examples
    --------
    >>> context, alpha = AdditiveAttention(4, 3, 7)(torch.ones(5, 2, 4), torch.ones(6, 2, 3))
    >>> context.shape, alpha.shape
    (torch.Size([5, 2, 3]), torch.Size([5, 2, 6]))
    """

    def __init__(self, query_size, memory_size, attention_size, *, device=None, dtype=None):
        super().__init__()
        own = {"bias": False, "device": device, "dtype": dtype}
        self.query_proj = torch.nn.Linear(query_size, attention_size, **own)
        self.memory_proj = torch.nn.Linear(memory_size, attention_size, **own)
        self.score = torch.nn.Linear(attention_size, 1, **own)

    def _score(self, query, memory):
        _check_features("query", query, self.query_proj.in_features, "layer")
        _check_features("memory", memory, self.memory_proj.in_features, "layer")
        a = self.query_proj(query)[:, None] + self.memory_proj(memory)  # (T, S, B, A)
        return self.score(torch.tanh(a))[..., 0].transpose(1, 2)


def _check_features(name, tensor, expected, owner):
    if tensor.shape[-1] != expected:
        raise ValueError(f"{name} has {tensor.shape[-1]} features, this {owner} expects {expected}")
