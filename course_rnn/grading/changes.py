"""What changed between the grades of two times: printed, and kept in GRADES/changes.csv."""

from datetime import UTC, datetime
from pathlib import Path

from course_rnn.grading import tables

FILE = "changes.csv"
HEADER = ("when", "student", "what", "before", "after", "why")
NOT_GRADES = ("student", "assignment", "overrides", "messages", "max_score")


def compare(before, after):
    """The grades of students of both times that are not the same.

    Parameters
    ----------
    before, after : list of dict
        Rows of grades.csv, by column.

    Returns
    -------
    list of dict
        One for each grade: student, what ("status", "score" or a question), before, after.
    """
    earlier, found = {row["student"]: row for row in before}, []
    for row in after:
        old = earlier.get(row["student"], row)
        for what in row:
            if what not in NOT_GRADES and not _same(old.get(what, ""), row[what]):
                found.append({"student": row["student"], "what": what, "before": old.get(what, ""), "after": row[what]})
    return found


def _same(one, other):
    numbers = tables.number(one), tables.number(other)
    return one == other if None in numbers else numbers[0] == numbers[1]


def rows(path):
    """The rows of a grades.csv; none where there is no such file."""
    return [cells for _, cells in tables.read(path, ("student", "score"))] if Path(path).exists() else []


def log(path, changes, reasons):
    """Add changes to a file that keeps all of them, each with the time and, where there is an override, the reason."""
    if not changes:
        return
    kept = [[cells[name] for name in HEADER] for _, cells in tables.read(path, HEADER)] if Path(path).exists() else []
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for change in changes:
        why = reasons.get((change["student"], change["what"]), "graded again")
        kept.append([now, *(change[name] for name in HEADER[1:-1]), why])
    tables.write(path, HEADER, kept)
