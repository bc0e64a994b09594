"""The questions to grade by: the course's own, or a module that an instructor wrote."""

import hashlib
import importlib.metadata
import importlib.util
import os
from functools import lru_cache
from pathlib import Path

from course_rnn.questions import chapters as course_chapters
from course_rnn.questions.question import Chapter


def chapters(questions=None):
    """The chapters of questions by name: the course's own, or those that an instructor's module defines.

    Raises
    ------
    ValueError
        The module defines none.
    """
    if questions is None:
        return course_chapters()
    return _own_chapters(str(questions), os.stat(questions).st_mtime_ns)


@lru_cache(maxsize=1)
def _own_chapters(path, modified):
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {each.name: each for each in vars(module).values() if isinstance(each, Chapter)}
    if not found:
        raise ValueError(f"{path} defines no Chapter of questions.")
    return found


def version(questions=None):
    """What tells questions apart that are not the same: the course's version, or the hash of a module."""
    if questions is None:
        return importlib.metadata.version("course-rnn")
    return hashlib.sha256(Path(questions).read_bytes()).hexdigest()[:12]
