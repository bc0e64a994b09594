"""Linear recurrences: both forms of the scan agree, and every gradient equals autograd's and finite differences."""

import math

import numpy as np
import pytest
import torch
from test_numpy_nn import central_differences, check_by_differences

from course_rnn.numpy.layers import SCRN, MinGRU
from course_rnn.numpy.nn import Linear, ManyToMany, ManyToOne
from course_rnn.numpy.scan import linear_scan, linear_scan_backward

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
TO_DIFFERENCES = {"rtol": 1e-6, "atol": 1e-9}
T, B, D, H, S = 5, 2, 3, 4, 6
LENGTHS = np.array([3, 5])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# the scan


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from h0"])
@pytest.mark.parametrize("T", [1, 2, 3, 4, 7, 8, 9, 100])
def test_the_scan_is_its_definition(rng, T, given, parallel):
    a, b, h0 = rng.standard_normal((T, B, H)), rng.standard_normal((T, B, H)), rng.standard_normal((B, H))
    h, expected = h0 if given else np.zeros((B, H)), []
    for t in range(T):
        h = a[t] * h + b[t]
        expected.append(h)
    actual = linear_scan(a, b, h0 if given else None, parallel)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_composition_is_associative(rng):
    """What lets the scan group its steps at will: (a₂, b₂) after (a₁, b₁) is (a₂ a₁, a₂ b₁ + b₂)."""

    def after(second, first):
        return second[0] * first[0], second[0] * first[1] + second[1]

    f, g, h = rng.standard_normal((3, 2))
    np.testing.assert_allclose(after(after(h, g), f), after(h, after(g, f)), **TO_TORCH)


@pytest.mark.parametrize("parallel", [False, True])
def test_the_scan_in_parts_is_the_scan_of_the_whole(rng, parallel):
    a, b, h0 = rng.standard_normal((T, H)), rng.standard_normal((T, H)), rng.standard_normal(H)
    first = linear_scan(a[:2], b[:2], h0, parallel)
    second = linear_scan(a[2:], b[2:], first[-1], parallel)
    np.testing.assert_allclose(np.concatenate([first, second]), linear_scan(a, b, h0, parallel), **TO_TORCH)


def test_the_parallel_form_needs_a_logarithm_of_passes():
    """A pass is one vectorised product and sum: 10 of them for 1,024 steps, where the loop takes 1,023."""

    class Counted(np.ndarray):
        passes = 0

        def __iadd__(self, other):
            Counted.passes += 1
            return np.ndarray.__iadd__(self, other)

    a, b = np.full((1024, 1), 0.5), np.ones((1024, 1)).view(Counted)
    for parallel, expected in [(True, 10), (False, 1023)]:
        Counted.passes = 0
        linear_scan(a, b, parallel=parallel)
        assert Counted.passes == expected


@pytest.mark.parametrize("parallel", [False, True])
def test_the_scan_neither_changes_nor_returns_what_it_is_given(rng, parallel):
    a, b, h0 = rng.standard_normal((T, H)), rng.standard_normal((T, H)), rng.standard_normal(H)
    kept = a.copy(), b.copy(), h0.copy()
    h = linear_scan(a, b, h0, parallel)
    assert all(np.array_equal(now, before) for now, before in zip((a, b, h0), kept, strict=True))
    assert not np.shares_memory(h, b)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from h0"])
def test_the_scan_backward_matches_torch_and_finite_differences(rng, given, parallel):
    a, b, dh = (rng.standard_normal((T, B, H)) for _ in range(3))
    h0 = rng.standard_normal((B, H)) if given else np.zeros((B, H))
    a_t, b_t, h0_t = (torch.tensor(array, requires_grad=True) for array in (a, b, h0))
    h_t, total = h0_t, 0
    for t in range(T):
        h_t = a_t[t] * h_t + b_t[t]
        total = total + (torch.tensor(dh[t]) * h_t).sum()
    total.backward()
    h = linear_scan(a, b, h0 if given else None, parallel)
    gradients = linear_scan_backward(dh, a, h, h0 if given else None, parallel)
    for array, gradient, twin in zip((a, b, h0), gradients, (a_t, b_t, h0_t), strict=True):
        np.testing.assert_allclose(gradient, twin.grad, **TO_TORCH)
        expected = central_differences(lambda: np.vdot(dh, linear_scan(a, b, h0)), array)
        np.testing.assert_allclose(gradient, expected, **TO_DIFFERENCES)


# the layers, each beside a loop over time on torch


def mingru_torch(layer, x, h0, lengths):
    p, h, ys = layer.params, h0, []
    for t in range(len(x)):
        z, candidate = (x[t] @ p["weight_ih_l0"].T + p["bias_ih_l0"]).chunk(2, dim=-1)
        z = torch.sigmoid(z)
        real = (t < lengths)[:, None]
        h = torch.where(real, (1 - z) * h + z * candidate, h)
        ys.append(h * real)
    return torch.stack(ys), (h,)


