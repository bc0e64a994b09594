"""Encoder and decoder: equal to torch and to differences, blind to padding, and searches that find what they should."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_numpy_nn import check_by_differences, check_by_torch, load
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course_rnn.numpy.cells import softmax
from course_rnn.numpy.layers import GRU, LSTM, RNN
from course_rnn.numpy.nn import Module, cross_entropy, log_softmax
from course_rnn.numpy.optim import Adam
from course_rnn.numpy.seq2seq import Decoder, Encoder, Seq2Seq, beam_search, greedy_decode, scheduled_sampling
from course_rnn.numpy.train import fit

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
S, T, B = 6, 5, 3
SOURCE_VOCAB, TARGET_VOCAB, SOURCE_DIM, TARGET_DIM, ENCODER_HIDDEN, DECODER_HIDDEN = 9, 8, 2, 3, 4, 7
PAD, BOS, EOS = 0, 1, 2
LENGTHS = np.array([4, 6, 1])
PADDED = np.arange(S)[:, None] >= LENGTHS  # (S, B)
CELLS = ["RNN", "LSTM", "GRU"]
CONTEXTS = ["init", "every_step", "both"]
ATTENTIONS = [None, "dot", "additive"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def source(rng):
    return rng.integers(0, SOURCE_VOCAB, (S, B))


@pytest.fixture
def target_in(rng):
    tokens = rng.integers(0, TARGET_VOCAB, (T, B))
    tokens[0] = BOS
    return tokens


def build(rng, cell="GRU", context="both", attention=None, layers=(1, 1), bidirectional=False, **options):
    """A small model; where dot attention asks for it, the decoder is as large as the context."""
    V = options.pop("V", TARGET_VOCAB)
    options |= {"cell": cell, "rng": rng}
    encoder = Encoder(SOURCE_VOCAB, SOURCE_DIM, ENCODER_HIDDEN, layers[0], bidirectional, **options)
    hidden = encoder.context_size if attention == "dot" else DECODER_HIDDEN
    options |= {"context": context, "attention": attention}
    return Seq2Seq(encoder, Decoder(V, TARGET_DIM, hidden, encoder.context_size, layers[1], **options))


class TorchSeq2Seq(torch.nn.Module):
    """The same model out of torch's modules, one step of the target after the other."""

    def __init__(self, cell, context, attention, layers, bidirectional):
        super().__init__()
        self.context, self.lstm, self.directions = context, cell == "LSTM", 1 + bidirectional
        C = self.directions * ENCODER_HIDDEN
        H = self.hidden = C if attention == "dot" else DECODER_HIDDEN
        nn = torch.nn
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.embedding = nn.Embedding(SOURCE_VOCAB, SOURCE_DIM)
        self.encoder.rnn = getattr(nn, cell)(SOURCE_DIM, ENCODER_HIDDEN, layers[0], bidirectional=bidirectional)
        self.decoder.embedding = nn.Embedding(TARGET_VOCAB, TARGET_DIM)
        if context != "every_step":
            self.decoder.bridge = nn.Linear(C, (1 + self.lstm) * layers[1] * H)
        self.decoder.rnn = getattr(nn, cell)(TARGET_DIM + (context != "init") * C, H, layers[1])
        if attention == "additive":
            additive = self.decoder.attention = nn.Module()
            additive.query_proj = nn.Linear(H, H, bias=False)
            additive.memory_proj = nn.Linear(C, H, bias=False)
            additive.score = nn.Linear(H, 1, bias=False)
        self.attention = attention
        self.decoder.output = nn.Linear(H + (attention is not None) * C, TARGET_VOCAB)
        self.double()

    def encode(self, source, lengths):
        packed = pack_padded_sequence(self.encoder.embedding(source), lengths, enforce_sorted=False)
        memory, state = self.encoder.rnn(packed)
        memory, _ = pad_packed_sequence(memory, total_length=len(source))
        h_n = state[0] if self.lstm else state
        return torch.cat(list(h_n[-self.directions :]), dim=-1), memory

    def start(self, context):
        if self.context == "every_step":
            return None
        s_0 = torch.tanh(self.decoder.bridge(context))
        parts = [part.contiguous() for part in torch.stack(s_0.split(self.hidden, dim=-1)).chunk(1 + self.lstm)]
        return tuple(parts) if self.lstm else parts[0]

    def attend(self, h, memory, real):
        memory = memory.transpose(0, 1)  # (B, S, C)
        if self.attention == "dot":
            return scaled_dot_product_attention(h[:, None], memory, memory, real.T[:, None], scale=1.0)[:, 0]
        additive = self.decoder.attention
        scores = additive.score(torch.tanh(additive.query_proj(h)[:, None] + additive.memory_proj(memory)))[..., 0]
        alpha = scores.masked_fill(~real.T, -torch.inf).softmax(dim=-1)
        return (alpha[..., None] * memory).sum(dim=1)

    def step(self, tokens, state, context, memory, real):
        x = self.decoder.embedding(tokens)
        if self.context != "init":
            x = torch.cat([x, context], dim=-1)
        h, state = self.decoder.rnn(x[None], state)
        h = h[0]
        if self.attention is not None:
            h = torch.cat([h, self.attend(h, memory, real)], dim=-1)
        return self.decoder.output(h), state

    def forward(self, source, target_in, lengths, free_running=False):
        context, memory = self.encode(source, lengths)
        real = torch.arange(len(source))[:, None] < lengths
        state, tokens, logits = self.start(context), target_in[0], []
        for t in range(len(target_in)):
            y, state = self.step(tokens, state, context, memory, real)
            logits.append(y)
            if t + 1 < len(target_in):
                tokens = y.argmax(dim=-1) if free_running else target_in[t + 1]
        return torch.stack(logits)


