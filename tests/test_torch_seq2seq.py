"""Encoder, decoder and attention on torch: what the reference computes, and the same tokens out of every search."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_torch_nn import BFLOAT16, DEVICES, assert_close, check_grads, load, to

import course_rnn.numpy.attention
import course_rnn.numpy.seq2seq as rnp
import course_rnn.torch.attention
import course_rnn.torch.seq2seq as rt

S, T, B = 6, 5, 3
SOURCE_VOCAB, TARGET_VOCAB, SOURCE_DIM, TARGET_DIM, ENCODER_HIDDEN, DECODER_HIDDEN = 9, 8, 2, 3, 4, 7
BOS, EOS = 1, 2
SEARCH = {"bos": BOS, "eos": EOS, "max_length": 7}
LENGTHS = np.array([4, 6, 1])
MASK = np.arange(S)[:, None] < LENGTHS  # (S, B)
CELLS = ["RNN", "LSTM", "GRU"]
CONTEXTS = ["init", "every_step", "both"]
ATTENTIONS = [None, "dot", "additive"]


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


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


def build(package, cell="GRU", context="both", attention=None, layers=(1, 1), bidirectional=False, **own):
    """A small model of either package; where dot attention asks for it, the decoder is as large as the context."""
    own["cell"] = cell
    encoder = package.Encoder(SOURCE_VOCAB, SOURCE_DIM, ENCODER_HIDDEN, layers[0], bidirectional, **own)
    hidden = encoder.context_size if attention == "dot" else DECODER_HIDDEN
    own |= {"context": context, "attention": attention}
    decoder = package.Decoder(TARGET_VOCAB, TARGET_DIM, hidden, encoder.context_size, layers[1], **own)
    return package.Seq2Seq(encoder, decoder)


def pair(rng, device, *options, peaked=False, **named):
    """The same model in both packages; one that is peaked, by larger weights, says many different things."""
    model = build(rnp, *options, rng=rng, **named)
    if peaked:
        for p in model.params.values():
            p *= 3
    return model, load(build(rt, *options, **named), model, device)


# attention


def attentions(kind, rng, device, query_size=2, memory_size=6):
    """The same attention in both packages."""
    if kind == "dot":
        return course_rnn.numpy.attention.DotAttention(), course_rnn.torch.attention.DotAttention()
    sizes = query_size, memory_size, 7
    model = course_rnn.numpy.attention.AdditiveAttention(*sizes, rng=rng)
    return model, load(course_rnn.torch.attention.AdditiveAttention(*sizes), model, device)


@pytest.mark.parametrize("mask", [None, MASK], ids=["equal", "ragged"])
@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_attention_matches_the_reference(rng, device, kind, mask):
    model, module = attentions(kind, rng, device)
    query = rng.standard_normal((T, B, 6 if kind == "dot" else 2))
    memory, dcontext = rng.standard_normal((S, B, 6)), rng.standard_normal((T, B, 6))
    (context, alpha), (dquery, dmemory) = model.forward(query, memory, mask), model.backward(dcontext)
    query_t, memory_t = (torch.tensor(a, device=device, requires_grad=True) for a in (query, memory))
    context_t, alpha_t = module(query_t, memory_t, to(device, mask))
    context_t.backward(to(device, dcontext))
    pairs = [
        (context_t, context),
        (alpha_t, alpha),
        (module.alpha, alpha),
        (query_t.grad, dquery),
        (memory_t.grad, dmemory),
    ]
    for ours, reference in pairs:
        assert_close(ours, reference)
    check_grads(module, model)
    assert not module.alpha.requires_grad


@pytest.mark.parametrize("junk", [1e300, np.inf, np.nan])
@pytest.mark.parametrize("kind", ["dot", "additive"])
def test_nothing_in_the_padding_is_attended_to(rng, device, kind, junk):
    _, module = attentions(kind, rng, device)
    query = to(device, rng.standard_normal((T, B, 6 if kind == "dot" else 2)))
    memory, mask = to(device, rng.standard_normal((S, B, 6))), to(device, MASK)
    spoilt = memory.masked_fill(~mask[..., None], junk).requires_grad_()
    context, alpha = module(query, spoilt, mask)
    assert_close(context, module(query, memory, mask)[0].detach().cpu())
    assert not alpha[:, ~mask.T].any()
    context.sum().backward()
    assert spoilt.grad.isfinite().all() and not spoilt.grad[~mask].any()


# forward and backward


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "ragged"])
@pytest.mark.parametrize(("layers", "bidirectional"), [((1, 1), False), ((2, 1), True), ((1, 2), True)])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cell", CELLS)
def test_teacher_forcing_matches_the_reference(
    rng, device, source, target_in, cell, context, attention, layers, bidirectional, lengths
):
    model, module = pair(rng, device, cell, context, attention, layers, bidirectional)
    dlogits = rng.standard_normal((T, B, TARGET_VOCAB))
    logits = model.forward(source, target_in, lengths)
    model.backward(dlogits)
    logits_t = module(to(device, source), to(device, target_in), to(device, lengths))
    logits_t.backward(to(device, dlogits))
    assert_close(logits_t, logits)
    check_grads(module, model)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_encoder_hands_over_what_the_reference_does(rng, device, source, cell, bidirectional):
    model, module = pair(rng, device, cell, layers=(2, 1), bidirectional=bidirectional)
    handed = zip(
        module.encoder(to(device, source), to("cpu", LENGTHS)), model.encoder.forward(source, LENGTHS), strict=True
    )
    for ours, reference in handed:
        assert ours.device.type == device
        assert_close(ours, reference)


@pytest.mark.parametrize("attention", [None, "additive"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_a_decoder_alone_writes_about_any_vector(rng, device, target_in, context, attention):
    sizes, options = (TARGET_VOCAB, TARGET_DIM, 5, 4), {"context": context, "attention": attention}
    model = rnp.Decoder(*sizes, **options, rng=rng)
    module = load(rt.Decoder(*sizes, **options), model, device)
    vector, memory, dlogits = (rng.standard_normal(shape) for shape in [(B, 4), (S, B, 4), (T, B, TARGET_VOCAB)])
    vector_t, memory_t = (torch.tensor(a, device=device, requires_grad=True) for a in (vector, memory))
    logits, logits_t = model.forward(target_in, vector, memory), module(to(device, target_in), vector_t, memory_t)
    logits_t.backward(to(device, dlogits))
    dvector, dmemory = model.backward(dlogits)
    assert_close(logits_t, logits)
    assert_close(vector_t.grad, dvector)
    assert (memory_t.grad is None) == (dmemory is None)
    if dmemory is not None:
        assert_close(memory_t.grad, dmemory)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cell", CELLS)
def test_step_by_step_equals_all_steps_at_once(rng, device, source, target_in, cell, context, attention):
    _, module = pair(rng, device, cell, context, attention, layers=(1, 2))
    source, target_in, lengths = (to(device, a) for a in (source, target_in, LENGTHS))
    together = module(source, target_in, lengths)
    encoded = module.encoder(source, lengths)
    state = module.decoder.start(encoded[0])
    for t in range(T):
        logits, state = module.decoder.step(target_in[t : t + 1], state, *encoded)
        assert_close(logits[0], together[t].detach().cpu())


# scheduled sampling and free running


@pytest.mark.parametrize("draw", [False, True])
@pytest.mark.parametrize("teacher_prob", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("attention", [None, "additive"])
def test_scheduled_sampling_chooses_what_the_reference_chooses(
    rng, device, source, target_in, attention, teacher_prob, draw
):
    model, module = pair(rng, device, "LSTM", attention=attention, peaked=True)
    ours, reference = ({"teacher_prob": teacher_prob, "draw": draw, "rng": np.random.default_rng(5)} for _ in range(2))
    kept = to(device, target_in)
    inputs = rt.scheduled_sampling(module, to(device, source), kept, to(device, LENGTHS), **ours)
    assert np.array_equal(inputs.cpu(), rnp.scheduled_sampling(model, source, target_in, LENGTHS, **reference))
    assert torch.equal(kept, to(device, target_in))  # not changed in place
    assert np.array_equal(inputs.cpu(), target_in) == (teacher_prob == 1)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_free_running_trains_as_the_reference_does(rng, device, source, target_in, attention):
    model, module = pair(rng, device, attention=attention)
    dlogits = rng.standard_normal((T, B, TARGET_VOCAB))
    model.forward(source, rnp.scheduled_sampling(model, source, target_in, LENGTHS, teacher_prob=0), LENGTHS)
    model.backward(dlogits)
    source, target_in, lengths = (to(device, a) for a in (source, target_in, LENGTHS))
    inputs = rt.scheduled_sampling(module, source, target_in, lengths, teacher_prob=0)
    module(source, inputs, lengths).backward(to(device, dlogits))
    check_grads(module, model)


# greedy decoding and beam search


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cell", CELLS)
def test_greedy_decoding_writes_what_the_reference_writes(device, source, cell, context, attention):
    for seed in range(5):
        model, module = pair(np.random.default_rng(seed), device, cell, context, attention, peaked=True)
        ours = rt.greedy_decode(module, to(device, source), to(device, LENGTHS), **SEARCH)
        assert ours == rnp.greedy_decode(model, source, LENGTHS, **SEARCH)


def test_some_sequences_end_by_eos_and_some_are_cut(device, source):
    """Else the comparisons here would compare little."""
    seen = set()
    for seed in range(20):
        _, module = pair(np.random.default_rng(seed), device, peaked=True)
        seen |= {len(tokens) for tokens in rt.greedy_decode(module, to(device, source), to(device, LENGTHS), **SEARCH)}
    assert 7 in seen and len(seen) > 2


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("width", [1, 3, 20])
@pytest.mark.parametrize("cell", CELLS)
def test_beam_search_finds_what_the_reference_finds(device, source, cell, width, length_penalty):
    options = SEARCH | {"width": width, "length_penalty": length_penalty}
    for seed in range(3):
        model, module = pair(np.random.default_rng(seed), device, cell, attention="additive", peaked=True)
        ours, scores = rt.beam_search(module, to(device, source), to(device, LENGTHS), **options)
        tokens, expected = rnp.beam_search(model, source, LENGTHS, **options)
        assert ours == tokens
        assert_close(scores, expected)


def chain(p):
    """A hand-made model that looks at the last token only."""
    nothing = torch.zeros(1, 1, 1, dtype=p.dtype, device=p.device)
    return SimpleNamespace(
        encoder=lambda source, lengths: (nothing[0], nothing, nothing[0] == 0),
        decoder=SimpleNamespace(
            vocab_size=len(p),
            start=lambda context: None,
            step=lambda tokens, state, *encoded: (p.log()[tokens], nothing.expand(1, tokens.shape[1], 1)),
        ),
    )


def test_what_is_finished_is_not_written_on(device):
    """What the model would say after EOS must not fill the beam."""
    A, B, C = 3, 4, 5
    p = torch.full((6, 6), 1e-9, dtype=torch.float64, device=device)
    p[BOS, [EOS, A, B]] = torch.tensor([0.4, 0.35, 0.25], dtype=p.dtype, device=device)
    p[A, [C, EOS, B]] = torch.tensor([0.6, 0.2, 0.2], dtype=p.dtype, device=device)
    p[C, C], p[B, EOS], p[EOS, B] = 1, 1, 0.9
    source, options = torch.ones(1, 1, dtype=torch.long, device=device), SEARCH | {"max_length": 4, "width": 2}
    tokens, scores = rt.beam_search(chain(p), source, length_penalty=0.5, **options)
    assert tokens == [[A, C, C, C]]  # log(0.35 · 0.6) / √4 = −0.78 beats log(0.4) / √1 = −0.92
    np.testing.assert_allclose(scores.cpu(), np.log(0.35 * 0.6) / 2, rtol=1e-7)
    assert rt.beam_search(chain(p), source, length_penalty=0.0, **options)[0] == [[]]


def test_equally_good_hypotheses_keep_their_order(device):
    """As in the reference, the first of them, with the smallest tokens, wins."""
    p = torch.full((5, 5), 1e-9, dtype=torch.float64, device=device)
    p[BOS, 3:], p[3:, EOS] = 0.5, 1
    source = torch.ones(1, 1, dtype=torch.long, device=device)
    for width in (1, 2, 3, 25):
        assert rt.beam_search(chain(p), source, width=width, **SEARCH)[0] == [[3]]


@pytest.mark.parametrize("search", [rt.greedy_decode, rt.beam_search])
def test_a_search_stops_when_everything_has_ended(rng, device, source, search, monkeypatch):
    _, module = pair(rng, device)
    with torch.no_grad():
        module.decoder.output.bias[EOS] += 100
    steps, step = [], module.decoder.step
    monkeypatch.setattr(module.decoder, "step", lambda *inputs: steps.append(1) or step(*inputs))
    options = SEARCH | {"max_length": 50}
    if search is rt.beam_search:
        options |= {"length_penalty": 0.0, "width": 2}
    found = search(module, to(device, source), to(device, LENGTHS), **options)
    assert (found[0] if search is rt.beam_search else found) == [[]] * B
    assert len(steps) <= 2


def test_no_search_builds_a_graph(rng, device, source, target_in):
    _, module = pair(rng, device, attention="dot")
    source, lengths = to(device, source), to(device, LENGTHS)
    grads = []
    module.decoder.output.register_forward_hook(lambda layer, x, y: grads.append(y.requires_grad))
    rt.greedy_decode(module, source, lengths, **SEARCH)
    _, scores = rt.beam_search(module, source, lengths, **SEARCH)
    rt.scheduled_sampling(module, source, to(device, target_in), lengths, teacher_prob=0)
    assert grads and not any(grads) and not scores.requires_grad


# dtype and device


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_model_moves_as_a_whole_and_stays_where_it_is(rng, device, source, target_in, cell, attention, dtype):
    module = build(rt, cell, attention=attention, device=device, dtype=dtype)
    source, target_in, lengths = (to(device, a) for a in (source, target_in, LENGTHS))
    logits = module(source, target_in, lengths)
    logits.sum().backward()
    _, scores = rt.beam_search(module, source, lengths, width=2, length_penalty=0.6, **SEARCH)
    for tensor in (logits, scores, *(p.grad for p in module.parameters())):
        assert (tensor.dtype, tensor.device.type) == (dtype, device)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_model_runs_under_autocast(device, source, target_in, cell, attention):
    module = build(rt, cell, attention=attention, bidirectional=True, device=device)
    source, target_in, lengths = (to(device, a) for a in (source, target_in, LENGTHS))
    logits = module(source, target_in, lengths)
    with torch.autocast(device, dtype=torch.bfloat16):
        low = module(source, target_in, lengths)
        _, scores = rt.beam_search(module, source, lengths, **SEARCH)
    assert low.dtype == torch.bfloat16 and scores.dtype == torch.float32
    assert_close(low.float(), logits.detach().cpu(), tolerance=BFLOAT16)
    low.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in module.parameters())


# bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rt.Encoder(9, 2, 4, cell="Elman"), "cell is 'Elman', expected one of 'RNN', 'LSTM', 'GRU'"),
        (lambda: rt.Decoder(9, 2, 4, 4, cell="gru"), "cell is 'gru', expected one of 'RNN', 'LSTM', 'GRU'"),
        (
            lambda: rt.Decoder(9, 2, 4, 4, context="always"),
            "context is 'always', expected one of 'init', 'every_step', ",
        ),
        (
            lambda: rt.Decoder(9, 2, 4, 4, attention="self"),
            "attention is 'self', expected one of None, 'dot', 'additive'",
        ),
        (lambda: rt.Decoder(9, 2, 4, 8, attention="dot"), "compares a state of size 4 with a memory of size 8"),
        (lambda: rt.Seq2Seq(rt.Encoder(9, 2, 4), rt.Decoder(9, 2, 4, 8)), "over 4 features, the decoder expects 8"),
    ],
)
def test_a_model_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


IDS = torch.ones(S, B, dtype=torch.long)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source": IDS.float()}, TypeError, "ids are torch.float32, expected integers"),
        ({"source": IDS[:, 0]}, ValueError, r"source has shape \(6,\), expected \(S, B\)"),
        ({"source": IDS.to("meta")}, ValueError, "ids are on meta, this embedding is on cpu"),
        ({"target_in": IDS.float()}, TypeError, "ids are torch.float32, expected integers"),
        ({"target_in": IDS[:5, 0]}, ValueError, r"tokens has shape \(5,\), expected \(T, 3\)"),
        ({"target_in": IDS[:5, :2]}, ValueError, r"tokens has shape \(5, 2\), expected \(T, 3\)"),
        ({"source_lengths": torch.tensor([4, 6, 0])}, ValueError, "length"),
        ({"source_lengths": torch.tensor([4, 7, 1])}, ValueError, "length"),
    ],
)
@pytest.mark.parametrize("context", CONTEXTS)
def test_bad_sequences_are_refused(context, change, error, message):
    with pytest.raises(error, match=message):
        build(rt, context=context)(**{"source": IDS, "target_in": IDS, "source_lengths": to("cpu", LENGTHS)} | change)


@pytest.mark.parametrize(
    ("context", "memory", "error", "message"),
    [
        (torch.ones(4), None, ValueError, r"context has shape \(4,\), expected \(B, 4\)"),
        (torch.ones(B, 5), None, ValueError, r"context has shape \(3, 5\), expected \(B, 4\)"),
        (torch.ones(B, 4).double(), None, TypeError, "context is torch.float64, this decoder"),
        (torch.ones(B, 4), None, ValueError, "attention needs the encoder's memory beside the context"),
        (torch.ones(B, 4), torch.ones(S, B, 5), ValueError, "memory has 5 features, this layer expects 4"),
    ],
)
def test_a_decoder_names_what_it_misses(context, memory, error, message):
    with pytest.raises(error, match=message):
        rt.Decoder(TARGET_VOCAB, TARGET_DIM, 7, 4, attention="additive")(IDS, context, memory)


@pytest.mark.parametrize(
    ("query", "memory", "mask", "error", "message"),
    [
        ((T, B, 6), (S, 4, 6), None, ValueError, r"query \(5, 3, 6\) and memory \(6, 4, 6\) are not \(T, B, H\)"),
        ((B, 6), (S, B, 6), None, ValueError, r"query \(3, 6\) and memory \(6, 3, 6\) are not"),
        ((T, B, 6), (0, B, 6), None, ValueError, r"query \(5, 3, 6\) and memory \(0, 3, 6\) are not .* S ≥ 1"),
        ((T, B, 2), (S, B, 6), None, ValueError, "query has 2 features, this memory expects 6"),
        ((T, B, 6), (S, B, 6), torch.ones(B, S).bool(), ValueError, r"mask has shape \(3, 6\), expected \(6, 3\)"),
        ((T, B, 6), (S, B, 6), torch.ones(S, B), TypeError, "mask is torch.float32, expected bool"),
    ],
)
def test_attention_refuses_bad_input_in_one_sentence(query, memory, mask, error, message):
    with pytest.raises(error, match=message):
        course_rnn.torch.attention.DotAttention()(torch.ones(query), torch.ones(memory), mask)


def test_two_dtypes_or_devices_do_not_meet_in_attention():
    query, memory = torch.ones(T, B, 6), torch.ones(S, B, 6)
    with pytest.raises(TypeError, match=r"query is torch\.float64, memory"):
        course_rnn.torch.attention.DotAttention()(query.double(), memory)
    with pytest.raises(ValueError, match="query is on cpu, memory"):
        course_rnn.torch.attention.DotAttention()(query, memory.to("meta"))


@pytest.mark.parametrize("teacher_prob", [-0.1, 1.1, np.nan])
def test_a_probability_is_a_probability(teacher_prob):
    with pytest.raises(ValueError, match="expected a probability, 0 to 1"):
        rt.scheduled_sampling(build(rt), IDS, IDS, teacher_prob=teacher_prob)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bos": TARGET_VOCAB}, "bos is 8, expected a token of the decoder, 0 to 7"),
        ({"eos": -1}, "eos is -1, expected a token of the decoder, 0 to 7"),
        ({"max_length": 0}, "max_length is 0, expected at least 1"),
        ({"width": 0}, "width is 0, expected at least 1"),
    ],
)
def test_a_search_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        rt.beam_search(build(rt), IDS, **SEARCH | change)
    if "width" not in change:
        with pytest.raises(ValueError, match=message):
            rt.greedy_decode(build(rt), IDS, **SEARCH | change)
