"""Optimisers and clipping equal torch's step for step; initial values are what their papers say."""

import math

import numpy as np
import pytest
import torch

from course_rnn.numpy import init
from course_rnn.numpy.layers import GRU, LSTM, RNN
from course_rnn.numpy.nn import Linear, ManyToOne
from course_rnn.numpy.optim import SGD, Adam, clip_grad_norm, clip_grad_value, grad_norm

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
FLOAT32 = {"rtol": 1e-6, "atol": 1e-7}
SHAPES = {"weight": (4, 3), "bias": (4,)}
D, H = 3, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def draw(rng, scale=1.0, dtype=np.float64):
    return {name: scale * rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


# optimisers


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, TO_TORCH), (np.float32, FLOAT32)])
@pytest.mark.parametrize(
    "ours, theirs, settings",
    [
        (SGD, torch.optim.SGD, {"lr": 0.1}),
        (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (Adam, torch.optim.Adam, {}),
        (Adam, torch.optim.Adam, {"lr": 0.1, "betas": (0.7, 0.95), "eps": 1e-3}),
    ],
)
def test_optimisers_match_torch_step_for_step(rng, ours, theirs, settings, dtype, tolerance):
    params = draw(rng, dtype=dtype)
    params_t = {name: torch.tensor(p) for name, p in params.items()}
    optimizer, optimizer_t = ours(params, **settings), theirs(params_t.values(), **settings)
    for step in range(20):
        if step == 10:  # a schedule changes lr in between
            optimizer.lr *= 0.5
            optimizer_t.param_groups[0]["lr"] *= 0.5
        grads = draw(rng, scale=10.0 ** (step % 3 - 2), dtype=dtype)
        optimizer.step(grads)
        for name, p in params_t.items():
            p.grad = torch.tensor(grads[name])
        optimizer_t.step()
        for name, p in params.items():
            assert p.dtype == dtype
            np.testing.assert_allclose(p, params_t[name], **tolerance, err_msg=f"step {step}, {name}")


@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_an_optimiser_changes_the_model_in_place(rng, optimizer):
    model = ManyToOne(RNN(D, H, rng=rng), Linear(H, 1, rng=rng))
    before = model.head.params["bias"].copy()
    optimizer(model.params, lr=0.1).step({name: np.ones_like(p) for name, p in model.params.items()})
    np.testing.assert_allclose(model.head.params["bias"], before - 0.1, rtol=1e-7)


def test_an_optimiser_leaves_the_gradients_as_they_are(rng):
    params, grads = draw(rng), draw(rng)
    kept = {name: g.copy() for name, g in grads.items()}
    for optimizer in (SGD(params, 0.1, momentum=0.9), Adam(params)):
        optimizer.step(grads)
        assert all(np.array_equal(grads[name], kept[name]) for name in grads)


# clipping


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, TO_TORCH), (np.float32, FLOAT32)])
@pytest.mark.parametrize("scale", [1e-4, 0.3, 100.0])
def test_clipping_by_norm_matches_torch(rng, scale, dtype, tolerance):
    grads = draw(rng, scale, dtype)
    params_t = [torch.zeros(g.shape, dtype=torch.tensor(g).dtype) for g in grads.values()]
    for p, g in zip(params_t, grads.values(), strict=True):
        p.grad = torch.tensor(g)
    norm_t = torch.nn.utils.clip_grad_norm_(params_t, max_norm=1.0)
    norm = clip_grad_norm(grads, max_norm=1.0)
    assert isinstance(norm, float)
    np.testing.assert_allclose(norm, norm_t.item(), **tolerance)
    for p, g in zip(params_t, grads.values(), strict=True):
        assert g.dtype == dtype
        np.testing.assert_allclose(g, p.grad, **tolerance)


