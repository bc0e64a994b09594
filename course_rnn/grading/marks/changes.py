"""What changed between the grades of two times: told, kept in the store, and written to GRADES/changes.csv."""

from contextlib import contextmanager
from pathlib import Path

from course_rnn.grading import tables
from course_rnn.grading.marks.final import settled
from course_rnn.grading.store import CHANGE, Store

FILE = "changes.csv"
MOST = 20  # changes that are told
HEADER = ("when", *CHANGE[1:])
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


@contextmanager
def noted(folder, against=None):
    """Note how what is done in the meantime changes the grades of a folder; gives a list that is filled at the end.

    What changed is kept with the time, and the reason where somebody decided it.

    Parameters
    ----------
    folder : path
    against : path, optional
        Another folder, whose grades are taken for the earlier ones.
    """
    found, before = [], _rows(against or folder)
    yield found
    found += compare(before, _rows(folder))
    if found:
        reasons = {
            (student, each.question or "score"): f"{each.reason} ({each.who})"
            for student, decided in settled(folder).overrides.items()
            for each in decided
        }
        with Store(folder) as store:
            store.changed([{"why": reasons.get((each["student"], each["what"]), "")} | each for each in found])
            rows = [list(each.values()) for each in store.changes()]
        tables.write(Path(folder) / FILE, HEADER, rows)


def told(changes):
    """What changed, a line each, and the last one says how many more there are."""
    lines = [
        f"Changed: {each['student']}, {each['what']}: {_shown(each['before'])} → {_shown(each['after'])}"
        for each in changes[:MOST]
    ]
    return lines + ([f"{len(changes) - MOST} more changes are in {FILE}."] if len(changes) > MOST else [])


def _shown(grade):
    """A grade as it is told: points without needless decimals."""
    points = tables.number(grade)
    return grade or "none" if points is None else tables.shown(points)


def _rows(folder):
    path = Path(folder) / tables.GRADES
    return [cells for _, cells in tables.read(path, ("student", "score"))] if path.exists() else []
