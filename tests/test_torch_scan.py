"""Linear recurrences on torch: both forms of the scan and both layers give the reference's values and gradients."""

import numpy as np
import pytest
import torch
from test_torch_nn import BFLOAT16, DEVICES, assert_close, check, check_grads, load, to
from torch.overrides import TorchFunctionMode

import course_rnn.numpy as rnp
import course_rnn.numpy.nn
import course_rnn.torch as rt
import course_rnn.torch.nn

TO_LOOP = {"rtol": 1e-10, "atol": 1e-10}
T, B, D, H, S = 5, 2, 3, 4, 6
LENGTHS = np.array([3, 5])
CASES = {
    "MinGRU": ("MinGRU", (D, H), {}, (H,)),
    "MinGRU without bias": ("MinGRU", (D, H), {"bias": False}, (H,)),
    "parallel MinGRU": ("MinGRU", (D, H), {"parallel": True}, (H,)),
    "SCRN": ("SCRN", (D, H, S), {"alpha": 0.7}, (H, S)),
}
every_layer = pytest.mark.parametrize("kind, args, options, sizes", CASES.values(), ids=CASES)


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# the scan


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from h0"])
@pytest.mark.parametrize("T", [1, 2, 3, 4, 7, 8, 9, 100])
def test_the_scan_matches_the_reference(rng, device, T, given, parallel):
    a, b, dh = (rng.standard_normal((T, B, H)) for _ in range(3))
    h0 = rng.standard_normal((B, H)) if given else None
    leaves = [torch.tensor(x, device=device, requires_grad=True) for x in (a, b, *([h0] if given else []))]
    h_t = rt.linear_scan(*leaves, parallel=parallel)
    h_t.backward(to(device, dh))
    h = rnp.linear_scan(a, b, h0)
    assert_close(h_t, h, tolerance=TO_LOOP)
    for leaf, gradient in zip(leaves, rnp.linear_scan_backward(dh, a, h, h0), strict=False):
        assert_close(leaf.grad, gradient, tolerance=TO_LOOP)


@pytest.mark.parametrize("parallel", [False, True])
def test_the_scan_can_be_differentiated_twice(rng, device, parallel):
    leaves = [
        torch.tensor(rng.standard_normal(shape), device=device, requires_grad=True) for shape in [(T, H), (T, H), (H,)]
    ]
    assert torch.autograd.gradcheck(rt.linear_scan, (*leaves, parallel))
    assert torch.autograd.gradgradcheck(rt.linear_scan, (*leaves, parallel))


@pytest.mark.parametrize("parallel", [False, True])
def test_the_scan_keeps_what_it_is_given(rng, device, parallel):
    given = [to(device, rng.standard_normal(shape)) for shape in [(T, H), (T, H), (H,)]]
    kept = [tensor.clone() for tensor in given]
    given[1].requires_grad_()
    h = rt.linear_scan(*given, parallel)
    h.sum().backward()
    h.detach().zero_()
    assert all(map(torch.equal, given, kept))


class Count(TorchFunctionMode):
    """Counts the products that torch is asked for."""

    products = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.products += getattr(function, "__name__", "") == "mul"
        return function(*args, **(kwargs or {}))


def test_the_parallel_form_needs_a_logarithm_of_operations():
    """1,024 steps are 10 passes, of two products each; the loop takes one product for each step after the first."""
    a, b = torch.full((1024, 1), 0.5), torch.ones(1024, 1)
    for parallel, expected in [(True, 2 * 10), (False, 1023)]:
        with Count() as count:
            rt.linear_scan(a, b, parallel=parallel)
        assert count.products == expected


def test_the_parallel_form_keeps_no_more_than_the_loop(device):
    """Not what each pass has made: a and h are all that backward needs."""
    a, b = (torch.rand(64, H, device=device, requires_grad=True) for _ in range(2))
    for parallel in (False, True):
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor, kept=kept: kept.append(tensor), lambda _: None):
            rt.linear_scan(a, b, parallel=parallel)
        assert len(kept) == 2


