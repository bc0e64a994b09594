"""Reading the class: difficulty, discrimination, and links to the atlas that lead somewhere."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from docutils.nodes import make_id
from grading_store import keep
from test_grading_report import CLASS, Text, answer, verdict

from course_rnn.grading.marks import item_analysis
from course_rnn.grading.marks.item_analysis import Item, analyse
from course_rnn.grading.out.report import atlas_of, write_report
from course_rnn.pages import atlas
from course_rnn.questions import chapters

ATLAS = atlas.make(Path(__file__).parent.parent / "book")


def answers(points, most=(1, 2, 3)):
    """The answers of a class from a table of points, a row for each student."""
    return [{f"q{k}": answer(p, most[k]) for k, p in enumerate(row)} for row in points]


def test_the_numbers_are_those_of_the_definition():
    points = np.random.default_rng(0).integers(0, 2, size=(40, 3)) * [1, 2, 3]
    found = analyse(answers(points.tolist()))
    for k, most in enumerate((1, 2, 3)):
        rest = np.delete(points, k, axis=1).sum(axis=1)
        assert found[f"q{k}"].difficulty == pytest.approx(points[:, k].mean() / most)
        assert found[f"q{k}"].discrimination == pytest.approx(np.corrcoef(points[:, k], rest)[0, 1])


def test_the_question_itself_is_left_out_of_the_total():
    points = [[1, 0, 0], [0, 2, 0], [1, 2, 3], [0, 0, 3]]  # q0 says nothing about the rest
    assert analyse(answers(points))["q0"].discrimination == 0
    total = np.array(points).sum(axis=1)
    assert np.corrcoef(np.array(points)[:, 0], total)[0, 1] > 0.2, "uncorrected it would seem to"


@pytest.mark.parametrize("points", [[[1, 1, 1]], [[1, 0, 3], [1, 2, 0]], [[0, 2, 3], [1, 2, 3]]])
def test_where_nothing_varies_there_is_no_discrimination(points):
    item = analyse(answers(points))["q0"]
    assert item.discrimination is None and item.look == ""


def test_a_question_wants_a_look_where_it_does_not_tell_students_apart():
    assert Item(0.5, 0.5).look == "" and "hardly apart" in Item(0.5, 0.1).look
    assert "is its answer right" not in Item(0.5, 0.1).look and "its answer right" in Item(0.5, -0.3).look


def test_a_question_that_somebody_was_not_asked_counts_over_the_others():
    class_ = answers([[1, 0, 3], [0, 2, 0], [1, 2, 3]])
    del class_[0]["q0"]
    assert analyse(class_)["q0"].difficulty == 0.5


def page(folder, found, book=""):
    keep(folder, {each.student: each for each in found})
    return Text(write_report(folder, book))


def test_the_class_page_shows_both_and_says_what_they_are(tmp_path):
    text = page(tmp_path, CLASS).text
    assert "rnn_step 25 % 5–70 % 0.5 of 2 0.25 0.58" in text and "rnn_forward 50 % 15–85 % 1.5 of 3 0.50 0.58" in text
    assert "With fewer than 30 students much of it is chance" in text and "hardly apart" not in text
    many = [replace(each, student=f"{each.student}{k}") for k in range(item_analysis.FEW) for each in CLASS[:4]]
    assert "much of it is chance" not in page(tmp_path, many).text
    against = [verdict("a", 2, 0), verdict("b", 0, 3), verdict("c", 2, 0)]
    assert "rnn_step : Those who did well on the rest did worse here" in page(tmp_path, against).text


# ---------------------------------------------------------------------- the atlas


def test_every_mistake_links_to_its_anchor_in_the_atlas():
    anchors = {make_id(heading) for heading in re.findall(r"^#### (.+)$", ATLAS, re.MULTILINE)}
    for name, chapter in chapters().items():
        for question in chapter.questions.values():
            for mistake in question.mistakes:
                page, _, anchor = atlas_of("https://x.org/rnn/", name, question.name, mistake).partition("#")
                assert page == "https://x.org/rnn/book/atlas.html" and anchor in anchors


def test_what_the_atlas_does_not_know_is_not_linked():
    assert atlas_of("", "02_simple_rnn", "rnn_step", "without_recurrence") == ""
    for unknown in (
        ("99", "rnn_step", "without_recurrence"),
        ("02_simple_rnn", "rnn_stop", "x"),
        ("02_simple_rnn", "rnn_step", ""),
    ):
        assert atlas_of("https://x.org", *unknown) == ""


def test_the_pages_link_a_misconception_if_the_book_is_somewhere(tmp_path):
    found = [verdict("ada", 0, 3, cause="without_recurrence"), verdict("bob", 0, 3, cause="something_own")]
    address = "https://x.org/book/atlas.html#rnn-step-without-recurrence"
    links = page(tmp_path, found, "https://x.org").links
    assert links.count(address) == 1 and len(links) == 3
    assert Text(tmp_path / "feedback" / "ada.html").links == [address]
    assert Text(tmp_path / "feedback" / "bob.html").links == []
    assert len(page(tmp_path, found).links) == 2
