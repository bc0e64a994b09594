"""Training on torch: the losses of the reference, step by step, and the same Jacobians."""

import copy
import io

import numpy as np
import pytest
import torch
from test_torch_nn import DEVICES, assert_close, layers, load, models, to
from test_torch_seq2seq import build

import course_rnn.numpy as rnp
import course_rnn.torch
import course_rnn.torch.train as rt
from course_rnn.numpy import jordan as numpy_jordan
from course_rnn.numpy import nn as numpy_nn
from course_rnn.numpy import optim as numpy_optim
from course_rnn.numpy import seq2seq as numpy_seq2seq
from course_rnn.torch import jordan, nn, seq2seq
from course_rnn.torch.layers import GRU, RNN

OVER_STEPS = {"rtol": 1e-8, "atol": 1e-10}  # 20 updates, each of which carries on the rounding of those before
T, B, D, H, O, S = 5, 2, 3, 4, 8, 6
STEPS = 20
CELLS = ["tanh", "relu", "LSTM", "GRU", "GRU of the paper"]


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# fit


def task(kind, rng):
    """A model in both packages, batches for it, and the name of its loss."""
    if kind == "many to one":
        lengths = np.array([3, 5])
        batches = [(rng.standard_normal((T, B, D)), lengths, rng.standard_normal((B, O))) for _ in range(STEPS)]
        return *models("ManyToOne", "LSTM", rng=rng, num_layers=2), batches, "mse"
    if kind == "many to many":  # long enough for a layer to choose its fused loop
        batches = [(rng.standard_normal((40, B, D)), rng.standard_normal((40, B, O))) for _ in range(STEPS)]
        return *models("ManyToMany", "GRU", rng=rng), batches, "mse"
    if kind == "sequence to sequence":
        options, lengths = {"cell": "LSTM", "attention": "additive", "bidirectional": True}, np.array([3, 6])
        ids = rng.integers(0, 8, (STEPS, 3, S, B))
        batches = [(source, target_in[:T], lengths, target[:T]) for source, target_in, target in ids]
        return build(numpy_seq2seq, rng=rng, **options), build(seq2seq, **options), batches, "cross_entropy"
    labels = rng.integers(0, O, (STEPS, T, B))
    batches = [(rng.standard_normal((T, B, D)), truth, truth) for truth in labels]
    return numpy_jordan.JordanRNN(D, H, O, rng=rng), jordan.JordanRNN(D, H, O), batches, "cross_entropy"


def on(device, batches):
    return [to(device, batch) for batch in batches]


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("kind", ["many to one", "many to many", "sequence to sequence", "Jordan"])
def test_fit_gives_the_losses_of_the_reference(rng, device, kind, optimizer, clip):
    model, module, batches, loss = task(kind, rng)
    module = load(module, model, device)
    ours = rt.fit(
        module,
        on(device, batches),
        getattr(nn, loss),
        getattr(torch.optim, optimizer)(module.parameters(), lr=0.05),
        clip,
    )
    reference = rnp.fit(
        model,
        batches,
        getattr(numpy_nn, loss),
        getattr(numpy_optim, optimizer)(model.params, lr=0.05),
        clip,
    )
    assert len(ours.loss) == STEPS and all(isinstance(value, float) for value in ours.loss + ours.grad_norm)
    np.testing.assert_allclose(ours.loss, reference.loss, **OVER_STEPS)
    np.testing.assert_allclose(ours.grad_norm, reference.grad_norm, **OVER_STEPS)
    assert clip is None or max(ours.grad_norm) > clip
    for name, p in module.named_parameters():
        assert_close(p, model.params[name], name, OVER_STEPS)


def linear(device="cpu"):
    """A model, its optimiser, and batches to fit it to."""
    model, batch = (
        torch.nn.Linear(D, O, device=device),
        (torch.ones(B, D, device=device), torch.ones(B, O, device=device)),
    )
    return model, torch.optim.SGD(model.parameters(), lr=0.1), [batch] * 6


def test_fit_trains_in_training_mode():
    """Else dropout would be off after the first evaluation."""
    model, optimizer, batches = linear()
    modes = []
    model.register_forward_hook(lambda model, x, y: modes.append(model.training))
    rt.fit(model.eval(), batches, nn.mse, optimizer)
    assert modes == [True] * 6


def test_gradients_from_before_are_not_counted():
    model, optimizer, batches = linear()
    fresh = copy.deepcopy(model)
    model(batches[0][0]).sum().backward()
    rt.fit(model, batches, nn.mse, optimizer)
    rt.fit(fresh, batches, nn.mse, torch.optim.SGD(fresh.parameters(), lr=0.1))
    assert torch.equal(model.weight, fresh.weight)


