"""What each page of the desk shows."""

import hashlib
from collections import Counter
from pathlib import Path

from course_rnn.grading import tables
from course_rnn.grading.desk.notebook import cells_of
from course_rnn.grading.marks import by_hand as marks
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out import overview
from course_rnn.grading.out.similarity import LEAST, rings_of
from course_rnn.grading.store import Store

ORDERS = {"listed": "by name", "mixed": "mixed, without names", "longest": "the longest first"}
MOST_SHOWN = 3  # students of a cluster whose code is shown


def of_class(folder):
    """Everybody with the grade as it stands, and what is still to do."""
    grades = settled(folder)
    seen = overview.of_class(grades.verdicts.values())
    to_mark = sum(not cells["points"] for cells in _rows(folder))
    return seen | {
        "overrides": grades.overrides,
        "pending": grades.pending,
        "to_mark": to_mark,
        "changes": _changes(folder),
    }


def _changes(folder):
    """What was changed last, the newest first."""
    with Store(folder) as store:
        return store.changes()[::-1][:20]


def of_student(folder, student):
    """What one student handed in, and what was said and decided; None if there is nobody of that name."""
    grades = settled(folder)
    if student not in grades.verdicts:
        return None
    names = list(grades.verdicts)
    place = names.index(student)
    [verdict] = overview.with_the_same_file([grades.verdicts[student]])
    return {
        "verdict": verdict,
        "cells": cells_of(folder, [student])[student],
        "overrides": grades.overrides.get(student, ()),
        "before": names[place - 1] if place else "",
        "after": names[place + 1] if place + 1 < len(names) else "",
        "state": overview.state,
    }


def by_hand(folder, order, number):
    """One answer to an open question: the one of a number, else the first in an order that is not marked yet."""
    rows = _ordered(_rows(folder), order)
    if not rows:
        return {"row": None, "rows": (), "orders": ORDERS, "order": order}
    todo = [place for place, row in enumerate(rows) if not row["points"]]
    place = int(number) - 1 if number.isdigit() and 0 < int(number) <= len(rows) else (todo or [0])[0]
    row, asked = rows[place], marks.read_rubric(Path(folder) / marks.RUBRIC)
    question = asked.questions[row["question"]]
    headings = [each.heading for each in asked.questions.values()]
    shown = cells_of(folder, [row["student"]], headings)[row["student"]]
    mine = list(asked.questions).index(row["question"])
    comments = Counter(each["comment"] for each in rows if each["comment"] and each["question"] == row["question"])
    given = row["points"].split("+") if row["points"] else [""] * len(question.criteria)
    return {
        "row": row,
        "rows": rows,
        "place": place + 1,
        "left": len(todo),
        "criteria": list(zip(question.criteria.items(), given, strict=True)),
        "pictures": [address for cell in shown if mine in cell.under for address in cell.addresses],
        "comments": [comment for comment, _ in comments.most_common(9)],
        "order": order,
        "orders": ORDERS,
        "nameless": order == "mixed",
    }


def _rows(folder):
    path = Path(folder) / marks.FILE
    return [cells for _, cells in tables.read(path, marks.COLUMNS)] if path.exists() else []


def _ordered(rows, order):
    """The rows in one of `ORDERS`; mixed they are in the same order each time."""
    if order == "longest":
        return sorted(rows, key=lambda row: -len(row["answer"]))
    if order == "mixed":
        key = "{question}:{student}"
        return sorted(rows, key=lambda row: hashlib.sha256(key.format_map(row).encode()).digest())
    return rows


def alike(folder):
    """Rings of copies."""
    return {"rings": rings_of(folder), "least": LEAST}


def unnamed(folder):
    """The clusters of wrong answers without a known cause, with the code of some."""
    graded = [verdict for verdict in settled(folder).verdicts.values() if verdict.status == "graded"]
    clusters = overview.unnamed(graded)
    shown = {who for cluster in clusters for who in cluster["students"][:MOST_SHOWN]}
    cells = cells_of(folder, shown) if shown else {}
    return [cluster | {"code": _answers(cluster, cells)} for cluster in clusters]


def _answers(cluster, cells):
    """By student the last cell that writes the function."""
    begins = f"def {cluster['question']}("
    found = {}
    for who in cluster["students"][:MOST_SHOWN]:
        written = [cell.source for cell in cells.get(who, ()) if cell.kind == "code" and begins in cell.source]
        found[who] = written[-1] if written else ""
    return found
