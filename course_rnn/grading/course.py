"""The plan of a course, course.toml: what is asked, when it is due, and what a late answer is worth.

`examples/course.toml` shows and explains every key.
"""

import hashlib
import json
import math
import os
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from course_rnn import variants
from course_rnn.checking.family import number

DAY = timedelta(days=1)
NUMBER = int, float
#: What the types of TOML are called in a sentence.
KINDS = {
    str: "a text",
    NUMBER: "a number",
    int: "a whole number",
    list: "a list",
    dict: "a table",
    datetime: "a date and time without quotes, such as 2026-10-16T23:59:00",
}


@dataclass(frozen=True)
class Pool:
    """Families of questions, of which each student is asked some.

    Attributes
    ----------
    families : tuple of str
    count : int
        How many of them are asked.
    points : float
        Of each question.
    """

    families: tuple
    count: int
    points: float


@dataclass(frozen=True)
class Late:
    """What is taken off for every day begun after the due date, and after how many days nothing is accepted.

    Examples
    --------
    >>> rule = Late(percent_per_day=20, days=3)
    >>> [rule.left(days) for days in (0, 1, 3, 4)]
    [100, 80, 40, 0]
    """

    percent_per_day: float
    days: int

    def left(self, days):
        """The percentage of the points that is left after some days."""
        return max(0, 100 - self.percent_per_day * days) if days <= self.days else 0


@dataclass(frozen=True)
class Assignment:
    """What is handed in together.

    Attributes
    ----------
    name, title : str
    due : datetime
        In the course's time zone.
    late : Late
    attempts : str
        "best" or "last": which one counts if a student hands in again.
    questions : tuple of Pool
    extensions : dict
        By student: the days that they have longer.
    """

    name: str
    title: str
    due: datetime
    late: Late
    attempts: str
    questions: tuple
    extensions: dict

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
        for pool in self.questions:
            drawn = sorted(pool.families, key=lambda name: number(seed, student, self.name, name))[: pool.count]
            for name in filter(drawn.__contains__, pool.families):
                found[name] = variants.FAMILIES[name].draw(seed, student), pool.points
        return found


@dataclass(frozen=True)
class Course:
    """A course.

    Attributes
    ----------
    title, seed : str
    zone : ZoneInfo
    assignments : dict of Assignment
        By name.
    """

    title: str
    seed: str
    zone: ZoneInfo
    assignments: dict

    def chapters(self, student=""):
        """The questions of a student as a `Chapter` for each assignment, by name."""
        return {
            name: variants.chapter(name, each.conventions(self.seed, student))
            for name, each in self.assignments.items()
        }

    @property
    def version(self):
        """What tells questions apart that are not the same; due dates are none of it."""
        asked = [(each.name, [vars(pool) for pool in each.questions]) for each in self.assignments.values()]
        return hashlib.sha256(json.dumps([version("course-rnn"), self.seed, asked]).encode()).hexdigest()[:12]

    def check_students(self, students):
        """Check that every extension is somebody's.

        Raises
        ------
        ValueError
        """
        for assignment in self.assignments.values():
            for student in assignment.extensions.keys() - set(students):
                raise ValueError(f"{assignment.name} has an extension for {student!r}, who is not on the roster.")


