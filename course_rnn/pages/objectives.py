"""What each chapter is for, and the questions that ask for it: the tables of book/teaching.md, made from both.

python -m course_rnn.pages.objectives        writes them into book/teaching.md
"""

import math
import re
from pathlib import Path

import nbformat
from mdit_py_plugins.anchors.index import slugify

from course_rnn.checking.mistake import code_of
from course_rnn.pages.atlas import BOOK, headings_of
from course_rnn.questions import chapters
from course_rnn.questions.levels import level_of

PAGE = "teaching.md"
BEGIN, END = "<!-- made by course_rnn.pages.objectives: begin -->", "<!-- made by it: end -->"
ABLE = "you will be able to"
#: The rule of thumb for the minutes of a question.
READ, EACH_LINE, STEP = 5, 4, 5


def make(page, book=BOOK):
    """The text of the page with its tables made again.

    Raises
    ------
    ValueError
        The two marks that stand around the tables are not there.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{PAGE} needs the lines {BEGIN!r} and {END!r} once each.")
    before, rest = page.split(BEGIN)
    tables = "\n\n".join(chapter_of(book, name, chapter) for name, chapter in chapters().items())
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END)[1]}"


def chapter_of(book, name, chapter):
    """One chapter: its objectives, as it states them itself, and a row for each question."""
    headings = headings_of(Path(book, f"{name}.ipynb"))
    objectives = "\n".join(f"- {each}" for each in objectives_of(Path(book, f"{name}.ipynb")))
    asked = chapter.questions.values()
    rows = "\n".join(
        f"| `{each.name}` | [{headings[each.see]}]({name}.ipynb#{slugify(headings[each.see])}) "
        f"| {level_of(each.name) or '–'} | {each.points:g} | {minutes(each)} | {len(each.mistakes)} |"
        for each in asked
    )
    points, time = sum(each.points for each in asked), sum(map(minutes, asked))
    return (
        f"### {headings['title']}\n\n"
        f"After [this chapter]({name}.ipynb) a student can\n\n{objectives}\n\n"
        f"Its [exercises](../exercises/{name}.ipynb) have {points:g} points and take about {time / 60:.1f} hours.\n\n"
        "| question | where it is taught | level | points | minutes | known mistakes |\n"
        f"|---|---|---|--:|--:|--:|\n{rows}"
    )


def line_of(question, named=False):
    """What stands under the heading of a question in its exercise: how hard it is, its points, and its minutes."""
    points = f"{question.points:g} point{'s' * (question.points != 1)}"
    name = f"`{question.name}`: " if named else ""
    return f"*{name}{level_of(question.name)}, {points}, about {minutes(question)} minutes*"


def objectives_of(path):
    """The objectives that a chapter states at its beginning."""
    text = next(cell.source for cell in nbformat.read(path, as_version=4).cells if ABLE in cell.source)
    listed = re.match(r"\s*((?:- .*\n?(?:  .*\n?)*)+)", text.partition(ABLE)[2])
    return [" ".join(each.split()) for each in re.split(r"^- ", listed[1], flags=re.MULTILINE) if each.strip()]


def minutes(question):
    """About how long a question takes a student: a rule of thumb, not a measurement.

    Five minutes to read it, and four for each line of the worked answer, to the next five.
    """
    lines = len(code_of(question.reference).strip().splitlines()) - 1  # without the signature
    return STEP * math.ceil((READ + EACH_LINE * lines) / STEP)


if __name__ == "__main__":
    path = BOOK / PAGE
    path.write_text(make(path.read_text(encoding="utf-8")), encoding="utf-8")
