"""Encoder and decoder: read one sequence, write another, and the ways to train the pair and to decode with it.

PAD never matters: the encoder stops at each source's true end, attention gives padding the weight 0, and in the target
it only follows the real tokens, where a decoder that runs forward has not seen it yet and the loss leaves it out.
"""

import numpy as np

from course_rnn.numpy.attention import AdditiveAttention, DotAttention
from course_rnn.numpy.cells import cell_of
from course_rnn.numpy.layers import Recurrent
from course_rnn.numpy.nn import Embedding, Linear, Module, answering, log_softmax, sample, state_like, state_parts
from course_rnn.shared.search import check_choice, check_search, until_eos


class Encoder(Module):
    """Read a source; hand over one vector for the whole of it, and all states for attention.

    memory_s = the last layer's output at step s,   context = the last layer's final h (both directions, side by side)

    Parameters
    ----------
    vocab_size, embedding_dim, hidden_size, num_layers : int
    bidirectional : bool
    cell : "RNN", "LSTM", "GRU" or a Cell
    rng : numpy.random.Generator, optional
    dtype : numpy dtype

    Raises
    ------
    ValueError
        If the cell is unknown.

    Examples
    --------
    >>> encoder = Encoder(30, 8, 16, bidirectional=True)
    >>> context, memory, mask = encoder.forward(np.ones((6, 2), int), np.array([6, 4]))
    >>> context.shape, memory.shape, mask.sum(axis=0)
    ((2, 32), (6, 2, 32), array([6, 4]))
    """

    def __init__(
        self,
        vocab_size,
        embedding_dim,
        hidden_size,
        num_layers=1,
        bidirectional=False,
        *,
        cell="GRU",
        rng=None,
        dtype=np.float64,
    ):
        rng = np.random.default_rng() if rng is None else rng
        cell = cell_of(cell)
        self.embedding = Embedding(vocab_size, embedding_dim, rng=rng, dtype=dtype)
        self.rnn = Recurrent(
            cell, embedding_dim, hidden_size, num_layers, bidirectional=bidirectional, rng=rng, dtype=dtype
        )
        self.context_size = self.rnn.output_size

    def forward(self, source, lengths=None):
        """Encode source (S, B) of ids with true lengths (B,).

        Returns
        -------
        context : (B, C) ndarray
        memory : (S, B, C) ndarray
            C = directions · hidden_size, or what the cell shows in the place of its hidden size.
        mask : (S, B) ndarray of bool
            True is a real source step.

        Raises
        ------
        ValueError, TypeError
            If the source is not a table of ids of this vocabulary, or a length is not from 1 to S.
        """
        if source.ndim != 2:
            raise ValueError(f"source has shape {source.shape}, expected (S, B)")
        S, B = source.shape
        memory, self.state = self.rnn.forward(self.embedding.forward(source), lengths=lengths)
        self._keep(self.state)
        context = self.rnn.final(self.state)
        mask = np.arange(S)[:, None] < (np.full(B, S) if lengths is None else lengths)
        return context, memory, mask

    def backward(self, dcontext, dmemory=None):
        """Add to `grads` from dcontext (B, C) and dmemory (S, B, C); ids have no gradient, so the answer is None."""
        (state,) = self._kept_last()
        dx, _ = self.rnn.backward(dmemory, self.rnn.final_backward(dcontext, state))
        self.embedding.backward(dx)


