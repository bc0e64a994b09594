"""The Triton kernels against the plain loop in float64: on a GPU where there is one, else under Triton's interpreter.

The interpreter runs each operation of a kernel in NumPy. It is slow, so the shapes are tiny. They cover several
programs, a last one that is not full, H that is not a power of two, one step, lengths, and both directions. What the
compiler makes of the kernels is counted without a GPU: see `kernels.json`.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import course_rnn.torch as rt
from course_rnn.torch import cells, fused, loop, plan

triton = pytest.importorskip("triton", reason="Triton exists for Linux only")

ROOT = Path(__file__).parents[1]
CUDA = torch.cuda.is_available()
TOLERANCE = {
    ("float32", "tf32x3"): 1e-5,
    ("float32", "tf32"): 2e-3,
    ("float16", "16 bit"): 2e-2,
    ("bfloat16", "16 bit"): 2e-2,
}
PRECISIONS = list(TOLERANCE) if CUDA else [("float32", "tf32x3"), ("float16", "16 bit")]  # bfloat16: wrong interpreted


class SLSTM(rt.Cell):
    """The sLSTM of xLSTM: exponential gates, a normaliser n, and a stabiliser m, which is no more than a maximum."""

    gates, states = ("i", "f", "z", "o"), ("h", "c", "n", "m")

    def pointwise(self, a, u, h, c, n, m):
        i, f, z, o = (a + u).chunk(4, dim=-1)
        log_f = -torch.nn.functional.softplus(-f)
        m_next = torch.maximum(log_f + m, i)
        write, keep = torch.exp(i - m_next), torch.exp(log_f + m - m_next)
        c = keep * c + write * torch.tanh(z)
        n = keep * n + write
        return torch.sigmoid(o) * c / torch.maximum(n, torch.exp(-m_next)), c, n, m_next


CELLS = {
    "RNN tanh": cells.RNN(),
    "RNN relu": cells.RNN("relu"),
    "LSTM": cells.LSTM(),
    "GRU": cells.GRU(),
    "GRU reset before": cells.GRUResetBefore(),
    "UGRNN": cells.UGRNN(),
    "coupled": cells.CoupledLSTM(),
    "peephole": cells.PeepholeLSTM(),
    "sLSTM": SLSTM(),
}


@pytest.fixture(scope="module")
def kernels():
    """The package; on tensors of a CPU its kernels are interpreted."""
    import course_rnn.torch.kernels as package

    return package


def make(cell, T, B, D, H, directions, bias=True, dtype=torch.float32):
    """Random inputs of a layer: x, state, and weights of the usual size."""
    torch.manual_seed(0)

    def random(*shape, scale=1.0):
        return (torch.randn(*shape) * scale).to("cuda" if CUDA else "cpu", dtype)

    state = [random(directions, B, H).abs() for _ in cell.states]
    shapes = cell.shapes(D, H, bias)
    weights = [{name: random(*s, scale=H**-0.5) for name, s in shapes.items()} for _ in range(directions)]
    return random(T, B, D), state, weights


def run(layer, cell, x, state, weights, lengths, dtype):
    """Outputs, final states and all gradients, computed in `dtype`."""
    x, *state = (t.detach().to(dtype).requires_grad_() for t in (x, *state))
    weights = [{n: w.detach().to(dtype).requires_grad_() for n, w in own.items()} for own in weights]
    y, last = layer(cell, x, tuple(state), weights, lengths)
    outputs, inputs = [y, *last], [x, *state, *itertools.chain(*(own.values() for own in weights))]
    torch.manual_seed(1)
    grads = [torch.randn(o.shape).to(o.device, dtype) for o in outputs]
    return [*outputs, *torch.autograd.grad(outputs, inputs, grads, materialize_grads=True)]


def assert_as_exact(kernels, cell, shape, lengths=None, dtype="float32", precision="tf32x3", **arguments):
    """Every value and gradient is within the tolerance of the loop in float64, relative to the largest."""
    dtype = getattr(torch, dtype)
    x, state, weights = make(cell, *shape, dtype=dtype, **arguments)
    lengths = None if lengths is None else torch.tensor(lengths, device=x.device)
    found = run(fused.layer(kernels), cell, x, state, weights, lengths, dtype)
    expected = run(loop.layer, cell, x, state, weights, lengths, torch.float64)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype and a.shape == b.shape
        tolerance = TOLERANCE[str(dtype).removeprefix("torch."), precision]
        assert ((a.double() - b).norm() / b.norm().clamp(min=1e-30)).item() <= tolerance


def use(kernels, monkeypatch, precision):
    monkeypatch.setattr(kernels, "precision", lambda dtype: precision)


@pytest.fixture(params=PRECISIONS, ids="-".join)
def precision(request, kernels, monkeypatch):
    dtype, products = request.param
    use(kernels, monkeypatch, products)
    return {"dtype": dtype, "precision": products}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_lengths_within_a_tile_and_across_two_in_both_directions(kernels, cell, precision):
    assert_as_exact(kernels, cell, (5, 18, 3, 4), [5, 5, 4] + [3] * 12 + [2, 1, 1], directions=2, **precision)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_one_step_of_one_row_without_bias(kernels, cell):
    assert_as_exact(kernels, cell, (1, 1, 2, 3), directions=1, bias=False)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "GRU reset before"])
def test_a_batch_of_two_tiles_without_lengths(kernels, cell):
    assert_as_exact(kernels, CELLS[cell], (3, 18, 5, 12), directions=2)


@pytest.mark.parametrize("H", [16, 17])
def test_hidden_sizes_around_a_power_of_two(kernels, H):
    assert_as_exact(kernels, cells.LSTM(), (2, 2, 3, H), directions=1)


# A cell that nobody has thought of

UNARY = [torch.tanh, torch.sigmoid, torch.sin, torch.nn.functional.softplus, torch.nn.functional.silu, lambda t: -t]
UNARY += [torch.abs, lambda t: 0.5 * t**2, lambda t: t.clamp(-0.7, 0.8), lambda t: torch.exp(-(t**2)), torch.relu]
BINARY = [
    torch.add,
    torch.sub,
    torch.mul,
    torch.maximum,
    lambda s, t: s / (1 + t**2),
    lambda s, t: torch.lerp(s, t, 0.3),
]
BINARY += [lambda s, t: torch.where(s > t, s, 0.5 * t)]


@st.composite
def random_cells(draw):
    """A cell of a few random operations on its gates and states, so that it may look at a and u by their sum or not."""
    G, S = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    recipe = draw(
        st.lists(st.tuples(st.integers(0, 10), st.integers(0, 6), st.integers(0, 99)), min_size=2, max_size=6)
    )
    wide, by_sum = draw(st.booleans()), draw(st.booleans())

    class Random(rt.Cell):
        gates, states = G, tuple("hcn"[:S])

        def pointwise(self, a, u, *states):
            if by_sum:
                a, u = a + u, torch.zeros_like(a)
            parts = list((torch.tanh(a) if wide else a).chunk(G, dim=-1)) + list(u.split(states[0].shape[-1], dim=-1))
            parts += states
            for one, two, where in recipe:
                s, t = parts[where % len(parts)], parts[where * 7 % len(parts)]
                parts.append(BINARY[two](UNARY[one](s), t))
            return tuple(torch.tanh(part + 0.1 * a[..., : parts[0].shape[-1]]) for part in parts[-S:])

    return Random()


@settings(max_examples=8, deadline=None, derandomize=True)
@given(cell=random_cells())
def test_a_random_pointwise_cell_equals_its_loop(kernels, cell):
    assert_as_exact(kernels, cell, (2, 2, 2, 3), [2, 1], directions=1)


class Wrong(rt.Cell):
    """A cell that is not pointwise, in a way that is handed in."""

    def __init__(self, wrong):
        self.wrong = wrong

    def pointwise(self, a, u, h):
        return (torch.tanh(a + u) * self.wrong(h),)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda h: h.softmax(dim=-1), "_softmax"),
        (lambda h: h - h.mean(dim=-1, keepdim=True), "mean"),
        (lambda h: h @ torch.ones(h.shape[-1], h.shape[-1]), "mm"),
        (lambda h: torch.cumsum(h, dim=-1), "cumsum"),
        (lambda h: h if h.sum() > 0 else -h, r"by an `if`"),
        (lambda h: h * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), "tensor of its own"),
        (lambda h: torch.special.i0(h), "i0"),
    ],
)
def test_what_is_not_pointwise_is_refused_in_one_sentence_that_names_it(kernels, wrong, named):
    with pytest.raises(TypeError, match=named) as refused:
        kernels.written(Wrong(wrong))
    assert str(refused.value).startswith("a Wrong cannot have a fused kernel: ") and "\n" not in str(refused.value)


@pytest.mark.parametrize("cell", [cells.MinGRU(), cells.SCRN(3), cells.Jordan(2), cells.DeepTransition()])
def test_a_cell_with_a_step_of_its_own_is_refused(kernels, cell):
    with pytest.raises(TypeError, match=f"a {cell.name} takes a step of its own"):
        kernels.written(cell)


def test_a_cell_whose_setting_changes_gets_other_kernels(kernels):
    cell = cells.RNN("tanh")
    before = kernels.written(cell).text()
    assert kernels.written(cell).text() is before
    cell.nonlinearity = "relu"
    assert "maximum" in kernels.written(cell).text()


# Around the kernels


def test_recurrent_runs_the_kernels_of_any_cell(kernels, monkeypatch):
    """Two layers, both directions, lengths in any order."""
    monkeypatch.setattr(kernels, "runs_on", lambda device: True)
    device = "cuda" if CUDA else "cpu"
    layer = rt.Recurrent(cells.PeepholeLSTM(), 3, 4, 2, bidirectional=True, implementation="fused", device=device)
    x, lengths = torch.randn(5, 3, 3, device=device, requires_grad=True), torch.tensor([3, 5, 2])
    results = []
    for layer.implementation in ("fused", "loop"):
        y, (h_n, c_n) = layer(x, lengths=lengths)
        loss = y.square().sum() + h_n.sum() + c_n.sum()
        results.append([y, h_n, c_n, *torch.autograd.grad(loss, [x, *layer.parameters()])])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(CUDA, reason="this is about a machine without a GPU")
def test_without_a_gpu_a_cell_of_ones_own_says_so_in_one_sentence():
    layer = rt.Recurrent(cells.UGRNN(), 3, 4, implementation="fused")
    with pytest.raises(ValueError, match=r"runs on an NVIDIA GPU, .* not on cpu; take implementation='loop'"):
        layer(torch.zeros(2, 1, 3))


@pytest.mark.parametrize("cell", ["RNN tanh", "LSTM", "GRU", "GRU reset before"])
def test_padding_is_neither_read_nor_written(kernels, cell):
    """What the kernels leave where there is no step is 0, in y and in the gradient, whatever the memory held before."""
    x, state, weights = make(CELLS[cell], 4, 3, 2, 5, directions=2)
    lengths = torch.tensor([4, 2, 1], device=x.device)
    padding = torch.arange(4, device=x.device)[:, None] >= lengths
    x = x.detach().masked_fill(padding[..., None], 0).requires_grad_()
    y, _ = fused.layer(kernels)(CELLS[cell], x, state, weights, lengths)
    (dx,) = torch.autograd.grad(y, x, torch.full_like(y, 7))
    assert (y[padding] == 0).all() and (dx[padding] == 0).all()
    assert (y[~padding] != 0).any(dim=-1).all() and (dx[~padding] != 0).any(dim=-1).all()


def test_a_derivative_of_the_derivative_goes_through_the_loop(kernels):
    x, state, weights = make(cells.GRU(), 2, 2, 3, 4, directions=1)
    x.requires_grad_()
    of_weights = [w.requires_grad_() for w in weights[0].values()][:2]

    def penalty(layer):
        y, _ = layer(cells.GRU(), x, state, weights, None)
        (dx,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return torch.autograd.grad(dx.square().sum(), [x, *of_weights])

    for a, b in zip(penalty(fused.layer(kernels)), penalty(loop.layer), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_products_follow_what_cudnn_may_do(kernels, monkeypatch):
    assert kernels.precision(torch.bfloat16) == "16 bit"
    for allowed, expected in (("tf32", "tf32"), ("ieee", "tf32x3")):
        monkeypatch.setattr(torch.backends.cudnn.rnn, "fp32_precision", allowed)
        assert kernels.precision(torch.float32) == expected


def test_three_products_of_tf32_are_as_good_as_one_of_float32_and_one_is_not():
    """The kernels cut each number into two that TF32 holds; what the unit does to them is imitated here."""
    torch.manual_seed(0)
    h, W = torch.randn(64, 128), torch.randn(128, 128)

    def unit(a, b):  # reads 10 bits after the point, and adds in float32
        return (a.view(torch.int32) & -8192).view(torch.float32) @ (b.view(torch.int32) & -8192).view(torch.float32)

    high, W_high = ((x.view(torch.int32) & -8192).view(torch.float32) for x in (h, W))
    three = unit(h - high, W_high) + unit(high, W - W_high) + unit(high, W_high)
    exact = h.double() @ W.double()
    error = {
        name: ((x - exact).norm() / exact.norm()).item() for name, x in {"three": three, "one": unit(h, W)}.items()
    }
    assert error["three"] < 2e-6 < 1e-4 < error["one"]


def test_what_does_not_fit_is_refused_in_one_sentence(kernels, monkeypatch):
    monkeypatch.setattr(kernels, "on_chip", lambda device: 227 * 1024)
    for cell, H, dtype in [
        (cells.LSTM(), 128, "float32"),
        (cells.RNN(), 256, "float32"),
        (cells.GRU(), 128, "float16"),
    ]:
        kernels.check(cell, H, torch.empty(0, dtype=getattr(torch, dtype)))
    with pytest.raises(ValueError, match="weights of a LSTM with H = 256 in bfloat16 do not fit on one multiprocessor"):
        kernels.check(cells.LSTM(), 256, torch.empty(0, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match=r"not in torch\.float64"):
        kernels.check(cells.RNN(), 4, torch.empty(0, dtype=torch.float64))


# On a GPU


@pytest.mark.skipif(not CUDA, reason="needs a GPU: too slow for the interpreter")
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_size_as_in_practice(kernels, cell, precision):
    H = 64 if precision["dtype"] == "float32" else 128
    assert_as_exact(kernels, cell, (100, 70, 40, H), sorted(range(31, 101), reverse=True), directions=2, **precision)


@pytest.mark.skipif(not CUDA, reason="needs a GPU: too slow for the interpreter")
def test_a_batch_with_more_elements_than_32_bits_can_count(kernels):
    """Rows are independent, so the last ones of a huge batch have the same outputs and gradients as on their own."""
    if torch.cuda.get_device_properties(0).total_memory < 60 * 2**30:
        pytest.skip("needs a GPU with 60 GiB")
    T, B, D, H = 600, 8192, 16, 128  # the gates have 4·T·B·H = 2.5e9 elements
    x, state, weights = make(cells.LSTM(), T, B, D, H, directions=1, dtype=torch.bfloat16)

    def run_rows(x, state):
        x = x.detach().clone().requires_grad_()
        y, _ = fused.layer(kernels)(cells.LSTM(), x, state, weights, None)
        return y[:, -16:], torch.autograd.grad(y.float().sum(), x)[0][:, -16:]

    for a, b in zip(run_rows(x, state), run_rows(x[:, -16:], [s[:, -16:] for s in state]), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)


# What the compiler made of them: this needs no GPU


@pytest.fixture(scope="module")
def table():
    return json.loads((ROOT / "course_rnn" / "data" / "results" / "kernels.json").read_text())


def test_the_table_covers_whatever_plan_may_choose_and_holds_every_promise(table):
    """Each named cell, size and precision on each GPU is good by every count, or refused with the fault named."""
    from course_rnn.torch.kernels import compiled

    rows = {tuple(row[k] for k in ("cell", "H", "precision", "gpu", "way")): row for row in table["after"]}
    names, sizes, precisions = ("RNN", "LSTM", "GRU", "GRUResetBefore"), (16, 32, 64, 128), ("16 bit", "tf32", "tf32x3")
    gpus = ("sm_80", "sm_90", "sm_100")
    wanted = itertools.product(names, sizes, precisions, gpus, ("forward", "backward"))
    assert set(wanted) <= set(rows)
    for row in rows.values():
        found = compiled.Facts(**row["facts"], instructions=0)
        assert row["faults"] == compiled.shortcomings(found, int(row["gpu"][3:]))
    faulty = {key[:4] for key, row in rows.items() if row["faults"]}
    assert faulty <= {tuple(refused) for refused in table["refused"]}
    assert len(faulty) < len(rows) / 20


TELLING = [
    ("LSTM", 128, "tf32x3", 90, "forward"),
    ("LSTM", 128, "tf32", 80, "backward"),
    ("GRUResetBefore", 128, "16 bit", 100, "backward"),
    ("GRU", 64, "tf32x3", 90, "backward"),
]


@pytest.mark.parametrize(("cell", "H", "precision", "capability", "way"), TELLING)
def test_the_compiler_still_makes_what_the_table_says(table, cell, H, precision, capability, way):
    from course_rnn.torch import kernels
    from course_rnn.torch.kernels import compiled

    written, dtype = kernels.written(getattr(cells, cell)()), torch.bfloat16 if precision == "16 bit" else torch.float32
    found = compiled.facts(written, way, H, dtype, precision, capability)
    assert compiled.shortcomings(found, capability) == []
    (row,) = (
        row["facts"]
        for row in table["after"]
        if (row["cell"], row["H"], row["precision"], row["gpu"], row["way"])
        == (cell, H, precision, f"sm_{capability}", way)
    )
    assert {name: found._asdict()[name] for name in row} == row and len(row) == 7
    chosen = kernels.size(written, way, H, dtype.itemsize, compiled.SHARED[capability])
    assert found.shared == kernels.shared_memory(written, way, H, dtype.itemsize, chosen)


def test_a_spilling_kernel_is_seen_and_named():
    """The LSTM with all its weights in registers has not enough of them: the count must say so."""
    from course_rnn.torch import kernels
    from course_rnn.torch.kernels import compiled

    found = compiled.facts(kernels.written(cells.PeepholeLSTM()), "backward", 128, torch.float32, "tf32", 80)
    assert found.spilled > 0 and compiled.shortcomings(found, 80) == [
        f"spills {found.spilled} bytes of a thread's numbers"
    ]


# The plan on a GPU, with a GPU that need not be there


def on_a_gpu(monkeypatch, faults=(), measured=None):
    """A layer's choice, as if its input were on an H100."""
    from torch._subclasses import FakeTensorMode

    from course_rnn.torch import kernels

    monkeypatch.setattr(kernels, "promise", lambda *_: ("compiled it is good", list(faults)))
    monkeypatch.setattr(plan, "_gpu_results", lambda: measured)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "H100")
    with FakeTensorMode():
        return torch.empty(100, 8, 3, device="cuda")


