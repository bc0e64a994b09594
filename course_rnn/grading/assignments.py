"""The questions to grade by: the course's own, a module that an instructor wrote, or the variants of a course.toml."""

import hashlib
import importlib.metadata
import importlib.util
import os
from functools import lru_cache
from pathlib import Path

from course_rnn.checking.question import Chapter
from course_rnn.grading import course
from course_rnn.questions import chapters as course_chapters


def chapters(questions=None, student=""):
    """The chapters of questions by name: the course's own, those of a module, or a student's own of a course.toml.

    Raises
    ------
    ValueError
        The module defines none, or the course.toml is wrong.
    """
    if questions is None:
        return course_chapters()
    modified = os.stat(questions).st_mtime_ns
    if is_course(questions):
        return _course(str(questions), modified).chapters(student)
    return _own_chapters(str(questions), modified)


def is_course(questions):
    """Whether the questions are those of a course.toml."""
    return bool(questions) and Path(questions).suffix == ".toml"


@lru_cache(maxsize=1)
def _course(path, modified):
    return course.read(path)


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
    """What tells questions apart that are not the same: the package's version, or a hash of those that are given."""
    if questions is None:
        return importlib.metadata.version("course-rnn")
    if is_course(questions):
        return course.read(questions).version
    return hashlib.sha256(Path(questions).read_bytes()).hexdigest()[:12]
