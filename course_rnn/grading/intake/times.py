"""When students handed in, as a list tells it: Moodle's worksheet, Canvas's own answer, or a table of one's own.

The files in an export do not tell it: Moodle and Canvas give all of them the time of the export. Sources:
github.com/moodle/moodle, files/classes/local/archive_writer/zip_writer.php, which hands no time over, and
github.com/instructure/canvas-lms, lib/content_zipper.rb and issue 2219. Blackboard, Brightspace and nbgrader's exchange
put the time into a name; Canvas puts LATE there, and says the time at the address
``/api/v1/courses/COURSE/assignments/ASSIGNMENT/submissions?per_page=100``, which a browser can save (source: Canvas LMS
REST API documentation, Submissions).
"""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from course_rnn.grading import tables
from course_rnn.grading.intake.files import fingerprint
from course_rnn.grading.intake.roster import find

WHILE = "while(1);"  # stands before the answer that Canvas gives to a browser
LATE, IN_TIME = "marked late", "not marked late"  # all that Canvas's export says of when a file came in
SUBMITTED, MOODLE_TIME = "submitted", "Last modified (submission)"
#: As Moodle writes it in English and in American English: "Friday, 16 October 2026, 11:58 PM".
MOODLE_FORMATS = "%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p"


def read(path, zone, roster=None):
    """The times of a list by student.

    Parameters
    ----------
    path : path
        A CSV with the columns student and submitted, such as 2026-10-16 23:58, a grading worksheet of Moodle in
        English, or what Canvas answers when it is asked for the submissions, in JSON.
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
    text = tables.text_of(path).removeprefix(WHILE).lstrip()
    if text.startswith("["):
        return _of_canvas(text, path, roster)
    for line, row in tables.read(path, ()):
        if not found and SUBMITTED not in row and MOODLE_TIME not in row:
            raise ValueError(f"{Path(path).name} has neither a column {SUBMITTED} nor a column {MOODLE_TIME}.")
        when = row.get(SUBMITTED) or row.get(MOODLE_TIME) or "-"
        for student in _students(row, roster) if when != "-" else ():
            found[student] = _time(when, zone, f"{Path(path).name}, line {line}")
    return found


def identities(path, roster):
    """By the number of a participant in this assignment of Moodle, the student: what tells two of one name apart."""
    rows = [] if tables.text_of(path).lstrip().startswith(("[", WHILE)) else tables.read(path, ())
    found = {_number(row): _students(row, roster) for _, row in rows if row.get("Identifier")}
    return {number: students[0] for number, students in found.items() if number and students}


def _number(row):
    return "".join(filter(str.isdigit, row.get("Identifier", "")))


def _of_canvas(text, path, roster):
    """The times in Canvas's answer, by student."""
    try:
        rows = json.loads(text)
        told = {str(row["user_id"]): row["submitted_at"] for row in rows}
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{Path(path).name} is not what Canvas says of the submissions of an assignment.") from None
    found = {}
    for number, when in told.items():
        students = [each for each in (roster or {}).values() if each.lms == number]
        if when and len(students) == 1:
            found[students[0].student] = _time(when, None, f"{Path(path).name}, user {number}")
    return found


def _students(row, roster):
    """Who a row is about: the first of its names that is one student's alone."""
    if roster is None:
        return [row.get("student") or f"{row.get('Full name', '')}_{_number(row)}"]
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
        elif each.named:
            when, source = _of_the_name(each.named, zone)
        elif each.submitted:
            when = each.submitted.astimezone().replace(tzinfo=zone) if exported else each.submitted  # digits of the zip
        kept = received.get(key)
        if source and key[1] and (when or source in (LATE, IN_TIME)) and not _stands(kept, when, source):
            kept = new[key] = when and when.astimezone(zone), source
        if kept is None and not each.problem:
            unknown.append(each.student)
    store.receive(new)
    return unknown


def _of_the_name(named, zone):
    """When a file came in, by what an LMS wrote into its name; its own time is that of the export."""
    if named.when:
        return named.when if named.when.tzinfo else named.when.replace(tzinfo=zone), "name"
    return None, "" if named.late is None else LATE if named.late else IN_TIME


def _stands(kept, when, source):
    """Whether what is known of a file is not to be replaced: a mark says less than a time."""
    return bool(kept) and (when is None or (source == kept[1] and kept[0] <= when))
