"""The command line says what it can do and what is wrong."""

import pytest
from click.testing import CliRunner

from course_rnn import __version__, cli, machine


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["course-rnn"])
    return lambda *arguments: CliRunner().invoke(cli.main, arguments)


def test_help_and_version(run):
    assert "bench" in run("--help").output
    assert __version__ in run("--version").output


def test_bench_runs_the_named_file(run, tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "cpu.py").write_text("import sys; print('measured', *sys.argv[1:])")
    assert run("bench", "cpu").output.endswith("\nmeasured\n")


def test_bench_says_what_multiplies_and_what_would_be_faster(run, tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "cpu.py").touch()
    found = {"blas": "OpenBLAS 0.3.31", "kernel": "Haswell", "threads": 1}
    monkeypatch.setattr(machine, "blas", lambda: found)
    monkeypatch.setattr(machine, "kernels", lambda: {"Haswell": 6.0, "SkylakeX": 4.0})
    said = run("bench", "cpu").output
    assert "OpenBLAS 0.3.31, kernel Haswell, 1 thread." in said
    assert "1.5 times as fast" in said and "OPENBLAS_CORETYPE=SKYLAKEX" in said


def test_an_unknown_benchmark_names_the_known_ones(run, tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "cpu.py").touch()
    result = run("bench", "abacus")
    assert result.exit_code == 2 and "There are: cpu" in result.output


def test_bench_outside_the_repository_says_so(run):
    assert "is this the repository?" in run("bench", "cpu").output