def read(path) -> Course:
    """Read a course.toml.

    Raises
    ------
    ValueError
        In one sentence: what is wrong, and where.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
        return _course(table, path.parent)
    except ValueError as error:  # which a TOMLDecodeError is too
        raise ValueError(f"{path.name}: {error}") from None


def _course(table, folder):
    values = _values(table, "", title=str, zone=str, seed=(str, dict), assignments=list, late=(dict, None))
    zone, assignments = _zone(values["zone"]), {}
    for place, each in enumerate(values["assignments"], start=1):
        if not isinstance(each, dict):
            raise ValueError("assignments are written as [[assignments]].")
        assignment = _assignment(each, f"assignment {place}", zone, values["late"])
        if assignment.name in assignments:
            raise ValueError(f"two assignments are called {assignment.name}.")
        assignments[assignment.name] = assignment
    if not assignments:
        raise ValueError("there are no assignments.")
    _each_family_once(assignments)
    return Course(values["title"], _seed(values["seed"], folder), zone, assignments)


def _assignment(table, where, zone, late):
    where = f"{where} ({table['name']})" if isinstance(table.get("name"), str) else where
    kinds = {"name": str, "title": str, "due": datetime, "questions": list}
    kinds |= {"late": (dict, late), "attempts": (str, "last"), "extensions": (dict, {})}
    values = _values(table, where, **kinds)
    if not re.fullmatch(r"[A-Za-z0-9]\w*", values["name"], re.ASCII):
        raise ValueError(f"{where}: a name consists of letters, digits and _, as it becomes the name of a file.")
    if values["due"].tzinfo:
        raise ValueError(f"{where}: due is written without an offset; its time zone is that of the course.")
    if values["late"] is None:
        raise ValueError(f"{where}: late is missing, here and for the whole course.")
    if values["attempts"] not in ("best", "last"):
        raise ValueError(f'{where}: attempts is {values["attempts"]!r}, expected "best" or "last".')
    if not values["questions"]:
        raise ValueError(f"{where}: there are no questions.")
    for student, days in values["extensions"].items():
        _check(days, NUMBER, f"{where}: the extension of {student}", least=0)
    return Assignment(
        values["name"],
        values["title"],
        values["due"].replace(tzinfo=zone),
        _late(values["late"], where),
        values["attempts"],
        tuple(_pool(each, where) for each in values["questions"]),
        values["extensions"],
    )


def _pool(table, where):
    where = f"{where}, questions"
    if not isinstance(table, dict):
        raise ValueError(f"{where} are written as [[assignments.questions]].")
    values = _values(table, where, families=list, count=(int, None), points=NUMBER)
    families = tuple(values["families"])
    for name in families:
        if name not in variants.FAMILIES:
            raise ValueError(f"{where}: there is no family {name!r}. There are: {', '.join(variants.FAMILIES)}.")
    count = len(families) if values["count"] is None else values["count"]
    if not 1 <= count <= len(families):
        raise ValueError(f"{where}: count is {count}, and there are {len(families)} families to choose from.")
    _check(values["points"], NUMBER, f"{where}: points", least=0)
    return Pool(families, count, values["points"])


def _late(table, where):
    values = _values(table, f"{where}, late" if where else "late", percent_per_day=NUMBER, days=int)
    for name, value in values.items():
        _check(value, NUMBER, f"{where}, late: {name}", least=0)
    return Late(**values)


def _each_family_once(assignments):
    """A student has one convention of a family: asked twice, it would be the same question."""
    asked = {}
    for assignment in assignments.values():
        for name in (name for pool in assignment.questions for name in pool.families):
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
    if isinstance(seed, dict):
        values = _values(seed, "seed", env=(str, None), file=(str, None))
        env, file = values["env"], values["file"]
        if (env is None) == (file is None):
            raise ValueError('seed is a text, { env = "VARIABLE" } or { file = "PATH" }.')
        if env:
            seed = os.environ.get(env, "")
        else:
            try:
                seed = Path(folder, file).read_text().strip()
            except OSError as error:
                raise ValueError(f"the file of the seed, {file}, cannot be read: {error.strerror}.") from None
    if not seed:
        raise ValueError("the seed is empty: is its environment variable set?")
    return seed


def _values(table, where, **kinds):
    """The values of a table: each of its kind, none missing that has no default, and none that nobody knows."""
    where = f"{where}: " if where else ""
    for name in table.keys() - kinds.keys():
        raise ValueError(f"{where}nobody knows {name!r}. There are: {', '.join(kinds)}.")
    found = {}
    for name, kind in kinds.items():
        optional = isinstance(kind, tuple) and kind != NUMBER and not isinstance(kind[1], type)
        if name in table:
            _check(table[name], kind[0] if optional else kind, where + name)
            found[name] = table[name]
        elif optional:
            found[name] = kind[1]
        else:
            raise ValueError(f"{where}{name} is missing.")
    return found


def _check(value, kind, what, least=None):
    if not isinstance(value, kind) or isinstance(value, bool):
        shown = repr(value) if isinstance(value, str) else value
        raise ValueError(f"{what} is {shown}, expected {KINDS.get(kind, 'a text or a table')}.")
    if least is not None and not least <= value < math.inf:
        raise ValueError(f"{what} is {value!r}, expected {least} or more.")