def gpu_results(ratio):
    row = {"cell": "LSTM", "H": 4, "B": 16, "ragged": False, "dtype": "tf32", "layers": 1, "directions": 1}
    return {"hardware": {"gpu": "H100"}, "rows": [row | {"ratios": {"fused": ratio}}]}


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (None, "library: the fused kernel was not measured against torch.nn here (compiled it is good; "),
        (1.5, "fused: measured on H100 the fused kernels take 1/1.5 of torch.nn's time"),
        (0.9, "library: measured on H100 the fused kernels take 1/0.9 of torch.nn's time"),
    ],
)
def test_against_torch_nn_the_plan_wants_a_measurement_and_says_so(monkeypatch, ratio, said):
    x = on_a_gpu(monkeypatch, measured=None if ratio is None else gpu_results(ratio))
    monkeypatch.setattr(torch.backends.cudnn.rnn, "fp32_precision", "tf32")
    assert rt.LSTM(3, 4).plan(x).startswith(said)


@pytest.mark.parametrize("layer", [rt.Recurrent(cells.UGRNN(), 3, 4), rt.GRU(3, 4, reset_after=False)])
def test_against_the_loop_the_plan_takes_what_the_compiler_counted(monkeypatch, layer):
    x = on_a_gpu(monkeypatch)
    assert "compiled it is good, where the loop starts several kernels a step" in layer.plan(x)
    assert "fused" in layer.plan(x)[:6]
    x = on_a_gpu(monkeypatch, faults=["spills 40 bytes of a thread's numbers"])
    assert layer.plan(x).startswith("loop: ") and "the fused kernel for this GPU spills 40 bytes" in layer.plan(x)


