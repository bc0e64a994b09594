"""The roster of a class: who is in it, and by which name an LMS hands in their work.

It is a table of one's own, the gradebook that Canvas exports, or the grading worksheet of an assignment in Moodle.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from course_rnn.grading import tables

COLUMNS = "student", "name", "lms", "team"
CANVAS, MOODLE = ("Student", "ID", "Section"), ("Identifier", "Full name")
#: What may name a student in these, the first that is there for everybody, once each.
IDS = ("SIS Login ID", "SIS User ID", "ID"), ("Username", "ID number", "Email address")
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
    team : str
        With whom they hand in one notebook; "" for nobody.
    """

    student: str
    name: str = ""
    lms: str = ""
    team: str = ""


def read(path):
    """The students of a CSV file with the columns student, name, lms and team, of which only the first must be there.

    In the place of such a file the gradebook of Canvas does, and the grading worksheet of Moodle.

    Raises
    ------
    ValueError
        In one sentence: what is wrong, and where.
    """
    path, found = Path(path), {}
    for line, entry in _entries(path):
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


def _entries(path):
    """The lines of a file, and who stands there."""
    rows = tables.read(path, ())
    there = rows[0][1].keys() if rows else set()
    if there >= set(CANVAS) and COLUMNS[0] not in there:
        rows = [(line, row) for line, row in rows if row["ID"]]  # not the line of the possible points
        student = _told_apart(rows, IDS[0])
        return [(line, Entry(row[student], _turned(row["Student"]), row["ID"])) for line, row in rows]
    if there >= set(MOODLE) and COLUMNS[0] not in there:
        student = _told_apart(rows, IDS[1])
        return [(line, Entry(row[student], row["Full name"], row.get("Email address", ""))) for line, row in rows]
    rows = tables.read(path, COLUMNS[:1])
    return [(line, Entry(**{name: row.get(name, "") for name in COLUMNS})) for line, row in rows]


def _told_apart(rows, names):
    """The first of some columns that is another text for everybody."""
    for name in names:
        times = Counter(row.get(name, "") for _, row in rows)
        if "" not in times and max(times.values(), default=0) == 1:
            return name
    raise ValueError(f"None of the columns {', '.join(names)} names every student, and each another one.")


def _turned(name):
    """A sortable name as it is spoken: "Lovelace, Ada" is Ada Lovelace."""
    return " ".join(reversed(name.split(", ", 1)))


def find(who, entries):
    """The students that are meant by what a submission says of who handed it in.

    The id comes first, then the name in the LMS, the full name, and the number in the LMS.

    Examples
    --------
    >>> class_ = [Entry("ada", "Ada Lovelace", "101"), Entry("bob", "Bob Bee", "102")]
    >>> handed_in = "bob", "lovelaceada_LATE_101", "Ada Lovelace_7", "Red-Ada Lovelace_7"
    >>> [each.student for who in handed_in for each in find(who, class_)]
    ['bob', 'ada', 'ada', 'ada']
    """
    lms = LMS.fullmatch(who)
    number, name = (lms["number"], lms["name"]) if lms else ("", who)
    for is_meant in (
        lambda each: each.student == who,
        lambda each: each.lms and each.lms == who,
        lambda each: each.name and each.name == name,
        lambda each: each.name and name.endswith(f"-{each.name}"),  # Moodle writes a group before it
        lambda each: each.lms and each.lms == number,
    ):
        found = list(filter(is_meant, entries))
        if found:
            return found
    return []


def identified(submissions, roster, known=None):
    """The submissions under the ids of their students; what is nobody's, or not one student's alone, is rejected.

    Parameters
    ----------
    submissions : list of Submission
    roster : dict of str to Entry
    known : dict of str to str, optional
        By the number that an LMS gives in this assignment, the student: it tells two of one name apart.
    """
    students, claims, known = {}, defaultdict(list), known or {}
    for each in submissions:
        lms = LMS.fullmatch(each.student)
        student = known.get(lms["number"]) if lms and each.named else None
        found = [roster[student]] if student else find(each.student, roster.values())
        students[each.student] = found
        if len(found) == 1:
            claims[found[0].student].append(each.student)
    found = [_identified(each, students[each.student], claims) for each in submissions]
    return _with_groups(found, roster)


def _with_groups(submissions, roster):
    """The submissions, each with those of its group who handed in nothing of their own."""
    alone = {each.student for each in submissions}
    groups = defaultdict(list)
    for entry in roster.values():
        if entry.team and entry.student not in alone:
            groups[entry.team].append(entry.student)
    first, told = set(), []
    for each in submissions:
        group = roster[each.student].team if each.student in roster else ""
        told.append(replace(each, group=tuple(groups[group])) if group and group not in first else each)
        first.add(group)
    return told


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
