"""The files that strangers handed in, as bytes that nobody outside the room looks into."""

import hashlib
import os
import re
import stat
from contextlib import contextmanager


class Rejected(Exception):
    """Why a submission cannot be graded, as a sentence for its student."""


def read(path, limits) -> bytes:
    """The bytes of a notebook; see `read_plain`."""
    return read_plain(path, limits.notebook_mb, "notebook", " Clear its outputs and hand it in again.")


def read_plain(path, most_mb, what, cure="") -> bytes:
    """The bytes of a plain file; a link is not followed, and a pipe or a device is not waited for.

    Parameters
    ----------
    path : path
    most_mb : float
        What it may have.
    what, cure : str
        What the sentences call it, and what they advise where it has more.

    Raises
    ------
    Rejected
    """
    most = int(most_mb * 2**20)
    try:
        with _opened(path) as (file, status):
            if not stat.S_ISREG(status.st_mode):
                raise Rejected("The submission is not a plain file.")
            if status.st_size > most:
                raise Rejected(f"The {what} has {status.st_size >> 20} MiB, and {most_mb:g} MiB are allowed.{cure}")
            with open(file, "rb", closefd=False) as content:
                return content.read(most)
    except OSError as error:
        link = os.path.islink(path)
        raise Rejected("The submission is a link." if link else f"The file cannot be read: {error.strerror}.") from None


def fingerprint(path, limits) -> str:
    """The SHA-256 of a plain file; of one that is too large to be graded, that of its size and time; else ""."""
    try:
        with _opened(path) as (file, status):
            if not stat.S_ISREG(status.st_mode):
                return ""
            if status.st_size > limits.notebook_mb << 20:
                return sha256(f"{status.st_size} bytes at {status.st_mtime_ns}".encode())
            with open(file, "rb", closefd=False) as content:
                return sha256(content.read(limits.notebook_mb << 20))
    except OSError:
        return ""


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def handed_in(store, verdicts, limits):
    """Each student with the bytes that their verdict is about; b"" where the file is gone, or another.

    Parameters
    ----------
    store : Store
    verdicts : dict of str to Verdict
    limits : Limits

    Yields
    ------
    student : str
    content : bytes
    """
    paths = store.paths()
    for student, verdict in sorted(verdicts.items()):
        try:
            content = read(paths[student], limits) if paths.get(student) else b""
        except Rejected:
            content = b""
        yield student, content if sha256(content) == verdict.sha256 else b""


@contextmanager
def _opened(path):
    """A descriptor of a file, and its status."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield file, os.fstat(file)
    finally:
        os.close(file)


def assignment_of(named, filename, known) -> str:
    """Which assignment a notebook answers: the one that its metadata name, else the one that its file name holds.

    Raises
    ------
    Rejected

    Examples
    --------
    >>> assignment_of("", "ada_02_simple_rnn (2).ipynb", ["02_simple_rnn", "03_bidirectional_rnn"])
    '02_simple_rnn'
    """
    if named in known:
        return named
    held = [name for name in known if re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", filename)]
    if held:
        return max(held, key=len)
    raise Rejected("Neither the notebook's metadata nor its file name tell which assignment it is.")
