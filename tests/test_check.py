"""`course-rnn check`: one's own notebook is run and judged, whatever stands in it."""

import time
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook

from course_rnn import cli
from course_rnn.checking.notebook import chapter_of, check, read
from course_rnn.questions import chapters

ROOT = Path(__file__).parent.parent
STEP = """
import numpy as np
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
"""


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")


@pytest.fixture
def page(tmp_path):
    def write(*cells, name="02_simple_rnn.ipynb", **metadata):
        path = tmp_path / name
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata), path)
        return path

    return write


def by_name(report):
    return {result.question: result for result in report.results}


def on_the_command_line(*arguments):
    return CliRunner().invoke(cli.main, ["check", *map(str, arguments)])


def test_the_solutions_pass_with_exit_code_0():
    result = on_the_command_line(ROOT / "solutions" / "02_simple_rnn.ipynb")
    asked = chapters()["02_simple_rnn"].questions
    count, points = len(asked), sum(question.points for question in asked.values())
    assert result.exit_code == 0, result.output
    assert f"02_simple_rnn: {count} of {count} questions, {points} of {points} points" in result.output


def test_the_exercises_are_to_do_with_exit_code_1():
    path = ROOT / "exercises" / "02_simple_rnn.ipynb"
    before = path.read_bytes()
    result = on_the_command_line(path)
    assert result.exit_code == 1
    assert "○ rnn_step         0/2  to do" in result.output and "not yet" not in result.output
    assert path.read_bytes() == before


def test_a_mistake_is_named_with_its_cause_whatever_is_printed_or_drawn(page):
    wrong = STEP.replace("weight_hh.T + bias_hh", "weight_hh.T")
    noisy = wrong.replace("return", "print('x' * 10**5); return") + "print('hello')\n1 + 1"
    result = on_the_command_line(page(noisy))
    assert result.exit_code == 1
    assert "✗ rnn_step         0/2  not yet" in result.output
    assert "Likely cause: bias_hh is missing." in result.output
    assert "rnn-step-without-bias-hh" in result.output
    assert "The notebook defines no function rnn_forward." in result.output


def test_errors_and_endless_loops_stop_neither_the_cells_after_them_nor_the_check(page):
    endless = "def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):\n    while True: pass"
    began = time.monotonic()
    report = check(page("1 / 0", "def f(:", "while True: pass", "input()", endless, STEP), timeout=1)
    assert time.monotonic() - began < 30
    results = by_name(report)
    assert results["rnn_step"].passed and results["rnn_step"].points == 2
    assert not report.passed and results["first_state"].message == "It stopped: it did not end within 1 seconds."
    numbers = [text.split(" stopped: ")[0] for text in report.stopped]
    assert numbers == [f"Code cell {k}" for k in (1, 2, 3, 4)]
    assert "ZeroDivisionError" in report.stopped[0] and "SyntaxError" in report.stopped[1]
    assert "within 1 seconds" in report.stopped[2] and "code cell 1" not in str(report)


def test_a_cell_that_ignores_interruption_or_kills_the_kernel_is_named(page):
    stubborn = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    report = check(page(stubborn, STEP), timeout=1)
    assert "could not be interrupted" in report.stopped[0] and "an earlier cell" in report.stopped[1]
    assert not report.passed

    report = check(page("import os; os._exit(0)", STEP), timeout=20)
    assert "it ended the kernel" in report.stopped[0] and not report.passed


@pytest.mark.parametrize(
    ("name", "metadata", "cell"),
    [
        ("lab.ipynb", {"course_rnn": {"assignment": "02_simple_rnn"}}, "pass"),
        ("Ada 02_simple_rnn (2).ipynb", {}, "pass"),
        ("lab.ipynb", {}, "import numpy\nfrom course_rnn.questions import simple_rnn as q"),
    ],
)
def test_the_chapter_is_found(page, name, metadata, cell):
    path = page(cell, name=name, **metadata)
    assert chapter_of(path, read(path)) == "02_simple_rnn"


@pytest.mark.parametrize("content", ["", "{}", "[]", "no notebook", '{"cells": 3, "nbformat": 4}', "\0"])
def test_what_is_not_a_notebook_is_said_in_one_sentence(tmp_path, content):
    path = tmp_path / "02_simple_rnn.ipynb"
    path.write_text(content)
    result = on_the_command_line(path)
    assert result.exit_code == 1 and "is not a notebook" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_notebook_of_no_chapter_is_said_in_one_sentence(page):
    result = on_the_command_line(page("pass", name="holiday.ipynb"))
    assert result.exit_code == 1 and "belongs to no chapter" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_missing_file_is_said():
    assert "does not exist" in on_the_command_line("missing.ipynb").output
