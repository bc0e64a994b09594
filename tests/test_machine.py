"""What a machine computes with is told by its libraries, and a faster kernel is one that was measured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_rnn import machine

ROOT = Path(__file__).parent.parent
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
#: Those that measure no time of this processor: gpu.py names its GPU.
WITHOUT = ("gpu", "kernels", "off_the_list")
ASKED = "import json; from course_rnn import machine; print(machine.{})"
KERNELS = list(machine.kernels())


def asked(call, **variables):
    """What a call of machine answers in a fresh interpreter."""
    command = [sys.executable, "-c", ASKED.format(call)]
    run = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_the_hardware_names_the_blas_its_version_kernel_and_threads():
    found = machine.hardware()
    assert found["cores"] == os.cpu_count() and found["processor"]
    assert found["blas"].split()[1][0].isdigit() and found["kernel"] and found["threads"] >= 1
    assert asked("blas()['threads']", OPENBLAS_NUM_THREADS="1") == "1"
    assert machine.blas_of_torch().keys() == machine.blas().keys()


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_that_is_asked_for_is_the_one_that_is_named(kernel):
    assert asked("blas()['kernel']", OPENBLAS_CORETYPE=kernel.upper()) == kernel


def test_every_kernel_that_can_run_is_measured():
    """By processes that take their time: a slow kernel is slower than one that is not there to choose."""
    assert KERNELS == [] or (len(KERNELS) >= 2 and machine.blas()["blas"].startswith("OpenBLAS"))
    assert all(0.1 < milliseconds < 1000 for milliseconds in machine.kernels().values())


def test_nothing_is_measured_where_there_is_nothing_to_choose(monkeypatch):
    monkeypatch.setattr(machine, "blas", lambda: {"blas": "MKL 2024.2"})
    assert machine.kernels() == {}


def test_a_blas_that_tells_nothing_is_no_error():
    assert machine.said({}, {}) == "NumPy's BLAS does not say what it is."
    known = {"blas": "OpenBLAS 0.3.31", "kernel": "ARMV8", "threads": 4}
    assert len(machine.said(known, {}).splitlines()) == 1


def test_the_readme_says_on_which_kernel_its_times_were_measured():
    """A ratio to torch.nn changes with the kernel, so who measures anew changes this line, too."""
    hardware = json.loads((ROOT / "course_rnn" / "data" / "results" / "cpu.json").read_text())["hardware"]
    kernel = hardware.get("kernel", "not recorded then")
    assert f"OpenBLAS' kernel: {kernel}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", [path for path in BENCHMARKS if path.stem not in WITHOUT], ids=lambda path: path.stem)
def test_every_benchmark_writes_down_the_hardware(path):
    """A number without the kernel that made it cannot be compared with another."""
    assert "machine.hardware()" in path.read_text()
