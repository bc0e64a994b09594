"""The roster of a class: who is in it, and by which name an LMS hands in their work."""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

COLUMNS = "student", "name", "lms"
LMS = re.compile(r"(?P<name>.+)_(?:LATE_)?(?P<number>\d+)", re.DOTALL)  # what `submissions` makes of an LMS's names


@dataclass(frozen=True)
class Entry:
    """A student.

    Attributes
    ----------
    student : str
        The id from which the questions are drawn.
    name, lms : str
        As an LMS writes it, and its number or name for them; "" where it is not known.
    """

    student: str
    name: str = ""
    lms: str = ""


def read(path):
    """The students of a CSV file with the columns student, name and lms; only the first must be there.

    Raises
    ------
    ValueError
        In one sentence: what is wrong, and where.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not in UTF-8.") from None
    rows, found = csv.DictReader(text.splitlines()), {}
    if "student" not in (rows.fieldnames or ()):
        raise ValueError(f"{path.name} has no column student. Its columns are: {', '.join(rows.fieldnames or ())}.")
    for row in rows:
        entry = Entry(**{name: (row.get(name) or "").strip() for name in COLUMNS})
        if not re.fullmatch(r"\w[\w.@-]*\w|\w", entry.student):
            raise ValueError(
                f"{path.name}, line {rows.line_num}: the student {entry.student!r} must consist of letters, digits, "
                "and . @ _ - between them, as it becomes the name of a file."
            )
        if entry.student in found:
            raise ValueError(f"{path.name}, line {rows.line_num}: {entry.student} stands there twice.")
        found[entry.student] = entry
    if not found:
        raise ValueError(f"{path.name} names nobody.")
    return found


def find(who, entries):
    """The students that are meant by what a submission says of who handed it in.

    The id comes first, then the number or name in the LMS, then the full name.

    Examples
    --------
    >>> class_ = [Entry("ada", "Ada Lovelace", "101"), Entry("bob", "Bob Bee", "102")]
    >>> [each.student for who in ("bob", "lovelaceada_LATE_101", "Ada Lovelace_7") for each in find(who, class_)]
    ['bob', 'ada', 'ada']
    """
    lms = LMS.fullmatch(who)
    number, name = (lms["number"], lms["name"]) if lms else ("", who)
    for is_meant in (
        lambda each: each.student == who,
        lambda each: each.lms and each.lms in (who, number),
        lambda each: each.name and each.name == name,
    ):
        found = list(filter(is_meant, entries))
        if found:
            return found
    return []


def identified(submissions, roster):
    """The submissions under the ids of their students; what is nobody's, or not one student's alone, is rejected."""
    students, claims = {}, defaultdict(list)
    for each in submissions:
        found = find(each.student, roster.values())
        students[each.student] = found
        if len(found) == 1:
            claims[found[0].student].append(each.student)
    return [_identified(each, students[each.student], claims) for each in submissions]


def _identified(submission, found, claims):
    if not found:
        return replace(submission, problem=f"{submission.student} is not on the roster.")
    if len(found) > 1:
        meant = ", ".join(each.student for each in found)
        return replace(submission, problem=f"{submission.student} can be any of these on the roster: {meant}.")
    student = found[0].student
    if len(claims[student]) > 1:
        others = ", ".join(claims[student])
        return replace(submission, problem=f"There are {len(claims[student])} submissions of {student}: {others}.")
    return replace(submission, student=student)
