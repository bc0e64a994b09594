"""The cells: every backward against central differences and torch, and what is true of their equations."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from course_rnn.numpy import cells, check_gradients
from course_rnn.numpy.loop import step as take_step
from course_rnn.numpy.loop import step_backward

TORCH = {np.float64: 1e-12, np.float32: 1e-5}  # relative to the largest number of an array
DIFFERENCES = 1e-6

B, D, H, O, S = 2, 3, 4, 5, 2
#: Every cell of the package, with a name for each.
CELLS = {
    "rnn tanh": cells.RNN("tanh"),
    "rnn relu": cells.RNN("relu"),
    "rnn identity": cells.RNN("identity"),
    "lstm": cells.LSTM(),
    "gru reset after": cells.GRU(),
    "gru reset before": cells.GRUResetBefore(),
    "ugrnn": cells.UGRNN(),
    "coupled": cells.CoupledLSTM(),
    "peephole": cells.PeepholeLSTM(),
    "mingru": cells.MinGRU(),
    "scrn": cells.SCRN(S, alpha=0.7),
    "jordan": cells.Jordan(O),
    "jordan probabilities": cells.Jordan(O, "probabilities"),
    "deep transition": cells.DeepTransition(3),
    "skip": cells.Skip(3),
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
        below = [np.array(out) for out in f()]
        array[index] = before
        gradient[index] = sum((dout * (a - b)).sum() for dout, a, b in zip(douts, above, below, strict=True)) / (
            2 * step
        )
    return gradient


def arguments(case, bias=True, dtype=np.float64, seed=0):
    """Return random x, states and weights of a cell, by name."""
    cell, rng = CELLS[case], np.random.default_rng(seed)
    shapes = {"x": (B, D)} | {name: (B, size) for name, size in zip(cell.states, cell.sizes(H), strict=True)}
    shapes |= cell.shapes(D, H, bias)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def step(case, args):
    """Return the new states of a step, and its cache."""
    cell = CELLS[case]
    return take_step(cell, args["x"], [args[name] for name in cell.states], args)


def backward(case, dstates, cache, args):
    """Return the gradients of all arguments of a step by name."""
    cell = CELLS[case]
    dx, dbefore, grads = step_backward(cell, dstates, cache, args)
    return {"x": dx} | dict(zip(cell.states, dbefore, strict=True)) | grads


def torch_step(case, a):
    """Return the new states of a step written in torch: torch's own cell where it has one, else the formula."""
    linear, sigmoid, tanh = torch.nn.functional.linear, torch.sigmoid, torch.tanh

    def through(name, v):
        return linear(v, a[f"weight_{name}"], a.get(f"bias_{name}"))

    if case.startswith("jordan"):
        o = through("ho", tanh(through("ih", a["x"]) + through("oh", a["fed"])))
        return [o, o.softmax(dim=-1) if "probabilities" in case else o]
    s = through("ih", a["x"])
    if case == "scrn":
        context = 0.3 * s[:, H:] + 0.7 * a["s"]
        return [sigmoid(s[:, :H] + through("sh", context) + through("hh", a["h"])), context]
    if case == "mingru":
        z, c = sigmoid(s[:, :H]), s[:, H:]
        return [(1 - z) * a["h"] + z * c]
    weights = a["weight_ih"], a["weight_hh"], a.get("bias_ih"), a.get("bias_hh")
    if case == "lstm":
        return torch.lstm_cell(a["x"], (a["h"], a["c"]), *weights)
    if case == "gru reset after":
        return [torch.gru_cell(a["x"], a["h"], *weights)]
    if case == "gru reset before":
        x_r, x_z, x_n = s.chunk(3, dim=1)
        W_r, W_z, W_n = a["weight_hh"].chunk(3)
        b_r, b_z, b_n = a["bias_hh"].chunk(3) if "bias_hh" in a else (0, 0, 0)
        r, z = sigmoid(x_r + a["h"] @ W_r.T + b_r), sigmoid(x_z + a["h"] @ W_z.T + b_z)
        n = tanh(x_n + (r * a["h"]) @ W_n.T + b_n)
        return [(1 - z) * n + z * a["h"]]
    if case == "skip":
        h = tanh(s + through("hh", a["h"]) + through("skip", a["h_2_ago"]))
        return [h, a["h"], a["h_1_ago"]]
    s = s + through("hh", a["h"])
    if case == "deep transition":
        return [tanh(through("deep3", tanh(through("deep2", tanh(s)))))]
    if case == "ugrnn":
        g, c = sigmoid(s[:, :H]), tanh(s[:, H:])
        return [g * a["h"] + (1 - g) * c]
    if case == "coupled":
        f, g, o = s.chunk(3, dim=1)
        c = sigmoid(f) * a["c"] + (1 - sigmoid(f)) * tanh(g)
        return [sigmoid(o) * tanh(c), c]
    if case == "peephole":
        i, f, g, o = s.chunk(4, dim=1)
        i, f = sigmoid(i + a["weight_ci"] * a["c"]), sigmoid(f + a["weight_cf"] * a["c"])
        c = f * a["c"] + i * tanh(g)
        return [sigmoid(o + a["weight_co"] * c) * tanh(c), c]
    return [{"rnn tanh": tanh, "rnn relu": torch.relu, "rnn identity": lambda s: s}[case](s)]


