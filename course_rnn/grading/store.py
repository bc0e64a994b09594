"""What is known of a class, in one file, GRADES/grades.sqlite: verdicts, attempts, times of handing in, changes.

Every change is whole or not at all, also through a kill or a full disk, and survives both once it is made.
"""

import contextlib
import json
import os
import sqlite3
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from course_rnn.grading.limits import Limits

FILE = "grades.sqlite"
TABLES = """
create table settings (name text primary key, value text not null) without rowid;
create table verdicts (student text primary key, verdict text not null, path blob not null) without rowid;
create table attempts (student text, sha256 text, verdict text not null, primary key (student, sha256)) without rowid;
create table received (
    student text, sha256 text, submitted text not null, source text not null, primary key (student, sha256)
) without rowid;
create table changes (
    id integer primary key, at text not null, student text not null, what text not null, before text, after text,
    why text
);
"""
#: What older folders of grades have not.
LATER = """
create table if not exists stale (student text primary key) without rowid;
create table if not exists excuses (student text primary key, limits text not null) without rowid;
"""
CHANGE = "at", "student", "what", "before", "after", "why"


@dataclass(frozen=True)
class Verdict:
    """What grading found about one submission.

    Attributes
    ----------
    student, assignment : str
        The assignment is "" where it could not be told.
    version : str
        The version of the questions.
    sha256 : str
        Of the file that was graded; "" where it could not be read.
    seed : int
        What the hidden cases were drawn from.
    status : str
        "graded"; "ungraded", through a fault of ours; "rejected", for the reason in `messages`; or "missing", of
        somebody on the roster who has handed in nothing.
    score : float or None
        None unless graded: nobody gets a mark that was not measured.
    max_score : float
        The points of all questions of the assignment.
    questions : dict
        By name: {"points", "max", "message", "cause", "alike"}; the cause is the name of a known mistake, or "", and
        what is alike is the same for answers that fail and return the same.
    messages : list of str
        What concerns the whole submission, such as a cell that was dropped.
    look : list of str
        What an instructor should look at; it costs nobody a mark.
    seconds, peak_mb : float
        CPU time and memory that it took.
    times : dict of str to float
        By question, the seconds of its calls. These three differ from run to run, nothing else does.

    Examples
    --------
    >>> verdict = Verdict("ada", "02_simple_rnn", "1", "", 7, "graded", 2, 5)
    >>> Verdict.from_json(verdict.to_json()) == verdict
    True
    """

    student: str
    assignment: str
    version: str
    sha256: str
    seed: int
    status: str
    score: float | None
    max_score: float
    questions: dict = field(default_factory=dict)
    messages: list = field(default_factory=list)
    look: list = field(default_factory=list)
    seconds: float = 0.0
    peak_mb: float = 0.0
    times: dict = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of plain ASCII, without its end."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, line):
        """The verdict of a line.

        Raises
        ------
        ValueError
            The line is not a verdict.
        """
        values = json.loads(line)
        names = {each.name for each in fields(cls)}
        if not isinstance(values, dict) or not names - {"look", "times"} <= values.keys() <= names:
            raise ValueError("The line does not have the keys of a verdict.")
        return cls(**values)


