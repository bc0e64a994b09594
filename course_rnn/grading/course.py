"""The plan: what is asked of whom, when it is due, and what a late answer is worth; read once, one object.

There are three kinds: the course's own questions, an instructor's module of questions, and a course.toml, in which each
student has questions of their own. `examples/course.toml` shows and explains every key of the last.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import re
import tomllib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from course_rnn import projects
from course_rnn.checking.family import number
from course_rnn.checking.question import Chapter
from course_rnn.questions import chapters as course_chapters

DAY = timedelta(days=1)
SECRET = re.compile(r"[0-9a-fA-F]{16,}")  # 64 bits or more, as `course-rnn seed` writes them


def _not_negative(**numbers):
    """Check numbers, which a union of two kinds in a schema cannot.

    Raises
    ------
    ValueError
    """
    for name, value in numbers.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}, expected 0 or more")


class Plan:
    """The course's own questions, which are the same for everybody and have no due dates.

    Attributes
    ----------
    path : str
        Of the file that says it, "" for none.
    assignments : dict of Assignment
        By name, where there are due dates.
    zone : ZoneInfo or None
        In which they are.
    beside : tuple of Path
        Other files that its file wants: that of the seed.
    partial_credit : bool
        Whether an answer that is right in part earns a part of the points.
    """

    path = ""
    zone = None
    beside = ()
    partial_credit = True

    def __init__(self):
        self.assignments = {}

    def chapters(self, student=""):
        """What is asked of a student: a `Chapter` for each assignment, by name; those of projects come last."""
        return course_chapters() | projects.chapters()

    @property
    def files(self):
        """The files that questions want beside the notebook: by name, how many MiB they may have."""
        asked = [question for chapter in self.chapters().values() for question in chapter.questions.values()]
        return {name: most for question in asked for name, most in question.files.items()}

    @property
    def version(self):
        """What tells questions apart that are not the same; due dates are none of it."""
        return importlib.metadata.version("course-rnn")

    def check_students(self, students):
        """Check that every extension is somebody's.

        Raises
        ------
        ValueError
        """
        for assignment in self.assignments.values():
            for student in assignment.extensions.keys() - set(students):
                raise ValueError(f"{assignment.name} has an extension for {student!r}, who is not on the roster.")


class Module(Plan):
    """The questions of a module that an instructor wrote."""

    def __init__(self, path):
        super().__init__()
        self.path = str(path)
        spec = importlib.util.spec_from_file_location(Path(path).stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._chapters = {each.name: each for each in vars(module).values() if isinstance(each, Chapter)}
        if not self._chapters:
            raise ValueError(f"{path} defines no Chapter of questions.")

    def chapters(self, student=""):
        return self._chapters

    @property
    def version(self):
        return hashlib.sha256(Path(self.path).read_bytes()).hexdigest()[:12]


class Pool(Struct, frozen=True, forbid_unknown_fields=True):
    """Families of questions, of which each student is asked some.

    Attributes
    ----------
    families : tuple of str
    points : float
        Of each question.
    count : int
        How many of them are asked; all where it is None.
    """

    families: tuple[str, ...]
    points: int | float
    count: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self):
        _not_negative(points=self.points)

    @property
    def asked(self):
        """How many are asked."""
        return len(self.families) if self.count is None else self.count


class Late(Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken off for every day begun after the due date, and after how many days nothing is accepted.

    Examples
    --------
    >>> rule = Late(percent_per_day=20, days=3)
    >>> [rule.left(days) for days in (0, 1, 3, 4)]
    [100, 80, 40, 0]
    """

    percent_per_day: int | float
    days: Annotated[int, Meta(ge=0)]

    def __post_init__(self):
        _not_negative(percent_per_day=self.percent_per_day)

    def left(self, days):
        """The percentage of the points that is left after some days."""
        return max(0, 100 - self.percent_per_day * days) if days <= self.days else 0