class Decoder(Module):
    """Write a target: from the previous token and what the encoder left, score the next token.

    init:        s_0 = tanh(W_c c + b_c), for every layer (and for an LSTM's cell as well)

    every_step:  the input of step t is [y_{t−1}, c], so that s_t = tanh(U y_{t−1} + C c + W s_{t−1} + b)

    both:        the two together

    attention:   c_t = Σ_s α_ts m_s with the state s_t as the query, after Luong, and logits_t = W_o [s_t, c_t] + b_o

    The vector c stays the same over all steps; c_t does not. With either score, attention stands behind the recurrent
    layer, so that teacher forcing runs over all steps at once.

    Parameters
    ----------
    vocab_size, embedding_dim, hidden_size, context_size, num_layers : int
        `context_size` is the encoder's; the two may differ in everything else.
    context : "init", "every_step" or "both"
    attention : "dot" or "additive", optional
        "dot" asks for hidden_size equal to context_size.
    cell : "RNN", "LSTM", "GRU" or a Cell
    rng : numpy.random.Generator, optional
    dtype : numpy dtype

    Raises
    ------
    ValueError
        If the cell, the context or the attention is unknown, or dot attention cannot be.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder–decoder", EMNLP 2014 (context at every step);
    Sutskever, Vinyals and Le, "Sequence to sequence learning with neural networks", NIPS 2014 (context at the start);
    Luong, Pham and Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.

    Examples
    --------
    >>> decoder = Decoder(30, 8, 16, context_size=32, context="both", attention="additive")
    >>> decoder.forward(np.ones((5, 2), int), np.ones((2, 32)), np.ones((6, 2, 32))).shape
    (5, 2, 30)
    >>> decoder.attention.alpha.shape
    (5, 2, 6)
    """

    def __init__(
        self,
        vocab_size,
        embedding_dim,
        hidden_size,
        context_size,
        num_layers=1,
        *,
        context="init",
        attention=None,
        cell="GRU",
        rng=None,
        dtype=np.float64,
    ):
        cell = cell_of(cell)
        check_choice("context", context, ("init", "every_step", "both"))
        check_choice("attention", attention, (None, "dot", "additive"))
        init = {"rng": np.random.default_rng() if rng is None else rng, "dtype": dtype}
        C, self.every_step = context_size, context != "init"
        self.vocab_size, self.context_size = vocab_size, context_size
        self.embedding = Embedding(vocab_size, embedding_dim, **init)
        features = embedding_dim + C * self.every_step
        shown, sizes = cell.shown_size(hidden_size), cell.sizes(hidden_size)
        if attention == "dot" and shown != C:
            raise ValueError(
                f"dot attention compares a state of size {shown} with a memory of size {C}: "
                "make them equal, or take attention='additive'"
            )
        self.bridge = None if context == "every_step" else Linear(C, num_layers * sum(sizes), **init)
        self.rnn = Recurrent(cell, features, hidden_size, num_layers, **init)
        self.dtype = self.rnn.dtype
        self.attention = None
        if attention == "dot":
            self.attention = DotAttention()
        elif attention == "additive":
            self.attention = AdditiveAttention(shown, C, hidden_size, **init)
        self.output = Linear(shown if attention is None else shown + C, vocab_size, **init)

    def forward(self, target_in, context, memory=None, mask=None):
        """Score every next token of targets that are known: teacher forcing.

        Parameters
        ----------
        target_in : (T, B) ndarray of int
            The target one step late: BOS first, EOS not.
        context : (B, C) ndarray
        memory : (S, B, C) ndarray, for attention only
        mask : (S, B) ndarray of bool, optional
            True is a real source step.

        Returns
        -------
        (T, B, vocab_size) ndarray
            Logits.

        Raises
        ------
        ValueError, TypeError
            If a shape, an id or a dtype does not fit.
        """
        logits, _ = self.step(target_in, self.start(context), context, memory, mask)
        return logits

    def backward(self, dlogits):
        """Map dlogits (T, B, vocab_size) to dcontext (B, C) and dmemory (None without attention); add to `grads`."""
        dh, dmemory = self.output.backward(dlogits), None
        if self.attention is not None:
            dh, dmixed = np.split(dh, [-self.context_size], axis=-1)
            dquery, dmemory = self.attention.backward(dmixed)
            dh = dh + dquery
        dx, dstate = self.rnn.backward(dh)
        dcontext = 0 if self.bridge is None else self._start_backward(dstate)
        if self.every_step:
            dx, dsteps = np.split(dx, [-self.context_size], axis=-1)
            dcontext = dcontext + dsteps.sum(axis=0)  # one context for all steps
        self.embedding.backward(dx)
        return dcontext, dmemory

    def start(self, context):
        """Map context (B, C) to the state before the first step: (layers, B, H), a pair of these, or None for zeros."""
        if context.ndim != 2 or context.shape[1] != self.context_size:
            raise ValueError(f"context has shape {context.shape}, expected (B, {self.context_size})")
        if context.dtype != self.dtype:
            raise TypeError(f"context is {context.dtype}, this decoder is {self.dtype}")
        if self.bridge is None:
            return None
        s_0 = np.tanh(self.bridge.forward(context))  # (B, layers · all sizes)
        self._keep(s_0)
        L, sizes = self.rnn.num_layers, self.rnn.cell.sizes(self.rnn.hidden_size)
        parts = np.split(s_0, np.cumsum([L * size for size in sizes])[:-1], axis=1)
        parts = [part.reshape(len(context), L, -1).swapaxes(0, 1) for part in parts]
        return tuple(parts) if len(parts) > 1 else parts[0]

    def _start_backward(self, dstate):
        (s_0,) = self._kept_last()
        ds_0 = np.concatenate([part.swapaxes(0, 1).reshape(len(s_0), -1) for part in state_parts(dstate)], axis=1)
        return self.bridge.backward(ds_0 * (1 - s_0 * s_0))

    def step(self, tokens, state, context, memory=None, mask=None):
        """Go on from a state by tokens (T, B), often T = 1; return logits (T, B, vocab_size) and the next state."""
        if tokens.ndim != 2 or tokens.shape[1] != len(context):
            raise ValueError(f"tokens has shape {tokens.shape}, expected (T, {len(context)})")
        if self.attention is not None and memory is None:
            raise ValueError("attention needs the encoder's memory beside the context")
        x = self.embedding.forward(tokens)
        if self.every_step:
            x = np.concatenate([x, np.broadcast_to(context, (*tokens.shape, self.context_size))], axis=-1)
        h, state = self.rnn.forward(x, state)
        if self.attention is not None:
            mixed, _ = self.attention.forward(h, memory, mask)
            h = np.concatenate([h, mixed], axis=-1)
        return self.output.forward(h), state