class Store:
    """The file of a folder of grades; use it in a ``with``.

    Parameters
    ----------
    folder : path
    new : bool
        Make it where there is none. A folder of grades as they were kept before, in verdicts.jsonl, is taken over.

    Raises
    ------
    ValueError
        There is none, or it is no such file.
    """

    def __init__(self, folder, new=False):
        self.folder = Path(folder)
        self.path = self.folder / FILE
        old = (self.folder / OLD_VERDICTS).exists()
        if not (new or old or self.path.exists()):
            raise ValueError(f"There are no verdicts in {folder}.")
        self._file = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        with self._said():
            self._file.execute("pragma synchronous = full")
            if not self._all("select 1 from sqlite_master where name = 'verdicts'"):
                with self.whole():
                    for statement in filter(str.strip, TABLES.split(";")):
                        self._file.execute(statement)
                    if old:
                        take_over(self)
            for statement in filter(str.strip, LATER.split(";")):
                self._file.execute(statement)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    @contextmanager
    def whole(self):
        """What is changed within is changed together, or not at all."""
        with self._said():
            self._file.execute("begin immediate")
            try:
                yield
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._file.execute("rollback")
                raise
            self._file.execute("commit")

    @contextmanager
    def alone(self):
        """Only one run at a time grades into a folder.

        Raises
        ------
        BlockingIOError
        """
        import fcntl  # here, as Windows, which can read grades, has none

        with open(self.folder / "grades.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(f"Another run is writing into {self.folder}.") from None
            yield

    def settings(self):
        """The settings of the run, by name."""
        return {name: json.loads(value) for name, value in self._all("select name, value from settings")}

    def how(self):
        """The limits of the run, and whether it went without a sandbox: what is read again, is read in the same way."""
        settings = self.settings()
        known = {each.name for each in fields(Limits)}
        limits = {name: value for name, value in settings.get("limits", {}).items() if name in known}
        return Limits(**limits), settings.get("trusted", False)

    def set(self, settings):
        """Keep the settings of the run."""
        self._many("insert or replace into settings values (?, ?)", [(k, json.dumps(v)) for k, v in settings.items()])

    def verdicts(self):
        """The verdicts by student, in the order of their names."""
        rows = self._all("select student, verdict from verdicts order by student")
        return {student: Verdict.from_json(verdict) for student, verdict in rows}

    def paths(self):
        """By student, where the file lies that was handed in; None where that is not known."""
        rows = self._all("select student, path from verdicts")
        return {student: Path(os.fsdecode(path)) if path else None for student, path in rows}

    def keep(self, verdict, path=""):
        """Keep a verdict; what there was about the student before becomes an earlier attempt, if it was graded."""
        before = self._all("select verdict from verdicts where student = ?", verdict.student)
        with self.whole():
            for (line,) in before:
                self._attempt(Verdict.from_json(line))
            row = verdict.student, verdict.to_json(), os.fsencode(path)
            self._file.execute("insert or replace into verdicts values (?, ?, ?)", row)
            self._file.execute("delete from stale where student = ?", row[:1])

    def grade_again(self, settings):
        """Keep other settings, by which everybody is to be graded again; until they are, their verdicts stand."""
        with self.whole():
            self.set(settings)
            self._file.execute("insert or ignore into stale select student from verdicts")

    def stale(self):
        """The students whose verdicts were made by settings that hold no more."""
        return {student for (student,) in self._all("select student from stale")}

    def excuse(self, students, limits):
        """Keep other limits for some students, by name."""
        self._many("insert or replace into excuses values (?, ?)", [(who, json.dumps(limits)) for who in students])

    def excuses(self):
        """The limits of those who have others, by student."""
        return {student: json.loads(limits) for student, limits in self._all("select student, limits from excuses")}

    def located(self, paths):
        """Note where the files lie of which there are verdicts."""
        self._many(
            "update verdicts set path = ? where student = ?",
            [(os.fsencode(path), student) for student, path in paths.items()],
        )

    def _attempt(self, verdict):
        if verdict.status == "graded":
            row = verdict.student, verdict.sha256, verdict.to_json()
            self._file.execute("insert or replace into attempts values (?, ?, ?)", row)

    def attempts(self):
        """The earlier attempts, each once, by student."""
        found = {}
        for student, verdict in self._all("select student, verdict from attempts order by student, sha256"):
            found.setdefault(student, []).append(Verdict.from_json(verdict))
        return found

    def received(self):
        """By student and hash, when a file was handed in, None where there is but a mark, and how it is known."""
        rows = self._all("select student, sha256, submitted, source from received")
        return {(who, sha): (_time(when), how) for who, sha, when, how in rows}

    def receive(self, received):
        """Keep when files were handed in, as `received` gives it."""
        told = received.items()
        rows = [(student, sha, when.isoformat() if when else "", source) for (student, sha), (when, source) in told]
        self._many("insert or replace into received values (?, ?, ?, ?)", rows)

    def changes(self):
        """What has ever changed, in order: dicts with the keys of `CHANGE`."""
        rows = self._all(f"select {', '.join(CHANGE)} from changes order by id")
        return [dict(zip(CHANGE, row, strict=True)) for row in rows]

    def changed(self, changes):
        """Add what has changed: dicts with the keys of `CHANGE` but the time."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [({"at": now} | change) for change in changes]
        places = ", ".join(f":{name}" for name in CHANGE)
        self._many(f"insert into changes ({', '.join(CHANGE)}) values ({places})", rows)

    def _all(self, statement, *values):
        with self._said():
            return self._file.execute(statement, values).fetchall()

    def _many(self, statement, rows):
        inside = self._file.in_transaction
        with contextlib.nullcontext() if inside else self.whole():
            self._file.executemany(statement, rows)

    @contextmanager
    def _said(self):
        """What is wrong with the file, as a sentence."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise OSError(f"{self.path}: the disk is full. Make room and give the command again.") from None
            raise OSError(f"{self.path}: {error}.") from None
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{self.path} is not what the grader has written: {error}.") from None


def _time(text):
    """A time as it is kept; None where none is known."""
    return datetime.fromisoformat(text) if text else None


OLD_VERDICTS, OLD_SETTINGS, OLD_ATTEMPTS = "verdicts.jsonl", "run.json", "attempts.jsonl"
OLD_TIMES, OLD_CHANGES = "received.json", "changes.csv"


def take_over(store):
    """Take over what stands in a folder of grades as they were kept before; its files stay as they are."""
    from course_rnn.grading import tables

    folder = store.folder
    lines = (folder / OLD_VERDICTS).read_bytes().split(b"\n")[:-1]  # a last line without its end was cut short
    for number, line in enumerate(lines, start=1):
        try:
            verdict = Verdict.from_json(line)
        except ValueError as error:
            raise ValueError(f"{folder / OLD_VERDICTS}, line {number}, is not a verdict: {error}") from None
        row = verdict.student, verdict.to_json(), b""
        store._file.execute("insert or replace into verdicts values (?, ?, ?)", row)
    if (folder / OLD_SETTINGS).exists():
        store.set(json.loads((folder / OLD_SETTINGS).read_text()))
    if (folder / OLD_ATTEMPTS).exists():
        for line in (folder / OLD_ATTEMPTS).read_text().splitlines():
            store._attempt(Verdict.from_json(line))
    if (folder / OLD_TIMES).exists():
        times = json.loads((folder / OLD_TIMES).read_text())
        found = {(student, sha): told for student, files in times.items() for sha, told in files.items()}
        told = {key: (datetime.fromisoformat(each["submitted"]), each["source"]) for key, each in found.items()}
        store.receive(told)
    if (folder / OLD_CHANGES).exists():
        rows = [cells for _, cells in tables.read(folder / OLD_CHANGES, ("when", *CHANGE[1:]))]
        store.changed([{"at": row["when"]} | {name: row[name] for name in CHANGE[1:]} for row in rows])
