"""Modules, the five modes and the losses: equal to torch, and to finite differences where torch has no twin."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course_rnn.numpy.cells import softmax
from course_rnn.numpy.layers import GRU, LSTM, RNN
from course_rnn.numpy.nn import (
    Embedding,
    Linear,
    ManyToMany,
    ManyToOne,
    Module,
    Sequential,
    Tanh,
    VectorToSequence,
    bits_per_character,
    cross_entropy,
    generate,
    log_softmax,
    mse,
    perplexity,
    sample,
)

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
TO_DIFFERENCES = {"rtol": 1e-6, "atol": 1e-9}
T, B, D, H, V, E, C, O = 5, 2, 3, 4, 7, 6, 2, 8  # all that meet are different
LENGTHS = np.array([3, 5])
LAYERS = [RNN, LSTM, GRU]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def central_differences(f, array, nudge=1e-5):
    """The gradient of f(), a number, by array, whose elements are nudged in place."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + nudge
        above = f()
        array[index] = kept - nudge
        below = f()
        array[index] = kept
        gradient[index] = (above - below) / (2 * nudge)
    return gradient


def check_by_differences(module, forward, dy, **inputs):
    """Compare every gradient that backward has just given with finite differences of the sum of dy ⊙ y."""
    assert module.grads.keys() == module.params.keys()
    analytic = {name: (array, module.grads[name].copy()) for name, array in module.params.items()} | inputs
    for name, (array, gradient) in analytic.items():
        expected = central_differences(lambda: np.vdot(dy, forward()), array)
        np.testing.assert_allclose(gradient, expected, **TO_DIFFERENCES, err_msg=name)


def load(theirs, module):
    """Give a torch module our parameters, which have the same names in the same order."""
    assert list(theirs.state_dict()) == list(module.params)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in module.params.items()})
    return theirs


def check_by_torch(module, theirs):
    """Compare every parameter's gradient with torch's."""
    assert list(module.grads) == list(module.params)
    for name, p in theirs.named_parameters():
        np.testing.assert_allclose(module.grads[name], p.grad, **TO_TORCH, err_msg=name)


# modules


class Outer(Module):
    def __init__(self, rng):
        self.size = 5
        self.second = ManyToOne(GRU(D, H, rng=rng), Linear(H, O, rng=rng))
        self.first = Linear(O, D, rng=rng)


def test_a_composite_gathers_its_children_in_order_of_assignment_under_dotted_names(rng):
    rnn = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    expected = [f"second.rnn.{name}" for name in rnn] + ["second.head.weight", "second.head.bias"]
    assert list(Outer(rng).params) == [*expected, "first.weight", "first.bias"]


def test_a_composite_holds_the_arrays_of_its_leaves(rng):
    outer = Outer(rng)
    outer.params["second.head.bias"] += 100
    assert outer.second.head.params["bias"].min() > 50
    outer.second.forward(np.ones((T, B, D)))
    outer.second.backward(np.ones((B, O)))
    assert outer.grads["second.head.bias"] is outer.second.head.grads["bias"]


def test_gradients_add_up_until_zero_grad(rng):
    layer, x, dy = Linear(D, O, rng=rng), rng.standard_normal((B, D)), rng.standard_normal((B, O))
    layer.forward(x)
    layer.backward(dy)
    once = layer.grads["weight"].copy()
    layer.forward(x)
    layer.backward(dy)
    assert np.array_equal(layer.grads["weight"], 2 * once)
    layer.zero_grad()
    assert layer.grads == {}


def test_a_module_has_no_other_hidden_attributes(rng):
    with pytest.raises(AttributeError, match="Outer has no attribute 'weights'"):
        Outer(rng).weights  # noqa: B018