# the layers


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "ragged"])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from a state"])
@every_layer
def test_a_layer_matches_the_reference(rng, device, kind, args, options, sizes, given, lengths):
    model = getattr(rnp, kind)(*args, **options, rng=rng)
    module = load(getattr(rt, kind)(*args, **options), model, device)
    x, dy = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, sum(sizes)))
    state, dstate = ([rng.standard_normal((1, B, size)) for size in sizes] for _ in range(2))

    def packed(parts):
        return parts[0] if len(parts) == 1 else tuple(parts)

    y, final = model.forward(x, packed(state) if given else None, lengths)
    dx, dinitial = model.backward(dy, packed(dstate))

    x_t, *state_t = (torch.tensor(array, device=device, requires_grad=True) for array in (x, *state))
    y_t, final_t = module(x_t, packed(state_t) if given else None, to(device, lengths))
    torch.autograd.backward([y_t, *parts(final_t)], [to(device, d) for d in (dy, *dstate)])
    assert_close(y_t, y)
    assert isinstance(final_t, tuple) == isinstance(final, tuple)
    for ours, reference in zip(parts(final_t), parts(final), strict=True):
        assert_close(ours, reference)
    assert_close(x_t.grad, dx)
    if given:
        for ours, reference in zip(state_t, parts(dinitial), strict=True):
            assert_close(ours.grad, reference)
    check_grads(module, model)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("mode", ["ManyToOne", "ManyToMany"])
@every_layer
def test_a_layer_in_a_model_matches_the_reference(rng, device, kind, args, options, sizes, mode):
    width = sum(sizes)
    nn = course_rnn.numpy.nn
    model = getattr(nn, mode)(getattr(rnp, kind)(*args, **options, rng=rng), nn.Linear(width, 2, rng=rng))
    module = getattr(course_rnn.torch.nn, mode)(getattr(rt, kind)(*args, **options), torch.nn.Linear(width, 2))
    check(module, model, rng, device, rng.standard_normal((T, B, D)), lengths=LENGTHS)


@every_layer
def test_carrying_the_state_over_chunks_is_the_whole_run(rng, device, kind, args, options, sizes):
    layer = getattr(rt, kind)(*args, **options, device=device, dtype=torch.float64)
    x = to(device, rng.standard_normal((T, B, D)))
    whole, final = layer(x)
    first, state = layer(x[:2])
    second, state = layer(x[2:], state)
    assert_close(torch.cat([first, second]), whole.detach().cpu())
    for ours, expected in zip(parts(state), parts(final), strict=True):
        assert_close(ours, expected.detach().cpu())


@every_layer
def test_padding_is_zero_in_the_output_and_never_looked_at(rng, device, kind, args, options, sizes):
    layer = getattr(rt, kind)(*args, **options, device=device, dtype=torch.float64)
    x, lengths = to(device, rng.standard_normal((T, B, D))), to(device, LENGTHS)
    y, _ = layer(x, lengths=lengths)
    x[3:, 0] = torch.nan
    x.requires_grad_()
    again, state = layer(x, lengths=lengths)
    assert torch.equal(y, again) and not y[3:, 0].any()
    torch.cat([again.flatten(), *(part.flatten() for part in parts(state))]).sum().backward()
    assert not x.grad[3:, 0].any() and x.grad[:3].all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_the_context_forgets_at_a_fixed_rate(rng, device):
    """∂s_T/∂s_0 = α^T, whatever the input."""
    layer = rt.SCRN(D, H, S, alpha=0.95, device=device, dtype=torch.float64)
    own = {"device": device, "dtype": torch.float64}
    h0, s0 = torch.zeros(1, B, H, **own), torch.zeros(1, B, S, **own, requires_grad=True)
    _, (_, s_n) = layer(to(device, rng.standard_normal((60, B, D))), (h0, s0))
    s_n.sum().backward()
    assert_close(s0.grad, np.full((1, B, S), 0.95**60))


# dtype and device


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@every_layer
def test_a_layer_moves_as_a_whole_and_stays_where_it_is(device, kind, args, options, sizes, dtype):
    layer = getattr(rt, kind)(*args, **options).to(device, dtype)
    x = torch.ones(T, B, D, device=device, dtype=dtype, requires_grad=True)
    y, state = layer(x, lengths=to(device, LENGTHS))
    y.sum().backward()
    for tensor in (y, *parts(state), x.grad, *(p.grad for p in layer.parameters())):
        assert (tensor.dtype, tensor.device.type) == (dtype, device)


