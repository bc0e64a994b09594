"""The comparison that every notebook rests on: it lets rounding pass and nothing else."""

from pathlib import Path

import nbformat
import nbval_tolerance
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval_tolerance import Approximate, close, unit

# what the notebook says, what the code prints, whether nbval should pass
CASES = {
    "same": ("print('loss 0.123')", "loss 0.123", True),
    "last digit": ("print('loss 0.124')", "loss 0.123", True),
    "two units": ("print('loss 0.125')", "loss 0.123", False),
    "far away": ("print(0.5)", "0.2", False),
    "whole numbers are exact": ("print(4)", "3", False),
    "words are exact": ("print('loss 0.123 up')", "loss 0.123 down", False),
    "one number more": ("print('0.123 0.123')", "0.123", False),
    "scientific": ("print('1.24e-05')", "1.23e-05", True),
    "another power": ("print('1.23e-04')", "1.23e-05", False),
    "sign": ("print('-0.123')", "0.123", False),
    "rounding error is zero": ("print(4.4e-16)", "2.2e-16", True),
    "nan": ("print('nan')", "0.123", False),
}


def notebook_of(cells):
    """A notebook of (source, printed text, execution count, metadata)."""
    made = []
    for source, printed, count, metadata in cells:
        outputs = [new_output("stream", name="stdout", text=printed + "\n")] if printed is not None else []
        made.append(new_code_cell(source, execution_count=count, outputs=outputs, metadata=metadata))
    return new_notebook(cells=made)


def outcomes(pytester, monkeypatch, notebook):
    """What nbval says of each cell, under the plug-in, in a process of its own: a list of 'PASSED' and 'FAILED'."""
    nbformat.write(notebook, pytester.path / "page.ipynb")
    monkeypatch.setenv("PYTHONPATH", str(Path(nbval_tolerance.__file__).parent))
    result = pytester.runpytest_subprocess(
        "-p", "nbval_tolerance", "-p", "no:randomly", "--nbval", "--nbval-current-env", "-v", "page.ipynb"
    )
    words = [line.split() for line in result.outlines if line.startswith("page::ipynb::")]
    return [line[2] for line in words], result


def test_a_notebook_is_compared_to_the_last_printed_digit(pytester, monkeypatch):
    cells = [(source, printed, n, {}) for n, (source, printed, _) in enumerate(CASES.values(), start=1)]
    found, _ = outcomes(pytester, monkeypatch, notebook_of(cells))
    expected = ["PASSED" if passes else "FAILED" for _, _, passes in CASES.values()]
    assert dict(zip(CASES, found, strict=True)) == dict(zip(CASES, expected, strict=True))


def test_a_cell_that_was_never_run_fails(pytester, monkeypatch):
    found, result = outcomes(pytester, monkeypatch, notebook_of([("print(1)", "1", 1, {}), ("x = 2", None, None, {})]))
    assert found == ["PASSED", "FAILED"]
    result.stdout.fnmatch_lines(["*committed without having been run*"])


def test_a_cell_may_widen_its_own_tolerance(pytester, monkeypatch):
    wide = {"course_rnn": {"rtol": 0.1}}
    cells = [("print(0.55)", "0.52", 1, {}), ("print(0.55)", "0.52", 2, wide), ("print(0.70)", "0.52", 3, wide)]
    found, _ = outcomes(pytester, monkeypatch, notebook_of(cells))
    assert found == ["FAILED", "PASSED", "FAILED"]


def test_ignored_output_is_not_compared_and_an_exception_fails(pytester, monkeypatch):
    ignored = {"tags": ["nbval-ignore-output"]}
    found, _ = outcomes(pytester, monkeypatch, notebook_of([("print(9)", "1", 1, ignored), ("1 / 0", None, 2, {})]))
    assert found == ["PASSED", "FAILED"]


def test_html_is_compared_without_its_pictures(pytester, monkeypatch):
    def cell(source, shown, count):
        data = {"text/html": shown, "text/plain": "<IPython.core.display.HTML object>"}
        output = new_output("display_data", data=data)
        return new_code_cell(source, execution_count=count, outputs=[output])

    show = "from IPython.display import HTML, display; display(HTML('<img src=\"data:image/png;base64,AAAA\"> {}'))"
    notebook = new_notebook(
        cells=[
            new_markdown_cell("a page"),
            cell(show.format("x 0.5"), '<img src="data:image/png;base64,BBBB"> x 0.5', 1),
            cell(show.format("x 0.5"), '<img src="data:image/png;base64,BBBB"> y 0.5', 2),
        ]
    )
    found, _ = outcomes(pytester, monkeypatch, notebook)
    assert found == ["PASSED", "FAILED"]


@pytest.mark.parametrize(("number", "value"), [("1.23", 0.01), ("1.2e2", 10), ("-0.5", 0.1), ("3.", 1), ("1e-3", 1e-3)])
def test_unit_of_the_last_digit(number, value):
    assert unit(number) == pytest.approx(value)


def test_the_coarser_of_two_numbers_decides():
    assert close("0.30000000000000004", "0.3")
    assert close("1.25", "1.2")
    assert not close("1.25", "1.1")


def test_versions_and_names_are_words():
    assert Approximate("numpy 2.4.6") != Approximate("numpy 2.4.7")
    assert Approximate("weight_l0.5x") != Approximate("weight_l0.6x")
