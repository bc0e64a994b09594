"""What a class did, as numbers: how each question went, and what was misunderstood."""

import json
import math
import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

from course_rnn.grading import tables
from course_rnn.grading.marks import item_analysis
from course_rnn.grading.text import write_whole

MOST_BARS = 12  # of a histogram
CAUSE = "Likely cause: "
REACHED = re.compile(r"(-?\d+\.\d+) on the hidden part \((.+?)\): ")  # how the message of a project begins
QUESTIONS, JSON = "questions.csv", "class.json"
COLUMNS = (
    *("assignment", "question", "answers", "passed", "pass_rate", "pass_rate_low", "pass_rate_high", "mean", "max"),
    *("difficulty", "discrimination", "seconds"),
)


def of_class(found):
    """What the class page shows: for each assignment the scores, the questions and the shared misconceptions."""
    graded = defaultdict(list)
    for verdict in found:
        if verdict.status == "graded":
            graded[verdict.assignment].append(verdict)
    found = with_the_same_file(found)
    return {
        "verdicts": found,
        "counts": Counter(verdict.status for verdict in found),
        "look": [verdict for verdict in found if verdict.status in ("rejected", "ungraded") or verdict.look],
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
            questions[name].append(question | {"seconds": verdict.times.get(name)})
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
        "unnamed": unnamed(graded),
    }


def _question(answers):
    passed = sum(state(answer) == "passed" for answer in answers)
    seconds = [answer["seconds"] for answer in answers if answer["seconds"] is not None]
    return {
        "max": answers[0]["max"],
        "mean": mean(answer["points"] for answer in answers),
        "passed": passed,
        "answers": len(answers),
        "interval": item_analysis.interval(passed, len(answers)),
        "seconds": median(seconds) if seconds else None,
        "reached": reached(answers),
    }


def reached(answers):
    """What a class reached in a project: the unit, and all scores in order, without names; None for other questions.

    Examples
    --------
    >>> message = "0.512 on the hidden part (bits a character): 4 of 6 points."
    >>> reached([{"message": message}, {"message": "There is no function write."}])
    {'unit': 'bits a character', 'scores': [0.512]}
    """
    found = [match for match in (REACHED.match(answer["message"]) for answer in answers) if match]
    return {"unit": found[0][2], "scores": sorted(float(match[1]) for match in found)} if found else None


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
    """The known mistakes that the class made, the most frequent first: who made them, and what each of them was told.

    In variants of a question one mistake is told in several sentences, each of which is true of those who were told it.
    """
    told = defaultdict(lambda: defaultdict(list))
    for verdict in graded:
        for name, question in verdict.questions.items():
            if question["cause"]:
                cause = question["message"].partition(CAUSE)[2].split("\n")[0]
                told[name, question["cause"]][cause[:1].upper() + cause[1:]].append(verdict.student)
    students = {mistake: [who for each in said.values() for who in each] for mistake, said in told.items()}
    return [
        {"question": name, "cause": cause, "students": students[name, cause], "told": dict(told[name, cause])}
        for name, cause in sorted(told, key=lambda mistake: (-len(students[mistake]), mistake))
    ]


def unnamed(graded):
    """The wrong answers of which no cause is known, those together that return the same, the most frequent first."""
    students, message = defaultdict(list), {}
    for verdict in graded:
        for name, question in verdict.questions.items():
            if question.get("alike") and not question["cause"]:
                students[name, question["alike"]].append(verdict.student)
                message[name, question["alike"]] = question["message"].split("\n")[0]
    return [
        {"question": name, "alike": alike, "students": students[name, alike], "message": message[name, alike]}
        for name, alike in sorted(students, key=lambda each: (-len(students[each]), each))
    ]


def write(folder, seen):
    """Write what the class page shows as GRADES/questions.csv, a line for each question, and as GRADES/class.json."""
    rows = []
    for assignment, each in seen["assignments"].items():
        for name, question in each["questions"].items():
            item = each["items"][name]
            low, high = question["interval"]
            share = question["passed"] / question["answers"]
            numbers = [question["answers"], question["passed"], share, low, high, question["mean"], question["max"]]
            rest = [item.difficulty, item.discrimination, question["seconds"]]
            rows.append([assignment, name, *numbers, *("" if number is None else number for number in rest)])
    tables.write(Path(folder) / QUESTIONS, COLUMNS, [[_rounded(cell) for cell in row] for row in rows])
    found = {
        "counts": dict(seen["counts"]),
        "questions": [dict(zip(COLUMNS, row, strict=True)) for row in rows],
        "assignments": {
            name: {what: each[what] for what in ("students", "mean", "median", "max_score", "histogram")}
            | {what: each[what] for what in ("misconceptions", "unnamed")}
            | {"reached": {question: asked["reached"] for question, asked in each["questions"].items()}}
            for name, each in seen["assignments"].items()
        },
    }
    write_whole(Path(folder) / JSON, json.dumps(found, indent=1, allow_nan=False) + "\n")


def _rounded(cell):
    return round(cell, 3) if isinstance(cell, float) else cell


def state(question):
    """How a question went, in the words of `Result`."""
    return "passed" if question["points"] >= question["max"] else "not yet"
