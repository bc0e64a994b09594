"""How an LMS names what students handed in: one pattern for each, with where it was read.

**Canvas** ``lovelaceada_LATE_101_5001_lab.ipynb``: the sortable name without spaces, LATE where it was, the number of
the student, that of the file, which grows with time, and its name. A text entry ends in ``_101_text.html``, a link in
``_101_link.html``; in an anonymous assignment ``anon_aB3dE`` stands for name and number; a group stands under its own
name and the number of one member. A second file of one name is ``lab-1.ipynb``.
Source: github.com/instructure/canvas-lms, lib/content_zipper.rb.

**Moodle** ``Ada Lovelace_17_assignsubmission_file/lab.ipynb``: the name, before it that of a group, and the number of
the participant in this assignment; before Moodle 4.1 the folder ends in ``_``; without folders the file's name follows.
Source: github.com/moodle/moodle, mod/assign/feedback/file/importziplib.php.

**Blackboard** ``Homework 1_ada_attempt_2026-10-16-21-00-00_lab.ipynb``: the assignment, the user name, when; beside it
a text file that says so. Source: github.com/kwurst/bb-file-cleanup, README.md.

**Brightspace** ``397063-2557369 - Ada Lovelace - Oct 16, 2026 926 PM/lab.ipynb``, with an ``index.html`` beside the
folders. Source: scripts of instructors that rename these folders (there is no public page of D2L that says so).

**nbgrader's exchange** ``ada+homework_1+2026-10-16 21:00:00.000000 UTC+cmFuZG9t/lab.ipynb``, below COURSE/inbound.
Source: nbgrader 0.9.6, nbgrader/exchange/default/submit.py.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

CANVAS_FILE = r"(?:(?P<order>\d+)_(?P<file>.+)|(?P<page>text|link)\.html)"
PATTERNS = {
    "moodle": r"(?P<who>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?",
    "canvas": rf"(?P<who>.+?)_(?P<late>LATE_)?(?P<id>\d+)_{CANVAS_FILE}",
    "canvas, anonymous": rf"(?P<late>LATE_)?(?P<who>anon_[A-Za-z0-9]{{5}})_{CANVAS_FILE}",
    "blackboard": r"(?P<about>.+?)_(?P<who>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<page>\.txt))",
    "brightspace": r"(?P<id>\d+)-\d+\s*- (?P<who>.+) - (?P<when>[A-Z][a-z]{2} \d{1,2}, \d{4} \d{3,4} [AP]M)",
    "exchange": r"(?P<who>.+?)\+(?P<about>[^+]+)\+(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \w+)(?:\+[\w=-]+)?",
}
PATTERNS = {lms: re.compile(pattern, re.DOTALL) for lms, pattern in PATTERNS.items()}
#: These are names of files only where most of an export is so named: "lab_2026_11_ada.ipynb" is none of Canvas.
NEEDS_COMPANY = "canvas", "canvas, anonymous"
FORMATS = {"blackboard": "%Y-%m-%d-%H-%M-%S", "brightspace": "%b %d, %Y %I%M %p", "exchange": "%Y-%m-%d %H:%M:%S.%f %Z"}


@dataclass(frozen=True)
class Named:
    """What the name of a file or a folder says.

    Attributes
    ----------
    lms : str
        Whose it is, a key of `PATTERNS`.
    who : str
        The student: the name, and behind it the number that the LMS gives, such as "Ada Lovelace_17".
    file : str
        The name that the student gave the file; "" for a folder.
    order : tuple
        What grows from one file of a student to the next.
    when : datetime or None
        Without a zone that of the course.
    late : bool or None
        None where this LMS does not say it.
    about : str
        The assignment, as the LMS calls it; "" where it does not.
    prefix : str
        What the file that goes back has to begin with, or the folder that it has to lie in.
    """

    lms: str
    who: str
    file: str
    order: tuple
    when: datetime | None
    late: bool | None
    about: str
    prefix: str


def named(name) -> Named | None:
    """What a name says, None if no LMS made it.

    Examples
    --------
    >>> named("byronbob_LATE_102_5002_lab-1.ipynb").who, named("byronbob_LATE_102_5002_lab-1.ipynb").late
    ('byronbob_102', True)
    >>> named("397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM").when
    datetime.datetime(2024, 9, 24, 21, 26)
    >>> named("lab.ipynb")
    """
    for lms, pattern in PATTERNS.items():
        match = pattern.fullmatch(name)
        if match:
            return _named(lms, match.groupdict(), match)
    return None


def _named(lms, said, match):
    number = said.get("id")
    when = said.get("when") and _time(said["when"], FORMATS[lms])
    late = bool(said["late"]) if "late" in said else None
    order = (int(said["order"]),) if said.get("order") else (when.timestamp(),) if when else ()
    file = said.get("file") or (match[0] if said.get("page") else "")
    prefix = match[0] if file == "" else match[0].removesuffix(file).rstrip("_")
    who = f"{said['who']}_{number}" if number else said["who"]
    return Named(lms, who, file, order, when, late, said.get("about") or "", prefix)


def of_path(path, canvas=False) -> Named | None:
    """What the innermost name in a path says that an LMS made.

    `canvas`, the file lies in an export of Canvas; nowhere else are names believed that are like those of Canvas.
    """
    for part in reversed(path.parts):
        found = named(part)
        if found and (found.lms not in NEEDS_COMPANY or (canvas and part == path.name)):
            return found
    return None


def is_canvas(files):
    """Whether most of some files lie together and are called as Canvas does: some other may have got among them."""
    found = [file for file in files if (said := named(file.name)) and said.lms in NEEDS_COMPANY]
    return 2 * len(found) > len(files) and len({file.parent for file in found}) == 1


def _time(text, form):
    if "%I%M" in form:  # 926 PM is 09:26 PM
        text = re.sub(r" (\d{3}) ", r" 0\1 ", text)
    with suppress(ValueError):
        found = datetime.strptime(text, form)
        return found.replace(tzinfo=UTC) if "%Z" in form else found
    return None
