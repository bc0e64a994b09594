"""What a class handed in: a folder of files, a folder of student folders, or a zip as an LMS exports it."""

import os
import re
import shutil
import stat
import time
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath

from course_rnn.grading.text import spelt_out

#: Of what a student has in a zip only this much is unpacked: enough for the grader to see that it is too large.
LARGEST = 64 << 20
MOST_FILES, DEEPEST = 1_000, 20  # in a student's folder
LONGEST_NAME = 200  # characters of the name of an entry that is left out
#: What zipfile raises over what is damaged, encrypted (a RuntimeError) or cannot be written.
UNREADABLE = ValueError, OSError, RuntimeError, EOFError, OverflowError, zlib.error, zipfile.BadZipFile
# How an LMS names what a student handed in. Both numbers and names are kept: two students may have the same name.
MOODLE = re.compile(r"(?P<who>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?", re.DOTALL)
CANVAS = re.compile(r"(?P<who>.+?)_(?:LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)", re.DOTALL)
COPY = re.compile(r"\s*\(\d+\)$")  # "lab (2)": a browser's second download


@dataclass(frozen=True)
class Submission:
    """One student's notebook.

    Attributes
    ----------
    student : str
    path : Path
        The notebook, or what was found instead of one.
    submitted : datetime or None
        When the file was last written.
    problem : str
        Why there is no notebook to grade, such as "2 notebooks were handed in: a.ipynb, b.ipynb."; "" where there is
        one. `batch` rejects these itself, so that `grade_submission` never sees them.
    """

    student: str
    path: Path
    submitted: datetime | None = None
    problem: str = ""

    @property
    def filename(self):
        """The name of the file as the student gave it, without what an LMS put before it."""
        name = self.path.name
        match = MOODLE.fullmatch(name) or CANVAS.fullmatch(name)
        return match["file"] if match and match["file"] else name


def collect(source, unpacked, assignments=(), assignment=None):
    """Find the submission of each student.

    Who a student is, is told by the name of their folder, else by the name of their file without the name of the
    assignment and a copy's number; where Moodle or Canvas wrote the names, by the name and number that it gives.

    Parameters
    ----------
    source : path
        A folder, a zip or a single notebook.
    unpacked : path
        The folder that a zip is unpacked into; what was there before is removed.
    assignments : iterable of str
        Names such as "02_simple_rnn".
    assignment : str, optional
        Where a student's folder has a folder of this name, as in an nbgrader course, only that is looked at.

    Returns
    -------
    submissions : list of Submission
        By student. Links are never followed.
    left_out : list of str
        What was not taken for anybody's submission, and why.

    Raises
    ------
    ValueError
        There is nothing to grade.
    """
    source, left_out = Path(source), []
    if source.is_file() and zipfile.is_zipfile(source):
        folder = _unpack(source, Path(unpacked), left_out)
    elif source.is_dir():
        folder = source
    elif source.suffix == ".ipynb":
        return [_submission(spelt_out(_stem(source.name, assignments)), [source.absolute()])], left_out
    else:
        raise ValueError(f"{source} is neither a folder, nor a zip, nor a notebook.")
    files = defaultdict(list)
    entries = sorted(entry for entry in folder.absolute().iterdir() if _theirs(entry.name))
    folders = [entry for entry in entries if _is_folder(entry)]
    alone = [entry for entry in entries if not _is_folder(entry)]
    for entry in folders:
        lms = MOODLE.fullmatch(entry.name)
        place = entry / assignment if assignment and _is_folder(entry / assignment) else entry
        files[_who(lms) if lms else entry.name] += _files(place) or [entry]
    canvas = all(CANVAS.fullmatch(entry.name) for entry in alone)  # one name is no proof: "lab_2026_11_ada.ipynb"
    for entry in alone:
        lms = MOODLE.fullmatch(entry.name) or (canvas and CANVAS.fullmatch(entry.name))
        if lms:
            files[_who(lms)].append(entry)
        elif entry.suffix.lower() == ".ipynb":
            files[_stem(entry.name, assignments)].append(entry)
        else:
            left_out.append(f"{spelt_out(entry.name)}: not a notebook.")
    if not files:
        raise ValueError(f"There is no submission in {source}.")
    return sorted((_submission(spelt_out(who), found) for who, found in files.items()), key=_student), left_out