def test_every_cell_is_tested():
    known = {type(cell) for cell in CELLS.values()}
    for name, cell in vars(cells).items():
        own = isinstance(cell, type) and issubclass(cell, cells.Cell) and cell.__module__ == cells.__name__
        if own and cell is not cells.Cell:
            assert cell in known, (
                f"{name} of course_rnn/numpy/cells.py is in no test: enter it in CELLS and torch_step of "
                "tests/test_numpy_cells.py"
            )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CELLS)
def test_step_and_backward_match_torch(case, dtype, bias):
    args = arguments(case, bias, dtype)
    theirs = {name: torch.tensor(array, requires_grad=True) for name, array in args.items()}
    states, cache = step(case, args)
    expected = torch_step(case, theirs)
    rng = np.random.default_rng(1)
    dstates = [rng.normal(size=state.shape).astype(dtype) for state in states]
    torch.autograd.backward(expected, [torch.tensor(d) for d in dstates])
    grads = backward(case, dstates, cache, args)
    assert sorted(grads) == sorted(args)
    for state, e in zip(states, expected, strict=True):
        assert state.dtype == dtype
        assert_close(state, e.detach().numpy(), TORCH[dtype])
    for name, grad in grads.items():
        assert grad.dtype == dtype
        there = theirs[name].grad
        assert_close(grad, np.zeros_like(grad) if there is None else there.numpy(), TORCH[dtype])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CELLS)
def test_backward_matches_central_differences(case, bias):
    args = arguments(case, bias)
    states, cache = step(case, args)
    rng = np.random.default_rng(1)
    dstates = [rng.normal(size=state.shape) for state in states]
    grads = backward(case, dstates, cache, args)
    for name, array in args.items():
        numerical = central_difference(lambda: step(case, args)[0], array, dstates)
        assert_close(grads[name], numerical, DIFFERENCES)


@pytest.mark.parametrize("case", CELLS)
def test_step_is_pure(case):
    args = arguments(case)
    before = {name: array.copy() for name, array in args.items()}
    states, cache = step(case, args)
    first = backward(case, states, cache, args)
    again = backward(case, states, cache, args)
    for name in args:
        assert (args[name] == before[name]).all()
        assert (first[name] == again[name]).all()


@pytest.mark.parametrize("case", CELLS)
def test_the_check_for_ones_own_cells_finds_every_cell_right(case):
    check = check_gradients(CELLS[case])
    assert check, str(check)
    assert max(check.errors.values()) < 1e-8


def wrong(cell, change):
    """A cell whose pointwise_backward returns something else, by a function of what is right."""

    class Wrong(type(cell)):
        def pointwise_backward(self, *dstates_and_cache):
            return change(*super().pointwise_backward(*dstates_and_cache))

    return Wrong()


@pytest.mark.parametrize(
    ("cell", "change", "first"),
    [
        (cells.UGRNN(), lambda da, du, dh: (da, du, 0), "dh"),
        (cells.UGRNN(), lambda da, du, dh: (da * np.repeat([1, -1], 3), du, dh), "da of c"),
        (cells.LSTM(), lambda da, du, dh, dc: (da * np.repeat([1, 2, 1, 0], 3), du, dh, dc), "da of f"),
        (cells.GRU(), lambda da, du, dh: (da, da, dh), "du of n"),
        (cells.LSTM(), lambda da, du, dh, dc: (da, du, dh, dc * 1.001), "dc"),
        (cells.PeepholeLSTM(), lambda *d: (*d[:-1], d[-1] * 0), "dweight_co"),
    ],
)
def test_the_first_wrong_gate_is_named(cell, change, first):
    check = check_gradients(wrong(cell, change))
    assert not check and check.first_wrong == first
    assert str(check).startswith(f"Wrong: {first} is wrong, the first of ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda da, du, dh: (da, dh), "pointwise_backward returns da, du and dh: 3 things, not 2"),
        (lambda da, du, dh: (da[:, :3], du, dh), "pointwise_backward returns da of shape (2, 3), expected (2, 6)"),
    ],
)
def test_what_is_no_gradient_of_the_cell_is_named(change, message):
    with pytest.raises(ValueError) as caught:
        check_gradients(wrong(cells.UGRNN(), change))
    assert str(caught.value) == message


def test_a_cell_that_changes_what_it_was_given_is_named():
    class InPlace(cells.UGRNN):
        def pointwise(self, a, u, h):
            u += a
            return super().pointwise(0 * a, u, h)

    with pytest.raises(ValueError, match=r"^InPlace changes its u, which the loop still needs: write to a new array$"):
        check_gradients(InPlace())


def test_a_cell_without_equations_says_what_it_lacks():
    class Empty(cells.Cell):
        states = ("h", "c")

    with pytest.raises(NotImplementedError, match=r"^Empty has no pointwise\(a, u, h, c\)$"):
        step_of = arguments("lstm")
        take_step(Empty(), step_of["x"], [step_of["h"], step_of["c"]], step_of)


