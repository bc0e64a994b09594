"""Encoder and decoder: read one sequence, write another, and the ways to train the pair and to decode with it.

PAD never matters: the encoder stops at each source's true end, attention gives padding the weight 0, and in the target
it only follows the real tokens, where a decoder that runs forward has not seen it yet and the loss leaves it out.
"""

import numpy as np
import torch

from course_rnn.shared.search import check_choice, check_search, until_eos
from course_rnn.torch._check import check_dtype_and_device
from course_rnn.torch.attention import AdditiveAttention, DotAttention
from course_rnn.torch.cells import cell_of
from course_rnn.torch.nn import embed, sample, state_like, state_parts
from course_rnn.torch.recurrent import final, layer_of


class Encoder(torch.nn.Module):
    """Read a source; hand over one vector for the whole of it, and all states for attention.

    memory_s = the last layer's output at step s,   context = the last layer's final h (both directions, side by side)

    Parameters
    ----------
    vocab_size, embedding_dim, hidden_size, num_layers : int
    bidirectional : bool
    cell : "RNN", "LSTM", "GRU" or a Cell
    device, dtype
        As in torch.nn.

    Raises
    ------
    ValueError
        If the cell is unknown.

    Examples
    --------
    >>> encoder = Encoder(30, 8, 16, bidirectional=True)
    >>> context, memory, mask = encoder(torch.ones(6, 2, dtype=torch.long), torch.tensor([6, 4]))
    >>> context.shape, memory.shape, mask.sum(dim=0)
    (torch.Size([2, 32]), torch.Size([6, 2, 32]), tensor([6, 4]))
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
        device=None,
        dtype=None,
    ):
        super().__init__()
        shown = cell_of(cell).shown_size(hidden_size)
        own = {"device": device, "dtype": dtype}
        self.embedding = torch.nn.Embedding(vocab_size, embedding_dim, **own)
        self.rnn = layer_of(cell, embedding_dim, hidden_size, num_layers, bidirectional=bidirectional, **own)
        self.context_size = (1 + bidirectional) * shown

    def forward(self, source, lengths=None):
        """Encode source (S, B) of ids with true lengths (B,).

        Returns
        -------
        context : (B, C) Tensor
        memory : (S, B, C) Tensor
            C = directions · hidden_size.
        mask : (S, B) Tensor of bool
            True is a real source step.

        Raises
        ------
        ValueError, TypeError
            If the source is not a table of integers, or the lengths do not fit it.
        """
        if source.ndim != 2:
            raise ValueError(f"source has shape {tuple(source.shape)}, expected (S, B)")
        S, B = source.shape
        memory, state = self.rnn(embed(self.embedding, source), lengths=lengths)
        context = final(self.rnn, state)
        lengths = torch.full((B,), S) if lengths is None else torch.as_tensor(lengths)
        mask = torch.arange(S, device=source.device)[:, None] < lengths.to(source.device)
        return context, memory, mask


class Decoder(torch.nn.Module):
    """Write a target: from the previous token and what the encoder left, score the next token.

    init:        s_0 = tanh(W_c c + b_c), for every layer (and for an LSTM's cell as well)

    every_step:  the input of step t is [y_{t−1}, c], so that s_t = tanh(U y_{t−1} + C c + W s_{t−1} + b)

    both:        the two together

    attention:   c_t = Σ_s α_ts m_s with the state s_t as the query, after Luong, and logits_t = W_o [s_t, c_t] + b_o

    Attention stands behind the recurrent layer, so that teacher forcing runs over all steps at once.

    Parameters
    ----------
    vocab_size, embedding_dim, hidden_size, context_size, num_layers : int
        `context_size` is the encoder's; the two may differ in everything else.
    context : "init", "every_step" or "both"
    attention : "dot" or "additive", optional
        "dot" asks for hidden_size equal to context_size.
    cell : "RNN", "LSTM", "GRU" or a Cell
    device, dtype
        As in torch.nn.

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
    >>> decoder(torch.ones(5, 2, dtype=torch.long), torch.ones(2, 32), torch.ones(6, 2, 32)).shape
    torch.Size([5, 2, 30])
    >>> decoder.attention.alpha.shape
    torch.Size([5, 2, 6])
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
        device=None,
        dtype=None,
    ):
        super().__init__()
        shown, sizes = cell_of(cell).shown_size(hidden_size), cell_of(cell).sizes(hidden_size)
        check_choice("context", context, ("init", "every_step", "both"))
        check_choice("attention", attention, (None, "dot", "additive"))
        C, self.every_step = context_size, context != "init"
        if attention == "dot" and shown != C:
            raise ValueError(
                f"dot attention compares a state of size {shown} with a memory of size {C}: "
                "make them equal, or take attention='additive'"
            )
        own = {"device": device, "dtype": dtype}
        self.vocab_size, self.context_size = vocab_size, context_size
        self.embedding = torch.nn.Embedding(vocab_size, embedding_dim, **own)
        self.bridge = None if context == "every_step" else torch.nn.Linear(C, num_layers * sum(sizes), **own)
        self.rnn = layer_of(cell, embedding_dim + C * self.every_step, hidden_size, num_layers, **own)
        self.attention = None
        if attention == "dot":
            self.attention = DotAttention()
        elif attention == "additive":
            self.attention = AdditiveAttention(shown, C, hidden_size, **own)
        self.output = torch.nn.Linear(shown if attention is None else shown + C, vocab_size, **own)

    def forward(self, target_in, context, memory=None, mask=None):
        """Score every next token of targets that are known: teacher forcing.

        Parameters
        ----------
        target_in : (T, B) Tensor of int
            The target one step late: BOS first, EOS not.
        context : (B, C) Tensor
        memory : (S, B, C) Tensor, for attention only
        mask : (S, B) Tensor of bool, optional
            True is a real source step.

        Returns
        -------
        (T, B, vocab_size) Tensor
            Logits.

        Raises
        ------
        ValueError, TypeError
            If a shape, a dtype or a device does not fit.
        """
        logits, _ = self.step(target_in, self.start(context), context, memory, mask)
        return logits

    def start(self, context):
        """Map context (B, C) to the state before the first step: (layers, B, H), a pair of these, or None for zeros."""
        if context.ndim != 2 or context.shape[1] != self.context_size:
            raise ValueError(f"context has shape {tuple(context.shape)}, expected (B, {self.context_size})")
        check_dtype_and_device("context", context, self.output.weight, "this decoder")
        if self.bridge is None:
            return None
        L, sizes = self.rnn.num_layers, self.rnn.cell.sizes(self.rnn.hidden_size)
        parts = torch.tanh(self.bridge(context)).split([L * size for size in sizes], dim=-1)
        parts = [part.unflatten(-1, (L, -1)).transpose(0, 1).contiguous() for part in parts]  # (L, B, size) each
        return tuple(parts) if len(parts) > 1 else parts[0]

    def step(self, tokens, state, context, memory=None, mask=None):
        """Go on from a state by tokens (T, B), often T = 1; return logits (T, B, vocab_size) and the next state."""
        if tokens.ndim != 2 or tokens.shape[1] != len(context):
            raise ValueError(f"tokens has shape {tuple(tokens.shape)}, expected (T, {len(context)})")
        if self.attention is not None and memory is None:
            raise ValueError("attention needs the encoder's memory beside the context")
        x = embed(self.embedding, tokens)
        if self.every_step:
            x = torch.cat([x, context.expand(len(tokens), -1, -1)], dim=-1)
        h, state = self.rnn(x, state)
        if self.attention is not None:
            mixed, _ = self.attention(h, memory, mask)
            h = torch.cat([h, mixed], dim=-1)
        return self.output(h), state