def test_without_a_progress_bar_no_step_waits_for_its_loss(device, monkeypatch):
    model, optimizer, batches = linear(device)

    def waits(tensor):
        raise AssertionError("the host asked for a value")

    monkeypatch.setattr(torch.Tensor, "item", waits)
    assert len(rt.fit(model, batches, nn.mse, optimizer, clip=1.0, progress=False).loss) == 6


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("progress", [True, False, None])
def test_the_progress_bar_can_be_turned_on_and_off_and_else_is_for_terminals(monkeypatch, progress, terminal):
    stderr = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stderr)
    model, optimizer, batches = linear()
    history = rt.fit(model, batches, nn.mse, optimizer, progress=progress)
    shown = terminal if progress is None else progress
    assert ("6/6" in stderr.getvalue()) == shown
    assert (f"loss {history.loss[-1]:.4f}" in stderr.getvalue()) == shown
    assert bool(stderr.getvalue()) == shown


# truncated backpropagation through time


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
def test_truncation_gives_the_losses_of_the_reference(rng, device, cell):
    """The state is carried over each border, the gradient is not; the last chunk may be shorter."""
    model, module = models("ManyToMany", cell, rng=rng, num_layers=2)
    module = load(module, model, device)
    x, target = rng.standard_normal((3 * STEPS + 1, B, D)), rng.standard_normal((3 * STEPS + 1, B, O))
    ours = rt.truncated_bptt(
        module,
        to(device, x),
        to(device, target),
        3,
        nn.mse,
        torch.optim.Adam(module.parameters(), lr=0.05),
        clip=0.5,
    )
    optimizer = numpy_optim.Adam(model.params, lr=0.05)
    reference = rnp.truncated_bptt(model, x, target, 3, numpy_nn.mse, optimizer, clip=0.5)
    assert len(ours.loss) == STEPS + 1
    np.testing.assert_allclose(ours.loss, reference.loss, **OVER_STEPS)
    np.testing.assert_allclose(ours.grad_norm, reference.grad_norm, **OVER_STEPS)


# Jacobians


def pair(kind, rng, device):
    """A layer in both packages, and a state for it."""
    if kind in CELLS:
        layer, module = layers(kind, D, H, rng=rng, num_layers=2)
        shapes = [(2, B, H)] * (1 + (kind == "LSTM"))
    else:
        args, shapes = ((D, H), [(1, B, H)]) if kind == "MinGRU" else ((D, H, S), [(1, B, H), (1, B, S)])
        layer = getattr(rnp, kind)(*args, rng=rng)
        module = getattr(course_rnn.torch, kind)(*args)
    state = tuple(rng.standard_normal(shape) for shape in shapes)
    return layer, load(module, layer, device), state if len(state) > 1 else state[0]


@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from a state"])
@pytest.mark.parametrize("kind", [*CELLS, "MinGRU", "SCRN"])
def test_jacobians_match_the_reference(rng, device, kind, given):
    layer, module, state = pair(kind, rng, device)
    state = state if given else None
    x = rng.standard_normal((T, B, D))
    for ours, reference in [(rt.step_jacobians, rnp.step_jacobians), (rt.jacobians, rnp.jacobians)]:
        J = ours(module, to(device, x), to(device, state))
        assert not J.requires_grad and J.device.type == device
        assert_close(J, reference(layer, x, state))


@pytest.mark.parametrize("kind", [*CELLS, "MinGRU", "SCRN"])
def test_looking_at_the_jacobians_leaves_the_layer_as_it_was(rng, device, kind):
    _, module, _ = pair(kind, rng, device)
    x = to(device, rng.standard_normal((T, B, D)))
    module.eval()
    with torch.no_grad():  # as one does when only looking
        J = rt.jacobians(module, x)
    assert J.shape[0] == T + 1 and not module.training
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_jacobians_keep_their_dtype(device, dtype):
    own = {"dtype": dtype, "device": device}
    J = rt.jacobians(GRU(D, H, **own), torch.ones(T, B, D, **own))
    assert (J.dtype, J.device.type) == (dtype, device)


# bad input


def test_an_exhausted_generator_is_refused():
    model, optimizer, batches = linear()
    batches = iter(batches)
    rt.fit(model, batches, nn.mse, optimizer)
    with pytest.raises(ValueError, match="there is no batch: a generator gives its batches only once"):
        rt.fit(model, batches, nn.mse, optimizer)


def test_a_chunk_of_nothing_and_a_target_of_another_length_are_refused():
    model, optimizer, _ = linear()
    with pytest.raises(ValueError, match="chunk is 0, expected at least 1"):
        rt.truncated_bptt(model, torch.ones(T, B, D), torch.ones(T, B, O), 0, None, optimizer)
    with pytest.raises(ValueError, match="x has 5 steps, target has 4"):
        rt.truncated_bptt(model, torch.ones(T, B, D), torch.ones(4, B, O), 2, None, optimizer)


def test_a_bidirectional_layer_has_no_jacobian_from_step_to_step():
    with pytest.raises(ValueError, match="a bidirectional layer has no state that goes one way only"):
        rt.jacobians(RNN(D, H, bidirectional=True), torch.ones(T, B, D))