@every_layer
def test_a_layer_runs_under_autocast(rng, device, kind, args, options, sizes):
    """The products become cheap; what is summed over time stays in the dtype of x."""
    layer, x = getattr(rt, kind)(*args, **options).to(device), torch.ones(T, B, D, device=device)
    y, _ = layer(x)
    with torch.autocast(device, dtype=torch.bfloat16):
        low, state = layer(x)
        layer(x, state)
    assert all(tensor.dtype == torch.float32 for tensor in (low, *parts(state)))
    assert_close(low, y.detach().cpu(), tolerance=BFLOAT16)
    low.sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in layer.parameters())


@every_layer
def test_a_layer_starts_as_the_reference_does(kind, args, options, sizes):
    """Uniform in ±1/√D for the maps of a MinGRU, and in ±1/√H for an SCRN."""
    D, H = 100, 25
    torch.manual_seed(0)  # the largest of 25 numbers is now and then small
    layer = getattr(rt, kind)(D, H, *args[2:], **options)
    bound = 1 / (D if kind == "MinGRU" else H) ** 0.5
    for p in layer.parameters():
        assert 0.8 * bound < p.abs().max() <= bound


# bad input


@pytest.mark.parametrize(
    "error, message, call",
    [
        (ValueError, r"a has shape \(3,\) and b \(4,\)", lambda: rt.linear_scan(torch.ones(3), torch.ones(4))),
        (ValueError, "at least one step", lambda: rt.linear_scan(torch.ones(0, 2), torch.ones(0, 2))),
        (
            ValueError,
            r"h0 has shape \(3,\), expected \(2,\)",
            lambda: rt.linear_scan(torch.ones(3, 2), torch.ones(3, 2), torch.ones(3)),
        ),
        (TypeError, "different dtypes", lambda: rt.linear_scan(torch.ones(3), torch.ones(3).double())),
        (ValueError, "alpha is 1.0, expected 0 ≤ alpha < 1", lambda: rt.SCRN(3, 4, 2, alpha=1.0)),
    ],
)
def test_bad_input_is_refused_in_one_sentence(error, message, call):
    with pytest.raises(error, match=message):
        call()


ONES = torch.ones(T, B, D)


@pytest.mark.parametrize(
    "error, message, change",
    [
        (ValueError, "input has 4 features, this layer expects 3", {"input": torch.ones(T, B, 4)}),
        (ValueError, "input has 1 dimensions, this layer expects 3, or 2 for one sequence", {"input": torch.ones(D)}),
        (ValueError, "input has no time steps, this layer expects at least one", {"input": torch.ones(0, B, D)}),
        (TypeError, "input is torch.float64, this layer torch.float32", {"input": ONES.double()}),
        (ValueError, "input is on meta, this layer on cpu", {"input": ONES.to("meta")}),
        (ValueError, "lengths", {"lengths": torch.tensor([0, 5])}),
        (ValueError, "lengths", {"lengths": torch.tensor([3, 6])}),
        (ValueError, "lengths", {"lengths": torch.tensor([5])}),
        (TypeError, "lengths", {"lengths": torch.tensor([5.0, 3.0])}),
    ],
)
@every_layer
def test_a_layer_refuses_bad_input_in_one_sentence(kind, args, options, sizes, error, message, change):
    with pytest.raises(error, match=message):
        getattr(rt, kind)(*args, **options)(**({"input": ONES} | change))


@pytest.mark.parametrize(
    "error, message, part",
    [
        (ValueError, r"h_0 has shape \(1, 5, 4\), this input needs \(1, 2, 4\)", lambda s: torch.ones(1, 5, s)),
        (TypeError, "h_0 is torch.float64, the input torch.float32", lambda s: torch.ones(1, B, s).double()),
        (ValueError, "h_0 is on meta, the input on cpu", lambda s: torch.ones(1, B, s, device="meta")),
    ],
)
@every_layer
def test_a_layer_refuses_a_bad_state_in_one_sentence(kind, args, options, sizes, error, message, part):
    state = tuple(part(size) for size in sizes)
    with pytest.raises(error, match=message):
        getattr(rt, kind)(*args, **options)(ONES, state if kind == "SCRN" else state[0])