class Seq2Seq(Module):
    """Tie an encoder to a decoder: p(y | x) = Π_t p(y_t | y_1 … y_{t−1}, x).

    Parameters
    ----------
    encoder : Encoder
    decoder : Decoder

    Raises
    ------
    ValueError
        If the decoder's `context_size` is not the encoder's.

    Examples
    --------
    >>> encoder = Encoder(30, 8, 16)
    >>> model = Seq2Seq(encoder, Decoder(20, 8, 12, encoder.context_size))
    >>> model.forward(np.ones((6, 2), int), np.ones((5, 2), int), np.array([6, 4])).shape
    (5, 2, 20)
    """

    def __init__(self, encoder, decoder):
        if encoder.context_size != decoder.context_size:
            raise ValueError(
                f"the encoder hands over {encoder.context_size} features, the decoder expects {decoder.context_size}"
            )
        self.encoder, self.decoder = encoder, decoder

    def forward(self, source, target_in, source_lengths=None):
        """Map source (S, B), target_in (T, B) and source_lengths (B,) to logits (T, B, V): teacher forcing."""
        return self.decoder.forward(target_in, *self.encoder.forward(source, source_lengths))

    def backward(self, dlogits):
        """Add to `grads` from dlogits (T, B, V); ids have no gradient, so the answer is None."""
        self.encoder.backward(*self.decoder.backward(dlogits))


def scheduled_sampling(model, source, target_in, source_lengths=None, *, teacher_prob, draw=False, rng=None):
    """Replace some of the decoder's inputs by what the model itself says there.

    Each token after the first is the true one with probability `teacher_prob`, else the model's own answer to the
    inputs so far: 1 is teacher forcing, 0 is free running. Training on the result as on any target_in gives the exact
    gradient of scheduled sampling, since a token once chosen is a constant and no gradient passes through the choice.

    Parameters
    ----------
    model : Seq2Seq
    source, target_in, source_lengths
        As for `model.forward`.
    teacher_prob : float
        From 0 to 1, for each token of each sequence on its own.
    draw : bool
        Whether the model's answer is drawn from its distribution, or its most likely token.
    rng : numpy.random.Generator, optional

    Returns
    -------
    (T, B) ndarray of int

    Raises
    ------
    ValueError
        If `teacher_prob` is not a probability.

    References
    ----------
    Bengio, Vinyals, Jaitly and Shazeer, "Scheduled sampling for sequence prediction with recurrent neural networks",
    NIPS 2015.

    Examples
    --------
    >>> model = Seq2Seq(Encoder(30, 8, 16), Decoder(20, 8, 12, context_size=16))
    >>> source, target_in = np.ones((6, 2), int), np.ones((5, 2), int)
    >>> scheduled_sampling(model, source, target_in, teacher_prob=0.5).shape
    (5, 2)
    """
    if not 0 <= teacher_prob <= 1:
        raise ValueError(f"teacher_prob is {teacher_prob}, expected a probability, 0 to 1")
    rng = np.random.default_rng() if rng is None else rng
    teacher = rng.random(target_in.shape) < teacher_prob
    inputs = target_in.copy()
    with answering(model):
        encoded = model.encoder.forward(source, source_lengths)
        state = model.decoder.start(encoded[0])
        for t in range(1, len(inputs)):
            logits, state = model.decoder.step(inputs[t - 1 : t], state, *encoded)
            inputs[t] = np.where(teacher[t], target_in[t], sample(logits[0], rng=rng if draw else None))
    return inputs


