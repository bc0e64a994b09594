"""Run notebooks and numerical tests as other processors would, and print what differs.

    python tests/processors.py                       all notebooks and the tests of all that computes
    python tests/processors.py book/08_gpu.ipynb     these paths

Sums and exponentials round otherwise under other instructions, so a page or a test that holds on one machine can fail
on the next. Environment variables make the libraries take the code that they have for another processor: OpenBLAS,
NumPy and its C library; torch, MKL and oneDNN. What MKL makes of its variable depends on who built the processor, so
two are set.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
PATHS = ["book", "solutions", "exercises", *sorted(map(str, (ROOT / "tests").glob("test_numpy_*.py")))]
PATHS += [*sorted(map(str, (ROOT / "tests").glob("test_torch_*.py"))), "tests/test_convert.py", "tests/test_data.py"]
PATHS += ["tests/test_questions.py", "tests/test_variants.py", "tests/test_plot.py"]
#: What each variable of a setting decides.
VARIABLES = {
    "OPENBLAS_CORETYPE": "the products of NumPy",
    "NPY_DISABLE_CPU_FEATURES": "NumPy's own loops",
    "GLIBC_TUNABLES": "exp and tanh of the C library",
    "ATEN_CPU_CAPABILITY": "torch's own loops",
    "MKL_ENABLE_INSTRUCTIONS": "the products of torch",
    "MKL_CBWR": "the same, where the variable before is ignored",
    "ONEDNN_MAX_CPU_ISA": "the layers of torch",
}
NEITHER = "neither AVX2 nor AVX-512"
SETTINGS = {
    name: dict(zip(VARIABLES, values, strict=True))
    for name, values in {
        NEITHER: (
            "NEHALEM",
            "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
            "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-AVX512DQ,-AVX512VL",
            "default",
            "SSE4_2",
            "COMPATIBLE",
            "SSE41",
        ),
        "AVX2": (
            "HASWELL",
            "X86_V4 AVX512_ICL AVX512_SPR",
            "glibc.cpu.hwcaps=-AVX512F,-AVX512DQ,-AVX512VL",
            "avx2",
            "AVX2",
            "AVX2",
            "AVX2",
        ),
        "AVX-512": ("SKYLAKEX", "AVX512_ICL AVX512_SPR", "", "avx512", "AVX512", "AUTO", "AVX512_CORE"),
    }.items()
}
#: Asks the libraries what they take themselves to run on: [kernel of OpenBLAS, capability of torch].
ANSWER = """
import json, numpy, threadpoolctl, torch
kernels = [each["architecture"] for each in threadpoolctl.threadpool_info() if each["internal_api"] == "openblas"]
print(json.dumps([*map(str.upper, kernels), torch.backends.cpu.get_cpu_capability()]))
"""
COLOUR = re.compile(r"(\x1b|#x1B)\[[0-9;]*m")  # as pytest writes it into a report
LINES = 25  # of a report, from its end: what was expected and what came


def answer(setting):
    """What the libraries say that they run on, under the variables of a setting."""
    command = [sys.executable, "-W", "ignore", "-c", ANSWER]
    return json.loads(subprocess.run(command, env=os.environ | setting, capture_output=True, check=True).stdout)


def differences(setting, paths):
    """Run the tests of some paths under a setting: (how many ran, {name: the end of its report} of what failed)."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        workers = os.cpu_count() if len(paths) > 1 else 0
        options = ["-q", "-n", str(workers), "--dist", "loadfile", "--nbval", "--nbval-current-env"]
        options += [
            "-p",
            "no:cacheprovider",
            "-p",
            "no:doctest",
            "-o",
            "addopts=-p no:randomly --nbval-cell-timeout=60",
        ]
        command = [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", *paths]
        run = subprocess.run(command, cwd=ROOT, env=os.environ | setting, capture_output=True, text=True)
        if run.returncode not in (0, 1):  # it ran no test
            raise SystemExit(run.stdout + run.stderr)
        cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {}
    for case in cases:
        for fault in [*case.findall("failure"), *case.findall("error")]:
            lines = COLOUR.sub("", fault.text or "").rstrip().splitlines()
            failed[f"{case.get('classname')} {case.get('name')}"] = lines[-LINES:]
    return len(cases), failed


def main(paths):
    """Run everything under each setting; returns how many results differ from what is committed or demanded."""
    total = 0
    for name, setting in SETTINGS.items():
        expected = [setting["OPENBLAS_CORETYPE"], setting["ATEN_CPU_CAPABILITY"].upper()]
        if answer(setting) != expected:
            print(f"{name}: cannot be imitated here, the libraries run as {', '.join(answer(setting))}", flush=True)
            continue
        print(f"{name}: OpenBLAS {expected[0]}, torch {expected[1]}", flush=True)
        count, failed = differences(setting, paths)
        for test, lines in failed.items():
            print(f"\n  {test}", *(f"    {line}" for line in lines), sep="\n", flush=True)
        print(f"  {len(failed)} of {count} differ\n", flush=True)
        total += len(failed)
    return total


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:] or PATHS), 1))