def scrn_torch(layer, x, h0, s0, lengths):
    p, alpha, h, s, ys = layer.params, layer.alpha, h0, s0, []
    A, B_ = p["weight_ih_l0"][:H], p["weight_ih_l0"][H:]
    P, R = p["weight_sh_l0"], p["weight_hh_l0"]
    for t in range(len(x)):
        real = (t < lengths)[:, None]
        s = torch.where(real, (1 - alpha) * x[t] @ B_.T + alpha * s, s)
        h = torch.where(real, torch.sigmoid(s @ P.T + x[t] @ A.T + h @ R.T), h)
        ys.append(torch.cat([h, s], dim=-1) * real)
    return torch.stack(ys), (h, s)


class Twin:
    """A layer's parameters and settings as torch sees them."""

    def __init__(self, layer):
        self.params = {name: torch.tensor(p, requires_grad=True) for name, p in layer.params.items()}
        self.alpha = getattr(layer.cell, "alpha", None)


CASES = {
    "MinGRU": (lambda **own: MinGRU(D, H, **own), mingru_torch, (H,)),
    "parallel MinGRU": (lambda **own: MinGRU(D, H, parallel=True, **own), mingru_torch, (H,)),
    "SCRN": (lambda **own: SCRN(D, H, S, alpha=0.7, **own), scrn_torch, (H, S)),
}
every_layer = pytest.mark.parametrize("make, twin, sizes", CASES.values(), ids=CASES)


def packed(parts):
    """A state as the layer takes it: one array, or a tuple of two."""
    return parts[0][None] if len(parts) == 1 else tuple(part[None] for part in parts)


def unpacked(state):
    return [part[0] for part in state] if isinstance(state, tuple) else [state[0]]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "ragged"])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from a state"])
@every_layer
def test_a_layer_matches_torch(rng, make, twin, sizes, given, lengths):
    layer, x = make(rng=rng), rng.standard_normal((T, B, D))
    state = [rng.standard_normal((B, size)) if given else np.zeros((B, size)) for size in sizes]
    dy = rng.standard_normal((T, B, sum(sizes)))
    dstate = [rng.standard_normal((B, size)) for size in sizes]
    theirs = Twin(layer)
    x_t, *state_t = (torch.tensor(array, requires_grad=True) for array in (x, *state))
    y_t, final_t = twin(theirs, x_t, *state_t, torch.tensor([T, T] if lengths is None else lengths))
    outputs = zip((y_t, *final_t), (dy, *dstate), strict=True)
    sum((out * torch.tensor(d)).sum() for out, d in outputs).backward()

    y, final = layer.forward(x, packed(state) if given else None, lengths)
    dx, dinitial = layer.backward(dy, packed(dstate))
    np.testing.assert_allclose(y, y_t.detach(), **TO_TORCH)
    for ours, expected in zip(unpacked(final), final_t, strict=True):
        np.testing.assert_allclose(ours, expected.detach(), **TO_TORCH)
    np.testing.assert_allclose(dx, x_t.grad, **TO_TORCH)
    for ours, expected in zip(unpacked(dinitial), state_t, strict=True):
        np.testing.assert_allclose(ours, expected.grad, **TO_TORCH)
    assert list(layer.grads) == list(layer.params)
    for name, p in theirs.params.items():
        np.testing.assert_allclose(layer.grads[name], p.grad, **TO_TORCH, err_msg=name)


@pytest.mark.parametrize("mode", [ManyToOne, ManyToMany])
@every_layer
def test_a_layer_in_a_model_matches_finite_differences(rng, make, twin, sizes, mode):
    model, x = mode(make(rng=rng), Linear(sum(sizes), 2, rng=rng)), rng.standard_normal((T, B, D))
    dy = rng.standard_normal(model.forward(x, LENGTHS).shape)
    dx = model.backward(dy)
    check_by_differences(model, lambda: model.forward(x, LENGTHS), dy, x=(x, dx))


@every_layer
def test_carrying_the_state_over_chunks_is_the_whole_run(rng, make, twin, sizes):
    layer, x = make(rng=rng), rng.standard_normal((T, B, D))
    whole, final = layer.forward(x)
    first, state = layer.forward(x[:2])
    second, state = layer.forward(x[2:], state)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, **TO_TORCH)
    for part, expected in zip(unpacked(state), unpacked(final), strict=True):
        np.testing.assert_allclose(part, expected, **TO_TORCH)