@pytest.mark.parametrize("bias", [True, False])
def test_linear_matches_torch(rng, bias):
    ours = Linear(D, O, bias, rng=rng)
    theirs = load(torch.nn.Linear(D, O, bias, dtype=torch.float64), ours)
    x, dy = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, O))
    x_t = torch.tensor(x, requires_grad=True)
    y_t = theirs(x_t)
    y_t.backward(torch.tensor(dy))
    np.testing.assert_allclose(ours.forward(x), y_t.detach(), **TO_TORCH)
    np.testing.assert_allclose(ours.backward(dy), x_t.grad, **TO_TORCH)
    check_by_torch(ours, theirs)


def test_linear_starts_as_torch_does(rng):
    weight = Linear(16, 5000, rng=rng).params["weight"]
    assert np.abs(weight).max() <= 0.25
    assert np.isclose(weight.std(), 0.25 / math.sqrt(3), rtol=0.01)  # of uniform(-1/4, 1/4)


def test_sequential_matches_torch(rng):
    ours = Sequential(Linear(D, H, rng=rng), Tanh(), Linear(H, O, rng=rng))
    theirs = torch.nn.Sequential(torch.nn.Linear(D, H), torch.nn.Tanh(), torch.nn.Linear(H, O)).double()
    load(theirs, ours)
    x, dy = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, O))
    x_t = torch.tensor(x, requires_grad=True)
    theirs(x_t).backward(torch.tensor(dy))
    np.testing.assert_allclose(ours.forward(x), theirs(x_t).detach(), **TO_TORCH)
    np.testing.assert_allclose(ours.backward(dy), x_t.grad, **TO_TORCH)
    check_by_torch(ours, theirs)


@pytest.mark.parametrize("padding_idx", [None, 3])
def test_embedding_matches_torch(rng, padding_idx):
    ours = Embedding(V, E, padding_idx, rng=rng)
    theirs = load(torch.nn.Embedding(V, E, padding_idx, dtype=torch.float64), ours)
    ids, dy = np.array([[3, 1], [1, 0], [6, 3], [1, 2], [0, 0]]), rng.standard_normal((T, B, E))
    y = theirs(torch.tensor(ids))
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(ours.forward(ids), y.detach(), **TO_TORCH)
    assert ours.backward(dy) is None
    check_by_torch(ours, theirs)


def test_the_padding_row_is_zero_and_has_no_gradient(rng):
    embedding = Embedding(V, E, padding_idx=2, rng=rng)
    assert np.array_equal(embedding.forward(np.array([2, 2])), np.zeros((2, E)))
    embedding.backward(np.ones((2, E)))
    assert not embedding.grads["weight"].any()


def test_an_embedding_is_a_matrix_times_a_one_hot_vector(rng):
    embedding, ids = Embedding(V, E, rng=rng), rng.integers(0, V, (T, B))
    np.testing.assert_allclose(embedding.forward(ids), np.eye(V)[ids] @ embedding.params["weight"], **TO_TORCH)


# the five modes


