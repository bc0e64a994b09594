"""The pages of a graded class: feedback for each student, and an overview for the instructor.

Everything comes from verdicts.jsonl, and whatever a student wrote is shown as text: the templates escape all values,
and the pages forbid the browser to run or load anything.
"""

import csv
import io
import math
import re
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean, median

import jinja2

from course_rnn.grading import verdicts
from course_rnn.grading.submissions import file_name
from course_rnn.questions.result import SIGNS

PAGE, FEEDBACK, CSV = "index.html", "feedback", "grades.csv"
MOST_BARS = 12  # of a histogram
CAUSE = "Likely cause: "
#: Where a spreadsheet would begin a formula, also if it splits lines at another sign than the comma.
FORMULA = re.compile(r"(^|[;,\t\r\n|\"'])(\s*)(?=[=+\-@＝＋－＠])")


def write_report(folder):
    """Write the class page, the feedback pages and grades.csv of a folder of verdicts; returns the class page."""
    folder = Path(folder)
    found = verdicts.read(folder / verdicts.FILE)
    if not found:
        raise ValueError(f"There are no verdicts in {folder}.")
    (folder / FEEDBACK).mkdir(exist_ok=True)
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("course_rnn.grading"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["points"] = "{:g}".format
    pages.globals |= {"state": state, "page_of": page_of}
    student_page = pages.get_template("feedback.html")
    for verdict in found.values():
        verdicts.write_whole(folder / page_of(verdict.student), student_page.render(verdict=verdict, signs=SIGNS))
    overview = pages.get_template("class.html").render(**class_overview(found.values()))
    verdicts.write_whole(folder / PAGE, overview)
    write_csv(folder / CSV, found.values())
    return folder / PAGE


def page_of(student):
    """Where a student's page lies, relative to the class page."""
    return f"{FEEDBACK}/{file_name(student)}.html"


def state(question):
    """How a question went, in the words of `Result`."""
    return "passed" if question["points"] >= question["max"] else "not yet"


def class_overview(found):
    """What the class page shows: for each assignment the scores, the questions and the shared misconceptions."""
    graded = defaultdict(list)
    for verdict in found:
        if verdict.status == "graded":
            graded[verdict.assignment].append(verdict)
    return {
        "verdicts": found,
        "counts": Counter(verdict.status for verdict in found),
        "look": [verdict for verdict in found if verdict.status != "graded"],
        "assignments": {name: _assignment(graded[name]) for name in sorted(graded)},
    }


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


def write_csv(path, found):
    """Write one line for each verdict: who, how it went, the score, and the points of each question."""
    names = list(dict.fromkeys(name for verdict in found for name in verdict.questions))
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    rows.writerow(["student", "assignment", "status", "score", "max_score", *names, "messages"])
    for verdict in found:
        points = [verdict.questions[name]["points"] if name in verdict.questions else "" for name in names]
        score = "" if verdict.score is None else verdict.score
        row = [verdict.student, verdict.assignment, verdict.status, score, verdict.max_score, *points]
        rows.writerow([as_text(cell) if isinstance(cell, str) else cell for cell in [*row, " ".join(verdict.messages)]])
    verdicts.write_whole(path, "\ufeff" + text.getvalue())  # the mark tells a spreadsheet that this is UTF-8


def as_text(cell):
    """A text that no spreadsheet takes for a formula: an apostrophe stands before what would begin one.

    Examples
    --------
    >>> as_text("=HYPERLINK(1)"), as_text("O'Neill, Ada-Mae")
    ("'=HYPERLINK(1)", "O'Neill, Ada-Mae")
    """
    return FORMULA.sub(r"\1\2'", cell)