def pair(rng, *options):
    model = build(rng, *options)
    return model, load(TorchSeq2Seq(*options), model)


# forward and backward


@pytest.mark.parametrize(("layers", "bidirectional"), [((1, 1), False), ((2, 1), True), ((1, 2), True)])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cell", CELLS)
def test_teacher_forcing_matches_torch(rng, source, target_in, cell, context, attention, layers, bidirectional):
    model, twin = pair(rng, cell, context, attention, layers, bidirectional)
    dlogits = rng.standard_normal((T, B, TARGET_VOCAB))
    logits = model.forward(source, target_in, LENGTHS)
    model.backward(dlogits)
    theirs = twin(*map(torch.tensor, (source, target_in, LENGTHS)))
    theirs.backward(torch.tensor(dlogits))
    np.testing.assert_allclose(logits, theirs.detach(), **TO_TORCH)
    check_by_torch(model, twin)


@pytest.mark.parametrize(
    ("cell", "context", "attention"),
    [("RNN", "both", "additive"), ("LSTM", "init", None), ("LSTM", "both", "dot"), ("GRU", "every_step", "additive")],
)
def test_gradients_match_finite_differences(rng, source, target_in, cell, context, attention):
    model = build(rng, cell, context, attention)
    dlogits = rng.standard_normal((T, B, TARGET_VOCAB))
    model.forward(source, target_in, LENGTHS)
    model.backward(dlogits)
    check_by_differences(model, lambda: model.forward(source, target_in, LENGTHS), dlogits)


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_gradient_of_a_given_vector_matches_finite_differences(rng, target_in, context):
    """A decoder alone writes about any vector, such as the features of an image."""
    decoder, vector = Decoder(TARGET_VOCAB, TARGET_DIM, 5, 4, context=context, rng=rng), rng.standard_normal((B, 4))
    dlogits = rng.standard_normal((T, B, TARGET_VOCAB))
    decoder.forward(target_in, vector)
    dvector, dmemory = decoder.backward(dlogits)
    assert dmemory is None
    check_by_differences(decoder, lambda: decoder.forward(target_in, vector), dlogits, vector=(vector, dvector))


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_float32_stays_float32(rng, source, target_in, cell, attention):
    model = build(rng, cell, "both", attention, dtype=np.float32)
    logits = model.forward(source, target_in, LENGTHS)
    model.backward(logits)
    _, scores = beam_search(model, source, LENGTHS, bos=BOS, eos=EOS, max_length=4, width=2, length_penalty=0.6)
    arrays = [*model.params.values(), logits, *model.grads.values(), scores]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


# the context


