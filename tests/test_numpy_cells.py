"""The cells: every backward against central differences and torch, and what is true of their equations."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from course_rnn.numpy import cells

TORCH = {np.float64: 1e-12, np.float32: 1e-5}  # relative to the largest number of an array
DIFFERENCES = 1e-6

B, D, H, O = 2, 3, 4, 5
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
# a name for each case: the cell, then its option
CASES = {
    "rnn tanh": ("rnn", {"nonlinearity": "tanh"}),
    "rnn relu": ("rnn", {"nonlinearity": "relu"}),
    "rnn identity": ("rnn", {"nonlinearity": "identity"}),
    "lstm": ("lstm", {}),
    "gru reset after": ("gru", {"reset_after": True}),
    "gru reset before": ("gru", {"reset_after": False}),
    "jordan": ("jordan", {}),
}


def assert_close(ours, theirs, tolerance):
    """Compare two arrays up to a tolerance relative to the largest entry."""
    assert ours.shape == theirs.shape
    assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max(initial=1e-300))


def central_difference(f, array, douts, step=1e-5):
    """Return d(Σ douts · f()) / d array, where f reads the array and returns as many arrays as there are in douts."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        before = array[index]
        array[index] = before + step
        above = [np.array(out) for out in f()]
        array[index] = before - step
        below = f()
        array[index] = before
        gradient[index] = sum((dout * (a - b)).sum() for dout, a, b in zip(douts, above, below, strict=True)) / (
            2 * step
        )
    return gradient


def arguments(cell, bias=True, dtype=np.float64, seed=0):
    """Return random arguments of a step by name, in the order of its signature."""
    if cell == "jordan":
        shapes = {"x": (B, D), "o": (B, O), "weight_ih": (H, D), "weight_oh": (H, O), "weight_ho": (O, H)}
        shapes |= {"bias_ih": (H,), "bias_oh": (H,), "bias_ho": (O,)} if bias else {}
    else:
        G = GATES[cell] * H
        shapes = {"x": (B, D), "h": (B, H)} | ({"c": (B, H)} if cell == "lstm" else {})
        shapes |= {"weight_ih": (G, D), "weight_hh": (G, H)} | ({"bias_ih": (G,), "bias_hh": (G,)} if bias else {})
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def step(cell, args, **options):
    """Return the new states of a step, and its cache."""
    *states, cache = getattr(cells, f"{cell}_step")(**args, **options)
    return states, cache


def backward(cell, dstates, cache):
    """Return the gradients of all arguments of a step by name."""
    *dinputs, grads = getattr(cells, f"{cell}_step_backward")(*dstates, cache)
    names = {"lstm": ("x", "h", "c"), "jordan": ("x", "o")}.get(cell, ("x", "h"))
    return dict(zip(names, dinputs, strict=True)) | grads


def torch_step(cell, a, nonlinearity="tanh", reset_after=True):
    """Return the new states of a step written in torch: torch's own cell where it has one, else the formula."""
    linear = torch.nn.functional.linear
    if cell == "jordan":
        a_h = linear(a["x"], a["weight_ih"], a.get("bias_ih")) + linear(a["o"], a["weight_oh"], a.get("bias_oh"))
        return [linear(torch.tanh(a_h), a["weight_ho"], a.get("bias_ho"))]
    weights = a["weight_ih"], a["weight_hh"], a.get("bias_ih"), a.get("bias_hh")
    if cell == "lstm":
        return torch.lstm_cell(a["x"], (a["h"], a["c"]), *weights)
    if cell == "gru" and reset_after:
        return [torch.gru_cell(a["x"], a["h"], *weights)]
    if cell == "gru":
        x_r, x_z, x_n = linear(a["x"], a["weight_ih"], a.get("bias_ih")).chunk(3, dim=1)
        W_r, W_z, W_n = a["weight_hh"].chunk(3)
        b_r, b_z, b_n = a["bias_hh"].chunk(3) if "bias_hh" in a else (0, 0, 0)
        r, z = torch.sigmoid(x_r + a["h"] @ W_r.T + b_r), torch.sigmoid(x_z + a["h"] @ W_z.T + b_z)
        n = torch.tanh(x_n + (r * a["h"]) @ W_n.T + b_n)
        return [(1 - z) * n + z * a["h"]]
    if nonlinearity == "identity":
        return [linear(a["x"], weights[0], weights[2]) + linear(a["h"], weights[1], weights[3])]
    return [{"tanh": torch.rnn_tanh_cell, "relu": torch.rnn_relu_cell}[nonlinearity](a["x"], a["h"], *weights)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES)
def test_step_and_backward_match_torch(case, dtype, bias):
    cell, options = CASES[case]
    args = arguments(cell, bias, dtype)
    theirs = {name: torch.tensor(array, requires_grad=True) for name, array in args.items()}
    states, cache = step(cell, args, **options)
    expected = torch_step(cell, theirs, **options)
    rng = np.random.default_rng(1)
    dstates = [rng.normal(size=state.shape).astype(dtype) for state in states]
    torch.autograd.backward(expected, [torch.tensor(d) for d in dstates])
    grads = backward(cell, dstates, cache)
    assert sorted(grads) == sorted(args)
    for state, e in zip(states, expected, strict=True):
        assert state.dtype == dtype
        assert_close(state, e.detach().numpy(), TORCH[dtype])
    for name, grad in grads.items():
        assert grad.dtype == dtype
        assert_close(grad, theirs[name].grad.numpy(), TORCH[dtype])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_backward_matches_central_differences(case, bias):
    cell, options = CASES[case]
    args = arguments(cell, bias)
    states, cache = step(cell, args, **options)
    rng = np.random.default_rng(1)
    dstates = [rng.normal(size=state.shape) for state in states]
    grads = backward(cell, dstates, cache)
    for name, array in args.items():
        numerical = central_difference(lambda: step(cell, args, **options)[0], array, dstates)
        assert_close(grads[name], numerical, DIFFERENCES)