# The benchmark


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import gpu

    for name, value in {"WARM_UP": 1, "LEAST": 1, "SECONDS": 0}.items():
        monkeypatch.setattr(gpu, name, value)
    yield gpu
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = True, False  # as torch starts


def test_the_benchmark_measures_checks_and_reports_on_any_device(benchmark, monkeypatch, capsys):
    todo = [
        benchmark.case("one", "LSTM", "float32", 3, 2, 4, layers=2, directions=2),
        benchmark.case("two", "GRU", "bfloat16", 3, 2, 4, ragged=True),
        benchmark.case("three", "GRU, reset before", "tf32", 3, 2, 4),
    ]
    result = benchmark.bench("cpu", todo, (3, 2, 4), 16, 600)
    one, two, three = result["rows"]
    assert set(one["ratios"]) == {"library", "auto", "loop", "fused"}
    assert set(two["ratios"]) == {"library", "auto", "loop", "fused", "fused, packed"}
    assert set(three["ratios"]) == {"auto", "fused"} and three["base"] == "loop"
    assert not any(row["failed"] or row["refused"] for row in result["rows"])
    assert len(result["checks"]) == 44 and all(row["right"] for row in result["checks"])
    assert not result["left_out"] and "roofline" in capsys.readouterr().out
    assert benchmark.bench("cpu", todo, (3, 2, 4), 16, 0)["left_out"] == todo
    assert len(json.dumps(result)) > 1000