@pytest.mark.parametrize(("cell", "layer"), [("RNN", RNN), ("LSTM", LSTM), ("GRU", GRU)])
def test_a_context_at_every_step_is_a_bias_that_stays_the_same(rng, target_in, cell, layer):
    """[U C] [y, c] + b = U y + (b + C c): the same c at every step, whatever the state has become."""
    decoder = Decoder(TARGET_VOCAB, TARGET_DIM, 5, 4, context="every_step", cell=cell, rng=rng)
    c = rng.standard_normal((1, 4))
    plain = layer(TARGET_DIM, 5, rng=rng)
    for name, array in decoder.rnn.params.items():
        plain.params[name][:] = array[:, :TARGET_DIM] if name == "weight_ih_l0" else array
    plain.params["bias_ih_l0"] += decoder.rnn.params["weight_ih_l0"][:, TARGET_DIM:] @ c[0]
    h, _ = plain.forward(decoder.embedding.forward(target_in[:, :1]))
    np.testing.assert_allclose(decoder.forward(target_in[:, :1], c), decoder.output.forward(h), **TO_TORCH)


@pytest.mark.parametrize(("context", "heard"), [("init", False), ("every_step", True), ("both", True)])
def test_only_a_context_at_every_step_is_heard_after_the_start(rng, target_in, context, heard):
    decoder, c = Decoder(TARGET_VOCAB, TARGET_DIM, 5, 4, context=context, rng=rng), rng.standard_normal((B, 4))
    state = decoder.start(c)
    logits, _ = decoder.step(target_in, state, c)
    changed, _ = decoder.step(target_in, state, -c)
    assert (not np.allclose(logits, changed)) == heard


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cell", CELLS)
def test_step_by_step_equals_all_steps_at_once(rng, source, target_in, cell, context, attention):
    model = build(rng, cell, context, attention)
    together = model.forward(source, target_in, LENGTHS)
    encoded = model.encoder.forward(source, LENGTHS)
    state = model.decoder.start(encoded[0])
    for t in range(T):
        logits, state = model.decoder.step(target_in[t : t + 1], state, *encoded)
        np.testing.assert_allclose(logits[0], together[t], **TO_TORCH)


# padding


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_nothing_in_the_padding_is_seen(rng, source, target_in, cell, attention, bidirectional):
    model = build(rng, cell, "both", attention, (2, 1), bidirectional)
    target, target_mask = rng.integers(0, TARGET_VOCAB, (T, B)), np.arange(T)[:, None] < np.array([2, 5, 3])

    def everything(source, target_in, target):
        model.zero_grad()
        loss, dlogits = cross_entropy(model.forward(source, target_in, LENGTHS), target, target_mask)
        model.backward(dlogits)
        options = {"bos": BOS, "eos": EOS, "max_length": 7}
        greedy = greedy_decode(model, source, LENGTHS, **options)
        return loss, model.grads, greedy, *beam_search(model, source, LENGTHS, width=3, **options)

    def junk(tokens, vocab, real):
        return np.where(real, tokens, (tokens + rng.integers(1, vocab, tokens.shape)) % vocab)  # all changed

    before = everything(source, target_in, target)
    after = everything(
        junk(source, SOURCE_VOCAB, ~PADDED),
        junk(target_in, TARGET_VOCAB, target_mask),
        junk(target, TARGET_VOCAB, target_mask),
    )
    np.testing.assert_equal(after, before)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_batch_gives_what_its_sequences_give_alone(rng, source, target_in, attention):
    model = build(rng, "LSTM", "both", attention, bidirectional=True)
    logits = model.forward(source, target_in, LENGTHS)
    options = {"bos": BOS, "eos": EOS, "max_length": 7}
    greedy = greedy_decode(model, source, LENGTHS, **options)
    beam, scores = beam_search(model, source, LENGTHS, width=3, **options)
    for b, length in enumerate(LENGTHS):
        alone = source[:length, b : b + 1]
        np.testing.assert_allclose(model.forward(alone, target_in[:, b : b + 1]), logits[:, b : b + 1], **TO_TORCH)
        assert greedy_decode(model, alone, **options) == [greedy[b]]
        tokens, score = beam_search(model, alone, width=3, **options)
        assert tokens == [beam[b]]
        np.testing.assert_allclose(score, scores[b : b + 1], **TO_TORCH)


# scheduled sampling


