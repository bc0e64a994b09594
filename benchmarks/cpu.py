"""Measure the NumPy layers against torch.nn on the CPU: one forward and one backward in float32.

Each library runs in a process of its own, once with one thread and once with two, because two BLAS pools in one
process disturb each other. The processes take turns, so that a slow minute of the machine hits all. A ratio is torch's
time over ours: above 1 we are faster. A third process runs nothing but our matrix products: what is left of our time
when everything else costs nothing. The result goes to course_rnn/data/results/cpu.json.

    python benchmarks/cpu.py
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from course_rnn import machine

RESULT = Path(__file__).parents[1] / "course_rnn" / "data" / "results" / "cpu.json"
SHAPES = [(50, 32, 64, 128), (100, 32, 128, 256), (200, 64, 256, 512), (200, 1, 64, 128)]  # (T, B, D, H)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
THREADS = [1, 2]
TURNS, SECONDS_PER_TURN = 10, 0.3
PAUSE = 0.1  # seconds between turns: the threads of the process that has just run stop spinning
NOTES = (
    "One thread: the CPU time of the process, the steadier clock. Two threads: the wall time, on a machine of two "
    "cores that runs other work as well, so read those rows as a range."
)


def numpy_run(cell, T, B, D, H):
    """Return a function that runs one of our layers forward and backward once."""
    import numpy as np

    import course_rnn.numpy.layers as rnp

    rng = np.random.default_rng(0)
    layer = getattr(rnp, cell)(D, H, rng=rng, dtype=np.float32)
    x, dy = (rng.standard_normal((T, B, features), dtype=np.float32) for features in (D, H))

    def run():
        layer.forward(x)
        layer.backward(dy)

    return run


def products_run(cell, T, B, D, H):
    """Return a function that runs the matrix products of one of our layers, and nothing else."""
    import numpy as np

    G, N, rng = GATES[cell] * H, T * B, np.random.default_rng(0)
    x, h, da = (rng.standard_normal((N, features), dtype=np.float32) for features in (D, H, G))
    W, U = (rng.standard_normal((G, features), dtype=np.float32) for features in (D, H))
    a, dh, U_forward = np.empty_like(da), np.empty_like(h), np.asfortranarray(U)  # as course_rnn.numpy.loop has it

    def run():
        np.matmul(x, W.T, out=a)
        for t in range(0, N, B):
            np.matmul(h[t : t + B], U_forward.T, out=a[t : t + B])
        for t in range(0, N, B):
            np.matmul(da[t : t + B], U, out=dh[t : t + B])
        return da.T @ x, da.T @ h, da @ W

    return run


def torch_run(cell, T, B, D, H):
    """Return a function that runs one of torch's layers forward and backward once."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    layer = getattr(torch.nn, cell)(D, H)
    x, dy = torch.randn(T, B, D, requires_grad=True), torch.randn(T, B, H)

    def run():
        layer.zero_grad()
        x.grad = None
        y, _ = layer(x)
        y.backward(dy)

    return run


RUNS = {"numpy": numpy_run, "torch": torch_run, "products": products_run}


def work(name):
    """Answer each line of standard input, a cell and a shape, with the times of some runs (a worker process)."""
    runs = {}
    for line in sys.stdin:
        case = tuple(json.loads(line))
        if case not in runs:
            runs = {case: RUNS[name](*case)}
            runs[case]()
        run, times = runs[case], {"wall": [], "cpu": []}
        end = time.perf_counter() + SECONDS_PER_TURN
        while not times["wall"] or time.perf_counter() < end:
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            times["wall"].append(time.perf_counter() - wall)
            times["cpu"].append(time.process_time() - cpu)
        print(json.dumps(times), flush=True)


def start(name, threads):
    """Start a worker whose libraries all use the same number of threads."""
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return subprocess.Popen(
        [sys.executable, __file__, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | dict.fromkeys(variables, str(threads)),
    )


def compare(workers, case):
    """Let the workers take turns on one case; return milliseconds and ratios for each clock and statistic."""
    samples = {name: {"wall": [], "cpu": []} for name in workers}
    for _ in range(TURNS):
        for name, worker in workers.items():
            time.sleep(PAUSE)
            print(json.dumps(case), file=worker.stdin, flush=True)
            for clock, times in json.loads(worker.stdout.readline()).items():
                samples[name][clock] += times
    row = {}
    for clock in ("wall", "cpu"):
        for statistic in (min, median):
            ms = {name: 1e3 * statistic(samples[name][clock]) for name in workers}
            row[f"{clock}_{statistic.__name__}"] = {
                "ratio": round(ms["torch"] / ms["numpy"], 2),
                "ratio_of_products": round(ms["torch"] / ms["products"], 2),
                **{f"{name}_ms": round(value, 3) for name, value in ms.items()},
            }
    return row


def main():
    """Run all comparisons, print a table of ratios and write the result."""
    rows = []
    print("torch.nn's time / ours, forward + backward, float32; in brackets: / our matrix products alone")
    print(f"threads  {'T, B, D, H':<17} {'cell':<5}" + "".join(f"{name:>15}" for name in ("minimum", "median")))
    for threads in THREADS:
        clock = "cpu" if threads == 1 else "wall"  # at one thread the steadier clock
        workers = {name: start(name, threads) for name in RUNS}
        for shape in SHAPES:
            for cell in GATES:
                row = compare(workers, (cell, *shape))
                rows.append({"threads": threads, "cell": cell, **dict(zip("TBDH", shape, strict=True)), **row})
                columns = [row[f"{clock}_{statistic}"] for statistic in ("min", "median")]
                ratios = "".join(f"{c['ratio']:>8.2f} ({c['ratio_of_products']:.2f})" for c in columns)
                print(f"{threads:>7}  {', '.join(map(str, shape)):<17} {cell:<5}{ratios}", flush=True)
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()
    result = {
        "hardware": machine.hardware(),
        "versions": machine.versions("numpy", "torch"),
        "LSTM_ms_by_kernel": machine.kernels(),
        "notes": NOTES,
        "rows": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {RESULT}")


if __name__ == "__main__":
    work(sys.argv[1]) if len(sys.argv) > 1 else main()