class Seq2Seq(torch.nn.Module):
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
    >>> encoder, ones = Encoder(30, 8, 16), torch.ones(6, 2, dtype=torch.long)
    >>> model = Seq2Seq(encoder, Decoder(20, 8, 12, encoder.context_size))
    >>> model(ones, ones[:5], torch.tensor([6, 4])).shape
    torch.Size([5, 2, 20])
    """

    def __init__(self, encoder, decoder):
        super().__init__()
        if encoder.context_size != decoder.context_size:
            raise ValueError(
                f"the encoder hands over {encoder.context_size} features, the decoder expects {decoder.context_size}"
            )
        self.encoder, self.decoder = encoder, decoder

    def forward(self, source, target_in, source_lengths=None):
        """Map source (S, B), target_in (T, B) and source_lengths (B,) to logits (T, B, V): teacher forcing."""
        return self.decoder(target_in, *self.encoder(source, source_lengths))


@torch.no_grad()
def scheduled_sampling(model, source, target_in, source_lengths=None, *, teacher_prob, draw=False, rng=None):
    """Replace some of the decoder's inputs by what the model itself says there.

    Each token after the first is the true one with probability `teacher_prob`, else the model's own answer to the
    inputs so far: 1 is teacher forcing, 0 is free running. Training on the result as on any target_in gives the exact
    gradient of scheduled sampling, since a token once chosen is a constant.

    Parameters
    ----------
    model : Seq2Seq
    source, target_in, source_lengths
        As for a call of the model.
    teacher_prob : float
        From 0 to 1, for each token of each sequence on its own.
    draw : bool
        Whether the model's answer is drawn from its distribution, or its most likely token.
    rng : numpy.random.Generator, optional
        The same seed chooses the same tokens in both packages and on every device.

    Returns
    -------
    (T, B) Tensor
        Of the dtype of `target_in`.

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
    >>> source, target_in = torch.ones(6, 2, dtype=torch.long), torch.ones(5, 2, dtype=torch.long)
    >>> scheduled_sampling(model, source, target_in, teacher_prob=0.5).shape
    torch.Size([5, 2])
    """
    if not 0 <= teacher_prob <= 1:
        raise ValueError(f"teacher_prob is {teacher_prob}, expected a probability, 0 to 1")
    rng = np.random.default_rng() if rng is None else rng
    encoded = model.encoder(source, source_lengths)
    state = model.decoder.start(encoded[0])
    teacher = torch.from_numpy(rng.random(target_in.shape) < teacher_prob).to(target_in.device)
    inputs = target_in.clone()
    for t in range(1, len(inputs)):
        logits, state = model.decoder.step(inputs[t - 1 : t], state, *encoded)
        inputs[t] = torch.where(teacher[t], target_in[t], sample(logits[0], rng=rng if draw else None))
    return inputs


@torch.no_grad()
def greedy_decode(model, source, source_lengths=None, *, bos, eos, max_length):
    """Write the most likely next token, feed it back, and so on until EOS.

    Parameters
    ----------
    model : Seq2Seq
    source, source_lengths
        As for a call of the model.
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
    >>> tokens = greedy_decode(model, torch.ones(6, 2, dtype=torch.long), bos=1, eos=2, max_length=9)
    >>> len(tokens), len(tokens[0]) <= 9
    (2, True)
    """
    check_search(model.decoder.vocab_size, bos, eos, max_length=max_length)
    encoded = model.encoder(source, source_lengths)
    state = model.decoder.start(encoded[0])
    tokens = torch.full((1, source.shape[1]), bos, device=source.device)
    done = torch.zeros_like(tokens[0], dtype=torch.bool)
    while len(tokens) <= max_length and not done.all():
        logits, state = model.decoder.step(tokens[-1:], state, *encoded)
        tokens = torch.cat([tokens, logits.argmax(dim=-1)])
        done |= tokens[-1] == eos
    return until_eos(tokens[1:].T.tolist(), eos)


@torch.no_grad()
def beam_search(model, source, source_lengths=None, *, bos, eos, max_length, width=4, length_penalty=1.0):
    """Keep the `width` best beginnings at every step and return the best sequence that comes out of them.

    score(y) = log p(y) / n^length_penalty,   n = the number of tokens of y, EOS counted

    With 0 longer sequences lose, as each token lowers log p; with 1 the mean over the tokens counts. A finished
    hypothesis stays in the beam as long as its score does; the search ends when all are finished or at `max_length`.

    Parameters
    ----------
    model : Seq2Seq
    source, source_lengths
        As for a call of the model.
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
    scores : (B,) Tensor

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
    >>> source = torch.ones(6, 2, dtype=torch.long)
    >>> tokens, scores = beam_search(model, source, bos=1, eos=2, max_length=9, width=3)
    >>> len(tokens), scores.shape
    (2, torch.Size([2]))
    """
    check_search(model.decoder.vocab_size, bos, eos, max_length=max_length, width=width)
    B, K, V, device = source.shape[1], width, model.decoder.vocab_size, source.device
    context, memory, mask = model.encoder(source, source_lengths)
    encoded = [part.repeat_interleave(K, dim) for part, dim in ((context, 0), (memory, 1), (mask, 1))]
    state = model.decoder.start(encoded[0])
    tokens = torch.full((1, B * K), bos, device=device)  # the K hypotheses of a source stand side by side, best first
    dtype = torch.promote_types(context.dtype, torch.float32)  # bfloat16 can count to 256 only
    own = {"dtype": dtype, "device": device}
    log_p, n = torch.full((B * K,), -torch.inf, **own), torch.zeros(B * K, **own)
    log_p[::K] = 0  # at the start they are one
    done = torch.zeros_like(n, dtype=torch.bool)
    itself = torch.full((V,), -torch.inf, **own)
    itself[eos] = 0  # log p of the one continuation of what is finished
    while len(tokens) <= max_length and not done.all():
        logits, state = model.decoder.step(tokens[-1:], state, *encoded)
        next_log_p = torch.where(done[:, None], itself, logits[0].log_softmax(dim=-1, dtype=dtype))  # (B·K, V)
        log_p, n = log_p[:, None] + next_log_p, n + ~done
        scores = (log_p / n[:, None] ** length_penalty).view(B, K * V)
        best = scores.argsort(dim=-1, descending=True, stable=True)[:, :K]
        best = (best + K * V * torch.arange(B, device=device)[:, None]).flatten()
        parent, token = best // V, best % V
        tokens = torch.cat([tokens[:, parent], token[None]])
        log_p, n, done = log_p.flatten()[best], n[parent], done[parent] | (token == eos)
        state = state_like(state, [part[:, parent] for part in state_parts(state)])
    return until_eos(tokens[1:, ::K].T.tolist(), eos), log_p[::K] / n[::K] ** length_penalty