@pytest.mark.parametrize("teacher_prob", [0.0, 0.3, 1.0])
def test_every_input_is_the_truth_or_the_models_own_answer(rng, source, target_in, teacher_prob):
    model = build(rng, attention="additive")
    B = 500
    source, target_in = np.resize(source, (S, B)), rng.integers(0, TARGET_VOCAB, (T, B))
    inputs = scheduled_sampling(model, source, target_in, teacher_prob=teacher_prob, rng=rng)
    answers = model.forward(source, inputs).argmax(axis=-1)[:-1]  # to just these inputs
    truth, told = target_in[1:], inputs[1:]
    assert np.array_equal(inputs[0], target_in[0])
    assert ((told == truth) | (told == answers)).all()
    assert (told == truth)[truth != answers].mean() == pytest.approx(teacher_prob, abs=0.05)


def test_free_running_writes_what_greedy_decoding_writes(rng, source, target_in):
    model = build(rng, attention="additive")
    inputs = scheduled_sampling(model, source, target_in, LENGTHS, teacher_prob=0)
    no_eos = TARGET_VOCAB - 1  # a token that none of these answers holds, so that nothing stops early
    assert not (inputs[1:] == no_eos).any()
    decoded = greedy_decode(model, source, LENGTHS, bos=BOS, eos=no_eos, max_length=T - 1)
    assert inputs[1:].T.tolist() == decoded


def test_the_targets_given_stay_as_they_were(rng, source, target_in):
    before = target_in.copy()
    scheduled_sampling(build(rng), source, target_in, teacher_prob=0)
    np.testing.assert_array_equal(target_in, before)


def test_a_drawn_answer_follows_the_models_distribution(rng):
    model, n = build(rng), 20_000
    source, target_in = np.full((2, n), 3), np.full((2, n), BOS)
    inputs = scheduled_sampling(model, source, target_in, teacher_prob=0, draw=True, rng=rng)
    p = softmax(model.forward(source[:, :1], target_in[:1, :1])[0, 0])
    np.testing.assert_allclose(np.bincount(inputs[1], minlength=TARGET_VOCAB) / n, p, atol=4 * np.sqrt(0.25 / n))


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_free_running_has_the_gradient_of_torch_where_each_choice_is_a_constant(rng, source, target_in, attention):
    model, twin = pair(rng, "GRU", "both", attention, (1, 1), False)
    dlogits = rng.standard_normal((T, B, TARGET_VOCAB))
    inputs = scheduled_sampling(model, source, target_in, LENGTHS, teacher_prob=0)
    logits = model.forward(source, inputs, LENGTHS)
    model.backward(dlogits)
    theirs = twin(*map(torch.tensor, (source, target_in, LENGTHS)), free_running=True)
    theirs.backward(torch.tensor(dlogits))
    np.testing.assert_allclose(logits, theirs.detach(), **TO_TORCH)
    check_by_torch(model, twin)


# greedy decoding and beam search


def peaked(seed, **options):
    """A model whose answers differ from step to step: with large weights in its last layer."""
    model = build(np.random.default_rng(seed), **options)
    model.decoder.output.params["weight"] *= 6
    return model


@pytest.mark.parametrize("seed", range(5))
def test_greedy_decoding_asks_for_the_best_next_token_again_and_again(source, seed):
    model = peaked(seed, attention="additive")
    decoded = greedy_decode(model, source, LENGTHS, bos=BOS, eos=EOS, max_length=7)
    for b, tokens in enumerate(decoded):
        written = [BOS]
        while len(written) <= 7 and written[-1] != EOS:
            prefix = np.array(written)[:, None]
            written.append(int(model.forward(source[:, [b]], prefix, LENGTHS[[b]])[-1, 0].argmax()))
        assert tokens == [token for token in written[1:] if token != EOS]


def test_some_sequences_end_by_eos_and_some_are_cut(source):
    lengths = {
        len(tokens)
        for seed in range(5)
        for tokens in greedy_decode(peaked(seed), source, LENGTHS, bos=BOS, eos=EOS, max_length=7)
    }
    assert 7 in lengths and len(lengths) > 2


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("cell", CELLS)
def test_a_beam_of_one_is_greedy(source, cell, length_penalty):
    for seed in range(5):
        model = peaked(seed, cell=cell, attention="additive")
        options = {"bos": BOS, "eos": EOS, "max_length": 7}
        tokens, _ = beam_search(model, source, LENGTHS, width=1, length_penalty=length_penalty, **options)
        assert tokens == greedy_decode(model, source, LENGTHS, **options)


