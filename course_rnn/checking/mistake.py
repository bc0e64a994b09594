"""A known way to go wrong: an edit of the reference answer, or a function of its own, and what to say of it."""

import ast
import inspect
import textwrap
import warnings
from dataclasses import dataclass
from functools import cached_property

from course_rnn.checking.trial import run


@dataclass(frozen=True)
class Mistake:
    """A known way to go wrong: code that makes it, and what to say to whoever made it.

    Attributes
    ----------
    name : str
    message : str
        The cause and the cure, in words that teach.
    edit : tuple of str
        A part of the reference answer's code and what stands there instead; () where `variant` is a function.
    """

    name: str
    message: str
    reference: callable
    edit: tuple = ()
    variant: callable = None

    @cached_property
    def source(self):
        """The wrong answer as code."""
        if self.variant is not None:
            return source_of(self.variant)
        right, wrong = self.edit
        source = code_of(self.reference)
        if source.count(right) != 1:
            raise ValueError(f"{self.name}: {right!r} stands {source.count(right)} times in the answer, expected once.")
        return source.replace(right, wrong)

    @cached_property
    def function(self):
        """The wrong answer as a function."""
        return self.variant or compiled(self.source, self.reference, self.name)

    def run(self, arguments, library, count=None):
        """What comes of the wrong answer on the arguments of one case; what Python warns of is not the learner's."""
        return quietly(self.function, arguments, library, count)


def quietly(function, arguments, library, count=None):
    """`run` without warnings, for code that is not the learner's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(function, arguments, library, count)


def compiled(source, reference, name):
    """Code that stands for a reference answer, as a function with the names that the reference sees."""
    names = dict(reference.__globals__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python about code such as `1 is x`
        exec(compile(source, f"<{name}>", "exec"), names)
    return names[reference.__name__]


def source_of(function):
    """The code of a function without its decorators, as it would stand in a notebook."""
    written = getattr(function, "source", None) or inspect.getsource(function)
    source = textwrap.dedent(written)
    return source[source.index("def ") :]


def code_of(function):
    """The code of a function, without decorators and docstring."""
    source = source_of(function)
    lines, first = source.splitlines(keepends=True), ast.parse(source).body[0].body[0]
    if inspect.getdoc(function):
        del lines[first.lineno - 1 : first.end_lineno]
    return "".join(lines)
