"""The atlas of mistakes is made of the questions, and every address that a check names is on it."""

import re
from pathlib import Path

import pytest
from docutils.nodes import make_id

from course_rnn.pages import atlas
from course_rnn.questions import chapters

ROOT = Path(__file__).parent.parent
PAGE = atlas.make(ROOT / "book")
MISTAKES = [(q, m) for chapter in chapters().values() for q in chapter.questions.values() for m in q.mistakes.values()]


def test_every_address_is_the_anchor_of_a_heading():
    anchors = [make_id(heading) for heading in re.findall(r"^#### (.+)$", PAGE, re.MULTILINE)]
    assert anchors == [q.address(m.name) for q, m in MISTAKES]
    assert len(set(anchors)) == len(anchors)


def test_every_entry_shows_the_lines_that_differ():
    blocks = re.findall(r"```diff\n(.*?)\n```", PAGE, re.DOTALL)
    assert len(blocks) == len(MISTAKES)
    for block in blocks:
        assert {line[0] for line in block.splitlines()} <= {"-", "+"} and len(block) > 5, block


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("without_recurrence", "h_next has wrong values."),
        ("weight_ih_not_transposed", "It stopped with ValueError."),
        ("column_form", "transposed?"),
    ],
)
def test_a_symptom_holds_no_numbers_of_one_case(name, expected):
    question = chapters()["02_simple_rnn"].questions["rnn_step"]
    assert atlas.symptom(question, question.mistakes[name]).endswith(expected)
