"""Reading a notebook that a stranger wrote: its code cells as text, or the reason why it is rejected."""

import hashlib
import json
import os
import re
import stat
import unicodedata
from dataclasses import dataclass

MOST_PARTS = 200_000  # lists and objects in the JSON: each takes thirty times its size on disk
MOST_CELLS = 1_000


class Rejected(Exception):
    """Why a submission cannot be graded, as a sentence for its student."""


@dataclass(frozen=True)
class Notebook:
    """What a notebook says.

    Attributes
    ----------
    cells : list of str
        The code cells, in order.
    assignment : str
        What its metadata name, "" for none.
    """

    cells: list
    assignment: str = ""


def read(path, limits) -> bytes:
    """The bytes of a plain file; a link is not followed, and a pipe or a device is not waited for.

    Raises
    ------
    Rejected
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        link = os.path.islink(path)
        raise Rejected("The submission is a link." if link else f"The file cannot be read: {error.strerror}.") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise Rejected("The submission is not a plain file.")
        if status.st_size > limits.notebook_mb << 20:
            raise Rejected(
                f"The notebook has {status.st_size >> 20} MiB, and {limits.notebook_mb} MiB are allowed. "
                "Clear its outputs and hand it in again."
            )
        with open(file, "rb", closefd=False) as content:
            return content.read(limits.notebook_mb << 20)
    finally:
        os.close(file)


def parse(content: bytes, limits) -> Notebook:
    """The code of a notebook of nbformat 3 or 4, whatever else is wrong with it.

    Raises
    ------
    Rejected

    Examples
    --------
    >>> from course_rnn.grading.limits import Limits
    >>> parse(b'{"cells": [{"cell_type": "code", "source": ["x = 1"]}]}', Limits()).cells
    ['x = 1']
    """
    if content.count(b"[") + content.count(b"{") > MOST_PARTS:
        raise Rejected("The notebook has too many parts. Clear its outputs and hand it in again.")
    try:
        book = json.loads(content)
    except (ValueError, RecursionError):
        raise Rejected("The file is not a whole notebook: its JSON cannot be read.") from None
    cells = _cells(book)
    if cells is None:
        raise Rejected("The file is JSON, but not a notebook: it has no list of cells.")
    code = [_source(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    if len(code) > MOST_CELLS:
        raise Rejected(f"The notebook has {len(code)} code cells, and {MOST_CELLS} are allowed.")
    size = sum(map(len, code))
    if size > limits.code_kb << 10:
        raise Rejected(f"The notebook has {size >> 10} KiB of code, and {limits.code_kb} KiB are allowed.")
    named = book
    for key in ("metadata", "course_rnn", "assignment"):
        named = named.get(key) if isinstance(named, dict) else None
    return Notebook(code, named if isinstance(named, str) else "")


def assignment_of(notebook, filename, known) -> str:
    """Which assignment a notebook answers: the one that its metadata name, else the one that its file name holds.

    Raises
    ------
    Rejected

    Examples
    --------
    >>> assignment_of(Notebook([]), "ada_02_simple_rnn (2).ipynb", ["02_simple_rnn", "03_bidirectional_rnn"])
    '02_simple_rnn'
    """
    if notebook.assignment in known:
        return notebook.assignment
    held = [name for name in known if re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", filename)]
    if held:
        return max(held, key=len)
    raise Rejected("Neither the notebook's metadata nor its file name tell which assignment it is.")


def plain(text, most=500) -> str:
    """A stranger's text, safe to write and to show: without control and direction characters, and not too long.

    Raises
    ------
    TypeError
        It is no text.

    Examples
    --------
    >>> plain("a\\x1b[31m\\u202eb", 20)
    'a�[31m�b'
    """
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is no text.")
    text = text[:most].replace("\n", " ")
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") else char for char in text)


def fingerprint(content: bytes) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


def _cells(book):
    """The list of cells of nbformat 4, or those of the worksheets of nbformat 3; None where there is neither."""
    if not isinstance(book, dict):
        return None
    if isinstance(book.get("cells"), list):
        return book["cells"]
    sheets = book.get("worksheets")
    if isinstance(sheets, list) and sheets and all(_cells(sheet) is not None for sheet in sheets):
        return [cell for sheet in sheets for cell in _cells(sheet)]
    return None


def _source(cell):
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def sources(content: bytes) -> list:
    """All cells of a notebook that `parse` accepts, as pairs of their type and their text, in order; none of b""."""
    cells = [cell for cell in _cells(json.loads(content)) if isinstance(cell, dict)] if content else []
    return [(kind, _source(cell)) for cell in cells if isinstance(kind := cell.get("cell_type"), str)]
