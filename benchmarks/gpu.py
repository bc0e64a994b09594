"""Measure course_rnn.torch against torch.nn (cuDNN) on a GPU: needs torch, Triton and NumPy, and ten minutes.

First every implementation is compared with the plain loop in float64, values and all gradients. Then forward and
backward together are timed with CUDA events, after a warm-up, over several random inputs in turn; a number is the
median. A ratio is torch.nn's time over ours: above 1 ours is faster. Beside it stand the time per step, and the
roofline: what the arithmetic and the unavoidable memory traffic would take at the rates that this GPU reaches in a
large product and a large copy. "graph" is the plain loop, recorded once and replayed as a CUDA graph; "fused, packed"
is the fused layer given a PackedSequence, as torch.nn is, where "fused" and "loop" are given a padded batch.
The result goes to course_rnn/data/results/gpu.json.

    python benchmarks/gpu.py
"""

import copy
import json
import platform
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this tree is measured, installed or not

import course_rnn.torch as rt  # noqa: E402

RESULT = ROOT / "course_rnn" / "data" / "results" / "gpu.json"
MINUTES = 8.5  # no case is begun after that
INPUTS, WARM_UP, LEAST, MOST, SECONDS = 4, 3, 5, 200, 0.15
TOLERANCE = {"float32": 1e-5, "tf32": 2e-3, "float16": 2e-2, "bfloat16": 2e-2}
LAYERS = {
    "RNN": (torch.nn.RNN, rt.RNN, {}),
    "LSTM": (torch.nn.LSTM, rt.LSTM, {}),
    "GRU": (torch.nn.GRU, rt.GRU, {}),
    "GRU, reset before": (None, rt.GRU, {"reset_after": False}),
}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3, "GRU, reset before": 3}


def case(regime, cell, dtype, T, B, H, layers=1, directions=1, ragged=False):
    """One thing to measure. The input has H features, as the state."""
    return dict(locals())


def cases():
    """What is measured, the most important first, since the time is limited."""
    gated, every = ("LSTM", "GRU"), ("LSTM", "GRU", "RNN")
    for cell in every:
        yield from (case("batch", cell, "bfloat16", 128, B, 128) for B in (16, 64, 256, 1024, 2048, 1))
    for cell in every:
        yield from (case("dtype", cell, dtype, 128, 64, 64) for dtype in TOLERANCE)
    yield from (case("lengths", cell, "bfloat16", 256, B, 128, ragged=True) for cell in every for B in (64, 512))
    yield from (case("both directions", cell, "bfloat16", 128, 64, 128, directions=2) for cell in every)
    yield from (case("reset before", "GRU, reset before", dtype, 128, 64, 64) for dtype in ("bfloat16", "tf32"))
    yield from (case("hidden size", cell, "bfloat16", 128, 64, H) for cell in every for H in (32, 64, 100, 256, 512))
    yield from (case("steps", cell, "bfloat16", T, 64, 128) for cell in every for T in (16, 512, 1024))
    yield from (case("stacked", cell, "bfloat16", 128, 64, 128, layers=4) for cell in every)
    yield from (case("batch, float32", cell, "tf32", 128, B, 64) for cell in gated for B in (16, 256, 1024, 2048))
    yield from (case("wide", cell, dtype, 128, 64, 256) for cell in every for dtype in ("tf32", "float16"))


def build(implementation, cell, dtype, H, layers, directions, device):
    """Return a layer of ours, or torch.nn's own for "torch"."""
    theirs, ours, more = LAYERS[cell]
    more = {} if implementation == "torch" else more | {"implementation": implementation}
    torch.manual_seed(0)
    make = theirs if implementation == "torch" else ours
    return make(H, H, layers, bidirectional=directions == 2, device=device, dtype=as_torch(dtype), **more)


def as_torch(dtype):
    return torch.float32 if dtype == "tf32" else getattr(torch, dtype)