@every_layer
def test_padding_is_zero_in_the_output_and_never_looked_at(rng, make, twin, sizes):
    layer, x, dy = make(rng=rng), rng.standard_normal((T, B, D)), rng.standard_normal((T, B, sum(sizes)))
    y, _ = layer.forward(x, lengths=LENGTHS)
    dx, _ = layer.backward(dy)
    before = {name: g.copy() for name, g in layer.grads.items()}
    x[3:, 0] = np.nan
    layer.zero_grad()
    assert np.array_equal(layer.forward(x, lengths=LENGTHS)[0], y)
    assert np.array_equal(layer.backward(dy)[0], dx)
    assert all(np.array_equal(layer.grads[name], before[name]) for name in before)
    assert not y[3:, 0].any() and not dx[3:, 0].any()


@every_layer
def test_a_layer_keeps_float32(rng, make, twin, sizes):
    layer, x = make(rng=rng, dtype=np.float32), rng.standard_normal((T, B, D)).astype(np.float32)
    for lengths in (None, LENGTHS):
        y, state = layer.forward(x, lengths=lengths)
        dx, dstate = layer.backward(y, state)
        arrays = [y, dx, *unpacked(state), *unpacked(dstate), *layer.params.values(), *layer.grads.values()]
        assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


def test_sequential_and_parallel_mingru_are_the_same(rng):
    one, other = MinGRU(D, H, rng=np.random.default_rng(1)), MinGRU(D, H, parallel=True, rng=np.random.default_rng(1))
    x, dy = rng.standard_normal((100, B, D)), rng.standard_normal((100, B, H))
    np.testing.assert_allclose(one.forward(x)[0], other.forward(x)[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.backward(dy)[0], other.backward(dy)[0], rtol=1e-12, atol=1e-12)
    for name in one.grads:
        np.testing.assert_allclose(one.grads[name], other.grads[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_context_forgets_at_a_fixed_rate(rng):
    """∂s_T/∂s_0 = α^T, whatever the input: it can neither explode nor vanish faster than that."""
    layer = SCRN(D, H, S, alpha=0.95, rng=rng)
    layer.params["weight_sh_l0"][:] = 0  # so that s reaches the output by itself only
    layer.forward(rng.standard_normal((60, B, D)))
    _, (_, ds0) = layer.backward(None, (np.zeros((1, B, H)), np.ones((1, B, S))))
    np.testing.assert_allclose(ds0, 0.95**60, rtol=1e-12)
    assert math.isclose(0.95**60, 0.046, rel_tol=0.01)


# bad input


@pytest.mark.parametrize(
    "error, message, call",
    [
        (ValueError, r"a has shape \(3,\) and b \(4,\)", lambda: linear_scan(np.ones(3), np.ones(4))),
        (ValueError, "at least one step", lambda: linear_scan(np.ones((0, 2)), np.ones((0, 2)))),
        (
            ValueError,
            r"h0 has shape \(3,\), expected \(2,\)",
            lambda: linear_scan(np.ones((3, 2)), np.ones((3, 2)), np.ones(3)),
        ),
        (TypeError, "different dtypes", lambda: linear_scan(np.ones(3), np.ones(3, np.float32))),
        (ValueError, "alpha is 1.0, expected 0 ≤ alpha < 1", lambda: SCRN(3, 4, 2, alpha=1.0)),
    ],
)
def test_bad_input_is_refused_in_one_sentence(error, message, call):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "error, message, change",
    [
        (ValueError, "x has 4 features, this layer expects 3", {"x": np.ones((T, B, 4))}),
        (ValueError, "x has 2 axes, expected 3: time, batch, features", {"x": np.ones((T, D))}),
        (ValueError, r"x has no time steps: its shape is \(0, 2, 3\)", {"x": np.ones((0, B, D))}),
        (ValueError, r"x has an empty batch: its shape is \(5, 0, 3\)", {"x": np.ones((T, 0, D))}),
        (TypeError, "x is float32, this layer computes in float64", {"x": np.ones((T, B, D), np.float32)}),
        (ValueError, "lengths has a 0, every sequence needs at least one step", {"lengths": np.array([0, 5])}),
        (ValueError, "lengths has a 6, x has only 5 steps", {"lengths": np.array([3, 6])}),
        (ValueError, r"lengths has shape \(1,\), expected \(2,\)", {"lengths": np.array([5])}),
    ],
)
@every_layer
def test_a_layer_refuses_bad_input_in_one_sentence(make, twin, sizes, error, message, change):
    with pytest.raises(error, match=message):
        make().forward(**({"x": np.ones((T, B, D))} | change))


@pytest.mark.parametrize(
    "error, message, part",
    [
        (ValueError, r"h_0 has shape \(1, 5, 4\), expected \(1, 2, 4\)", lambda size: np.ones((5, size))),
        (TypeError, "h_0 is float32, this layer computes in float64", lambda size: np.ones((B, size), np.float32)),
    ],
)
@every_layer
def test_a_layer_refuses_a_bad_state_in_one_sentence(make, twin, sizes, error, message, part):
    with pytest.raises(error, match=message):
        make().forward(np.ones((T, B, D)), packed([part(size) for size in sizes]))
