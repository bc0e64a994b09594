"""Exercises that check themselves: one module of questions per chapter, each with a `chapter`."""

from importlib import import_module

from course_rnn.checking.progress import Overview

#: The modules of questions in the order of the chapters.
MODULES = (
    "sequential_data",
    "simple_rnn",
    "deep_rnn",
    "bidirectional_rnn",
    "seq2seq",
    "gradients",
    "lstm_gru",
    "gpu",
    "outlook",
)


def chapters():
    """Every `Chapter` of questions by its name, such as "02_simple_rnn", in order."""
    found = [import_module(f"{__name__}.{module}").chapter for module in MODULES]
    return {chapter.name: chapter for chapter in found}


def overview():
    """How far you are in the whole course: a table over the chapters."""
    return Overview([chapter.progress() for chapter in chapters().values()])
