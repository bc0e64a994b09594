"""The pages of a graded class: feedback for each student, and an overview for the instructor.

Everything comes from the store, and whatever a student wrote is shown as text: the templates escape all values,
and the pages forbid the browser to run or load anything.
"""

from functools import partial
from pathlib import Path

import jinja2

from course_rnn.checking.result import SIGNS
from course_rnn.grading import tables
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out import overview
from course_rnn.grading.out.overview import state
from course_rnn.grading.text import file_names, write_whole
from course_rnn.questions import chapters

PAGE, FEEDBACK = "index.html", "feedback"


def write_report(folder, book=""):
    """Write the class page, the feedback pages and grades.csv of a folder of verdicts; returns the class page.

    Parameters
    ----------
    folder : path
        With the marks given by hand and the overrides, where there are any.
    book : str
        The address of the book, whose atlas explains the mistakes; "" for pages without links to it.

    Raises
    ------
    ValueError
        There are no verdicts, or a file that was written by hand is wrong.
    """
    folder, grades = Path(folder), settled(folder)
    found = grades.verdicts
    (folder / FEEDBACK).mkdir(exist_ok=True)
    pages = environment()
    names = file_names(found)
    pages.globals |= {"page_of": lambda student: page_of(names[student])}
    pages.globals |= {"atlas_of": partial(atlas_of, book), "overrides": grades.overrides, "pending": grades.pending}
    student_page = pages.get_template("feedback.html")
    for verdict in found.values():
        write_whole(folder / page_of(names[verdict.student]), student_page.render(verdict=verdict, signs=SIGNS))
    seen = overview.of_class(found.values())
    write_whole(folder / PAGE, pages.get_template("class.html").render(**seen))
    overview.write(folder, seen)
    write_csv(folder / tables.GRADES, found.values(), grades.overrides)
    return folder / PAGE


def environment(escape=True):
    """Jinja, set up such that whatever goes into a page is text; `escape` is off for what is no page."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("course_rnn.grading.out"),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["points"] = "{:g}".format
    pages.globals["state"] = state
    return pages


def atlas_of(book, assignment, question, cause):
    """Where the atlas of the book explains a mistake; "" without a book, or where the atlas does not know it."""
    chapter = chapters().get(assignment)
    asked = chapter and chapter.questions.get(question)
    known = book and asked and cause in asked.mistakes
    return f"{book.rstrip('/')}/book/atlas.html#{asked.address(cause)}" if known else ""


def page_of(name):
    """Where a student's page lies, relative to the class page."""
    return f"{FEEDBACK}/{name}.html"


def write_csv(path, found, overrides):
    """Write one line for each verdict: who, how it went, the score, and the points of each question."""
    names = list(dict.fromkeys(name for verdict in found for name in verdict.questions))
    decided = ["overrides"] if overrides else []
    rows = []
    for verdict in found:
        points = [verdict.questions[name]["points"] if name in verdict.questions else "" for name in names]
        score = "" if verdict.score is None else verdict.score
        score = int(score) if score != "" and score == int(score) else score  # a number for a spreadsheet, and no 4.0
        row = [verdict.student, verdict.assignment, verdict.status, score, verdict.max_score, *points]
        said = ["; ".join(map(str, overrides.get(verdict.student, ())))] if overrides else []
        rows.append([*row, *said, " ".join(verdict.messages)])
    tables.write(path, ["student", "assignment", "status", "score", "max_score", *names, *decided, "messages"], rows)
