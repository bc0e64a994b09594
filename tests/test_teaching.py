"""The page for those who teach: its tables are made from chapters and questions, and its plans fit the course."""

import re
from pathlib import Path

import pytest
from grading_course import example

from course_rnn import variants
from course_rnn.grading import course
from course_rnn.pages import objectives
from course_rnn.pages.atlas import headings_of
from course_rnn.questions import chapters

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
TITLES = {name: headings_of(ROOT / "book" / f"{name}.ipynb")["title"] for name in chapters()}


def test_the_tables_are_made_from_the_chapters_and_the_questions():
    made = objectives.make(PAGE, ROOT / "book")
    assert made == PAGE, "the tables of book/teaching.md are not what the questions make: make pages"
    assert objectives.make(made, ROOT / "book") == made


def test_every_question_has_a_row_and_every_chapter_objectives():
    rows = re.findall(
        r"^\| `(\w+)` \| \[.+?\]\((\w+)\.ipynb#.+?\) \| [a-z –]+ \| ([\d.]+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE
    )
    asked = [(name, question) for name, chapter in chapters().items() for question in chapter.questions.values()]
    assert [(row[0], row[1]) for row in rows] == [(question.name, name) for name, question in asked]
    assert [float(row[2]) for row in rows] == [question.points for _, question in asked]
    assert all(5 <= int(row[3]) <= 120 and int(row[3]) % 5 == 0 for row in rows)
    for name in chapters():
        assert len(objectives.objectives_of(ROOT / "book" / f"{name}.ipynb")) >= 3


def test_the_minutes_follow_the_lines_of_the_worked_answer():
    asked = chapters()["02_simple_rnn"].questions
    assert objectives.minutes(asked["rnn_step"]) == 10  # 5 + 4 * 1, to the next five
    assert objectives.minutes(asked["rnn_forward"]) > objectives.minutes(asked["rnn_step"])


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="once each"):
        objectives.make("# Teaching\n", ROOT / "book")


def test_every_plan_teaches_what_a_homework_asks_before_it_is_due():
    asked = {
        str(number): {variants.FAMILIES[name].chapter for pool in each.questions for name in pool.families}
        for number, each in enumerate(course.read(example()).assignments.values(), start=1)
    }
    plans = re.split(r"^\*\*(?=Two|Five|Ten)", PAGE, flags=re.MULTILINE)[1:]
    assert len(plans) == 3
    for plan in plans:
        taught, due = set(), []
        for chapters_, graded in re.findall(r"^\| [\d, ]+ \| (.+?) \| (.*?) ?\|$", plan, re.MULTILINE):
            taught |= {name for name, title in TITLES.items() if title in chapters_}
            for number in re.findall(r"homework (\d)", graded):
                assert asked[number] <= taught, f"homework {number} in {plan[:20]}"
                due.append(number)
        assert due == list(asked)
