"""What a class handed in: a folder of files, a folder of student folders, or a zip as an LMS exports it.

Of several notebooks of a student the newest counts, where it can be told which that is: by the number or the time that
the LMS gave the file, else by its own time. A zip in the place of a notebook is taken as it is, and opened in the room.
"""

import os
import re
import shutil
import stat
import time
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath

from course_rnn.grading.intake import lms
from course_rnn.grading.text import spelt_out

#: Of what a student has in a zip only this much is unpacked: enough for the grader to see that it is too large.
LARGEST = 64 << 20
MOST_FILES, DEEPEST = 1_000, 20  # in a student's folder
LONGEST_NAME = 200  # characters of the name of an entry that is left out
#: What zipfile raises over what is damaged, encrypted (a RuntimeError) or cannot be written.
UNREADABLE = ValueError, OSError, RuntimeError, EOFError, OverflowError, zlib.error, zipfile.BadZipFile
COPY = re.compile(r"\s*\((?P<second>\d+)\)$|(?<=\w)-(?P<copy>\d{1,2})$")  # "lab (2)" of a browser, "lab-1" of Canvas
DOWNLOADED = re.compile(r"\s*\(\d+\)$")
SAME_TIME = 2  # seconds: zips and some disks know no less
NOTEBOOK, ZIP = ".ipynb", ".zip"


@dataclass(frozen=True)
class Submission:
    """One student's notebook.

    Attributes
    ----------
    student : str
    path : Path
        The notebook, a zip with it, or what was found instead of one.
    submitted : datetime or None
        When the file was last written.
    problem : str
        Why there is no notebook to grade, such as "2 notebooks were handed in: a.ipynb, b.ipynb."; "" where there is
        one. `batch` rejects these itself, so that `grade_submission` never sees them.
    notes : tuple of str
        What its student is told about the choice of the file.
    beside : dict of str to Path
        Files beside the notebook that the plan asks for, by name.
    group : tuple of str
        Who handed it in together with this student, and nothing of their own.
    canvas : bool
        It lies in an export of Canvas.
    """

    student: str
    path: Path
    submitted: datetime | None = None
    problem: str = ""
    notes: tuple = ()
    beside: dict = field(default_factory=dict)
    group: tuple = ()
    canvas: bool = False

    @property
    def named(self):
        """What the names say that an LMS gave the file and its folders; None without one."""
        return lms.of_path(self.path, self.canvas)

    @property
    def filename(self):
        """The name of the file as the student gave it, without what an LMS put before it."""
        return _own_name(self.path, self.canvas)


def collect(source, unpacked, assignments=(), assignment=None, beside=()):
    """Find the submission of each student.

    Who a student is, is told by the name of their folder, else by the name of their file without the name of the
    assignment and a copy's number; where an LMS wrote the names, by the name and number that it gives.

    Parameters
    ----------
    source : path
        A folder, a zip, a single notebook, or the folder ``inbound`` of a course in nbgrader's exchange.
    unpacked : path
        The folder that a zip is unpacked into; what was there before is removed.
    assignments : iterable of str
        Names such as "02_simple_rnn".
    assignment : str, optional
        Where a student's folder has a folder of this name, as in an nbgrader course, only that is looked at; and of
        several notebooks none that is called as another one.
    beside : iterable of str
        Names of the files that are wanted beside a notebook.

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
    source, left_out, beside = Path(source), [], frozenset(beside)
    if source.is_file() and zipfile.is_zipfile(source):
        folder = _unpack(source, Path(unpacked), beside, left_out)
    elif source.is_dir():
        folder = source
    elif source.suffix == NOTEBOOK:
        files = _with_those_beside(source.absolute(), beside)
        return [_submission(spelt_out(_stem(source.name, assignments)), files, None, (), beside)], left_out
    else:
        raise ValueError(f"{source} is neither a folder, nor a zip, nor a notebook.")
    files = defaultdict(list)
    entries = sorted(entry for entry in folder.absolute().iterdir() if _theirs(entry.name))
    alone = [entry for entry in entries if not _is_folder(entry)]
    canvas = lms.is_canvas(alone)
    for entry in filter(_is_folder, entries):
        named = lms.named(entry.name)
        if named and named.lms == "exchange" and not _is_about(named, assignment):
            left_out.append(f"{spelt_out(entry.name)}: another assignment.")
            continue
        place = entry / assignment if assignment and _is_folder(entry / assignment) else entry
        files[named.who if named and named.lms not in lms.NEEDS_COMPANY else entry.name] += _files(place) or [entry]
    for entry in alone:
        named = lms.named(entry.name)
        if named and (canvas or named.lms not in lms.NEEDS_COMPANY):
            files[named.who].append(entry)
        elif entry.suffix.lower() == NOTEBOOK:
            files[_stem(entry.name, assignments)].append(entry)
        else:
            left_out.append(f"{spelt_out(entry.name)}: not a notebook.")
    if not files:
        raise ValueError(f"There is no submission in {source}.")
    what = assignment, assignments, beside, canvas
    return sorted((_submission(spelt_out(who), found, *what) for who, found in files.items()), key=_student), left_out


def one_of(student, path, assignment=None, beside=()):
    """The submission of one student, at a path: a file as it is, or the newest in a folder."""
    files = _files(path) if _is_folder(path) else _with_those_beside(path, beside)
    files = [file.absolute() for file in files] or [path.absolute()]
    return _submission(student, files, assignment, (), frozenset(beside))


def _with_those_beside(path, names):
    """A file, and those of some names in its folder."""
    return [path, *(path.with_name(name) for name in names if path.with_name(name).exists())]


def _is_about(named, assignment):
    """Whether a folder of the exchange is of an assignment, or of a student's own variant of it."""
    return assignment in (None, named.about, named.about.removesuffix(f"_{named.who}"))


