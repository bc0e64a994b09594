"""What the rules of the diagnosis know: what came of each case, what should have come, and the answer itself."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from course_rnn.checking.compare import alike, as_array, difference
from course_rnn.checking.mistake import quietly

RICH = 5  # different numbers: fewer fit by chance


@dataclass(frozen=True)
class Cause:
    """Why an answer is wrong.

    Attributes
    ----------
    name : str
        Of the known mistake, or of the rule that found it.
    message : str
    address : str
        In the atlas of mistakes; "" where it does not stand there.
    """

    name: str
    message: str
    address: str = ""


@dataclass(frozen=True)
class Evidence:
    """What came of an answer.

    Attributes
    ----------
    question : Question
    trials : list of Trial
        One for each case.
    answer : callable or None
        The learner's function, where it can be called again: a grader only has what came of it.
    """

    question: object
    trials: list
    answer: object = None

    @cached_property
    def expected(self):
        """What the reference returns, for each case."""
        return [self.question.expected(trial.arguments) for trial in self.trials]

    @cached_property
    def ran(self):
        """Whether every case ended with as many values as were asked for."""
        return all(trial.values is not None and len(trial.values) == self.count for trial in self.trials)

    @property
    def count(self):
        """How many values are asked for."""
        return len(self.question.returns)

    @cached_property
    def got(self):
        """What was returned as arrays, for each case; None for what is no array."""
        return [tuple(map(as_array, trial.values)) if trial.values else () for trial in self.trials]

    @cached_property
    def want(self):
        """What the reference returns as arrays, for each case."""
        return [tuple(map(as_array, values)) for values in self.expected]

    def pairs(self, place):
        """What came and what should have come of one value, for each case."""
        return [(got[place], want[place]) for got, want in zip(self.got, self.want, strict=True)]

    @cached_property
    def wrong(self):
        """Which values are wrong in some case, by their place."""
        if not self.ran:
            return list(range(self.count))
        found = set()
        for trial, want in zip(self.trials, self.want, strict=True):
            for place, (got, right) in enumerate(zip(trial.values, want, strict=True)):
                if difference("", got, right, self.question.tolerance):
                    found.add(place)
        return sorted(found)

    def same(self, got, want):
        """Whether two arrays are the same within the question's tolerance."""
        return got is not None and want is not None and alike(got, want, self.question.tolerance)

    @cached_property
    def failing(self):
        """The cases in the order in which they tell most: those that fail come first."""
        failed = [bool(self.question.finding(trial)) for trial in self.trials]
        return sorted(range(len(self.trials)), key=lambda k: not failed[k])

    @property
    def first_wrong_step(self):
        """From which place along its first axis the first wrong value is wrong, where its beginning is right."""
        if not self.ran or not self.wrong:
            return ""
        begins = []
        for got, want in self.pairs(self.wrong[0]):
            if got is None or got.shape != want.shape or not want.ndim:
                return ""
            right = [self.same(a, b) for a, b in zip(got, want, strict=True)]
            if not all(right):
                begins.append(right.index(False))
        if not begins or min(begins) < 1:
            return ""
        name = self.question.returns[self.wrong[0]]
        return f" {name}[0] is right; it goes wrong from {name}[{min(begins)}] on."

    @cached_property
    def _made(self):
        return {}

    def made(self, function, case):
        """What comes of another function in one case, worked out once: many rules ask for the same."""
        if (function, case) not in self._made:
            arguments = self.trials[case].arguments
            self._made[function, case] = quietly(function, arguments, self.question.library, self.count)
        return self._made[function, case]

    def does(self, function, loosely=False):
        """Whether the answer did what another function does, in every case and in every value."""
        tolerance = self.question.tolerance
        return all(self.trials[k].does_as(self.made(function, k), tolerance, loosely) for k in self.failing)

    def does_in(self, function, place):
        """Whether one wrong value is, in every case, what another function makes of it, by more than chance."""
        rich = False
        for k in self.failing:
            theirs = self.made(function, k).values
            made = as_array(theirs[place]) if theirs and len(theirs) == self.count else None
            if made is None or not self.same(self.got[k][place], made):
                return False
            unlike = not self.same(self.want[k][place], made)
            rich = rich or (unlike and made.dtype.kind == "f" and len(np.unique(made)) >= RICH)
        return rich

    def agrees(self, function, case):
        """Whether the values of a case are what another function makes, where it makes numbers.

        None where it makes none, or nothing but what is right.
        """
        values, told = self.made(function, case).values, None
        if not values or len(values) != self.count:
            return None
        for place in range(self.count):
            got, made = self.got[case][place], as_array(values[place])
            if got is None or made is None or got.shape != made.shape:
                return False
            finite = np.isfinite(made)
            if not self.same(got[finite], made[finite]):
                return False
            want = self.want[case][place]
            told = told or want.shape != made.shape or not self.same(want[finite], made[finite]) or None
        return told
