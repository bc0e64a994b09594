"""What the compiler made of a kernel, for a GPU that need not be there: Triton's wheel brings the whole tool chain.

The interpreter says whether a kernel is right. It knows nothing of registers, shared memory and barriers, which decide
whether a kernel runs and how long a step waits. These are counted here, in the machine code and in its loop over time.
"""

import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.experimental.gluon._runtime import GluonASTSource

from course_rnn.torch.kernels import fragments, tiles
from course_rnn.torch.kernels.sizes import ROWS, padded, size
from course_rnn.torch.kernels.write import module

#: Bytes of shared memory that one program may have, by compute capability.
SHARED = {80: 163 * 1024, 86: 99 * 1024, 89: 99 * 1024, 90: 227 * 1024, 100: 227 * 1024, 120: 99 * 1024}
MOST_BARRIERS = 4  # a step
TYPES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


class Facts(NamedTuple):
    """Counts of one kernel. `spilled` is bytes of a thread's numbers that found no register; the last five of a step.

    A step is the longest loop of the code. `matrix` is products of matrix fragments, `fragments` loads of them from
    shared memory, `scalars` other loads from there.
    """

    registers: int
    spilled: int
    shared: int
    barriers: int
    matrix: int
    fragments: int
    scalars: int
    instructions: int


def read(kernel):
    """Count, in what `triton.compile` returned for an NVIDIA GPU."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(kernel.asm["cubin"])
        usage = _tool("cuobjdump", "--dump-resource-usage", path)
    registers, stack, local = (int(re.search(rf"{name}:(\d+)", usage)[1]) for name in ("REG", "STACK", "LOCAL"))
    step = _loop(kernel.asm["ptx"])
    kinds = (r"bar\.sync", r"mma\.sync|wgmma\.mma_async", "ldmatrix", r"ld\.shared")
    counts = [len(re.findall(rf"^\s*(?:@%\w+ )?{kind}", step, re.M)) for kind in kinds]
    return Facts(registers, stack + local, kernel.metadata.shared, *counts, step.count(";"))


def _tool(name, *arguments):
    import triton.backends.nvidia as backend

    return subprocess.check_output([Path(backend.__file__).parent / "bin" / name, *arguments], text=True)


def _loop(ptx):
    """The longest piece of code that ends with a jump to its own beginning."""
    best = ""
    for label in re.finditer(r"^(\$L\w+):", ptx, re.M):
        for jump in re.finditer(rf"bra(?:\.uni)?\s+{re.escape(label[1])};", ptx):
            if jump.start() - label.start() > len(best):
                best = ptx[label.start() : jump.start()]
    return best


def compile_for(kernels, way, hidden_size, dtype, precision, capability=90, target=None):
    """Compile one kernel, for lengths, and return what Triton returns.

    Parameters
    ----------
    kernels : Written
    way : {"forward", "backward"}
    hidden_size : int
    dtype : torch.dtype
    precision : str
        As `precision` of the package says.
    capability : int
        80 for an A100, 90 for an H100, 100 for a B200.
    target : GPUTarget, optional
        A GPU that is not NVIDIA's, for which the kernels are written in plain Triton.
    """
    chosen, dialect = (
        size(kernels, way, hidden_size, dtype.itemsize, SHARED[capability]),
        tiles if target else fragments,
    )
    kernel = getattr(module(kernels.text(chosen.pieces if dialect.CUTS else 1), dialect), way)
    P = padded(hidden_size)
    constants = {"N": 1, "H": hidden_size, "P": P, "ROWS": ROWS, "KEPT": chosen.kept, "PRECISION": precision}
    signature = dict.fromkeys(kernel.arg_names, "*" + TYPES[dtype]) | {"lengths": "*i64", "T": "i32", "B": "i32"}
    signature |= dict.fromkeys(constants, "constexpr")
    pointers = [i for i, name in enumerate(kernel.arg_names) if signature[name][0] == "*"]
    source = (ASTSource if target else GluonASTSource)(
        kernel,
        signature,
        {(kernel.arg_names.index(name),): value for name, value in constants.items()},
        {(i,): [["tt.divisibility", 16]] for i in pointers},
    )
    with triton.knobs.runtime.scope():
        triton.knobs.runtime.interpret = False  # also where Triton was asked to interpret
        return triton.compile(source, target or GPUTarget("cuda", capability, 32), {"num_warps": chosen.warps})


@cache
def facts(kernels, way, hidden_size, dtype, precision, capability):
    """Return the Facts of one kernel; see `compile_for`."""
    return read(compile_for(kernels, way, hidden_size, dtype, precision, capability))


def shortcomings(found, capability):
    """What keeps a kernel from being a good one, in words; nothing for most."""
    limit = SHARED[capability]
    said = {
        f"needs {found.shared} bytes of shared memory, and there are {limit}": found.shared > limit,
        f"spills {found.spilled} bytes of a thread's numbers": found.spilled > 0,
        f"waits at {found.barriers} barriers a step": found.barriers > MOST_BARRIERS,
        f"reads {found.scalars} numbers a step one by one": found.scalars > 0,
        "does not use the matrix units": found.matrix == 0,
    }
    return [words for words, so in said.items() if so]
