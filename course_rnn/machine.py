"""What this machine computes with: the processor, the BLAS behind NumPy, its kernel, and whether another is faster.

A BLAS has a kernel for each kind of processor and chooses one when it is loaded. The choice decides the speed of every
product of matrices, and the last bits of its result, so a measured time belongs to a kernel. OpenBLAS takes another
one when the environment variable OPENBLAS_CORETYPE names it before Python starts.
"""

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
#: OpenBLAS' kernels for today's x86 processors, and what a processor needs for each.
KERNELS = {
    "Haswell": {"avx2", "fma"},
    "SkylakeX": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
TURNS, LEAST = 3, 1.1  # a kernel is worth a word from 1.1 times as fast on
#: Prints the CPU milliseconds of an LSTM of the reference, forward and backward: the smallest of many.
LAYER = """
import time
import numpy as np
import course_rnn.numpy as rnp
rng = np.random.default_rng(0)
layer = rnp.LSTM(64, 128, rng=rng, dtype=np.float32)
x, dy = (rng.standard_normal((20, 32, size), dtype=np.float32) for size in (64, 128))
def run():
    begin = time.process_time()
    layer.forward(x)
    layer.backward(dy)
    return time.process_time() - begin
print(1e3 * min(run() for _ in range(60)))
"""


def hardware():
    """The processor and the BLAS behind NumPy, as results files keep them.

    Returns
    -------
    dict
        ``processor``, ``cores``, ``machine``, and what `blas` says.

    Examples
    --------
    >>> list(hardware())[:3]
    ['processor', 'cores', 'machine']
    """
    return {"processor": processor(), "cores": os.cpu_count(), "machine": platform.machine()} | blas()


def versions(*names):
    """The versions of Python and of the packages named, as results files keep them."""
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def processor():
    """The processor's name, where the system tells it."""
    return next(_cpuinfo("model name"), None) or platform.processor()


def _cpuinfo(key):
    """What Linux says of each core under a key; nothing elsewhere."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                yield value.strip()


def blas():
    """The BLAS behind NumPy.

    Returns
    -------
    dict
        ``blas``, its name and version, ``kernel`` and ``threads``; empty where it is one that does not tell, such as
        Apple's Accelerate.
    """
    import numpy as np  # noqa: F401  loads it
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["user_api"] == "blas":
            name = {"openblas": "OpenBLAS"}.get(library["internal_api"], library["internal_api"].upper())
            kernel, threads = library.get("architecture", ""), library["num_threads"]
            return {"blas": f"{name} {library['version']}", "kernel": kernel, "threads": threads}
    return {}


def blas_of_torch():
    """The same of torch, which brings a library of its own: ``blas``, ``kernel`` and ``threads``."""
    import torch

    told = torch.__config__.show()
    name, number = re.search(r"BLAS_INFO=(\w+)", told), re.search(r"Math Kernel Library Version (\S+?)-", told)
    blas = " ".join(found[1] for found in (name, number) if found)
    kernel, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    return {"blas": blas.replace("mkl", "MKL"), "kernel": kernel, "threads": threads}


def kernels():
    """The milliseconds that an LSTM of the reference takes with each of OpenBLAS' kernels that can run here.

    Each runs in processes of its own, in turns, with one thread, by the CPU's clock: a few seconds for all. Empty where
    there is nothing to choose: NumPy's BLAS is another, or the processor not of the x86 family.

    Returns
    -------
    dict of str to float
    """
    flags = set(next(_cpuinfo("flags"), "").split())
    able = [name for name, needs in KERNELS.items() if needs <= flags]
    if not blas().get("blas", "").startswith("OpenBLAS") or len(able) < 2:
        return {}
    times = {name: [] for name in able}
    for _ in range(TURNS):
        for name in able:
            environment = os.environ | {"OPENBLAS_CORETYPE": name.upper(), "OPENBLAS_NUM_THREADS": "1"}
            command = [sys.executable, "-c", LAYER]
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            times[name].append(float(run.stdout))
    return {name: round(min(taken), 2) for name, taken in times.items()}


def said(found, times):
    """What `blas` found and `kernels` measured, as lines for a reader.

    Examples
    --------
    >>> found = {"blas": "OpenBLAS 0.3.31", "kernel": "Haswell", "threads": 2}
    >>> print(said(found, {"Haswell": 6.0, "SkylakeX": 4.0}))
    NumPy multiplies matrices with OpenBLAS 0.3.31, kernel Haswell, 2 threads.
    With its kernel SkylakeX an LSTM is 1.5 times as fast here, measured on one thread. To use it, set
    OPENBLAS_CORETYPE=SKYLAKEX before Python starts; the last bits of results change.
    >>> print(said(found | {"kernel": "SkylakeX"}, {"Haswell": 6.0, "SkylakeX": 4.0}).splitlines()[1])
    With no other kernel that runs here is an LSTM much faster.
    """
    if not found:
        return "NumPy's BLAS does not say what it is."
    threads = f"{found['threads']} thread{'s' * (found['threads'] != 1)}"
    kernel = f"kernel {found['kernel']}, " if found["kernel"] else ""
    first = f"NumPy multiplies matrices with {found['blas']}, {kernel}{threads}."
    if found["kernel"] not in times:
        return first
    best = min(times, key=times.get)
    ratio = times[found["kernel"]] / times[best]
    if ratio < LEAST:
        return f"{first}\nWith no other kernel that runs here is an LSTM much faster."
    return (
        f"{first}\nWith its kernel {best} an LSTM is {ratio:.1f} times as fast here, measured on one thread. "
        f"To use it, set\nOPENBLAS_CORETYPE={best.upper()} before Python starts; the last bits of results change."
    )
