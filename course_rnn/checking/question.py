"""A question of an exercise: its reference answer, its known mistakes, and a check that says what went wrong.

A module of questions makes one `Chapter`, decorates each reference answer with it, and says how learners go wrong::

    chapter = Chapter("02_simple_rnn")

    @chapter.question(points=2, returns=("h_next",), cases=a_step, hints=(...), see="one-step-as-code")
    def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
        \"\"\"The reasoning that `solution` shows.\"\"\"
        return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)

    rnn_step.mistake("without_recurrence", "+ h @ weight_hh.T ", "", "the term of h is missing ...")

The learner's function only ever gets plain values: arrays, numbers, strings, and lists of numbers or strings. So a
question can be checked here, in the notebook, and graded elsewhere, in a process that knows no answers.
"""

import ast
import inspect
import textwrap
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from course_rnn.checking import progress
from course_rnn.checking.compare import difference
from course_rnn.checking.result import Result, Shown
from course_rnn.checking.trial import Trial, run

SEEDS = range(6)  # the visible cases


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
        if self.variant is not None:
            return self.variant
        names = dict(self.reference.__globals__)
        exec(compile(self.source, f"<{self.name}>", "exec"), names)
        return names[self.reference.__name__]

    def run(self, arguments, library):
        """What comes of the wrong answer on the arguments of one case; what Python warns of is not the learner's."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(self.function, arguments, library)


class Question:
    """One function to write. Made by `Chapter.question`; see the module's description."""

    def __init__(self, chapter, reference, *, points, returns, cases, hints, see, library):
        self.chapter, self.reference = chapter, reference
        self.name = reference.__name__
        self.points, self.returns, self.cases, self.hints = points, returns, cases, hints
        self.see, self.library = see, library
        self.mistakes = {}  # name -> Mistake
        self._hints_shown = 0
        self._tried = False

    def mistake(self, name, right, wrong, message):
        """Register a known mistake: in the reference answer, `right` (which stands there once) becomes `wrong`."""
        self.mistakes[name] = Mistake(name, message, self.reference, edit=(right, wrong))

    def wrong(self, message):
        """Register the decorated function as a known mistake, where an edit of the answer cannot say it."""

        def register(variant):
            self.mistakes[variant.__name__] = Mistake(variant.__name__, message, self.reference, variant=variant)
            return variant

        return register

    def check(self, answer) -> Result:
        """Try the learner's function on random cases and say the first thing wrong, then the likely cause.

        Parameters
        ----------
        answer : callable
            The function itself, not its result. It may return NumPy arrays, torch tensors or Python numbers.

        Returns
        -------
        Result
            Shown by the notebook. Whatever the function does, no exception comes out; an endless loop can be
            interrupted.
        """
        finding = self._cannot_be_called(answer)
        result = self._not_yet(finding) if finding else self.judge([self.run(answer, seed) for seed in SEEDS])
        self._tried = self._tried or result.state != "to do"
        progress.record(self.chapter.name, self.name, result.points)
        return result

    def run(self, answer, seed):
        """Call a function with the arguments of the case that a seed draws; returns a `Trial`."""
        return run(answer, self.cases(np.random.default_rng(seed)), self.library)

    def judge(self, trials) -> Result:
        """Say what a list of trials is worth, wherever they were run; the words are those of `check`."""
        if any(trial.to_do for trial in trials):
            return Result(self.name, "to do", max_points=self.points)
        finding = next(filter(None, map(self.finding, trials)), None)
        if finding is None:
            message = f"The visible checks passed: {self.points} of {self.points} points."
            return Result(self.name, "passed", message, points=self.points, max_points=self.points)
        return self._not_yet(finding, self._likely_cause(trials))

    def hint(self):
        """The next hint; after the last one the first again."""
        number = self._hints_shown % len(self.hints)
        self._hints_shown += 1
        return Shown(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self):
        """The worked solution with its reasoning; the first call asks you to try first, if you have not."""
        if not self._tried:
            self._tried = True
            return Shown(
                f"Try first: write {self.name}, check it, ask for a hint. Call solution() again to see the solution."
            )
        return Shown(source_of(self.reference))

    # ------------------------------------------------------------------ the judgement

    def _cannot_be_called(self, answer):
        """Why an answer cannot be called as asked, as a sentence; None where it can."""
        if not callable(answer):
            return f"check takes the function itself: check({self.name}), not its result."
        parameters = inspect.signature(self.reference).parameters
        try:
            inspect.signature(answer).bind(*parameters)
        except TypeError:
            return f"The function must take these arguments, in this order: {', '.join(parameters)}."
        except ValueError:  # a built-in function without a signature: calling it will tell
            pass
        return None

    def finding(self, trial):
        """The first thing wrong with what came of one case, as a sentence; None where all is right."""
        if trial.raised:
            return f"It stopped with {trial.raised}{trial.place or '.'}"
        if trial.values is None:
            return "The function returned None: is the return missing?"
        if len(trial.values) != len(self.returns):
            found = f"The function returned {len(trial.values)} values"
            found += f", expected {len(self.returns)}: {', '.join(self.returns)}."
            stack = "np.stack" if self.library == "numpy" else "torch.stack"
            return f"{found} {stack} makes one array of a list." if len(self.returns) == 1 else found
        expected = run(self.reference, trial.arguments, self.library).values
        for name, got, want in zip(self.returns, trial.values, expected, strict=True):
            finding = difference(name, got, want)
            if finding:
                return finding
        name = trial.changed
        if name:
            copy = "copy()" if self.library == "numpy" else "clone()"
            return f"The function changed its input {name} in place. Work on {name}.{copy}, or on a new array."
        return None

    def address(self, mistake):
        """Where the atlas of mistakes explains a known mistake: its anchor on that page, by which it also goes."""
        return f"{self.name}-{mistake}".replace("_", "-").lower()

    def _not_yet(self, finding, cause=""):
        message = finding
        if cause:
            message += f"\nLikely cause: {self.mistakes[cause].message}\nAtlas of mistakes: {self.address(cause)}"
        return Result(self.name, "not yet", message, cause, max_points=self.points)

    def _likely_cause(self, trials):
        """The known mistake that does what the learner's function did on every case; "" where there is none.

        Where none does, but one of several values is what a known mistake makes of it, that mistake.
        """
        made = {
            name: [mistake.run(trial.arguments, self.library) for trial in trials]
            for name, mistake in self.mistakes.items()
        }
        for name, others in made.items():
            if all(map(Trial.does_as, trials, others)):
                return name
        expected = [run(self.reference, trial.arguments, self.library) for trial in trials]
        for place in range(len(self.returns)) if len(self.returns) > 1 else ():
            got, right = [t.only(place) for t in trials], [t.only(place) for t in expected]
            if not all(map(Trial.does_as, got, right)):  # the first value that is wrong
                for name, others in made.items():
                    others = [t.only(place) for t in others]
                    if all(map(Trial.does_as, got, others)) and not all(map(Trial.does_as, others, right)):
                        return name
                return ""
        return ""


