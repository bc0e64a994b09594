"""Count what the compiler makes of the fused kernels, for GPUs that need not be here: needs Triton, and ten minutes.

For each cell, size, precision and GPU: registers, bytes of a thread's numbers that found no register, shared memory,
and of one step the barriers, products of matrix fragments, loads of fragments and loads of single numbers. Nothing is
timed. "before" are the kernels as they were until commit 4092621, which plain Triton placed by itself, counted in the
same way; they are kept as they were. The result goes to course_rnn/data/results/kernels.json.

    python benchmarks/kernels.py
"""

import json
import sys
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # this tree is counted, installed or not

from course_rnn.torch import cells, kernels  # noqa: E402
from course_rnn.torch.kernels import compiled  # noqa: E402

RESULT = ROOT / "course_rnn" / "data" / "results" / "kernels.json"
CELLS = {"RNN": cells.RNN(), "LSTM": cells.LSTM(), "GRU": cells.GRU(), "GRUResetBefore": cells.GRUResetBefore()}
CELLS |= {"UGRNN": cells.UGRNN(), "PeepholeLSTM": cells.PeepholeLSTM()}
PRECISIONS = {"16 bit": torch.bfloat16, "tf32": torch.float32, "tf32x3": torch.float32}
GPUS = (80, 90, 100)
SIZES = (16, 32, 64, 128)


def cases():
    """Yield what is compiled: all that fits on one multiprocessor of all three GPUs, and RNN H = 256."""
    yield from ((name, H) for name in ("LSTM", "GRU", "GRUResetBefore", "RNN") for H in SIZES)
    yield "RNN", 256
    yield from ((name, H) for name in ("UGRNN", "PeepholeLSTM") for H in (64, 128))


def count(name, hidden_size, precision, capability, way):
    """Return the row of one kernel."""
    arguments = kernels.written(CELLS[name]), way, hidden_size, PRECISIONS[precision], precision, capability
    found = compiled.facts(*arguments)
    row = {"cell": name, "H": hidden_size, "precision": precision, "gpu": f"sm_{capability}", "way": way}
    return row | {"facts": counts(found), "faults": compiled.shortcomings(found, capability)}


def counts(found):
    """The counts of a kernel, but for its instructions, which change with every word of a cell."""
    return {name: n for name, n in found._asdict().items() if name != "instructions"}


def for_amd():
    """What the compiler says of a kernel in plain Triton for AMD's gfx942, which has matrix units of its own."""
    target, rows = GPUTarget("hip", "gfx942", 64), []
    for way in kernels.WAYS:
        row = {"cell": "LSTM", "H": 64, "precision": "16 bit", "gpu": "gfx942", "way": way}
        try:
            made = compiled.compile_for(
                kernels.written(CELLS["LSTM"]), way, 64, torch.bfloat16, "16 bit", target=target
            )
            code = made.asm["amdgcn"]
            rows.append(row | {"matrix": code.count("v_mfma"), "spilled": int(_after(code, ".vgpr_spill_count:"))})
        except Exception as error:
            rows.append(row | {"failed": f"{type(error).__name__}: {error}".splitlines()[0]})
    return rows


def _after(code, name):
    return code.split(name, 1)[1].split()[0]


def show(row):
    """Print one row."""
    said = "; ".join(row["faults"]) or "good"
    what = f"{row['cell']:<15} {row['H']:>3} {row['precision']:<7} {row['gpu']:<7} {row['way']:<9}"
    print(what, *(f"{n:>6}" for n in row["facts"].values()), said, flush=True)


def main():
    """Compile all, print the table, write it, and fail if a promise is broken where none was before."""
    before = json.loads(RESULT.read_text())["before"] if RESULT.is_file() else []
    print(
        f"{'cell':<15} {'H':>3} {'product':<7} {'GPU':<7} {'':<9}",
        *(f"{name[:6]:>6}" for name in compiled.Facts._fields[:-1]),
    )
    rows = []
    for name, hidden_size in cases():
        for precision in PRECISIONS:
            for capability in GPUS:
                if hidden_size == 256 and capability == 80 and precision != "16 bit":
                    continue  # refused before it is compiled: it would need more than an A100 has
                for way in kernels.WAYS:
                    rows.append(count(name, hidden_size, precision, capability, way))
                    show(rows[-1])
    refused = sorted({(r["cell"], r["H"], r["precision"], r["gpu"]) for r in rows if r["faults"]})
    versions = {"triton": triton.__version__, "torch": torch.__version__}
    result = {"versions": versions, "before": before, "after": rows, "refused": refused, "amd": for_amd()}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {RESULT}; {len(refused)} of {len(rows) // 2} pairs of kernels are refused")


if __name__ == "__main__":
    main()