def test_clipping_by_norm_keeps_the_direction_and_bounds_the_length(rng):
    grads = draw(rng, 50.0)
    before = np.concatenate([g.ravel() for g in grads.values()])
    norm = clip_grad_norm(grads, 2.0)
    after = np.concatenate([g.ravel() for g in grads.values()])
    np.testing.assert_allclose(np.linalg.norm(before), norm, **TO_TORCH)
    np.testing.assert_allclose(after / before, 2.0 / (norm + 1e-6), **TO_TORCH)
    assert grad_norm(grads) <= 2.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_clipping_by_value_matches_torch(rng, dtype):
    grads = draw(rng, 2.0, dtype)
    params_t = [torch.zeros(g.shape, dtype=torch.tensor(g).dtype) for g in grads.values()]
    for p, g in zip(params_t, grads.values(), strict=True):
        p.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_value_(params_t, 0.7)
    clip_grad_value(grads, 0.7)
    for p, g in zip(params_t, grads.values(), strict=True):
        assert g.dtype == dtype
        assert np.array_equal(g, p.grad)


# initial values


def layer_of(kind, rng, dtype=np.float64):
    return kind(D, H, num_layers=2, bidirectional=True, rng=rng, dtype=dtype)


def blocks(layer, name):
    """The blocks, one a gate, of every parameter of that name: (layers·directions, G, H, ...)."""
    found = [p for key, p in layer.params.items() if name in key]
    return np.stack([p.reshape(-1, H, *p.shape[1:]) for p in found])


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_uniform_draws_as_torch_does(rng, kind):
    layer = kind(3, 400, rng=rng)
    for p in layer.params.values():
        p[:] = 9
    init.uniform(layer, rng)
    for p in layer.params.values():
        assert np.abs(p).max() <= 0.05
        assert np.isclose(p.std(), 0.05 / math.sqrt(3), rtol=0.1)


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_orthogonal_blocks_keep_lengths(rng, kind):
    layer = layer_of(kind, rng)
    weight_ih = layer.params["weight_ih_l0"].copy()
    init.orthogonal(layer, rng, gain=0.8)
    W = blocks(layer, "weight_hh")
    np.testing.assert_allclose(
        W.swapaxes(-1, -2) @ W, np.broadcast_to(0.64 * np.eye(H), W.shape), rtol=1e-12, atol=1e-15
    )
    assert np.array_equal(layer.params["weight_ih_l0"], weight_ih)
    assert len(np.unique(W.reshape(-1, H * H), axis=0)) == W.shape[0] * W.shape[1]  # drawn anew for each block


def test_orthogonal_matrices_are_drawn_without_preference(rng):
    """Of a matrix drawn uniformly every element is 0 on average; plain QR would give the diagonal a sign."""
    diagonals = []
    for _ in range(400):
        layer = RNN(1, 3)
        init.orthogonal(layer, rng)
        diagonals.append(np.diag(layer.params["weight_hh_l0"]))
    assert np.all(np.abs(np.mean(diagonals, axis=0)) < 4 / math.sqrt(3 * 400))


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_identity_blocks_and_no_bias(rng, kind):
    layer = layer_of(kind, rng)
    init.identity(layer, scale=0.5)
    W = blocks(layer, "weight_hh")
    assert np.array_equal(W, np.broadcast_to(0.5 * np.eye(H), W.shape))
    assert not blocks(layer, "bias").any()


