"""When students handed in, as a list tells it: Moodle's grading worksheet, or a table of one's own.

The files in an export do not tell it: Moodle and Canvas give all of them the time of the export. Sources:
github.com/moodle/moodle, files/classes/local/archive_writer/zip_writer.php, which hands no time over, and
github.com/instructure/canvas-lms, lib/content_zipper.rb and issue 2219.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from course_rnn.grading import tables
from course_rnn.grading.intake.files import fingerprint
from course_rnn.grading.intake.roster import find
from course_rnn.grading.intake.submissions import CANVAS, MOODLE

SUBMITTED, MOODLE_TIME = "submitted", "Last modified (submission)"
#: As Moodle writes it in English and in American English: "Friday, 16 October 2026, 11:58 PM".
MOODLE_FORMATS = "%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p"


def read(path, zone, roster=None):
    """The times of a list by student.

    Parameters
    ----------
    path : path
        A CSV with the columns student and submitted, such as 2026-10-16 23:58, or a grading worksheet of Moodle in
        English.
    zone : ZoneInfo
        Of times without an offset.
    roster : dict of str to Entry, optional
        Who the students of a worksheet are; default: as the export calls them, "Ada Lovelace_17".

    Raises
    ------
    ValueError
        In one sentence: what is wrong, and where.
    """
    found = {}
    for line, row in tables.read(path, ()):
        if not found and SUBMITTED not in row and MOODLE_TIME not in row:
            raise ValueError(f"{Path(path).name} has neither a column {SUBMITTED} nor a column {MOODLE_TIME}.")
        when = row.get(SUBMITTED) or row.get(MOODLE_TIME) or "-"
        for student in _students(row, roster) if when != "-" else ():
            found[student] = _time(when, zone, f"{Path(path).name}, line {line}")
    return found


def _students(row, roster):
    """Who a row is about: the first of its names that is one student's alone."""
    number = "".join(filter(str.isdigit, row.get("Identifier", "")))
    if roster is None:
        return [row.get("student") or f"{row.get('Full name', '')}_{number}"]
    for column in ("student", "Email address", "ID number", "Username", "Full name"):
        students = find(row[column], roster.values()) if row.get(column) else ()
        if len(students) == 1:
            return [students[0].student]
    return []


def _time(text, zone, where):
    with suppress(ValueError):
        time = datetime.fromisoformat(text)
        return time if time.tzinfo else time.replace(tzinfo=zone)
    for form in MOODLE_FORMATS:
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=zone)
    raise ValueError(f"{where}: {text!r} is no time, such as 2026-10-16 23:58.")


def of_the_export(path):
    """Whether an LMS named a file, so that its time is that of the export."""
    return bool(CANVAS.fullmatch(path.name) or any(map(MOODLE.fullmatch, path.parts)))


def receive(store, submissions, times, exported, zone, limits):
    """Note when each file was handed in; of a file that comes again, the first time stands.

    Parameters
    ----------
    store : Store
    submissions : list of Submission
    times : dict of str to datetime or None
        A list of times by student; without one the time of each file counts, if no LMS has overwritten it.
    exported : bool
        The files came in a zip. Its times have no zone: they are taken for those of the course.
    zone : ZoneInfo
        Of the course.
    limits : Limits

    Returns
    -------
    list of str
        The students of whom no time is known.
    """
    received, new, unknown = store.received(), {}, []
    for each in submissions:
        key, when, source = (each.student, fingerprint(each.path, limits)), None, "file"
        if times is not None:
            when, source = times.get(each.student), "list"
        elif each.submitted and not of_the_export(each.path):
            when = each.submitted.astimezone().replace(tzinfo=zone) if exported else each.submitted  # digits of the zip
        kept = received.get(key)
        if when and key[1] and not (kept and source == kept[1] and kept[0] <= when):
            kept = new[key] = when.astimezone(zone), source
        if kept is None and not each.problem:
            unknown.append(each.student)
    store.receive(new)
    return unknown
