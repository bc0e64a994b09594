"""The Triton kernels against the plain loop in float64: on a GPU where there is one, else under Triton's interpreter.

The interpreter runs each operation of a kernel in NumPy. It is slow, so the shapes are tiny. They cover several
programs, a last one that is not full, H that is not a power of two, one step, lengths, and both directions.
"""

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_rnn.torch import fused, loop
from course_rnn.torch.cells import MODES

triton = pytest.importorskip("triton", reason="Triton exists for Linux only")

ROOT = Path(__file__).parents[1]
CUDA = torch.cuda.is_available()
TOLERANCE = {
    ("float32", "ieee"): 1e-5,
    ("float32", "tf32"): 2e-3,
    ("float16", "ieee"): 2e-2,
    ("bfloat16", "ieee"): 2e-2,
}
PRECISIONS = list(TOLERANCE) if CUDA else [("float32", "ieee"), ("float16", "ieee")]  # bfloat16 is wrong interpreted
CELLS = list(MODES)
GATES = {"LSTM": 4, "GRU": 3, "GRU_RESET_BEFORE": 3}


@pytest.fixture(scope="module")
def kernels():
    """The module, on a CPU as a second copy of it whose Triton interprets.

    Triton reads TRITON_INTERPRET when it is imported, so this copy gets a Triton of its own, and every other user of
    Triton in this process keeps the ordinary one.
    """
    import course_rnn.torch.kernels as ordinary

    if CUDA:
        return ordinary

    def its_python_modules():
        return [name for name in sys.modules if re.match(r"triton(\.(?!_C)|$)", name)]

    ordinary_triton = {name: sys.modules.pop(name) for name in its_python_modules()}
    os.environ["TRITON_INTERPRET"] = "1"
    try:
        spec = importlib.util.find_spec("course_rnn.torch.kernels")
        interpreted = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(interpreted)
    finally:
        del os.environ["TRITON_INTERPRET"]
        for name in its_python_modules():
            del sys.modules[name]
        sys.modules.update(ordinary_triton)
    return interpreted


def make(cell, T, B, D, H, directions, bias=True, dtype=torch.float32):
    """Random inputs of a layer: x, state, and weights of the usual size."""
    torch.manual_seed(0)

    def random(*shape, scale=1.0):
        return (torch.randn(*shape) * scale).to("cuda" if CUDA else "cpu", dtype).requires_grad_()

    rows = GATES.get(cell, 1) * H
    shapes = [(rows, D), (rows, H), (rows,), (rows,)]
    weights = [[random(*s, scale=H**-0.5) if bias or len(s) == 2 else None for s in shapes] for _ in range(directions)]
    return random(T, B, D), tuple(random(directions, B, H) for _ in range(1 + (cell == "LSTM"))), weights


def run(layer, cell, x, state, weights, lengths, dtype):
    """Outputs, final states and all gradients, computed in `dtype`."""
    inputs = [t for t in itertools.chain([x], state, *weights) if t is not None]
    inputs = [t.detach().to(dtype).requires_grad_() for t in inputs]
    rest = iter(inputs)
    x, state = next(rest), tuple(next(rest) for _ in state)
    weights = [loop.named([None if w is None else next(rest) for w in of_direction]) for of_direction in weights]
    y, state = layer(MODES[cell], x, state, weights, lengths)
    outputs = [y, *state]
    torch.manual_seed(1)
    grads = [torch.randn(o.shape).to(o.device, dtype) for o in outputs]
    return [*outputs, *torch.autograd.grad(outputs, inputs, grads)]


def assert_as_exact(kernels, cell, shape, lengths=None, dtype="float32", precision="ieee", **arguments):
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


@pytest.fixture(params=PRECISIONS, ids="-".join)
def precision(request, kernels, monkeypatch):
    dtype, products = request.param
    monkeypatch.setattr(kernels, "_precision", lambda _: products)
    return {"dtype": dtype, "precision": products}


@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_of_two_tiles_in_both_directions(kernels, cell, monkeypatch):
    monkeypatch.setattr(kernels, "_precision", lambda _: "ieee")
    assert_as_exact(kernels, cell, (3, 18, 5, 12), directions=2)


@pytest.mark.parametrize("cell", CELLS)
def test_lengths_within_a_tile_and_across_two(kernels, cell, precision):
    assert_as_exact(kernels, cell, (5, 18, 3, 4), [5, 5, 4] + [3] * 12 + [2, 1, 1], directions=2, **precision)


@pytest.mark.parametrize("cell", CELLS)
def test_no_sequence_takes_all_the_steps(kernels, cell):
    assert_as_exact(kernels, cell, (4, 3, 2, 5), [3, 2, 2], directions=2)


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_of_one_row_without_bias(kernels, cell):
    assert_as_exact(kernels, cell, (1, 1, 2, 3), directions=1, bias=False)


@pytest.mark.parametrize("H", [16, 17])
def test_hidden_sizes_around_a_power_of_two(kernels, H):
    assert_as_exact(kernels, "LSTM", (2, 2, 3, H), directions=1)


@pytest.mark.skipif(not CUDA, reason="needs a GPU: too slow for the interpreter")
@pytest.mark.parametrize("cell", CELLS)
def test_a_size_as_in_practice(kernels, cell, precision):
    H = 64 if precision["dtype"] == "float32" else 128
    assert_as_exact(kernels, cell, (100, 70, 40, H), sorted(range(31, 101), reverse=True), directions=2, **precision)