class Twin(torch.nn.Module):
    """The same model on torch.nn: reads packed sequences, answers from the true final states or from every step."""

    def __init__(self, model, many_to_one=False):
        super().__init__()
        rnn = model.rnn
        if model.embedding is not None:
            self.embedding = torch.nn.Embedding(*model.embedding.params["weight"].shape)
        kind = getattr(torch.nn, type(rnn).__name__)
        self.rnn = kind(rnn.input_size, rnn.hidden_size, rnn.num_layers, bidirectional=rnn.bidirectional)
        self.head = torch.nn.Linear(*model.head.params["weight"].shape[::-1])
        self.many_to_one = many_to_one
        load(self.double(), model)

    def forward(self, x, lengths=None, context=None):
        if hasattr(self, "embedding"):
            x = self.embedding(x)
        if context is not None:
            x = torch.cat([x, context.expand(len(x), *context.shape)], dim=-1)
        lengths = torch.full((x.shape[1],), len(x)) if lengths is None else torch.tensor(lengths)
        y, state = self.rnn(pack_padded_sequence(x, lengths, enforce_sorted=False))
        h_n = state[0] if isinstance(state, tuple) else state
        if self.many_to_one:
            return self.head(torch.cat(list(h_n[-2:] if self.rnn.bidirectional else h_n[-1:]), dim=-1))
        return self.head(pad_packed_sequence(y, total_length=len(x))[0])


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "ragged"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("mode", [ManyToOne, ManyToMany])
def test_reading_a_sequence_matches_torch(rng, mode, kind, num_layers, bidirectional, lengths):
    rnn = kind(D, H, num_layers, bidirectional=bidirectional, rng=rng)
    ours = mode(rnn, Linear((1 + bidirectional) * H, O, rng=rng))
    theirs = Twin(ours, many_to_one=mode is ManyToOne)
    x = rng.standard_normal((T, B, D))
    x_t = torch.tensor(x, requires_grad=True)
    y, y_t = ours.forward(x, lengths), theirs(x_t, lengths)
    dy = rng.standard_normal(y.shape)
    y_t.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, y_t.detach(), **TO_TORCH)
    np.testing.assert_allclose(ours.backward(dy), x_t.grad, **TO_TORCH)
    check_by_torch(ours, theirs)


@pytest.mark.parametrize("mode", [ManyToOne, ManyToMany])
def test_reading_tokens_matches_torch(rng, mode):
    ours = mode(LSTM(E, H, rng=rng), Linear(H, O, rng=rng), Embedding(V, E, rng=rng))
    theirs, ids = Twin(ours, many_to_one=mode is ManyToOne), rng.integers(0, V, (T, B))
    y, y_t = ours.forward(ids, LENGTHS), theirs(torch.tensor(ids), LENGTHS)
    dy = rng.standard_normal(y.shape)
    y_t.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, y_t.detach(), **TO_TORCH)
    assert ours.backward(dy) is None
    check_by_torch(ours, theirs)


@pytest.mark.parametrize("mode", [ManyToOne, ManyToMany])
@pytest.mark.parametrize("kind", LAYERS)
def test_reading_a_sequence_matches_finite_differences(rng, kind, mode):
    model = mode(kind(D, H, bidirectional=True, rng=rng), Linear(2 * H, O, rng=rng))
    x = rng.standard_normal((T, B, D))
    dy = rng.standard_normal(model.forward(x, LENGTHS).shape)
    dx = model.backward(dy)
    check_by_differences(model, lambda: model.forward(x, LENGTHS), dy, x=(x, dx))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_vector_to_a_sequence_matches_torch_and_finite_differences(rng, kind):
    ours = VectorToSequence(kind(E + C, H, rng=rng), Linear(H, O, rng=rng), Embedding(V, E, rng=rng))
    theirs, context, ids = Twin(ours), rng.standard_normal((B, C)), rng.integers(0, V, (T, B))
    context_t = torch.tensor(context, requires_grad=True)
    y, y_t = ours.forward(context, ids, LENGTHS), theirs(torch.tensor(ids), LENGTHS, context_t)
    dy = rng.standard_normal(y.shape)
    y_t.backward(torch.tensor(dy))
    dcontext, dids = ours.backward(dy)
    np.testing.assert_allclose(y, y_t.detach(), **TO_TORCH)
    np.testing.assert_allclose(dcontext, context_t.grad, **TO_TORCH)
    assert dids is None
    check_by_torch(ours, theirs)
    check_by_differences(ours, lambda: ours.forward(context, ids, LENGTHS), dy, context=(context, dcontext))