class Assignment(Struct, frozen=True, forbid_unknown_fields=True):
    """What is handed in together.

    Attributes
    ----------
    name, title : str
    due : datetime
        In the course's time zone.
    questions : tuple of Pool
        None where it is a project.
    project : str
        The project that it is, such as "p1_forecast", with the points of its own scale; "" for none.
    late : Late
    attempts : str
        "best" or "last": which one counts if a student hands in again.
    missing : 0 or None
        The points of whoever on the roster has handed in nothing; None leaves them without a mark.
    extensions : dict
        By student: the days that they have longer.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$")]
    title: str
    due: Annotated[datetime, Meta(tz=False)]
    questions: Annotated[tuple[Pool, ...], Meta(min_length=1)] | None = None
    project: str = ""
    late: Late | None = None
    attempts: Literal["best", "last"] = "last"
    missing: Literal[0] | None = None
    extensions: dict[str, int | float] = {}

    def __post_init__(self):
        _not_negative(**{f"the extension of {student}": days for student, days in self.extensions.items()})
        if bool(self.questions) == bool(self.project):
            raise ValueError("it asks questions, or it is a project: one of the two")

    def due_of(self, student):
        """When a student has to hand in; an extension ends at the same time of day, summer time or not."""
        return self.due + timedelta(days=self.extensions.get(student, 0))

    def days_late(self, student, submitted):
        """How many days after the due date have begun; 0 in time."""
        after = submitted.astimezone(UTC) - self.due_of(student).astimezone(UTC)
        return max(0, math.ceil(after / DAY))

    def conventions(self, seed, student):
        """What a student is asked: by the name of a family the token of the convention, and the points."""
        found = {}
        for pool in self.questions or ():
            drawn = sorted(pool.families, key=lambda name: number(seed, student, self.name, name))[: pool.asked]
            for name in filter(drawn.__contains__, pool.families):
                found[name] = _variants().FAMILIES[name].draw(seed, student), pool.points
        return found


class Seed(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the seed stands that is not in the course.toml itself."""

    env: str | None = None
    file: str | None = None


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A course.toml, as it is written."""

    title: str
    zone: str
    seed: str | Seed
    assignments: Annotated[tuple[Assignment, ...], Meta(min_length=1)]
    late: Late | None = None
    partial_credit: bool = True


def _variants():
    """The families of questions for marks, which are in a distribution of their own: students do not install it.

    Raises
    ------
    ValueError
    """
    try:
        from course_rnn import variants
    except ModuleNotFoundError:
        kit = "in a wheel of their own for instructors, course-rnn-kit"
        raise ValueError(f"The questions that a course.toml can ask are {kit}: install it.") from None
    return variants


class Course(Plan):
    """A course.toml.

    Attributes
    ----------
    title, seed : str
    """

    def __init__(self, path):
        super().__init__()
        path = Path(path)
        self.path = str(path)
        try:
            table = _table(path)
            if isinstance(table.seed, Seed) and table.seed.file:
                self.beside = (path.parent / table.seed.file,)
            self.title, self.zone, self.seed = table.title, _zone(table.zone), _seed(table.seed, path.parent)
            self.partial_credit = table.partial_credit
            for each in table.assignments:
                if each.name in self.assignments:
                    raise ValueError(f"two assignments are called {each.name}.")
                late = each.late or table.late
                if late is None:
                    raise ValueError(f"{each.name}: late is missing, here and for the whole course.")
                due = each.due.replace(tzinfo=self.zone)
                self.assignments[each.name] = msgspec.structs.replace(each, due=due, late=late)
            _check_families(self.assignments.values())
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None

    def chapters(self, student=""):
        found = {name: Chapter(name) for name in self.assignments}
        for name, each in self.assignments.items():
            if each.project:
                found[name].questions |= projects.chapters()[each.project].questions
            for family, (token, points) in each.conventions(self.seed, student).items():
                found[name].questions[family] = _question(name, family, token, points)
        return found

    @property
    def version(self):
        asked = [
            (each.name, [[pool.families, pool.asked, pool.points] for pool in each.questions or ()] or each.project)
            for each in self.assignments.values()
        ]
        text = json.dumps([importlib.metadata.version("course-rnn"), self.seed, asked, self.partial_credit])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(path=None) -> Plan:
    """The plan of a course.toml or of a module of questions; without either, the course's own questions.

    Raises
    ------
    ValueError
        In one sentence: what is wrong, and where.
    """
    if not path:
        return Plan()
    try:
        return _read(str(path), os.stat(path).st_mtime_ns)
    except OSError as error:
        raise ValueError(f"The course {path} cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=1024)
def _question(assignment, family, token, points):
    """A question in one convention: one object for all students who have it, since its cases are certified once."""
    return _variants().chapter(assignment, {family: (token, points)}).questions[family]


@lru_cache(maxsize=1)
def _read(path, modified):
    return Module(path) if Path(path).suffix == ".py" else Course(path)


#: What the types of a schema are called in a sentence.
KINDS = {
    "str | object": "a text or a table",
    "str": "a text",
    "int | float": "a number",
    "int": "a whole number",
    "int | null": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "array | null": "a list",
    "object": "a table",
    "object | null": "a table",
    "datetime": "a date and time without quotes, such as 2026-10-16T23:59:00",
    "date": "a date alone",
}
SENTENCES = {
    "Object missing required field": "it lacks",
    "Object contains unknown field": "nobody knows",
    "matching regex '^[A-Za-z0-9][A-Za-z0-9_]*$'": "of letters, digits and _, as it becomes the name of a file",
    "Invalid enum value": "nobody knows",
}


def _table(path):
    """The table of a file, as the schema has it."""
    with open(path, "rb") as file:
        table = tomllib.load(file)
    try:
        return msgspec.convert(table, Table, builtin_types=(datetime,))
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `")
        said = re.sub(r"`([^`]*)`", lambda found: KINDS.get(found[1], found[1]), said)
        for theirs, ours in SENTENCES.items():
            said = said.replace(theirs, ours)
        raise ValueError(f"{where.strip('`$.') or 'course'}: {said[:1].lower()}{said[1:]}.") from None


def _check_families(assignments):
    """A family is asked once, so that each student has one convention of it, and of enough to draw from."""
    asked, families = {}, _variants().FAMILIES
    for assignment in assignments:
        if assignment.project and assignment.project not in projects.chapters():
            known = ", ".join(projects.chapters())
            raise ValueError(f"{assignment.name}: there is no project {assignment.project!r}. There are: {known}.")
        for pool in assignment.questions or ():
            if not 0 < pool.asked <= len(pool.families):
                there = f"and there are {len(pool.families)} families to choose from"
                raise ValueError(f"{assignment.name}: count is {pool.asked}, {there}.")
            for name in pool.families:
                if name not in families:
                    known = ", ".join(families)
                    raise ValueError(f"{assignment.name}: there is no family {name!r}. There are: {known}.")
                if name in asked:
                    raise ValueError(f"{name} is asked twice, in {asked[name]} and in {assignment.name}.")
                asked[name] = assignment.name


def _zone(name):
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(
            f"there is no time zone {name!r} on this machine. Zones are called as in Europe/Berlin; "
            "where there are none at all, pip install tzdata."
        ) from None


def _seed(seed, folder):
    """The seed as it stands, from an environment variable, or from a file beside the course."""
    if isinstance(seed, Seed):
        if (seed.env is None) == (seed.file is None):
            raise ValueError('seed is a text, { env = "VARIABLE" } or { file = "PATH" }.')
        if seed.env:
            seed = os.environ.get(seed.env, "")
        else:
            try:
                seed = Path(folder, seed.file).read_text().strip()
            except OSError as error:
                raise ValueError(f"the file of the seed, {seed.file}, cannot be read: {error.strerror}.") from None
    if not seed:
        raise ValueError("the seed is empty: is its environment variable set?")
    if not SECRET.fullmatch(seed) or len(set(seed.lower())) < 6:
        raise ValueError("the seed can be guessed: let `course-rnn seed` write one.")
    return seed