@pytest.mark.skipif(not CUDA, reason="needs a GPU: too slow for the interpreter")
def test_a_batch_with_more_elements_than_32_bits_can_count(kernels):
    """Rows are independent, so the last ones of a huge batch have the same outputs and gradients as on their own."""
    if torch.cuda.get_device_properties(0).total_memory < 60 * 2**30:
        pytest.skip("needs a GPU with 60 GiB")
    T, B, D, H = 600, 8192, 16, 128  # the gates have 4·T·B·H = 2.5e9 elements
    x, state, weights = make("LSTM", T, B, D, H, directions=1, dtype=torch.bfloat16)

    def run_rows(x, state):
        x = x.detach().clone().requires_grad_()
        y, _ = fused.layer(kernels)("LSTM", x, state, weights, None)
        return y[:, -16:], torch.autograd.grad(y.float().sum(), x)[0][:, -16:]

    for a, b in zip(run_rows(x, state), run_rows(x[:, -16:], tuple(s[:, -16:] for s in state)), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_is_neither_read_nor_written(kernels, cell):
    """What the kernels leave where there is no step is 0, in y and in the gradient, whatever the memory held before."""
    x, state, weights = make(cell, 4, 3, 2, 5, directions=2)
    lengths = torch.tensor([4, 2, 1], device=x.device)
    padding = torch.arange(4, device=x.device)[:, None] >= lengths
    x = x.detach().masked_fill(padding[..., None], 0).requires_grad_()
    y, _ = fused.layer(kernels)(MODES[cell], x, state, list(map(loop.named, weights)), lengths)
    (dx,) = torch.autograd.grad(y, x, torch.full_like(y, 7))
    assert (y[padding] == 0).all() and (dx[padding] == 0).all()
    assert (y[~padding] != 0).any(dim=-1).all() and (dx[~padding] != 0).any(dim=-1).all()


def test_a_derivative_of_the_derivative_goes_through_the_loop(kernels):
    x, state, weights = make("GRU", 2, 2, 3, 4, directions=1)

    def penalty(layer):
        y, _ = layer(MODES["GRU"], x, state, list(map(loop.named, weights)), None)
        (dx,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return torch.autograd.grad(dx.square().sum(), [x, *weights[0][:2]])

    for a, b in zip(penalty(fused.layer(kernels)), penalty(loop.layer), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_products_follow_what_cudnn_may_do(kernels, monkeypatch):
    assert kernels._precision(torch.bfloat16) == "ieee"
    for allowed, expected in ((True, "tf32"), (False, "ieee")):
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)
        assert kernels._precision(torch.float32) == expected


def test_what_does_not_fit_is_refused_in_one_sentence(kernels, monkeypatch):
    monkeypatch.setattr(kernels, "on_chip", lambda device: 227 * 1024)
    kernels.check("LSTM", 128, torch.empty(0, dtype=torch.bfloat16))
    kernels.check("RNN_TANH", 256, torch.empty(0, dtype=torch.float16))
    with pytest.raises(ValueError, match="would need 368640 bytes on the chip, there are 232448; take 'library'"):
        kernels.check("LSTM", 128, torch.empty(0))
    with pytest.raises(TypeError, match=r"not in torch\.float64"):
        kernels.check("RNN_TANH", 4, torch.empty(0, dtype=torch.float64))


# The same kernels, compiled: this needs no GPU


@pytest.mark.parametrize("direction", ["FORWARD", "BACKWARD"])
@pytest.mark.parametrize(
    ("cell", "H", "dtype", "precision"),
    [
        ("RNN_TANH", 256, "bf16", "ieee"),
        ("RNN_RELU", 128, "fp32", "ieee"),
        ("LSTM", 128, "bf16", "ieee"),
        ("LSTM", 64, "fp32", "ieee"),
        ("GRU", 128, "fp16", "ieee"),
        ("GRU", 64, "fp32", "tf32"),
        ("GRU_RESET_BEFORE", 64, "fp32", "tf32"),
    ],
)
def test_the_largest_size_compiles_for_hopper_without_spilling(cell, H, dtype, precision, direction, tmp_path):
    """And takes no more shared memory than `shared_memory` promises."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    import course_rnn.torch.kernels as kernels

    kernel = getattr(kernels, direction)[cell]
    constants = {"N": 2, "H": H, "P": H, "ROWS": 16, "PRECISION": precision, "RELU": cell == "RNN_RELU"}
    signature = {name: "*" + dtype for name in kernel.arg_names} | {"T": "i32", "B": "i32", "lengths": "*i64"}
    signature |= dict.fromkeys(constants, "constexpr")
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(kernel.arg_names) if signature[name][0] == "*"}
    source = ASTSource(
        kernel,
        {name: signature[name] for name in kernel.arg_names},
        {(kernel.arg_names.index(name),): value for name, value in constants.items() if name in kernel.arg_names},
        aligned,
    )
    warps = kernels.warps(H, getattr(torch, {"fp32": "float32"}.get(dtype, "float16")), precision)
    compiled = triton.compile(source, GPUTarget("cuda", 90, 32), {"num_warps": warps})
    assert compiled.metadata.shared <= kernels.shared_memory(cell, H, 4 if dtype == "fp32" else 2) <= 227 * 1024

    (tmp_path / "kernel.cubin").write_bytes(compiled.asm["cubin"])
    cuobjdump = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    usage = subprocess.check_output([cuobjdump, "--dump-resource-usage", tmp_path / "kernel.cubin"], text=True)
    assert re.search(r"STACK:0 .* LOCAL:0 ", usage), usage


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

    right = cpu.backward

    def wrong(*arguments):
        for k, where, d, before in right(*arguments):
            yield k, where, d * 1.1, before

    def broken(*arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr(cpu, "backward", wrong)
    verdicts = {(row["implementation"], row["right"]) for row in benchmark.check("cpu", (3, 2, 4))}
    assert verdicts == {("loop", True), ("library", True), ("fused", False)}
    monkeypatch.setattr(cpu, "backward", broken)
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
