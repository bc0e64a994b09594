"""Projects, graded by result: one module for each, with its training part and a `Project` that scores what was learnt.

=========  =====================================================================================
forecast   hidden seconds of an EEG, better than a linear model
write      a character model of English prose, in bits a character
tag        put spaces and capitals back into a text without them
translate  lists of numbers from English to French, longer ones than those trained on
own_cell   a cell of your own, on a task that a GRU cannot do
=========  =====================================================================================
"""

from importlib import import_module

#: The modules of projects, in order.
MODULES = ("forecast", "write", "tag", "translate", "own_cell")


def chapters():
    """A `Chapter` with one project in it by its name, such as "p1_forecast", in order."""
    found = [import_module(f"{__name__}.{module}").chapter for module in MODULES]
    return {chapter.name: chapter for chapter in found}