def _student(submission):
    return submission.student


def _submission(student, files):
    notebooks = [file for file in files if file.suffix.lower() == ".ipynb" and not file.is_dir()]
    if len(notebooks) == 1:
        file = notebooks[0]
        status = file.lstat()
        problem = _not_plain(status)
        submitted = datetime.fromtimestamp(status.st_mtime, UTC)
        return Submission(student, file, submitted, problem and f"{spelt_out(file.name)} is {problem}.")
    named = ", ".join(spelt_out(file.name) for file in (notebooks or files)[:5])
    if notebooks:
        problem = f"{len(notebooks)} notebooks were handed in: {named}."
    else:
        problem = "Nothing was handed in." if _is_folder(files[0]) else f"No notebook was handed in, only {named}."
    return Submission(student, files[0], problem=problem)


def _not_plain(status):
    if stat.S_ISLNK(status.st_mode):
        return "a link, not a file"
    if not stat.S_ISREG(status.st_mode):
        return "not a plain file"
    return "a hard link: the file has a second name elsewhere" if status.st_nlink > 1 else ""


def _files(folder):
    """The files below a folder, and every link, as itself: not more of them, and not deeper, than anybody needs."""
    found, folders = [], [(folder, 0)]
    while folders and len(found) < MOST_FILES:
        top, depth = folders.pop()
        with os.scandir(top) as entries:
            for entry in islice(filter(lambda entry: _theirs(entry.name), entries), MOST_FILES):
                if entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                    folders.append((Path(entry.path), depth + 1))
                else:
                    found.append(Path(entry.path))
    return sorted(found)


def _is_folder(path):
    return path.is_dir() and not path.is_symlink()


def _theirs(name):
    """Whether a student made it, rather than their system."""
    return name[0] != "." and name != "__MACOSX"


def _who(match):
    """A student as an LMS knows them."""
    return f"{match['who']}_{match['id']}"


def _stem(name, assignments):
    """Who handed in a file that stands alone."""
    stem = COPY.sub("", Path(name).stem)
    for assignment in sorted(assignments, key=len, reverse=True):  # homework_10 begins with homework_1
        if stem.startswith(assignment):
            return stem.removeprefix(assignment).lstrip(" _-") or stem
    return stem


def _unpack(source, folder, left_out):
    """Unpack the notebooks of a zip; of other files only the names. No entry is written outside the folder."""
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{source} is a damaged zip: {error}") from None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    left = defaultdict(lambda: LARGEST)  # of the bytes of each student
    with archive:
        for entry in archive.infolist():
            try:
                _unpack_entry(archive, entry, folder, left)
            except UNREADABLE as error:
                left_out.append(f"{entry.filename[:LONGEST_NAME]}: {error}")
    tops = [top for top in folder.iterdir() if _theirs(top.name)]
    wrapped = len(tops) == 1 and tops[0].is_dir() and tops[0].name == source.stem  # a folder that was zipped as such
    return tops[0] if wrapped else folder


def _unpack_entry(archive, entry, folder, left):
    name = PurePosixPath(entry.filename)
    target = folder / name
    if name.is_absolute() or ".." in name.parts or "\\" in entry.filename or not name.parts:
        first = name.parts[0] if name.parts else ".."
        if len(name.parts) > 1 and first not in ("/", ".."):
            (folder / first).mkdir(exist_ok=True)  # its student is not to vanish
        raise ValueError("the name leads out of the folder.")
    if len(name.parts) > DEEPEST:
        (folder / name.parts[0]).mkdir(exist_ok=True)
        raise ValueError("its folders are too deep.")
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as file:  # never over a file that is there
        if target.suffix.lower() == ".ipynb":
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for gigabytes
                raise ValueError("it is compressed in an unusual way.")
            whose = name.parts[0]
            with archive.open(entry) as content:
                while left[whose] and (piece := content.read(min(left[whose], 1 << 20))):
                    file.write(piece)
                    left[whose] -= len(piece)
    written = time.mktime((*entry.date_time, 0, 0, -1))
    os.utime(target, (written, written))
