"""Measure course_rnn.torch against torch.nn on the CPU: what course_rnn/torch/plan.py chooses from.

All implementations are torch and share its threads, so they run in one process. They take turns, so that a slow minute
of the machine hits them all; the first call of a turn is not counted, as it finds the memory as the one before left it.
The clock is the CPU time of the process with one thread, the steadiest there is. A number is the smallest of its runs;
a ratio is torch.nn's over ours, above 1 ours is faster.
The result goes to course_rnn/data/results/torch_cpu.json. With "short" only calls of few steps are measured, where
decoding and reinforcement learning live and where torch.nn's code runs in any case: this is about the way to it. These
go to benchmarks/results/torch_cpu_short.json, with the load of the machine, as microseconds feel it.

    python benchmarks/torch_cpu.py
    python benchmarks/torch_cpu.py short
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch
from torch.nn.utils.rnn import pack_padded_sequence

import course_rnn.torch as rt
from course_rnn import machine

RESULT = Path(__file__).parents[1] / "course_rnn" / "data" / "results" / "torch_cpu.json"
SHAPES = [(50, 32, 64, 128), (100, 32, 128, 256), (200, 64, 256, 512), (200, 1, 64, 128)]  # (T, B, D, H)
MORE = [(8, 32, 32, 64), (16, 32, 32, 64), (16, 64, 64, 128), (30, 256, 16, 64), (500, 16, 32, 64), (100, 4, 8, 16)]
RAGGED = [(32, 64, 8, 32), (64, 32, 32, 64), (64, 64, 16, 16), (100, 32, 128, 256), (200, 16, 16, 64), (100, 4, 8, 16)]
IMPLEMENTATIONS = ["library", "loop", "fused", "auto"]
CELLS = {
    "RNN": (torch.nn.RNN, rt.RNN, {}),
    "GRU": (torch.nn.GRU, rt.GRU, {}),
    "LSTM": (torch.nn.LSTM, rt.LSTM, {}),
    "GRU, reset before": (None, rt.GRU, {"reset_after": False}),
}
TURNS, SECONDS_PER_TURN = 4, 0.08
SHORT = [(1, 1, 16, 32), (1, 8, 64, 64), (1, 32, 64, 128), (10, 8, 16, 32), (31, 4, 16, 32)]
SHORT_RESULT = RESULT.with_name("torch_cpu_short.json")
SHORT_TURNS = 40


def cases():
    """Everything that is measured: cell, task, dtype, shape, and further arguments of the layer."""
    for cell in ("RNN", "GRU", "LSTM"):
        yield from ((cell, "train", "float32", shape, {}) for shape in SHAPES + MORE)
        yield from ((cell, "train", "float64", shape, {}) for shape in [*SHAPES[:2], *MORE])
        yield from ((cell, "train, packed", "float32", shape, {}) for shape in RAGGED)
        yield from ((cell, "train, packed", "float64", shape, {}) for shape in RAGGED[1:4])
        yield from ((cell, "infer", "float32", shape, {}) for shape in (SHAPES[0], SHAPES[3], MORE[1]))
        yield cell, "train", "float32", SHAPES[0], {"num_layers": 2, "bidirectional": True}
    yield from (("GRU, reset before", "train", "float32", shape, {}) for shape in SHAPES[:2])


def short_cases():
    """The short calls: cell, task and shape."""
    return [(cell, task, shape) for cell in ("RNN", "GRU", "LSTM") for task in ("infer", "train") for shape in SHORT]


def make(layer, task, x):
    """Return a function that runs the layer once, forward, and backward if it trains."""

    def infer():
        with torch.no_grad():
            layer(x)

    def train():
        layer.zero_grad()
        y, _ = layer(x)
        y = y.data if task.endswith("packed") else y
        y.backward(torch.ones_like(y))

    return infer if task == "infer" else train


def measure(cell, task, dtype, shape, arguments):
    """Return milliseconds of torch.nn (of the loop, where torch has no such cell) and the ratio of each of ours."""
    torch.manual_seed(0)
    T, B, D, H = shape
    theirs, ours, more = CELLS[cell]
    dtype = getattr(torch, dtype)
    x = torch.randn(T, B, D, dtype=dtype)
    if task.endswith("packed"):
        x = pack_padded_sequence(x, torch.randint(1, T + 1, (B,)), enforce_sorted=False)
    layers = {name: ours(D, H, implementation=name, dtype=dtype, **more, **arguments) for name in IMPLEMENTATIONS}
    with torch.set_grad_enabled(task != "infer"):
        chosen = layers["auto"].plan(x).split(":")[0]
    if theirs is None:
        del layers["library"]
    else:
        layers = {"torch": theirs(D, H, dtype=dtype, **arguments)} | layers
    runs = {name: make(layer, task, x) for name, layer in layers.items()}
    times = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            run()
            end = time.perf_counter() + SECONDS_PER_TURN
            while True:
                begin = time.process_time()
                run()
                times[name].append(time.process_time() - begin)
                if time.perf_counter() > end:
                    break
    best = {name: 1e3 * min(values) for name, values in times.items()}
    base = next(iter(best))
    ratios = {name: round(best[base] / ms, 2) for name, ms in best.items() if name != base}
    return {"chosen": chosen, "base": base, "base_ms": round(best[base], 3), "ratios": ratios}


def measure_short(cell, task, shape):
    """Return microseconds of torch.nn, and the ratio of ours: of the smallest times and of the medians."""
    torch.manual_seed(0)
    T, B, D, H = shape
    x, times = torch.randn(T, B, D), {}
    runs = {name: make(getattr(module, cell)(D, H), task, x) for name, module in (("torch", torch.nn), ("auto", rt))}
    count = max(10, 200 // T)
    for _ in range(SHORT_TURNS):
        for name, run in runs.items():
            run()
            begin = time.process_time()
            for _ in range(count):
                run()
            times.setdefault(name, []).append(1e6 * (time.process_time() - begin) / count)
    ratios = {f.__name__: round(f(times["torch"]) / f(times["auto"]), 3) for f in (min, statistics.median)}
    return {"base_us": round(min(times["torch"]), 1), "ratios": ratios}


def main():
    """Run all cases, print a table of ratios and write the result."""
    torch.set_num_threads(1)
    if sys.argv[1:] == ["short"]:
        write(SHORT_RESULT, list(short_rows()), load=[round(load, 1) for load in os.getloadavg()])
    else:
        write(RESULT, list(rows()))


def short_rows():
    """Measure the short calls one by one."""
    for cell, task, shape in short_cases():
        row = {"cell": cell, "task": task, "shape": shape} | measure_short(cell, task, shape)
        print(row, flush=True)
        yield row


def rows():
    """Measure the cases one by one."""
    print("time of torch.nn / time of ours (above 1: ours is faster)")
    for cell, task, dtype, shape, arguments in cases():
        case = {"cell": cell, "task": task, "dtype": dtype, "shape": shape, "arguments": arguments}
        row = case | measure(**case)
        ratios = "  ".join(f"{name} {ratio:5.2f}" for name, ratio in row["ratios"].items())
        name = ", ".join(str(part) for part in (cell, task, dtype, shape, arguments) if part)
        print(f"{name:<58} {row['base']} {row['base_ms']:8.2f} ms  {ratios}  auto is {row['chosen']}", flush=True)
        yield row


def write(path, rows, **more):
    """Write the rows with the hardware and the versions."""
    hardware, versions = machine.hardware() | machine.blas_of_torch() | more, machine.versions("torch")
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    head = json.dumps({"hardware": hardware, "versions": versions}, indent=1).removesuffix("\n}")
    path.write_text(f'{head},\n "rows": [\n{lines}\n ]\n}}\n')
    print(f"written to {path}")


if __name__ == "__main__":
    main()