def test_previous_outputs_that_are_vectors_have_a_gradient(rng):
    model = VectorToSequence(RNN(O + C, H, rng=rng), Linear(H, O, rng=rng))
    context, y_prev, dy = (rng.standard_normal(shape) for shape in [(B, C), (T, B, O), (T, B, O)])
    model.forward(context, y_prev)
    dcontext, dy_prev = model.backward(dy)
    inputs = {"context": (context, dcontext), "y_prev": (y_prev, dy_prev)}
    check_by_differences(model, lambda: model.forward(context, y_prev), dy, **inputs)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_context_at_every_step_is_a_changed_bias(rng, kind):
    """Course inventory C8: b replaced by b + R c gives the same outputs without any context."""
    model = VectorToSequence(kind(D + C, H, rng=rng), Linear(H, O, rng=rng))
    context, y_prev = rng.standard_normal((1, C)), rng.standard_normal((T, 1, D))
    U, R = np.split(model.rnn.params["weight_ih_l0"], [D], axis=1)
    without = ManyToMany(kind(D, H), model.head)
    changed = {"weight_ih_l0": U, "bias_ih_l0": model.rnn.params["bias_ih_l0"] + R @ context[0]}
    without.rnn.params.update(model.rnn.params | changed)
    np.testing.assert_allclose(model.forward(context, y_prev), without.forward(y_prev), **TO_TORCH)
    assert not np.allclose(model.forward(2 * context, y_prev), without.forward(y_prev))


@pytest.mark.parametrize("kind", LAYERS)
def test_the_state_continues_a_sequence(rng, kind):
    model = ManyToMany(kind(D, H, rng=rng), Linear(H, O, rng=rng))
    x = rng.standard_normal((T, B, D))
    parts = [model.forward(x[:2]), model.forward(x[2:], state=model.state)]
    np.testing.assert_allclose(np.concatenate(parts), model.forward(x), **TO_TORCH)


def test_the_last_output_is_not_the_final_state_of_both_directions(rng):
    """Course inventory F3: the backward half of output[-1] has read one step."""
    model = ManyToOne(GRU(D, H, bidirectional=True, rng=rng), Linear(2 * H, O, rng=rng))
    x = rng.standard_normal((T, B, D))
    y, _ = model.rnn.forward(x)
    right = np.concatenate([y[-1, :, :H], y[0, :, H:]], axis=-1)
    np.testing.assert_allclose(model.forward(x), model.head.forward(right), **TO_TORCH)
    assert not np.allclose(model.forward(x), model.head.forward(y[-1]))


# sampling


def test_sampling_follows_the_softmax_at_its_temperature(rng):
    logits, n = np.array([0.0, 1.0, -1.0, 2.0]), 40_000
    drawn = sample(np.broadcast_to(logits, (n, 4)), temperature=2.0, rng=rng)
    p = softmax(logits / 2)
    assert np.all(abs(np.bincount(drawn, minlength=4) / n - p) < 4 * np.sqrt(p * (1 - p) / n))


def test_sampling_without_rng_takes_the_most_likely(rng):
    logits = rng.standard_normal((T, B, V))
    assert np.array_equal(sample(logits), logits.argmax(axis=-1))


def test_a_cold_sample_is_the_most_likely(rng):
    logits = rng.standard_normal((T, B, V))
    assert np.array_equal(sample(logits, temperature=1e-9, rng=rng), logits.argmax(axis=-1))


@pytest.mark.parametrize("context", [None, np.ones((B, C))], ids=["many to many", "one to many"])
def test_generating_with_the_state_equals_reading_everything_again(rng, context):
    rnn, head, embedding = LSTM(E + (0 if context is None else C), H, rng=rng), Linear(H, V), Embedding(V, E)
    model = ManyToMany(rnn, head, embedding) if context is None else VectorToSequence(rnn, head, embedding)
    inputs, prefix = () if context is None else (context,), rng.integers(0, V, (2, B))
    tokens = prefix
    for _ in range(6):
        tokens = np.concatenate([tokens, model.forward(*inputs, tokens)[-1:].argmax(axis=-1)])
    assert np.array_equal(generate(model, prefix, 6, context), tokens[2:])