def set_precision(dtype):
    """Let products in float32 use TF32, in cuDNN, in our kernels and around them, or forbid it to all."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"


def tensors(output):
    """All tensors of an output (y, h_n) or (y, (h_n, c_n))."""
    y, state = output
    return [y.data if isinstance(y, PackedSequence) else y, *(state if isinstance(state, tuple) else (state,))]


# Is it right?


def check(device, shape):
    """Compare every cell, dtype and implementation with the loop in float64; yield a row for each."""
    for cell, (theirs, *_) in LAYERS.items():
        for dtype, tolerance in TOLERANCE.items():
            for implementation in ("loop", "fused", "library")[: 3 if theirs else 2]:
                error = largest_error(implementation, cell, dtype, shape, device)
                row = {"cell": cell, "dtype": dtype, "implementation": implementation, "error": error}
                yield row | {"right": error <= tolerance or implementation != "fused"}  # the others are for comparison


def largest_error(implementation, cell, dtype, shape, device):
    """Return the largest relative error among outputs, states and gradients: two directions, lengths of 1 to T."""
    T, B, H = shape
    set_precision(dtype)
    layer = build(implementation, cell, dtype, H, 1, 2, device)
    exact = copy.deepcopy(layer).double()
    exact.implementation = "loop"
    lengths, results = torch.randint(1, T + 1, (B,), device=device), []
    x = torch.randn(T, B, H, device=device).to(as_torch(dtype))
    for each in (layer, exact):
        x_ = x.to(each.weight_ih_l0.dtype).requires_grad_()
        outputs = tensors(each(x_, lengths=lengths))
        torch.manual_seed(1)
        grads = [torch.randn(o.shape, device=device).to(as_torch(dtype)).to(o.dtype) for o in outputs]
        results.append([*outputs, *torch.autograd.grad(outputs, [x_, *each.parameters()], grads)])
    return max(((a.double() - b).norm() / b.norm()).item() for a, b in zip(*results, strict=True))


# Is it fast?


def measure(c, device, rates):
    """Return the row of one case: milliseconds of each implementation, ratios, time per step, roofline."""
    set_precision(c["dtype"])
    T, B, H = c["T"], c["B"], c["H"]
    torch.manual_seed(0)
    lengths = torch.randint(1, T + 1, (B,)) if c["ragged"] else torch.full((B,), T)
    xs = [torch.randn(T, B, H, device=device).to(as_torch(c["dtype"])).requires_grad_() for _ in range(INPUTS)]
    padded, packed = [(x,) for x in xs], None
    if c["ragged"]:
        packed = [pack_padded_sequence(x.detach(), lengths, enforce_sorted=False) for x in xs]
        packed = [(p._replace(data=p.data.requires_grad_()),) for p in packed]
        padded = [(x, None, lengths.to(device)) for x in xs]
    plans = {"torch": packed or padded, "library": packed or padded, "auto": packed or padded}
    plans |= {"loop": padded, "fused": padded}
    if c["ragged"]:
        plans["fused, packed"] = packed
    elif device != "cpu" and T <= 128:
        plans["graph"] = padded
    if LAYERS[c["cell"]][0] is None:
        del plans["torch"], plans["library"]
    row = c | {"ms": {}, "refused": {}, "failed": {}}
    for name, inputs in plans.items():
        try:
            row["ms"][name] = time_of(name, inputs, c, device)
        except (ValueError, TypeError) as sentence:  # ours, such as: the weights do not fit on the chip
            row["refused"][name] = str(sentence)
        except Exception as error:  # one broken case must not cost the others; it makes the exit status 1
            row["failed"][name] = f"{type(error).__name__}: {error}".splitlines()[0]
    row["base"] = "torch" if "torch" in plans else "loop"
    base = row["ms"].get(row["base"], float("nan"))
    row["ratios"] = {name: round(base / ms, 2) for name, ms in row["ms"].items() if name != row["base"]}
    row["us_per_step"] = {name: round(1e3 * ms / (T * c["layers"]), 2) for name, ms in row["ms"].items()}
    row["roofline_ms"] = roofline(c, int(lengths.sum()), rates[c["dtype"]], rates["copy"])
    return row


def time_of(name, inputs, c, device):
    """Return the median milliseconds of forward and backward over the inputs in turn."""
    implementation = {"graph": "loop", "fused, packed": "fused"}.get(name, name)
    layer = build(implementation, c["cell"], c["dtype"], c["H"], c["layers"], c["directions"], device)
    parameters = list(layer.parameters())
    if name == "graph":
        layer = torch.cuda.make_graphed_callables(layer, inputs[0])
    dy = torch.randn_like(tensors(layer(*inputs[0]))[0])

    def step(x, *more):
        y = tensors(layer(x, *more))[0]
        torch.autograd.grad(y, [x.data if isinstance(x, PackedSequence) else x, *parameters], dy)

    for i in range(WARM_UP):
        step(*inputs[i % INPUTS])
    times, begin = [], time.perf_counter()
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() - begin < SECONDS):
        x = inputs[len(times) % INPUTS]
        times.append(once(lambda x=x: step(*x), device))
    return median(times)


def once(run, device):
    """Return the milliseconds of one run, by the clock of the device."""
    if device == "cpu":
        begin = time.perf_counter()
        run()
        return 1e3 * (time.perf_counter() - begin)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def roofline(c, steps, flops_per_ms, bytes_per_ms):
    """Return the least milliseconds for `steps` steps, summed over the batch.

    A step of a layer multiplies with W_ih and W_hh forward, twice as much backward, and reads or writes x, y, their
    gradients, and the gates twice, once each.
    """
    flops = traffic = 0
    for layer in range(c["layers"]):
        D, gates = c["H"] * (c["directions"] if layer else 1), GATES[c["cell"]] * c["H"] * c["directions"]
        flops += 3 * 2 * steps * gates * (D + c["H"])
        traffic += as_torch(c["dtype"]).itemsize * steps * 2 * (D + c["H"] * c["directions"] + gates)
    return round(max(flops / flops_per_ms, traffic / bytes_per_ms), 4)


def machine_rates(device, size):
    """Return floating-point operations a millisecond for each dtype, and bytes a millisecond for copies."""
    rates = {}
    for dtype in TOLERANCE:
        set_precision(dtype)
        a = torch.randn(size, size, device=device).to(as_torch(dtype))
        rates[dtype] = 2 * size**3 / min(once(lambda a=a: a @ a, device) for _ in range(5))
    source = torch.empty(16 * size * size, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    rates["copy"] = 2 * source.numel() / min(once(lambda: target.copy_(source), device) for _ in range(5))
    return rates


# All of it


def bench(device, todo, check_shape, size, seconds):
    """Check, measure for at most so many seconds, print both tables, and return the result."""
    end = time.perf_counter() + seconds
    print("largest relative error of a value or a gradient against the loop in float64")
    checked = []
    for row in check(device, check_shape):
        checked.append(row)
        verdict = "" if row["right"] else "  WRONG"
        print(f"{row['cell']:<18} {row['dtype']:<9} {row['implementation']:<8} {row['error']:.1e}{verdict}", flush=True)
    rates, rows, left_out = machine_rates(device, size), [], []
    print(
        "time of torch.nn / time of ours (above 1: ours is faster); where torch has no such cell, of the loop / of ours"
    )
    for c in todo:
        if time.perf_counter() > end:
            left_out.append(c)
            continue
        row = measure(c, device, rates)
        rows.append(row)
        what, base = ", ".join(map(str, c.values())), row["base"]
        ratios = "  ".join(f"{name} {ratio:5.2f}" for name, ratio in row["ratios"].items())
        times = f"{base} {row['ms'].get(base, 0):8.3f} ms, roofline {row['roofline_ms']:7.3f}"
        print(f"{what:<58} {times}  {ratios}", flush=True)
        for name, reason in (row["refused"] | row["failed"]).items():
            print(f"    {name}: {reason}", flush=True)
    return {"checks": checked, "rates": rates, "rows": rows, "left_out": left_out}


def hardware(device):
    """Describe the GPU and the versions of what ran on it."""
    gpu = torch.cuda.get_device_properties(device)
    return {
        "gpu": gpu.name,
        "multiprocessors": gpu.multi_processor_count,
        "memory_gib": round(gpu.total_memory / 2**30),
        "capability": list(torch.cuda.get_device_capability(device)),
    }


def main():
    """Run on the GPU, write the result, and fail if anything was wrong or broken."""
    if not torch.cuda.is_available():
        sys.exit("benchmarks/gpu.py measures on a GPU, and torch sees none here.")
    import numpy
    import triton

    result = bench("cuda", list(cases()), (33, 50, 100), 8192, 60 * MINUTES)
    versions = {"python": platform.python_version(), "torch": torch.__version__, "triton": triton.__version__}
    versions |= {"numpy": numpy.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    result = {"hardware": hardware("cuda"), "versions": versions} | result
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {RESULT}; {len(result['left_out'])} cases were left out for want of time")
    wrong = [row for row in result["checks"] if not row["right"]] + [row for row in result["rows"] if row["failed"]]
    sys.exit(f"{len(wrong)} checks or cases went wrong" if wrong else 0)


if __name__ == "__main__":
    main()
