"""Mistakes that an instructor found in the answers of a class and gave a name: GRADES/mistakes.csv.

    question,alike,cause,sentence,who
    rnn_states,3f2a9c11d0be,one_step_late,"the first state is the start, not the first step.",M. Curie

Answers are alike that return the same on the hidden cases. Whoever answers so, now or later, is told the sentence; the
points stay what they are.
"""

import re
from dataclasses import replace
from pathlib import Path

from course_rnn.grading import tables

FILE = "mistakes.csv"
COLUMNS = ("question", "alike", "cause", "sentence", "who")


def read(folder):
    """The mistakes of a folder: by question and what is alike, the cause and the sentence.

    Raises
    ------
    ValueError
        A line has no name that can be one, or nothing to say.
    """
    path, found = Path(folder) / FILE, {}
    for line, cells in tables.read(path, COLUMNS) if path.exists() else ():
        if not re.fullmatch(r"[a-z]\w*", cells["cause"]):
            raise ValueError(f"{path}, line {line}: the cause {cells['cause']!r} is no name such as one_step_late.")
        for needed in ("question", "alike", "sentence", "who"):
            if not cells[needed]:
                raise ValueError(f"{path}, line {line}: {needed} is empty.")
        found[cells["question"], cells["alike"]] = cells["cause"], cells["sentence"]
    return found


def apply(folder, found):
    """The verdicts, in which an answer of which no cause was known says the one that it has been given."""
    known = read(folder)
    return {student: _named(verdict, known) for student, verdict in found.items()} if known else found


def _named(verdict, known):
    questions = dict(verdict.questions)
    for name, answer in questions.items():
        cause, sentence = known.get((name, answer.get("alike", "")), ("", ""))
        if cause and not answer["cause"]:
            message = f"{answer['message']}\nLikely cause: {sentence}"
            questions[name] = answer | {"cause": cause, "message": message}
    return replace(verdict, questions=questions)