def test_the_benchmark_notices_a_wrong_gradient_and_survives_a_broken_case(benchmark, monkeypatch):
    from course_rnn.torch import cpu

    right = cpu._loop_backward

    def wrong(*arguments):
        for k, where, d, before in right(*arguments):
            yield k, where, d * 1.1, before

    def broken(*arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr(cpu, "_loop_backward", wrong)
    verdicts = {(row["implementation"], row["right"]) for row in benchmark.check("cpu", (3, 2, 4))}
    assert verdicts == {("loop", True), ("library", True), ("fused", False)}
    monkeypatch.setattr(cpu, "_loop_backward", broken)
    c = benchmark.case("one", "RNN", "float32", 3, 2, 4)
    row = benchmark.measure(c, "cpu", {"float32": 1.0, "copy": 1.0})
    assert row["failed"] == {"fused": "RuntimeError: broken"} and set(row["ratios"]) == {"library", "auto", "loop"}


def test_the_roofline_counts_products_and_traffic(benchmark):
    c = benchmark.case("one", "GRU", "float16", 5, 2, 4, layers=2, directions=2)
    flops = 3 * 2 * 10 * 24 * (4 + 4) + 3 * 2 * 10 * 24 * (8 + 4)
    traffic = 2 * 10 * 2 * (4 + 8 + 24) + 2 * 10 * 2 * (8 + 8 + 24)
    assert benchmark.roofline(c, 10, 1.0, 1e9) == flops
    assert benchmark.roofline(c, 10, 1e9, 1.0) == traffic


@pytest.mark.skipif(CUDA, reason="this is about a machine without a GPU")
def test_without_a_gpu_the_benchmark_says_so_in_one_sentence():
    done = subprocess.run([sys.executable, ROOT / "benchmarks" / "gpu.py"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "benchmarks/gpu.py measures on a GPU, and torch sees none here.\n"
