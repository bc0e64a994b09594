"""What grading found about each submission, kept in a file that survives a kill at any moment."""

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

FILE = "verdicts.jsonl"


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
        "graded"; "ungraded", through a fault of ours; or "rejected", for the reason in `messages`.
    score : float or None
        None unless graded: nobody gets a mark that was not measured.
    max_score : float
        The points of all questions of the assignment.
    questions : dict
        By name: {"points", "max", "message", "cause"}; the cause is the name of a known mistake, or "".
    messages : list of str
        What concerns the whole submission, such as a cell that was dropped.
    seconds, peak_mb : float
        CPU time and memory that it took. These two differ from run to run, nothing else does.

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
    seconds: float = 0.0
    peak_mb: float = 0.0

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
        if not isinstance(values, dict) or values.keys() != {each.name for each in fields(cls)}:
            raise ValueError("The line does not have the keys of a verdict.")
        return cls(**values)


def read(path):
    """The verdicts of a file by student; of several about one student the last counts.

    A last line without its end was cut short by a kill or a full disk, and does not count.

    Raises
    ------
    ValueError
        A whole line is not a verdict: somebody else wrote it.
    """
    path, found = Path(path), {}
    whole_lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    for number, line in enumerate(whole_lines, start=1):
        try:
            verdict = Verdict.from_json(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}, is not a verdict: {error}") from None
        found[verdict.student] = verdict
    return found


def write(path, verdicts):
    """Write verdicts by student, one line each: the whole file or nothing of it."""
    ordered = sorted(verdicts.values(), key=lambda verdict: verdict.student)
    write_whole(path, "".join(f"{verdict.to_json()}\n" for verdict in ordered))


def write_whole(path, text):
    """Write a text file so that a reader, a kill or a full disk finds the old file or the new, never a part."""
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    with open(beside, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


@contextmanager
def appending(path):
    """Open a file of verdicts for one run: gives ``add(verdict)``, after which the verdict survives a kill.

    At its end, if nothing failed, the file is sorted and each student stands in it once.

    Raises
    ------
    BlockingIOError
        Another run writes into the same file.
    """
    import fcntl  # here, as Windows, which can read verdicts, has none

    with open(path, "ab", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"Another run is writing into {path}.") from None
        read(path)  # stop here if it is not ours
        file.truncate(Path(path).read_bytes().rfind(b"\n") + 1)  # a line that was cut short

        def add(verdict):
            line = f"{verdict.to_json()}\n".encode()
            while line:
                line = line[file.write(line) :]
            os.fsync(file.fileno())

        yield add
        write(path, read(path))
