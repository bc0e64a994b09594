"""The roster of a class: who is in it, and by which name an LMS hands in their work."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from course_rnn.grading import tables

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
    path, found = Path(path), {}
    for line, row in tables.read(path, COLUMNS[:1]):
        entry = Entry(**{name: row.get(name, "") for name in COLUMNS})
        if not re.fullmatch(r"\w[\w.@-]*\w|\w", entry.student):
            raise ValueError(
                f"{path.name}, line {line}: the student {entry.student!r} must consist of letters, digits, "
                "and . @ _ - between them, as it becomes the name of a file."
            )
        if entry.student in found:
            raise ValueError(f"{path.name}, line {line}: {entry.student} stands there twice.")
        found[entry.student] = entry
    if not found:
        raise ValueError(f"{path.name} names nobody.")
    return found


def find(who, entries):
    """The students that are meant by what a submission says of who handed it in.

    The id comes first, then the name in the LMS, the full name, and the number in the LMS.

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
        lambda each: each.lms and each.lms == who,
        lambda each: each.name and each.name == name,
        lambda each: each.lms and each.lms == number,
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