def _student(submission):
    return submission.student


def _submission(student, files, assignment, others, beside, canvas=False):
    notebooks = [file for file in files if file.suffix.lower() == NOTEBOOK and not file.is_dir()]
    notebooks = notebooks or [file for file in files if file.suffix.lower() == ZIP and not file.is_dir()]
    canvas = canvas and len({file.parent for file in files}) == 1
    newest, rest = _newest([file for file in notebooks if not _is_of_another(file, assignment, others)], canvas)
    if newest:
        status = newest.lstat()
        problem = _not_plain(status)
        return Submission(
            student,
            newest,
            datetime.fromtimestamp(status.st_mtime, UTC),
            problem and f"{spelt_out(newest.name)} is {problem}.",
            _chosen(newest, rest, canvas) if rest else (),
            _beside(files, newest, beside, canvas),
            canvas=canvas,
        )
    named = ", ".join(spelt_out(file.name) for file in (notebooks or files)[:5])
    if notebooks:
        problem = f"{len(notebooks)} notebooks were handed in: {named}."
    else:
        problem = "Nothing was handed in." if _is_folder(files[0]) else f"No notebook was handed in, only {named}."
    return Submission(student, files[0], problem=problem, canvas=canvas)


def _is_of_another(file, assignment, others):
    """Whether a file is called as another assignment than the one that is graded, and not as that one."""
    return bool(assignment) and assignment not in file.name and any(name in file.name for name in others)


def _chosen(newest, rest, canvas):
    """What a student is told of the choice."""
    called = spelt_out(_own_name(newest, canvas))
    return (f"Of {1 + len(rest)} files that were handed in, the newest counts: {called}.",)


def _newest(files, canvas):
    """The newest of some files and the others; None and all of them where that cannot be told."""
    if len(files) < 2:
        return (files[0], []) if files else (None, [])
    ages = {file: _age(file, canvas) for file in files}
    by_age = sorted(files, key=ages.get)
    if len({len(age) for age in ages.values()}) != 1:  # some have an order, and some do not
        return None, files
    least = 0 if lms.of_path(by_age[-1], canvas) else SAME_TIME
    apart = ages[by_age[-1]][-1] - ages[by_age[-2]][-1] > least
    return (by_age[-1], by_age[:-1]) if apart else (None, files)


def _age(file, canvas):
    """What grows from one file of a student to the next.

    The files in an export do not tell it: Moodle gives all of them the time of the export.
    """
    named = lms.of_path(file, canvas)
    if named is None:
        return (file.lstat().st_mtime,)
    if named.order:
        return named.order
    copy = COPY.search(Path(_own_name(file, canvas)).stem)
    return (int(copy["second"] or copy["copy"]) if copy else 0,)


def _own_name(path, canvas):
    """The name of a file as the student gave it."""
    named = lms.named(path.name)
    believed = named and (canvas or named.lms not in lms.NEEDS_COMPANY)
    return named.file if believed and named.file else path.name


def _beside(files, notebook, names, canvas):
    """The newest plain file of each of some names that lies beside a notebook."""
    found = defaultdict(list)
    for file in files:
        name = _first_name(file, canvas)
        if file != notebook and name in names and not _not_plain(file.lstat()):
            found[name].append(file)
    return {name: max(those, key=lambda file: _age(file, canvas)) for name, those in found.items()}


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


def _stem(name, assignments):
    """Who handed in a file that stands alone."""
    stem = DOWNLOADED.sub("", Path(name).stem)
    for assignment in sorted(assignments, key=len, reverse=True):  # homework_10 begins with homework_1
        if stem.startswith(assignment):
            return stem.removeprefix(assignment).lstrip(" _-") or stem
    return stem


def _unpack(source, folder, beside, left_out):
    """Unpack what is wanted of a zip; of other files only the names. No entry is written outside the folder."""
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
                _unpack_entry(archive, entry, folder, beside, left)
            except UNREADABLE as error:
                left_out.append(f"{entry.filename[:LONGEST_NAME]}: {error}")
    tops = [top for top in folder.iterdir() if _theirs(top.name)]
    wrapped = len(tops) == 1 and tops[0].is_dir() and tops[0].name == source.stem  # a folder that was zipped as such
    return tops[0] if wrapped else folder


def _unpack_entry(archive, entry, folder, beside, left):
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
        if target.suffix.lower() in (NOTEBOOK, ZIP) or _first_name(target, canvas=True) in beside:
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for gigabytes
                raise ValueError("it is compressed in an unusual way.")
            whose = name.parts[0]
            with archive.open(entry) as content:
                while left[whose] and (piece := content.read(min(left[whose], 1 << 20))):
                    file.write(piece)
                    left[whose] -= len(piece)
    written = time.mktime((*entry.date_time, 0, 0, -1))
    os.utime(target, (written, written))


def _first_name(path, canvas):
    """The name that a file has as long as there is no copy of it."""
    own = Path(_own_name(path, canvas))
    return COPY.sub("", own.stem) + own.suffix