def every_sequence(V, max_length):
    """All that can be written: with EOS at the end, or as long as allowed and without."""
    others = [token for token in range(V) if token != EOS]
    ended = [(*beginning, EOS) for n in range(max_length) for beginning in product(others, repeat=n)]
    return ended + list(product(others, repeat=max_length))


def brute_force(model, source, lengths, V, max_length, length_penalty):
    """The best of all sequences for one source, by the score that teacher forcing gives them."""
    scores = {}
    for tokens in every_sequence(V, max_length):
        target_in = np.array([BOS, *tokens[:-1]])[:, None]
        log_p = log_softmax(model.forward(source, target_in, lengths))[np.arange(len(tokens)), 0, list(tokens)].sum()
        scores[tokens] = log_p / len(tokens) ** length_penalty
    best = max(scores, key=scores.get)
    return [token for token in best if token != EOS], scores[best]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_a_wide_beam_finds_the_best_of_all_sequences(source, cell, length_penalty):
    V, max_length = 4, 3
    model = peaked(3, cell=cell, attention="additive", V=V)
    options = {"bos": BOS, "eos": EOS, "max_length": max_length, "length_penalty": length_penalty}
    tokens, scores = beam_search(model, source, LENGTHS, width=V**max_length, **options)
    _, narrow = beam_search(model, source, LENGTHS, width=1, **options)
    for b in range(B):
        best, score = brute_force(model, source[:, [b]], LENGTHS[[b]], V, max_length, length_penalty)
        assert tokens[b] == best
        np.testing.assert_allclose(scores[b], score, **TO_TORCH)
        assert narrow[b] <= scores[b] + 1e-12


def plain_beam(model, source, lengths, V, max_length, width, length_penalty):
    """Beam search for one source by lists, each beginning scored anew by teacher forcing."""

    def score(hypothesis):
        return hypothesis[1] / len(hypothesis[0]) ** length_penalty

    beam = [((), 0.0)]  # tokens so far, log p
    for _ in range(max_length):
        longer = []
        for tokens, log_p in beam:
            if tokens[-1:] == (EOS,):
                longer.append((tokens, log_p))
                continue
            logits = model.forward(source, np.array([BOS, *tokens])[:, None], lengths)[-1, 0]
            longer.extend(((*tokens, v), log_p + log_softmax(logits)[v]) for v in range(V))
        beam = sorted(longer, key=score, reverse=True)[:width]
    return [token for token in beam[0][0] if token != EOS], score(beam[0])


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_beam_keeps_the_best_beginnings_and_nothing_else(source, width, length_penalty):
    for seed in range(5):
        model = peaked(seed, V=5)
        options = {"max_length": 5, "width": width, "length_penalty": length_penalty}
        tokens, scores = beam_search(model, source, LENGTHS, bos=BOS, eos=EOS, **options)
        for b in range(B):
            expected, score = plain_beam(model, source[:, [b]], LENGTHS[[b]], 5, **options)
            assert tokens[b] == expected
            np.testing.assert_allclose(scores[b], score, **TO_TORCH)


def test_what_is_finished_is_not_written_on():
    """A hand-made model that looks at the last token only; what it would say after EOS must not fill the beam."""
    A, B, C = 3, 4, 5
    p = np.full((6, 6), 1e-9)
    p[BOS, [EOS, A, B]] = 0.4, 0.35, 0.25
    p[A, [C, EOS, B]] = 0.6, 0.2, 0.2
    p[C, C], p[B, EOS], p[EOS, B] = 1, 1, 0.9
    nothing = np.zeros((1, 1, 1))
    model = Module()
    model.encoder = SimpleNamespace(forward=lambda source, lengths: (nothing[0], nothing, nothing[0] == 0))
    model.decoder = SimpleNamespace(
        vocab_size=6,
        start=lambda context: None,
        step=lambda tokens, state, *encoded: (np.log(p)[tokens], np.repeat(nothing, tokens.shape[1], axis=1)),
    )
    options = {"bos": BOS, "eos": EOS, "max_length": 4, "width": 2}
    tokens, scores = beam_search(model, np.ones((1, 1), int), length_penalty=0.5, **options)
    assert tokens == [[A, C, C, C]]  # log(0.35 · 0.6) / √4 = −0.78 beats log(0.4) / √1 = −0.92
    np.testing.assert_allclose(scores, np.log(0.35 * 0.6) / 2, rtol=1e-7)
    tokens, scores = beam_search(model, np.ones((1, 1), int), length_penalty=0.0, **options)
    assert tokens == [[]]
    np.testing.assert_allclose(scores, np.log(0.4), rtol=1e-7)


