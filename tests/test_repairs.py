"""Levels, predictions, and the broken runs of the exercises: what is planted is wrong, is found, and can be mended."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from course_rnn import questions
from course_rnn.checking import predictions, progress
from course_rnn.pages.objectives import line_of
from course_rnn.questions.levels import CHANGED, LEVELS, OPEN, PAGE, level_of

ROOT = Path(__file__).parent.parent
CHAPTERS = {name: chapter for name, chapter in questions.chapters().items() if name != "08_gpu"}
QUESTIONS = {name: question for chapter in CHAPTERS.values() for name, question in chapter.questions.items()}
REPAIRS = [name for name in QUESTIONS if name.startswith("repair_")]


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")
    monkeypatch.setattr(progress, "_solved", {})
    monkeypatch.setattr(predictions, "_kept", {})


def cells(name, kind):
    book = nbformat.read(ROOT / "exercises" / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type == kind]


# ------------------------------------------------------------- levels


def test_every_question_has_one_level():
    named = [name for names in LEVELS.values() for name in names]
    assert sorted(named) == sorted(QUESTIONS)


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_level_is_more_than_half_of_a_chapter(name):
    levels = [level_of(question) for question in CHAPTERS[name].questions]
    assert all(levels.count(level) <= len(levels) / 2 for level in (PAGE, CHANGED, OPEN))
    assert levels.count(OPEN) >= 1 and levels.count(CHANGED) >= 2


@pytest.mark.parametrize("name", CHAPTERS)
def test_an_exercise_says_level_points_and_minutes_of_each_question(name):
    text = "\n".join(cells(name, "markdown"))
    for question in CHAPTERS[name].questions.values():
        assert line_of(question) in text or line_of(question, named=True) in text, question.name


@pytest.mark.parametrize("name", [name for name in CHAPTERS if name not in ("01_sequential_data", "09_outlook")])
def test_from_chapter_02_on_a_run_is_trained_or_repaired(name):
    assert any(question.startswith(("train_", "repair_")) for question in CHAPTERS[name].questions)


# ------------------------------------------------------------- repair this run


def broken_run(name):
    """The run that an exercise shows before it asks for its repair, as a function."""
    question = QUESTIONS[name]
    code = cells(question.chapter.name, "code")
    asking = next(k for k, cell in enumerate(code) if f"def {name}(" in cell)
    names = {"np": np}
    if question.library == "torch":
        import torch

        names["torch"] = torch
    function = re.search(r"^def (\w+_run|prepared)\(.*?(?=^\S)", code[asking - 1] + "\nend", re.MULTILINE | re.DOTALL)
    exec(function[0], names)
    return names[function[1]]


@pytest.mark.parametrize("name", REPAIRS)
def test_the_run_that_is_shown_is_broken_in_more_than_one_place(name):
    """Mending one fault alone is not enough: no single registered mistake does what it does."""
    result = QUESTIONS[name].check(broken_run(name))
    assert result.state == "not yet" and result.points == 0
    assert result.cause not in QUESTIONS[name].mistakes or "two things at once" in result.message


def test_the_pool_holds_fifteen_faults_and_more():
    faults = {(name, mistake) for name in REPAIRS for mistake in QUESTIONS[name].mistakes}
    assert len(REPAIRS) >= 6 and len(faults) >= 15


def test_every_repair_is_on_the_map():
    page = (ROOT / "book" / "troubleshooting.md").read_text(encoding="utf-8")
    for name in REPAIRS:
        headings = re.findall(
            r"^## (Repair this run.*)$", "\n".join(cells(QUESTIONS[name].chapter.name, "markdown")), re.M
        )
        assert any(f"{QUESTIONS[name].chapter.name}.ipynb#repair-this-run" in page for _ in headings), name


# ------------------------------------------------------------- predictions


def test_the_first_prediction_is_kept_and_shown_beside_what_came_out():
    chapter = CHAPTERS["02_simple_rnn"]
    assert "No prediction yet" in chapter.predict("units", None)
    assert chapter.compare("units", 100) == "It is 100. You had predicted nothing."
    assert chapter.predict("units", 30) == "Kept. You predict 30."
    assert "Your first prediction stays, 30" in chapter.predict("units", 100)
    assert chapter.compare("units", 100) == "It is 100. You had predicted 30."


def test_predictions_survive_a_new_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", str(tmp_path / "progress.json"))
    CHAPTERS["03_deep_rnn"].predict("best rate", 0.1)
    monkeypatch.setattr(predictions, "_kept", {})
    assert CHAPTERS["03_deep_rnn"].compare("best rate", 0.01) == "It is 0.01. You had predicted 0.1."
    (tmp_path / ".course_rnn_predictions.json").write_text("[]")
    assert "nothing" in CHAPTERS["03_deep_rnn"].compare("best rate", 0.01)


def test_a_folder_that_cannot_be_written_keeps_them_in_the_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", str(tmp_path / "none" / "progress.json"))
    CHAPTERS["03_deep_rnn"].predict("best rate", 0.1)
    assert "predicted 0.1" in CHAPTERS["03_deep_rnn"].compare("best rate", 0.01)