def test_generating_is_decided_by_the_generator_of_numbers(rng):
    model, start = ManyToMany(GRU(E, H), Linear(H, V), Embedding(V, E)), np.zeros((1, B), dtype=int)
    once, again, other = (generate(model, start, 20, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


# losses


def test_softmax_matches_torch_and_does_not_overflow(rng):
    x = np.concatenate([rng.standard_normal((B, V)), 1e4 * rng.standard_normal((B, V))])
    for axis in (0, -1):
        np.testing.assert_allclose(softmax(x, axis), torch.softmax(torch.tensor(x), axis), **TO_TORCH)
        np.testing.assert_allclose(log_softmax(x, axis), torch.log_softmax(torch.tensor(x), axis), **TO_TORCH)


@pytest.mark.parametrize("ignore_index", [None, 2, -100])
def test_cross_entropy_matches_torch(rng, ignore_index):
    logits, targets = 3 * rng.standard_normal((T, B, V)), rng.integers(0, V, (T, B))
    targets[1, 0] = targets[3, 1] = 2 if ignore_index is None else ignore_index
    logits_t = torch.tensor(logits, requires_grad=True)
    ignored = {} if ignore_index is None else {"ignore_index": ignore_index}
    theirs = F.cross_entropy(logits_t.reshape(-1, V), torch.tensor(targets).reshape(-1), **ignored)
    theirs.backward()
    loss, dlogits = cross_entropy(logits, targets, ignore_index=ignore_index)
    assert isinstance(loss, float)
    np.testing.assert_allclose(loss, theirs.item(), **TO_TORCH)
    np.testing.assert_allclose(dlogits, logits_t.grad, **TO_TORCH)


def test_padding_changes_neither_loss_nor_gradient_of_the_real_tokens(rng):
    logits, targets, mask = rng.standard_normal((T, B, V)), rng.integers(0, V, (T, B)), np.arange(T)[:, None] < LENGTHS
    loss, dlogits = cross_entropy(logits, targets, mask)
    real_loss, real_dlogits = cross_entropy(logits[mask], targets[mask])
    np.testing.assert_allclose(loss, real_loss, **TO_TORCH)
    np.testing.assert_allclose(dlogits[mask], real_dlogits, **TO_TORCH)
    assert not dlogits[~mask].any()
    targets[~mask] = -1  # not a class, and never looked at
    assert cross_entropy(logits, targets, mask)[0] == loss


def test_mask_and_ignore_index_both_count(rng):
    logits, targets = rng.standard_normal((3, V)), np.array([1, 2, 3])
    loss, _ = cross_entropy(logits, targets, mask=np.array([True, True, False]), ignore_index=2)
    np.testing.assert_allclose(loss, cross_entropy(logits[:1], targets[:1])[0], **TO_TORCH)


def test_cross_entropy_matches_finite_differences(rng):
    logits, targets, mask = rng.standard_normal((T, B, V)), rng.integers(0, V, (T, B)), np.arange(T)[:, None] < LENGTHS
    _, dlogits = cross_entropy(logits, targets, mask)
    expected = central_differences(lambda: cross_entropy(logits, targets, mask)[0], logits)
    np.testing.assert_allclose(dlogits, expected, **TO_DIFFERENCES)


def test_a_certain_mistake_costs_its_score_and_no_overflow():
    loss, dlogits = cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))
    assert loss == 1e4
    assert np.array_equal(dlogits, [[1, -1]])


def test_knowing_nothing_costs_log_v():
    loss, _ = cross_entropy(np.zeros((T, V)), np.arange(T))
    assert math.isclose(perplexity(loss), V)
    assert math.isclose(bits_per_character(loss), math.log2(V))


@pytest.mark.parametrize("masked", [False, True])
def test_mse_matches_torch(rng, masked):
    y, target = rng.standard_normal((T, B, O)), rng.standard_normal((T, B, O))
    mask = np.arange(T)[:, None] < (LENGTHS if masked else np.array([T, T]))
    y_t = torch.tensor(y, requires_grad=True)
    theirs = F.mse_loss(y_t[torch.tensor(mask)], torch.tensor(target[mask]))
    theirs.backward()
    loss, dy = mse(y, target, mask if masked else None)
    assert isinstance(loss, float)
    np.testing.assert_allclose(loss, theirs.item(), **TO_TORCH)
    np.testing.assert_allclose(dy, y_t.grad, **TO_TORCH)