def count_steps(monkeypatch, model):
    steps, step = [], model.decoder.step
    monkeypatch.setattr(model.decoder, "step", lambda *inputs: steps.append(1) or step(*inputs))
    return steps


def test_greedy_decoding_stops_when_the_last_sequence_has_ended(source, monkeypatch):
    ended = set()
    for seed in range(20):
        model = peaked(seed)
        model.decoder.output.params["bias"][EOS] += 2
        steps = count_steps(monkeypatch, model)
        lengths = [len(tokens) for tokens in greedy_decode(model, source, LENGTHS, bos=BOS, eos=EOS, max_length=12)]
        if max(lengths) < 12:
            assert len(steps) == max(lengths) + 1
            ended.add(tuple(lengths))
    assert any(min(lengths) < max(lengths) for lengths in ended)


def test_a_beam_stops_when_every_hypothesis_has_ended(source, monkeypatch):
    model = build(np.random.default_rng(0))
    model.decoder.output.params["bias"][EOS] = 2.5
    steps = count_steps(monkeypatch, model)
    beam_search(model, source, LENGTHS, bos=BOS, eos=EOS, max_length=50, width=3, length_penalty=0.0)
    assert 1 < len(steps) < 10


def test_a_wider_beam_finds_what_greedy_decoding_misses(source):
    options = {"bos": BOS, "eos": EOS, "max_length": 6, "length_penalty": 0.0}
    gains = []
    for seed in range(5):
        model = peaked(seed)
        (_, greedy), (_, beam) = (beam_search(model, source, LENGTHS, width=width, **options) for width in (1, 8))
        gains.extend(beam - greedy)
    assert np.median(gains) >= 0 and max(gains) > 0.1


def test_dividing_by_the_length_favours_longer_sequences(source):
    options = {"bos": BOS, "eos": EOS, "max_length": 3, "width": 4**3}
    mean_length = [
        np.mean(
            [
                len(tokens)
                for seed in range(5)
                for tokens in beam_search(peaked(seed, V=4), source, LENGTHS, length_penalty=penalty, **options)[0]
            ]
        )
        for penalty in (0.0, 1.0, 4.0)
    ]
    assert mean_length[0] < mean_length[1] < mean_length[2]


# a task


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_sequences_that_were_never_seen_are_reversed(rng, attention):
    """Words of two to four of six letters, written backwards; one in five is kept for the test."""
    words = [word for n in (2, 3, 4) for word in product(range(3, 9), repeat=n)]
    rng.shuffle(words)
    kept, seen = words[: len(words) // 5], words[len(words) // 5 :]

    def pad(rows):
        lengths = np.array([len(row) for row in rows])
        padded = np.full((lengths.max(), len(rows)), PAD)
        for b, row in enumerate(rows):
            padded[: len(row), b] = row
        return padded, lengths

    def batch():
        chosen = [seen[i] for i in rng.integers(0, len(seen), 64)]
        source, lengths = pad(chosen)
        target_in, _ = pad([(BOS, *word[::-1]) for word in chosen])
        target, _ = pad([(*word[::-1], EOS) for word in chosen])
        return source, target_in, lengths, target

    encoder = Encoder(9, 12, 48, rng=rng)
    model = Seq2Seq(encoder, Decoder(9, 12, 48, 48, context="both", attention=attention, rng=rng))

    def exact_match():
        decoded = greedy_decode(model, *pad(kept), bos=BOS, eos=EOS, max_length=6)
        return np.mean([tokens == list(word[::-1]) for tokens, word in zip(decoded, kept, strict=True)])

    assert exact_match() < 0.05
    fit(
        model,
        (batch() for _ in range(300)),
        lambda logits, target: cross_entropy(logits, target, ignore_index=PAD),
        Adam(model.params, lr=5e-3),
        clip=1.0,
    )
    assert exact_match() >= 0.95


# bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Encoder(9, 2, 4, cell="Elman"), "cell is 'Elman', expected one of 'RNN', 'LSTM', 'GRU'"),
        (lambda: Decoder(9, 2, 4, 4, cell="gru"), "cell is 'gru', expected one of 'RNN', 'LSTM', 'GRU'"),
        (lambda: Decoder(9, 2, 4, 4, context="always"), "context is 'always', expected one of 'init', 'every_step', "),
        (lambda: Decoder(9, 2, 4, 4, attention="self"), "attention is 'self', expected one of None, 'dot', 'additive'"),
        (lambda: Decoder(9, 2, 4, 8, attention="dot"), "compares a state of size 4 with a memory of size 8"),
        (lambda: Seq2Seq(Encoder(9, 2, 4), Decoder(9, 2, 4, 8)), "hands over 4 features, the decoder expects 8"),
    ],
)
def test_a_model_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source": np.full((S, B), SOURCE_VOCAB)}, ValueError, "ids run from 9 to 9, expected 0 to 8"),
        ({"source": np.ones((S, B))}, TypeError, "ids are float64, expected integers"),
        ({"source": np.ones(S, int)}, ValueError, r"source has shape \(6,\), expected \(S, B\)"),
        ({"target_in": np.full((T, B), TARGET_VOCAB)}, ValueError, "ids run from 8 to 8, expected 0 to 7"),
        ({"target_in": np.ones(T, int)}, ValueError, r"tokens has shape \(5,\), expected \(T, 3\)"),
        ({"target_in": np.ones((T, B + 1), int)}, ValueError, r"tokens has shape \(5, 4\), expected \(T, 3\)"),
    ],
)
@pytest.mark.parametrize("context", CONTEXTS)
def test_bad_sequences_are_refused(rng, context, change, error, message):
    sequences = {"source": np.ones((S, B), int), "target_in": np.ones((T, B), int)} | change
    with pytest.raises(error, match=message):
        build(rng, context=context).forward(**sequences, source_lengths=LENGTHS)


