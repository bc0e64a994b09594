"""What an instructor decides at the desk goes into the tables that can also be written by hand.

Nothing is kept that a report could not be made with: a wrong entry leaves the tables as they were.
"""

from contextlib import contextmanager
from pathlib import Path

from course_rnn.grading import tables
from course_rnn.grading.marks import by_hand, changes, named, overrides
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out.report import write_report


def override(folder, student, question, points, reason, who):
    """Set the points of a question, or with "" of the whole, and write the report again.

    Returns
    -------
    list of dict
        The grades that changed.

    Raises
    ------
    ValueError
        Why it cannot be so.
    """
    row = dict(zip(overrides.COLUMNS, (student, question, points, reason, who), strict=True))
    return _added(folder, overrides.FILE, overrides.COLUMNS, row)


def name(folder, question, alike, cause, sentence, who):
    """Give a name to what some answers do wrong alike; returns and raises what `override` does."""
    row = dict(zip(named.COLUMNS, (question, alike, cause, sentence, who), strict=True))
    return _added(folder, named.FILE, named.COLUMNS, row)


def mark(folder, student, question, points, comment):
    """Mark an open question: one number for each criterion; returns and raises what `override` does."""
    path = Path(folder) / by_hand.FILE
    rows = [cells for _, cells in tables.read(path, by_hand.COLUMNS)]
    [row] = [row for row in rows if (row["student"], row["question"]) == (student, question)]
    row |= {"points": "+".join(points), "comment": comment}
    return _written(path, by_hand.COLUMNS, rows)


def _added(folder, file, columns, row):
    path = Path(folder) / file
    rows = [cells for _, cells in tables.read(path, columns)] if path.exists() else []
    return _written(path, columns, [*rows, row])


def _written(path, columns, rows):
    with _or_as_before(path):
        tables.write(path, columns, [[row[name] for name in columns] for row in rows])
        settled(path.parent)
        with changes.noted(path.parent) as changed:
            write_report(path.parent)
    return changed


@contextmanager
def _or_as_before(path):
    """A file stays as it was if what is done with it fails."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        raise