@pytest.mark.parametrize("case", CASES)
def test_step_is_pure(case):
    cell, options = CASES[case]
    args = arguments(cell)
    before = {name: array.copy() for name, array in args.items()}
    states, cache = step(cell, args, **options)
    first = backward(cell, states, cache)
    again = backward(cell, states, cache)
    for name in args:
        assert (args[name] == before[name]).all()
        assert (first[name] == again[name]).all()


def test_recursion_equals_iteration():
    args = arguments("rnn")
    h_0, weights = args["h"], [args[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    xs = np.random.default_rng(1).normal(size=(5, B, D))

    def recursive(t):
        return h_0 if t == 0 else cells.rnn_step(xs[t - 1], recursive(t - 1), *weights)[0]

    h = h_0
    for x in xs:
        h, _ = cells.rnn_step(x, h, *weights)
    assert (recursive(5) == h).all()


def test_constant_error_carousel_carries_the_gradient_bit_for_bit():
    args = arguments("lstm")
    args["bias_ih"][:H], args["bias_ih"][H : 2 * H] = -1000, 1000  # the input gate closed, the forget gate open
    xs = np.random.default_rng(1).normal(size=(50, B, D))
    h, c, weights = args["h"], args["c"], list(args.values())[3:]
    caches = []
    for x in xs:
        h, c, cache = cells.lstm_step(x, h, c, *weights)
        caches.append(cache)
    assert (c == args["c"]).all()
    for unit in np.eye(H):
        dh, dc = np.zeros((B, H)), np.tile(unit, (B, 1))
        for cache in reversed(caches):
            _, dh, dc, _ = cells.lstm_step_backward(dh, dc, cache)
        assert (dc == unit).all()


def test_gru_forms_are_equal_exactly_when_the_reset_commutes():
    args = arguments("gru")
    after, before = (step("gru", args, reset_after=flag)[0][0] for flag in (True, False))
    assert np.abs(after - before).max() > 0.01
    args["weight_hh"][2 * H :] *= np.eye(H)  # r ⊙ (W h) = W (r ⊙ h) for a diagonal W ...
    with_bias = [step("gru", args, reset_after=flag)[0][0] for flag in (True, False)]
    assert np.abs(with_bias[0] - with_bias[1]).max() > 0.01
    args["bias_hh"][2 * H :] = 0  # ... and no b_hn that r could scale
    after, before = (step("gru", args, reset_after=flag)[0][0] for flag in (True, False))
    assert_close(after, before, TORCH[np.float64])


def test_z_keeps_the_state():
    args = arguments("gru")
    args["bias_ih"][H : 2 * H] = 1000
    for reset_after in (True, False):
        assert (step("gru", args, reset_after=reset_after)[0][0] == args["h"]).all()


def test_jordan_equals_an_elman_network_whose_recurrent_matrix_is_a_product():
    # o = W_ho h + b_ho goes into the next step, so W_oh o = (W_oh W_ho) h + W_oh b_ho: of rank O at most
    a = arguments("jordan")
    xs, h = np.random.default_rng(1).normal(size=(4, B, D)), np.random.default_rng(2).normal(size=(B, H))
    o = h @ a["weight_ho"].T + a["bias_ho"]
    weight_hh, bias_hh = a["weight_oh"] @ a["weight_ho"], a["weight_oh"] @ a["bias_ho"] + a["bias_oh"]
    for x in xs:
        o, _ = cells.jordan_step(**a | {"x": x, "o": o})
        h, _ = cells.rnn_step(x, h, a["weight_ih"], weight_hh, a["bias_ih"], bias_hh)
        assert_close(o, h @ a["weight_ho"].T + a["bias_ho"], TORCH[np.float64])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sigmoid_neither_overflows_nor_changes_dtype(dtype):
    a = np.array([-1e4, -30, -1, 0, 1, 30, 1e4], dtype)
    with np.errstate(all="raise"):
        s = cells.sigmoid(a)
    assert s.dtype == dtype
    assert s[0] == 0 and s[3] == 0.5 and s[-1] == 1
    assert_close(s, torch.sigmoid(torch.tensor(a)).numpy(), TORCH[dtype])


@pytest.mark.parametrize(
    ("cell", "name", "message"),
    [
        ("rnn", "x", "x has 7 features, this cell expects 3"),
        ("rnn", "h", "h has 7 features, this cell expects 4"),
        ("lstm", "x", "x has 7 features, this cell expects 3"),
        ("lstm", "h", "h has 7 features, this cell expects 4"),
        ("gru", "h", "h has 7 features, this cell expects 4"),
        ("jordan", "o", "o has 7 features, this cell expects 5"),
    ],
)
def test_wrong_size_is_named(cell, name, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        step(cell, arguments(cell) | {name: np.ones((B, 7))})


def test_unknown_nonlinearity_is_named():
    with pytest.raises(ValueError, match=r"^nonlinearity is 'sigmoid', expected one of tanh, relu, identity$"):
        step("rnn", arguments("rnn"), nonlinearity="sigmoid")