# float32 stays float32


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("mode", [ManyToOne, ManyToMany, VectorToSequence])
def test_a_float32_model_computes_in_float32(rng, mode, kind):
    own = {"rng": rng, "dtype": np.float32}
    layers = kind(E + (C if mode is VectorToSequence else 0), H, **own), Linear(H, V, **own), Embedding(V, E, **own)
    model, ids = mode(*layers), rng.integers(0, V, (T, B))
    y = model.forward(np.ones((B, C), np.float32), ids) if mode is VectorToSequence else model.forward(ids)
    _, dy = cross_entropy(y, ids if y.ndim == 3 else ids[0], ignore_index=-1)
    model.backward(dy)
    arrays = [y, dy, mse(y, y)[1], softmax(y), log_softmax(y), *model.params.values(), *model.grads.values()]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


# bad input


@pytest.mark.parametrize(
    "error, message, call",
    [
        (ValueError, "x has 4 features, this layer expects 3", lambda: Linear(3, 2).forward(np.ones((5, 4)))),
        (
            TypeError,
            "x is float32, this layer computes in float64",
            lambda: Linear(3, 2).forward(np.ones((5, 3), np.float32)),
        ),
        (TypeError, "ids are float64, expected integers", lambda: Embedding(9, 2).forward(np.ones(5))),
        (ValueError, "ids run from 0 to 9, expected 0 to 8", lambda: Embedding(9, 2).forward(np.arange(10))),
        (ValueError, "ids run from -1 to 3, expected 0 to 8", lambda: Embedding(9, 2).forward(np.array([3, -1]))),
        (ValueError, "padding_idx is 9, expected 0 to 8", lambda: Embedding(9, 2, padding_idx=9)),
        (
            ValueError,
            r"targets has shape \(4,\), expected \(5,\)",
            lambda: cross_entropy(np.ones((5, 3)), np.arange(4)),
        ),
        (TypeError, "targets are float64, expected integers", lambda: cross_entropy(np.ones((5, 3)), np.ones(5))),
        (ValueError, "targets run from 0 to 4, expected 0 to 2", lambda: cross_entropy(np.ones((5, 3)), np.arange(5))),
        (
            ValueError,
            "no token is real",
            lambda: cross_entropy(np.ones((5, 3)), np.zeros(5, dtype=int), ignore_index=0),
        ),
        (
            TypeError,
            "mask is int64, expected bool: True for a real step",
            lambda: cross_entropy(np.ones((5, 3)), np.zeros(5, dtype=int), mask=np.ones(5, dtype=np.int64)),
        ),
        (
            ValueError,
            r"mask has shape \(4,\), expected \(5,\)",
            lambda: mse(np.ones((5, 3)), np.ones((5, 3)), np.ones(4, dtype=bool)),
        ),
        (ValueError, "no step is real", lambda: mse(np.ones((5, 3)), np.ones((5, 3)), np.zeros(5, dtype=bool))),
        (ValueError, r"target has shape \(5, 1\), expected \(5,\)", lambda: mse(np.ones(5), np.ones((5, 1)))),
        (TypeError, "target is float64, y is float32", lambda: mse(np.ones(5, np.float32), np.ones(5))),
        (ValueError, "temperature is 0, expected a number above 0", lambda: sample(np.ones((5, 3)), 0)),
        (
            ValueError,
            r"context has shape \(3, 1\), expected \(2, features\)",
            lambda: VectorToSequence(RNN(4, 5), Linear(5, 3)).forward(np.ones((3, 1)), np.ones((6, 2, 3))),
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(error, message, call):
    with pytest.raises(error, match=message):
        call()
