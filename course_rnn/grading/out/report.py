"""The pages of a graded class: feedback for each student, and an overview for the instructor.

Everything comes from the store, and whatever a student wrote is shown as text: the templates escape all values,
and the pages forbid the browser to run or load anything.
"""

import math
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, median

import jinja2

from course_rnn.checking.result import SIGNS
from course_rnn.grading import tables
from course_rnn.grading.marks import item_analysis
from course_rnn.grading.marks.final import settled
from course_rnn.grading.text import file_names, write_whole
from course_rnn.questions import chapters

PAGE, FEEDBACK = "index.html", "feedback"
MOST_BARS = 12  # of a histogram
CAUSE = "Likely cause: "


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
    overview = pages.get_template("class.html").render(**class_overview(found.values()))
    write_whole(folder / PAGE, overview)
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


def state(question):
    """How a question went, in the words of `Result`."""
    return "passed" if question["points"] >= question["max"] else "not yet"


def class_overview(found):
    """What the class page shows: for each assignment the scores, the questions and the shared misconceptions."""
    graded = defaultdict(list)
    for verdict in found:
        if verdict.status == "graded":
            graded[verdict.assignment].append(verdict)
    found = with_the_same_file(found)
    return {
        "verdicts": found,
        "counts": Counter(verdict.status for verdict in found),
        "look": [verdict for verdict in found if verdict.status != "graded" or verdict.look],
        "assignments": {name: _assignment(graded[name]) for name in sorted(graded)},
    }


def with_the_same_file(found):
    """The verdicts, in which an instructor is told to look at those who got points for one and the same file."""
    who = defaultdict(list)
    for verdict in found:
        if verdict.score and verdict.sha256:
            who[verdict.sha256].append(verdict.student)
    told = []
    for verdict in found:
        others = [student for student in who[verdict.sha256] if student != verdict.student]
        shared = (
            [f"The same file, byte by byte, was handed in by {', '.join(others)}."] if others and verdict.score else []
        )
        told.append(replace(verdict, look=verdict.look + shared))
    return told


def _assignment(graded):
    scores = [verdict.score for verdict in graded]
    questions = defaultdict(list)
    for verdict in graded:
        for name, question in verdict.questions.items():
            questions[name].append(question)
    return {
        "students": len(graded),
        "mean": mean(scores),
        "median": median(scores),
        "max_score": graded[0].max_score,
        "histogram": histogram(scores, graded[0].max_score),
        "questions": {name: _question(answers) for name, answers in questions.items()},
        "items": item_analysis.analyse([verdict.questions for verdict in graded]),
        "few": len(graded) < item_analysis.FEW,
        "misconceptions": misconceptions(graded),
    }


def _question(answers):
    return {
        "max": answers[0]["max"],
        "mean": mean(answer["points"] for answer in answers),
        "passed": sum(state(answer) == "passed" for answer in answers),
        "answers": len(answers),
    }


def histogram(scores, max_score):
    """How many scores fall into each bar, by the bar's label; a bar is a whole number of points wide.

    Examples
    --------
    >>> histogram([0, 2, 2.5, 3], max_score=3)
    {'0': 1, '1': 0, '2': 2, '3': 1}
    """
    width = max(1, math.ceil(max_score / MOST_BARS))
    heights = Counter(int(score // width) for score in scores)
    return {_label(bar, width, max_score): heights[bar] for bar in range(int(max_score // width) + 1)}


def _label(bar, width, max_score):
    first = bar * width
    last = min(first + width - 1, math.floor(max_score))
    return str(first) if first == last else f"{first} to {last}"


def misconceptions(graded):
    """The known mistakes that the class made, the most frequent first: who made them, and what each was told."""
    told, students = {}, defaultdict(list)
    for verdict in graded:
        for name, question in verdict.questions.items():
            if question["cause"]:
                mistake = name, question["cause"]
                students[mistake].append(verdict.student)
                cause = question["message"].partition(CAUSE)[2].split("\n")[0]
                told[mistake] = cause[:1].upper() + cause[1:]
    most_first = sorted(students, key=lambda mistake: (-len(students[mistake]), mistake))
    return [
        {"question": mistake[0], "cause": mistake[1], "students": students[mistake], "told": told[mistake]}
        for mistake in most_first
    ]


def write_csv(path, found, overrides):
    """Write one line for each verdict: who, how it went, the score, and the points of each question."""
    names = list(dict.fromkeys(name for verdict in found for name in verdict.questions))
    decided = ["overrides"] if overrides else []
    rows = []
    for verdict in found:
        points = [verdict.questions[name]["points"] if name in verdict.questions else "" for name in names]
        score = "" if verdict.score is None else verdict.score
        row = [verdict.student, verdict.assignment, verdict.status, score, verdict.max_score, *points]
        said = ["; ".join(map(str, overrides.get(verdict.student, ())))] if overrides else []
        rows.append([*row, *said, " ".join(verdict.messages)])
    tables.write(path, ["student", "assignment", "status", "score", "max_score", *names, *decided, "messages"], rows)
