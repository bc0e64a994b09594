"""What does not end fails within a minute or two, is named, and keeps nothing else from running."""

import re
from pathlib import Path

import nbformat
import nbval_tolerance
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_rnn import notebooks

HANGS = "while True: pass"
IMMOVABLE = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + HANGS


def test_the_limits_are_in_force(request):
    assert request.config.option.nbval_cell_timeout == notebooks.CELL_SECONDS == 60
    assert float(request.config.getini("timeout")) == 120


@pytest.fixture
def run(pytester, monkeypatch):
    """``run(*options)``: (what pytest says of each test, everything it says), with limits of a few seconds."""
    monkeypatch.setenv("PYTHONPATH", str(Path(nbval_tolerance.__file__).parent))

    def run(*options):
        limits = "--nbval-cell-timeout=3", "--timeout=20", "-p", "no:randomly"
        result = pytester.runpytest_subprocess("-v", *limits, *options)
        return dict(
            re.findall(r"^(.+?) (PASSED|FAILED|XFAIL|ERROR)\b.*%\]", str(result.stdout), re.MULTILINE)
        ), result.stdout

    return run


def page(path, *sources):
    """Write an executed notebook whose cells print their number, after what else they do."""
    cells = []
    for number, source in enumerate(sources, start=1):
        printed = new_output("stream", name="stdout", text=f"{number}\n")
        cells.append(new_code_cell(f"{source}\nprint({number})", execution_count=number, outputs=[printed]))
    nbformat.write(new_notebook(cells=cells), path)


@pytest.mark.parametrize("source", [HANGS, IMMOVABLE], ids=["busy", "ignores interrupts"])
def test_a_cell_that_hangs_fails_and_is_named(run, pytester, source):
    page(pytester.path / "page.ipynb", "", source, source)
    page(pytester.path / "sound.ipynb", "")
    outcomes, said = run("-p", "nbval_tolerance", "--nbval", "--nbval-current-env", "page.ipynb", "sound.ipynb")
    assert outcomes == {
        "page::ipynb::Cell 0": "PASSED",
        "page::ipynb::Cell 1": "FAILED",
        "page::ipynb::Cell 2": "XFAIL",  # not run: it may hang as well
        "sound::ipynb::Cell 0": "PASSED",
    }
    said.fnmatch_lines(["*Timeout of 3 seconds exceeded*", "*while True: pass*"])


def test_a_test_that_hangs_fails_and_is_named(run, pytester):
    pytester.makepyfile(
        test_limit="""
        import pytest

        @pytest.mark.timeout(1)
        def test_endless():
            while True: pass

        @pytest.fixture
        def waits():
            while True: pass

        @pytest.mark.timeout(1)
        def test_of_an_endless_fixture(waits):
            pass

        def test_sound():
            pass
        """
    )
    outcomes, said = run()
    assert outcomes == {
        "test_limit.py::test_endless": "FAILED",
        "test_limit.py::test_of_an_endless_fixture": "ERROR",
        "test_limit.py::test_sound": "PASSED",
    }
    said.fnmatch_lines(["*while True: pass", "*Timeout (>1.0s) from pytest-timeout."])


def test_a_run_of_a_notebook_that_hangs_stops_and_names_the_cell(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "CELL_SECONDS", 3)
    path = tmp_path / "page.ipynb"
    page(path, HANGS)
    before = path.read_bytes()
    with pytest.raises(TimeoutError, match="while True: pass"):
        notebooks.run(path)
    assert path.read_bytes() == before
