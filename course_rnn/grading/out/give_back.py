"""Files that go back to students: a page of feedback or a notebook for each, in the zip that their LMS takes.

**Moodle**, assignment, "Upload multiple feedback files in a zip": a file goes to the participant whose number stands in
the name of its folder, ``Ada Lovelace_17_assignsubmission_file/feedback.html``, whether they have handed in anything or
not. The number is another one in each assignment; its grading worksheet says them all.
Source: github.com/moodle/moodle, mod/assign/feedback/file/importziplib.php.

**Canvas**, assignment, "Upload Submissions": a file becomes a comment to the submission that the first two numbers
between underscores name, ``lovelaceada_101_5001_feedback.html``: the student and a file of theirs in this assignment.
So only whoever has handed in a file can be given one; a text entry or a link has no such number, and the names of an
anonymous assignment have no number of a student.
Source: github.com/instructure/canvas-lms, Assignment#infer_comment_context_from_filename.

**nbgrader's exchange**: a page of feedback is called after the secret that the student's own nbgrader has put beside
what it handed in; an assignment of its own for each student carries a notebook of their own.
Source: nbgrader 0.9.6, nbgrader/exchange/default.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from course_rnn.grading import tables
from course_rnn.grading.intake import lms, times
from course_rnn.grading.intake.files import Rejected, read
from course_rnn.grading.intake.roster import Entry, find
from course_rnn.grading.limits import Limits
from course_rnn.grading.marks.final import settled
from course_rnn.grading.out.report import FEEDBACK, page_of
from course_rnn.grading.store import Store
from course_rnn.grading.text import file_names, write_whole

TAKES_BACK = {"moodle": "/", "canvas": "_"}  # what stands between the prefix and the file
SECRET = re.compile(r"[0-9a-f]{128}")
TINY = Limits(notebook_mb=1)


@dataclass(frozen=True)
class Sent:
    """A zip that was written, or a folder.

    Attributes
    ----------
    path : Path
    students : list of str
        Who gets a file.
    left_out : list of str
        Who does not, and why.
    """

    path: Path
    students: list
    left_out: list


def feedback(folder, out=None, worksheet=None, students=None) -> Sent:
    """Zip the pages of feedback of a graded class as the LMS takes them that it was exported from.

    Parameters
    ----------
    folder : path
        Of the grades, with their report.
    out : path, optional
        Default: feedback.zip in the folder.
    worksheet : path, optional
        The grading worksheet of Moodle, to reach also those who have handed in nothing.
    students : dict of str to Entry, optional
        The roster.

    Raises
    ------
    ValueError
        There are no grades, or no LMS has named what was handed in.
    """
    folder, found = Path(folder), settled(folder).verdicts
    with Store(folder) as store:
        paths = store.paths()
    there = {who: path for who, path in paths.items() if path}
    canvas = lms.is_canvas(list(there.values()))
    addresses = {who: address(named) for who, path in there.items() if (named := lms.of_path(path, canvas))}
    if worksheet:
        addresses |= of_worksheet(worksheet, students or {who: Entry(who) for who in found})
    if not addresses:
        raise ValueError("No LMS has named what was handed in: hand out the pages of feedback one by one.")
    names = file_names(found)
    files = {who: (f"feedback_{each.assignment}.html", folder / page_of(names[who])) for who, each in found.items()}
    return _zipped(out or folder / f"{FEEDBACK}.zip", files, addresses)


def handouts(notebooks, students, out, worksheet=None, export=None) -> Sent:
    """Zip the notebooks of a class, each for its student.

    Parameters
    ----------
    notebooks : path
        The folder of an assignment that `handouts.write_variants` wrote: NAME/NAME_STUDENT.ipynb.
    students : dict of str to Entry
        The roster.
    out : path
    worksheet : path, optional
        Of the assignment in Moodle.
    export : path, optional
        Of an assignment in Canvas in which everybody has handed in some file.

    Raises
    ------
    ValueError
    """
    if bool(worksheet) == bool(export):
        raise ValueError("Give the worksheet of Moodle, or an export of Canvas.")
    name = Path(notebooks).name
    there = {who: Path(notebooks, f"{name}_{who}.ipynb") for who in students}
    files = {who: (f"{name}.ipynb", path) for who, path in there.items() if path.is_file()}
    if not files:
        raise ValueError(f"There are no notebooks {name}_STUDENT.ipynb in {notebooks}.")
    addresses = of_worksheet(worksheet, students) if worksheet else of_export(export, students)
    return _zipped(out, files, addresses)


def address(named):
    """What stands before a file that goes back to where a name comes from; "" where none does."""
    prefix = named.prefix.replace("_assignsubmission_onlinetext", "_assignsubmission_file")
    return f"{prefix}{TAKES_BACK[named.lms]}" if prefix and named.lms in TAKES_BACK else ""


def of_worksheet(worksheet, students):
    """The addresses of all students of a worksheet of Moodle, as it writes them into an export itself."""
    who = times.identities(worksheet, students)
    found = {}
    for _, row in tables.read(worksheet, ("Identifier",)):
        number = "".join(filter(str.isdigit, row["Identifier"]))
        name = re.sub(r"[_/\\]", " ", row.get("Full name") or "Participant")
        if number in who:
            found[who[number]] = f"{name}_{number}_assignsubmission_file/"
    return found


def of_export(export, students):
    """The addresses of all who handed in a file in an export of Canvas."""
    try:
        with zipfile.ZipFile(export) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{export} is no zip that Canvas has exported: {error}") from None
    found = {}
    for named in filter(None, map(lms.named, names)):
        meant = find(named.who, students.values())
        if len(meant) == 1 and address(named):
            found[meant[0].student] = address(named)
    return found


def _zipped(out, files, addresses):
    """Write a zip; it is the same for the same files."""
    out, sent, left_out = Path(out), [], []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, (name, path) in sorted(files.items()):
            if addresses.get(student):
                entry = zipfile.ZipInfo(addresses[student] + name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
                sent.append(student)
            else:
                left_out.append(f"{student}: there is no file of theirs by which the LMS would know where this goes.")
    return Sent(out, sent, left_out)


# ---------------------------------------------------------------------- nbgrader's exchange


def release_to_exchange(notebooks, students, course) -> Sent:
    """Put the notebook of each student into nbgrader's exchange, as an assignment NAME_STUDENT.

    Parameters
    ----------
    notebooks : path
        The folder of an assignment, as for `handouts`.
    students : iterable of str
    course : path
        Of the course in the exchange: EXCHANGE/COURSE.

    Raises
    ------
    ValueError
    """
    name, course = Path(notebooks).name, Path(course)
    for folder, mode in (("outbound", 0o755), ("inbound", 0o2733), ("feedback", 0o711)):  # as nbgrader makes them
        (course / folder).mkdir(parents=True, exist_ok=True)
        (course / folder).chmod(mode)
    there = {who: Path(notebooks, f"{name}_{who}.ipynb") for who in students}
    there = {who: path for who, path in there.items() if path.is_file()}
    if not there:
        raise ValueError(f"There are no notebooks {name}_STUDENT.ipynb in {notebooks}.")
    for path in there.values():
        place = course / "outbound" / path.stem
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
        (place / path.name).write_bytes(path.read_bytes())
        (place / path.name).chmod(0o644)
    left_out = [f"{who}: there is no notebook of theirs." for who in students if who not in there]
    return Sent(course / "outbound", sorted(there), left_out)


def feedback_to_exchange(folder, course) -> Sent:
    """Put the pages of feedback where ``nbgrader fetch_feedback`` of each student finds them.

    Parameters
    ----------
    folder : path
        Of the grades of what lies in EXCHANGE/COURSE/inbound.
    course : path
        EXCHANGE/COURSE.
    """
    from nbgrader.utils import notebook_hash

    folder, place = Path(folder), Path(course, FEEDBACK)
    found, sent, left_out = settled(folder).verdicts, [], []
    names = file_names(found)
    place.mkdir(parents=True, exist_ok=True)
    with Store(folder) as store:
        paths = store.paths()
    for student in found:
        secret = _secret(paths[student])
        if secret:
            page = place / f"{notebook_hash(secret=secret, notebook_id=paths[student].stem)}.html"
            write_whole(page, (folder / page_of(names[student])).read_text(encoding="utf-8"))
            page.chmod(0o644)
            sent.append(student)
        else:
            left_out.append(f"{student}: beside what was handed in lies no secret of nbgrader.")
    return Sent(place, sent, left_out)


def _secret(path):
    """What the student's nbgrader has put beside a notebook; "" where that is not what nbgrader writes."""
    try:
        text = read(path.with_name("submission_secret.txt"), TINY).decode("ascii", "replace") if path else ""
    except Rejected:
        return ""
    return text if SECRET.fullmatch(text) else ""
