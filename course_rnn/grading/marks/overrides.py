"""Points that the instructor decides, with the reason and who decided: GRADES/overrides.csv, applied last.

    student,question,points,reason,who
    Ada Lovelace_17,rnn_step,2,"Right, but written for the column form, as our slides had it",M. Curie
    Bob Byron_18,,9,Graded by hand: the file was damaged on upload,M. Curie

An empty question stands for the whole score. The verdicts stay as they were measured.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from course_rnn.grading import tables

FILE = "overrides.csv"
COLUMNS = ("student", "question", "points", "reason", "who")


@dataclass(frozen=True)
class Override:
    """One decision.

    Attributes
    ----------
    student, question : str
        The question is "" where the whole score is set.
    points : float
    reason, who : str
        Both are shown to the student.
    before : float or None
        What it replaces.
    """

    student: str
    question: str
    points: float
    reason: str
    who: str
    before: float | None = None

    def __str__(self):
        before = "none" if self.before is None else tables.shown(self.before)
        return f"{self.question or 'score'}: {before} → {tables.shown(self.points)}, {self.reason} ({self.who})"


def read(path, found):
    """The decisions of a file by student; of several about the same points the last counts.

    Parameters
    ----------
    path : path
        There need not be such a file.
    found : dict of str to Verdict
        The verdicts that they are about.

    Raises
    ------
    ValueError
        A line names nobody, no question of theirs, or impossible points, or does not say why or who.
    """
    decided = defaultdict(dict)
    for line, cells in tables.read(path, COLUMNS) if Path(path).exists() else ():
        where = f"{path}, line {line}"
        if cells["student"] not in found:
            raise ValueError(f"{where}: there is no verdict about {cells['student']!r}.")
        verdict = found[cells["student"]]
        question, points = cells["question"], tables.number(cells["points"])
        if question and question not in verdict.questions:
            there = f"There are: {', '.join(verdict.questions)}." if verdict.questions else "Leave the question empty."
            raise ValueError(f"{where}: {question!r} is no question of {verdict.student}. {there}")
        whole = verdict.max_score or math.inf  # of what, is unknown where the notebook did not tell its assignment
        most = verdict.questions[question]["max"] if question else whole
        if points is None or not 0 <= points <= most:
            raise ValueError(f"{where}: the points are {cells['points']!r}, expected a number from 0{_to(most)}.")
        for needed in ("reason", "who"):
            if not cells[needed]:
                raise ValueError(f"{where}: {needed} is empty. The student is told it.")
        decided[verdict.student][question] = Override(verdict.student, question, points, cells["reason"], cells["who"])
    return {student: list(each.values()) for student, each in decided.items()}


def _to(most):
    return f" to {most:g}" if most < math.inf else ""


def apply(verdict, overrides):
    """A verdict with the decisions about it, and the decisions with what they replaced.

    A question that is set moves the score by the difference; a whole score that is set stands as it is. A submission
    that was rejected gets a score only in this way.
    """
    done, whole = [], None
    for override in overrides:
        if override.question:
            answer = verdict.questions[override.question]
            done.append(replace(override, before=answer["points"]))
            questions = verdict.questions | {override.question: answer | {"points": override.points}}
            score = verdict.score - answer["points"] + override.points
            verdict = replace(verdict, questions=questions, score=score)
        else:
            whole = override
    if whole:
        done.append(replace(whole, before=verdict.score))
        verdict = replace(verdict, score=whole.points)
    return verdict, done