@pytest.mark.parametrize(
    ("context", "memory", "message"),
    [
        (np.ones(4), None, r"context has shape \(4,\), expected \(B, 4\)"),
        (np.ones((B, 5)), None, r"context has shape \(3, 5\), expected \(B, 4\)"),
        (np.ones((B, 4)), None, "attention needs the encoder's memory"),
        (np.ones((B, 4)), np.ones((S, B, 5)), "x has 5 features, this layer expects 4"),
    ],
)
def test_a_decoder_names_what_it_misses(target_in, context, memory, message):
    with pytest.raises(ValueError, match=message):
        Decoder(TARGET_VOCAB, TARGET_DIM, 7, 4, attention="additive").forward(target_in, context, memory)


@pytest.mark.parametrize("context", CONTEXTS)
def test_an_encoder_and_a_decoder_of_two_dtypes_do_not_meet(rng, source, target_in, context):
    model = build(rng, context=context, dtype=np.float32)
    model.encoder = build(rng, context=context).encoder
    with pytest.raises(TypeError, match="context is float64, this decoder is float32"):
        model.forward(source, target_in, LENGTHS)


@pytest.mark.parametrize("lengths", [np.array([4, 6, 0]), np.array([4, 7, 1])])
def test_a_length_is_at_least_one_and_at_most_the_whole(rng, source, target_in, lengths):
    with pytest.raises(ValueError, match="length"):
        build(rng).forward(source, target_in, lengths)


@pytest.mark.parametrize("teacher_prob", [-0.1, 1.1, np.nan])
def test_a_probability_is_a_probability(rng, source, target_in, teacher_prob):
    with pytest.raises(ValueError, match="expected a probability, 0 to 1"):
        scheduled_sampling(build(rng), source, target_in, teacher_prob=teacher_prob)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bos": TARGET_VOCAB}, "bos is 8, expected a token of the decoder, 0 to 7"),
        ({"eos": -1}, "eos is -1, expected a token of the decoder, 0 to 7"),
        ({"max_length": 0}, "max_length is 0, expected at least 1"),
        ({"width": 0}, "width is 0, expected at least 1"),
    ],
)
def test_a_search_that_cannot_be_is_refused(rng, source, change, message):
    options = {"bos": BOS, "eos": EOS, "max_length": 7} | change
    with pytest.raises(ValueError, match=message):
        beam_search(build(rng), source, **options)
    if "width" not in change:
        with pytest.raises(ValueError, match=message):
            greedy_decode(build(rng), source, **options)