class Chapter:
    """The questions of one chapter, in order."""

    def __init__(self, name):
        self.name = name
        self.questions = {}

    def question(self, *, points, returns, cases, hints, see="", library="numpy"):
        """Make a question of the decorated reference answer.

        Parameters
        ----------
        points : float
        returns : tuple of str
            What the answer returns, by name, in order.
        cases : callable
            ``cases(rng)`` draws the arguments of one case as a dict, in the order of the parameters.
        hints : tuple of str
            Three, each saying more than the one before.
        see : str
            The anchor of the heading in the chapter where this is taught.
        library : str
            "torch" where arrays are to be handed over as tensors.
        """

        def register(reference):
            question = Question(
                self, reference, points=points, returns=returns, cases=cases, hints=hints, see=see, library=library
            )
            self.questions[question.name] = question
            return question

        return register

    def progress(self):
        """How far you are in this chapter."""
        return progress.Progress(self.name, {name: question.points for name, question in self.questions.items()})


def source_of(function):
    """The code of a function without its decorators, as it would stand in a notebook."""
    source = textwrap.dedent(inspect.getsource(function))
    return source[source.index("def ") :]


def code_of(function):
    """The code of a function, without decorators and docstring."""
    source = source_of(function)
    lines, first = source.splitlines(keepends=True), ast.parse(source).body[0].body[0]
    if inspect.getdoc(function):
        del lines[first.lineno - 1 : first.end_lineno]
    return "".join(lines)