def test_recursion_equals_iteration():
    args = arguments("rnn tanh")
    xs, cell = np.random.default_rng(1).normal(size=(5, B, D)), CELLS["rnn tanh"]

    def recursive(t):
        return args["h"] if t == 0 else take_step(cell, xs[t - 1], [recursive(t - 1)], args)[0][0]

    h = args["h"]
    for x in xs:
        (h,), _ = take_step(cell, x, [h], args)
    assert (recursive(5) == h).all()


def test_constant_error_carousel_carries_the_gradient_bit_for_bit():
    args, cell = arguments("lstm"), CELLS["lstm"]
    args["bias_ih"][:H], args["bias_ih"][H : 2 * H] = -1000, 1000  # the input gate closed, the forget gate open
    states, caches = [args["h"], args["c"]], []
    for x in np.random.default_rng(1).normal(size=(50, B, D)):
        states, cache = take_step(cell, x, states, args)
        caches.append(cache)
    assert (states[1] == args["c"]).all()
    for unit in np.eye(H):
        dstates = [np.zeros((B, H)), np.tile(unit, (B, 1))]
        for cache in reversed(caches):
            _, dstates, _ = step_backward(cell, dstates, cache, args)
        assert (dstates[1] == unit).all()


def test_gru_forms_are_equal_exactly_when_the_reset_commutes():
    args = arguments("gru reset after")

    def both():
        return [step(f"gru reset {side}", args)[0][0] for side in ("after", "before")]

    after, before = both()
    assert np.abs(after - before).max() > 0.01
    args["weight_hh"][2 * H :] *= np.eye(H)  # r ⊙ (W h) = W (r ⊙ h) for a diagonal W ...
    after, before = both()
    assert np.abs(after - before).max() > 0.01
    args["bias_hh"][2 * H :] = 0  # ... and no b_hn that r could scale
    assert_close(*both(), TORCH[np.float64])


def test_z_keeps_the_state():
    args = arguments("gru reset after")
    args["bias_ih"][H : 2 * H] = 1000
    for side in ("after", "before"):
        assert (step(f"gru reset {side}", args)[0][0] == args["h"]).all()


def test_jordan_equals_an_elman_network_whose_recurrent_matrix_is_a_product():
    # o = W_ho h + b_ho goes into the next step, so W_oh o = (W_oh W_ho) h + W_oh b_ho: of rank O at most
    a, h = arguments("jordan"), np.random.default_rng(2).normal(size=(B, H))
    elman = {"weight_ih": a["weight_ih"], "bias_ih": a["bias_ih"], "weight_hh": a["weight_oh"] @ a["weight_ho"]}
    elman["bias_hh"] = a["weight_oh"] @ a["bias_ho"] + a["bias_oh"]
    o = h @ a["weight_ho"].T + a["bias_ho"]
    for x in np.random.default_rng(1).normal(size=(4, B, D)):
        (o, _), _ = take_step(CELLS["jordan"], x, [o, o], a)
        (h,), _ = take_step(CELLS["rnn tanh"], x, [h], elman)
        assert_close(o, h @ a["weight_ho"].T + a["bias_ho"], TORCH[np.float64])


def test_a_deep_transition_of_depth_one_is_the_simple_cell():
    args = arguments("rnn tanh")
    (h,), _ = take_step(cells.DeepTransition(1), args["x"], [args["h"]], args)
    assert (h == step("rnn tanh", args)[0][0]).all()


def test_a_peephole_of_weight_zero_is_the_lstm():
    args = arguments("peephole") | dict.fromkeys(cells.PeepholeLSTM.vectors, np.zeros(H))
    for one, other in zip(step("peephole", args)[0], step("lstm", args)[0], strict=True):
        assert_close(one, other, TORCH[np.float64])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sigmoid_neither_overflows_nor_changes_dtype(dtype):
    a = np.array([-1e4, -30, -1, 0, 1, 30, 1e4], dtype)
    with np.errstate(all="raise"):
        s = cells.sigmoid(a)
    assert s.dtype == dtype
    assert s[0] == 0 and s[3] == 0.5 and s[-1] == 1
    assert_close(s, torch.sigmoid(torch.tensor(a)).numpy(), TORCH[dtype])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cells.RNN("sigmoid"), "nonlinearity is 'sigmoid', expected one of tanh, relu, identity"),
        (lambda: cells.Jordan(2, "hidden"), "feedback is 'hidden', expected one of output, probabilities, label"),
        (lambda: cells.SCRN(2, alpha=1), "alpha is 1, expected 0 ≤ alpha < 1"),
        (lambda: cells.DeepTransition(0), "depth is 0, expected a whole number of at least 1"),
        (lambda: cells.Skip(1), "distance is 1, expected a whole number of at least 2"),
        (lambda: cells.cell_of("RWKV"), "cell is 'RWKV', expected one of 'RNN', 'LSTM', 'GRU'"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message