def test_an_identity_relu_network_holds_its_state(rng):
    layer = RNN(D, H, nonlinearity="relu", rng=rng)
    init.identity(layer)
    h0 = rng.random((1, 2, H))
    _, h_n = layer.forward(np.zeros((50, 2, D)), h0)
    assert np.array_equal(h_n, h0)


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_every_block_gets_the_spectral_radius(rng, kind):
    layer = layer_of(kind, rng)
    directions = [b / np.linalg.norm(b) for b in blocks(layer, "weight_hh").reshape(-1, H, H)]
    init.spectral_radius(layer, 1.3)
    for block, direction in zip(blocks(layer, "weight_hh").reshape(-1, H, H), directions, strict=True):
        assert np.isclose(np.abs(np.linalg.eigvals(block)).max(), 1.3, rtol=1e-12)
        np.testing.assert_allclose(block / np.linalg.norm(block), direction, **TO_TORCH)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_the_forget_bias_is_the_sum_of_the_two_biases_of_the_gate_that_keeps(rng, kind):
    layer = layer_of(kind, rng)
    before = [b.copy() for b in (blocks(layer, "bias_ih"), blocks(layer, "bias_hh"))]
    init.set_forget_bias(layer, 3.0)
    after = blocks(layer, "bias_ih"), blocks(layer, "bias_hh")
    assert np.all(after[0][:, 1] + after[1][:, 1] == 3.0)
    others = [gate for gate in range(after[0].shape[1]) if gate != 1]
    assert all(np.array_equal(a[:, others], b[:, others]) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_a_large_forget_bias_keeps_the_memory_and_a_small_one_drops_it(rng, kind):
    """So the bias stands in the right gate, with the right sign: torch's z keeps."""
    layer, state = kind(D, H, rng=rng), np.full((1, 2, H), 0.5)
    state = (np.zeros_like(state), state) if kind is LSTM else state
    kept = []
    for b in (50.0, -50.0):
        init.set_forget_bias(layer, b)
        if kind is LSTM:
            layer.params["bias_ih_l0"][:H] = -50.0  # write nothing
        _, after = layer.forward(rng.standard_normal((20, 2, D)), state)
        kept.append(np.allclose((after[1] if kind is LSTM else after), 0.5))
    assert kept == [True, False]


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_chrono_spreads_the_memories_from_1_to_t_steps(rng, kind):
    """exp(b) of the gate that keeps, the memory in steps, is uniform on (1, T − 1)."""
    T, H = 101, 400
    layer = kind(1, H, rng=rng)
    z_or_f = slice(H, 2 * H)
    init.chrono(layer, T, rng)
    b = layer.params["bias_ih_l0"] + layer.params["bias_hh_l0"]
    memory = np.sort(np.exp(b[z_or_f]))
    assert memory[0] >= 1 and memory[-1] <= 100
    assert np.abs(memory - np.linspace(1, 100, H)).max() < 99 * 1.95 / math.sqrt(H)  # Kolmogorov–Smirnov, p = .001
    if kind is LSTM:
        assert np.array_equal(b[:H], -b[z_or_f])


def test_initial_values_reach_the_layers_inside_a_model(rng):
    model = ManyToOne(LSTM(D, H, rng=rng), Linear(H, 1, rng=rng))
    init.set_forget_bias(model, 2.0)
    init.identity(model.rnn)
    assert np.array_equal(model.rnn.params["weight_hh_l0"][:H], np.eye(H))


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_initial_values_keep_float32(rng, kind):
    layer = layer_of(kind, rng, np.float32)
    init.uniform(layer, rng)
    init.orthogonal(layer, rng)
    init.identity(layer)
    init.uniform(layer, rng)
    init.spectral_radius(layer, 0.9)
    init.set_forget_bias(layer, 1.0)
    init.chrono(layer, 50, rng)
    assert {p.dtype for p in layer.params.values()} == {np.dtype(np.float32)}


# bad input


@pytest.mark.parametrize(
    "error, message, call",
    [
        (TypeError, "params is a RNN, expected a dict such as model.params", lambda: SGD(RNN(3, 4), 0.1)),
        (TypeError, "params is a list, expected a dict", lambda: Adam([np.ones(3)])),
        (ValueError, "lr is -0.1, expected 0 ≤ lr < inf", lambda: SGD({}, -0.1)),
        (ValueError, "momentum is 1.0, expected 0 ≤ momentum < 1", lambda: SGD({}, 0.1, momentum=1.0)),
        (ValueError, r"betas\[1\] is 1.5, expected 0 ≤ betas\[1\] < 1", lambda: Adam({}, betas=(0.9, 1.5))),
        (ValueError, "eps is -1, expected", lambda: Adam({}, eps=-1)),
        (ValueError, "no gradient for p: call model.backward first", lambda: SGD({"p": np.ones(3)}, 0.1).step({})),
        (ValueError, "no gradient for p: call model.backward first", lambda: Adam({"p": np.ones(3)}).step({})),
        (
            ValueError,
            "Linear has no recurrent layer",
            lambda: init.orthogonal(Linear(3, 4), np.random.default_rng(0)),
        ),
        (ValueError, "RNN has no gate that keeps the past", lambda: init.set_forget_bias(RNN(3, 4), 1.0)),
        (ValueError, "this needs a layer with biases", lambda: init.set_forget_bias(GRU(3, 4, bias=False), 1.0)),
        (ValueError, "T is 1, expected at least 2", lambda: init.chrono(GRU(3, 4), 1, np.random.default_rng(0))),
    ],
)
def test_bad_input_is_refused_in_one_sentence(error, message, call):
    with pytest.raises(error, match=message):
        call()
