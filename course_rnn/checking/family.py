"""A family of questions: one question in many conventions, of which each student gets their own.

A family is written once, as templates: its text, its docstring and its answer have gaps such as ``{mix}``, and each
option of each dimension says what stands in them. A convention is one option for every dimension, and its token names
them, such as "rzn_keeps_after". The answers in all other conventions are the known mistakes of a question, by token.
"""

import hashlib
import itertools
import textwrap
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from course_rnn.checking.inherit import Inherited, inherited
from course_rnn.checking.mistake import Mistake
from course_rnn.checking.question import Question
from course_rnn.checking.result import Shown

WIDTH = 79  # characters of a line of a notebook


@dataclass(frozen=True)
class Option:
    """One way to do one thing.

    Attributes
    ----------
    says : str
        The sentence that tells a student of it.
    does : str
        The same in few words, to end "it ..." and "yours ...", such as "keeps the old state with z".
    code : dict
        By the name of a gap: what stands there.
    """

    says: str
    does: str
    code: dict


def option(says, does, **code):
    """An `Option`."""
    return Option(says, does, code)


@dataclass(frozen=True)
class Family:
    """A question in every convention.

    Attributes
    ----------
    name : str
        Of the function to write.
    chapter, see : str
        Where the course teaches it: the name of a chapter, and the anchor of a heading in it.
    title, text : str
        What stands above the stub; the conventions come below it as a list.
    arguments : str
        Of the function, separated by commas.
    doc, body : str
        Of the function; the body is the answer.
    returns : tuple of str
    cases : callable
        ``cases(rng)`` draws the arguments of one case, the same in every convention.
    hints : tuple of str
    dimensions : dict of dict of Option
        By name, the options by name.
    like : tuple of Question
        The questions of the course whose mistakes can be made here too, wherever the same formula stands.
    mistakes : tuple of tuple of str
        More of them, each a name, a part of `body`, what stands there instead, and what to say.
    """

    name: str
    chapter: str
    see: str
    title: str
    text: str
    arguments: str
    doc: str
    body: str
    returns: tuple
    cases: callable
    hints: tuple
    dimensions: dict
    like: tuple = ()
    mistakes: tuple = ()

    @cached_property
    def conventions(self):
        """For each token the options that it names, in the order of the dimensions."""
        every = itertools.product(*(options.items() for options in self.dimensions.values()))
        return {"_".join(name for name, _ in each): [option for _, option in each] for each in every}

    def draw(self, seed, student):
        """The token of a student's convention: the same on every machine and in every version of Python.

        Examples
        --------
        >>> from course_rnn.variants import FAMILIES
        >>> FAMILIES["gru_update"].draw("autumn", "ada"), FAMILIES["gru_update"].draw("autumn", "bob")
        ('zrn_writes_before', 'nrz_keeps_after')
        """
        return list(self.conventions)[number(seed, student, self.name) % len(self.conventions)]

    def _filled(self, template, token):
        return template.format_map({gap: code for each in self._options(token) for gap, code in each.code.items()})

    def _options(self, token):
        """The options of a token.

        Raises
        ------
        ValueError
            It names no convention of this family.
        """
        if token not in self.conventions:
            raise ValueError(f"{self.name} has no convention {token!r}. There are: {', '.join(self.conventions)}.")
        return self.conventions[token]

    def instructions(self, token):
        """What stands above the stub, in Markdown."""
        rules = "\n".join(f"- {each.says}" for each in self._options(token))
        return f"## {self.title}\n\n{self._filled(self.text, token)}\n\nYour convention:\n\n{rules}"

    def code(self, token, begin="", end=""):
        """The answer as code, with a docstring that states the convention; `begin` and `end` stand around its body."""
        rules = [f"- {each.says}" for each in self._options(token)]
        lines = [line for rule in rules for line in textwrap.wrap(rule, WIDTH - 4, subsequent_indent="  ")]
        doc = "\n".join([self._filled(self.doc, token), "", *lines])
        body = f"{begin}{self._filled(self.body, token).strip()}\n{end}"
        return f"def {self.name}({self.arguments}):\n" + textwrap.indent(f'"""{doc}\n"""\n{body}', "    ")

    def answer(self, token):
        """The answer as a function."""
        names = {"np": np}
        code = self.code(token)
        exec(compile(code, f"<{self.name} {token}>", "exec"), names)
        names[self.name].source = code
        return names[self.name]

    @cached_property
    def answers(self):
        """The answers in all conventions, by token."""
        return {token: self.answer(token) for token in self.conventions}

    def question(self, token, chapter, points):
        """The question in one convention, with all others as known mistakes.

        Parameters
        ----------
        token : str
        chapter : Chapter
            The assignment that asks it.
        points : float
        """
        mine = self._options(token)
        question = Variant(
            chapter,
            self.answers[token],
            points=points,
            returns=tuple(self._filled(each, token) for each in self.returns),
            cases=self.cases,
            hints=tuple(self._filled(each, token) for each in self.hints),
            see=self.see,
            page=self.chapter,
            library="numpy",
        )
        question.inherit(*self.like)
        question.family, question.token = self, token
        question.slips_of_the_family = self.slips(token, question)
        for other, theirs in self.conventions.items():
            if other != token:
                message = self._unlike(theirs, mine)
                question.mistakes[other] = Mistake(other, message, question.reference, variant=self.answers[other])
        return question

    def slips(self, token, question):
        """The mistakes of the family in one convention, by name; without those that are nothing else in it."""
        right, found = self.code(token), {}
        for name, part, wrong, message in self.mistakes:
            if self.body.count(part) != 1:
                raise ValueError(
                    f"{name}: {part!r} stands {self.body.count(part)} times in {self.name}, expected once."
                )
            code = replace(self, body=self.body.replace(part, wrong)).code(token)
            if code != right:
                found[name] = Inherited(name, message, question.reference, code=code)
        return found

    @staticmethod
    def _unlike(theirs, mine):
        """What to say to a student who answered in a convention that is not theirs."""
        unlike = [f"it {a.does} where yours {b.does}" for a, b in zip(theirs, mine, strict=True) if a is not b]
        return f"this is right in another convention than yours: {', and '.join(unlike)}."


class Variant(Question):
    """A question for marks: it shows no solution, and its mistakes are not in the atlas."""

    @cached_property
    def inherited(self):
        """The mistakes of the family, and of the questions of the course that it is like, by name."""
        found = {**self.slips_of_the_family, **inherited(self, self._others)}
        return {name: mistake for name, mistake in found.items() if self._is_wrong(mistake.function)}

    def solution(self):
        """That there is none."""
        return Shown(f"{self.name} is asked for marks: there is no solution to show. Ask for a hint.")

    def address(self, mistake):
        """None: another convention is no mistake."""
        return ""


def number(*parts):
    """A whole number drawn from a text: the same on every machine and in every version of Python."""
    return int.from_bytes(hashlib.sha256(":".join(parts).encode()).digest())