def greedy_decode(model, source, source_lengths=None, *, bos, eos, max_length):
    """Write the most likely next token, feed it back, and so on until EOS.

    Parameters
    ----------
    model : Seq2Seq
    source, source_lengths
        As for `model.forward`.
    bos, eos : int
    max_length : int
        A sequence without EOS is cut after so many tokens.

    Returns
    -------
    list of B lists of int
        Without BOS and EOS.

    Raises
    ------
    ValueError
        If `bos` or `eos` is not in the decoder's vocabulary, or `max_length` is below 1.

    Examples
    --------
    >>> model = Seq2Seq(Encoder(30, 8, 16), Decoder(20, 8, 12, context_size=16))
    >>> tokens = greedy_decode(model, np.ones((6, 2), int), bos=1, eos=2, max_length=9)
    >>> len(tokens), len(tokens[0]) <= 9
    (2, True)
    """
    check_search(model.decoder.vocab_size, bos, eos, max_length=max_length)
    with answering(model):
        encoded = model.encoder.forward(source, source_lengths)
        state = model.decoder.start(encoded[0])
        tokens = np.full((1, source.shape[1]), bos)
        done = np.zeros(source.shape[1], bool)
        while len(tokens) <= max_length and not done.all():
            logits, state = model.decoder.step(tokens[-1:], state, *encoded)
            tokens = np.concatenate([tokens, logits.argmax(axis=-1)])
            done |= tokens[-1] == eos
    return until_eos(tokens[1:].T.tolist(), eos)


def beam_search(model, source, source_lengths=None, *, bos, eos, max_length, width=4, length_penalty=1.0):
    """Keep the `width` best beginnings at every step and return the best sequence that comes out of them.

    score(y) = log p(y) / n^length_penalty,   n = the number of tokens of y, EOS counted

    With 0 longer sequences lose, as each token lowers log p; with 1 the mean over the tokens counts. A finished
    hypothesis stays in the beam as long as its score does; the search ends when all are finished or at `max_length`.

    Parameters
    ----------
    model : Seq2Seq
    source, source_lengths
        As for `model.forward`.
    bos, eos : int
    max_length : int
        A sequence without EOS is cut after so many tokens.
    width : int
        1 is greedy decoding.
    length_penalty : float

    Returns
    -------
    sequences : list of B lists of int
        Without BOS and EOS.
    scores : (B,) ndarray

    Raises
    ------
    ValueError
        If `bos` or `eos` is not in the decoder's vocabulary, or `max_length` or `width` is below 1.

    References
    ----------
    Wu et al., "Google's neural machine translation system", arXiv:1609.08144 (2016), section 7, with n in the place of
    (5 + n) / 6.

    Examples
    --------
    >>> model = Seq2Seq(Encoder(30, 8, 16), Decoder(20, 8, 12, context_size=16))
    >>> tokens, scores = beam_search(model, np.ones((6, 2), int), bos=1, eos=2, max_length=9, width=3)
    >>> len(tokens), scores.shape
    (2, (2,))
    """
    check_search(model.decoder.vocab_size, bos, eos, max_length=max_length, width=width)
    with answering(model):
        return _beam_search(model, source, source_lengths, bos, eos, max_length, width, length_penalty)


def _beam_search(model, source, source_lengths, bos, eos, max_length, width, length_penalty):
    B, K, V = source.shape[1], width, model.decoder.vocab_size
    context, memory, mask = model.encoder.forward(source, source_lengths)
    encoded = np.repeat(context, K, axis=0), np.repeat(memory, K, axis=1), np.repeat(mask, K, axis=1)
    state = model.decoder.start(encoded[0])
    tokens = np.full((1, B * K), bos)  # the K hypotheses of a source stand side by side, the best first
    log_p = np.full(B * K, -np.inf, context.dtype)
    log_p[::K] = 0  # at the start they are one
    n, done = np.zeros_like(log_p), np.zeros(B * K, bool)
    while len(tokens) <= max_length and not done.all():
        logits, state = model.decoder.step(tokens[-1:], state, *encoded)
        next_log_p = log_softmax(logits[0])  # (B·K, V)
        next_log_p[done] = -np.inf
        next_log_p[done, eos] = 0  # what is finished has one continuation: itself
        log_p, n = log_p[:, None] + next_log_p, n + ~done
        scores = (log_p / n[:, None] ** length_penalty).reshape(B, K * V)
        best = np.argsort(-scores, axis=-1, kind="stable")[:, :K] + K * V * np.arange(B)[:, None]
        parent, token = np.divmod(best.ravel(), V)
        tokens = np.concatenate([tokens[:, parent], token[None]])
        log_p, n, done = log_p.ravel()[best.ravel()], n[parent], done[parent] | (token == eos)
        state = state_like(state, [part[:, parent] for part in state_parts(state)])
    return until_eos(tokens[1:, ::K].T.tolist(), eos), log_p[::K] / n[::K] ** length_penalty
