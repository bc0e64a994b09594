"""A stranger's text, made safe to write, to show and to name a file by."""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

HASHED = re.compile(r"-[0-9a-f]{8}$")
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)  # names that Windows does not give


def plain(text, most=500) -> str:
    """A stranger's text without control and direction characters, and not too long.

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


def spelt_out(name):
    """A file name as text that can be written: bytes that are no characters are spelt out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def file_name(student):
    """A student's name as a name for a file; where something had to be replaced, with a hash that keeps it apart.

    Examples
    --------
    >>> file_name("Ada Lovelace_17")
    'Ada Lovelace_17'
    >>> file_name("../../etc")
    '_.._etc-74ccf3c5'
    """
    clean = re.sub(r"[^\w.@ -]", "_", student).lstrip(".- ")[:60].rstrip(". ")
    taken = HASHED.search(student) or RESERVED.match(student)  # it could be what another name becomes
    return clean if clean and clean == student and not taken else f"{clean}-{_apart(student)}"


def file_names(students):
    """A file name for each student of a class, such that no two are one file on Windows or macOS.

    Examples
    --------
    >>> file_names(["ada", "Bob", "bob"])
    {'ada': 'ada', 'Bob': 'Bob-cd9fb1e1', 'bob': 'bob-81b637d8'}
    """
    names = {student: file_name(student) for student in students}
    times = Counter(unicodedata.normalize("NFC", name).casefold() for name in names.values())
    once = {who: times[unicodedata.normalize("NFC", name).casefold()] == 1 for who, name in names.items()}
    return {who: name if once[who] else f"{name}-{_apart(who)}" for who, name in names.items()}


def _apart(student):
    """What keeps a student's name apart from all others."""
    return hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def write_whole(path, text):
    """Write a text file so that a reader, a kill or a full disk finds the old file or the new, never a part."""
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    with open(beside, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
