"""Exercises that check themselves: one module of questions per chapter, each with a `chapter`."""

from importlib import import_module

#: The modules of questions in the order of the chapters.
MODULES = ("simple_rnn",)


def chapters():
    """Every `Chapter` of questions by its name, such as "02_simple_rnn", in order."""
    found = [import_module(f"{__name__}.{module}").chapter for module in MODULES]
    return {chapter.name: chapter for chapter in found}
