"""A question of an exercise: its reference answer, its known mistakes, and a check that says what went wrong.

A module of questions makes one `Chapter` and decorates each reference answer with it::

    chapter = Chapter("02_simple_rnn")

    @chapter.question(points=2, returns=("h_next",), cases=a_step, hints=(...))
    def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
        \"\"\"The reasoning that `solution` shows.\"\"\"
        return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)

    @rnn_step.wrong("W_hh h is missing: ...")
    def without_recurrence(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
        return np.tanh(x @ weight_ih.T + bias_ih + bias_hh)
"""

import copy
import html
import inspect
import linecache
import textwrap
import traceback
from dataclasses import dataclass

import numpy as np

from course_rnn.questions import progress

#: How far a value may be from the reference, relative to the largest value of the reference.
TOLERANCE = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-4, np.dtype(np.float16): 1e-2}
SEEDS = range(4)  # the visible cases


@dataclass(frozen=True)
class Result:
    """What a check found: the state is "passed", "to do" or "not yet"; `cause` names the known mistake, if any."""

    question: str
    state: str
    message: str = ""
    cause: str = ""
    points: float = 0
    max_points: float = 0

    @property
    def passed(self):
        """Whether every visible check passed."""
        return self.state == "passed"

    def __repr__(self):
        return f"{self.question}: {self.state}" + (f". {self.message}" if self.message else "")

    def _repr_html_(self):
        sign, colour = {"passed": ("✓", "#009E73"), "to do": ("○", "#808080"), "not yet": ("✗", "#D55E00")}[self.state]
        message = "".join(f"<br>{html.escape(line)}" for line in self.message.splitlines())
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding-left: 0.8em">'
            f'<strong><span aria-hidden="true">{sign}</span> {html.escape(self.question)}: {self.state}</strong>'
            f"{message}</div>"
        )


class Shown(str):
    """A text that a notebook shows as it is, without quotes."""

    def __repr__(self):
        return str(self)


class Question:
    """One function to write. Made by `Chapter.question`; see the module's description."""

    def __init__(self, chapter, reference, *, points, returns, cases, hints):
        self.chapter, self.reference = chapter, reference
        self.name = reference.__name__
        self.points, self.returns, self.cases, self.hints = points, returns, cases, hints
        self.mistakes = {}  # name -> (wrong variant, message)
        self._hints_shown = 0
        self._tried = False

    def wrong(self, message):
        """Register the decorated function as a known mistake that the message explains."""

        def register(variant):
            self.mistakes[variant.__name__] = (variant, message)
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
        result = self._judge(answer)
        self._tried = self._tried or result.state != "to do"
        progress.record(self.chapter.name, self.name, result.points)
        return result

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
        source = inspect.getsource(self.reference)
        source = textwrap.dedent(source[source.index("def ") :])
        return Shown(source)

    # ------------------------------------------------------------------ the judgement

    def _judge(self, answer):
        if not callable(answer):
            return self._not_yet(f"check takes the function itself: check({self.name}), not its result.")
        try:
            inspect.signature(answer).bind(*inspect.signature(self.reference).parameters)
        except TypeError:
            expected = ", ".join(inspect.signature(self.reference).parameters)
            return self._not_yet(f"The function must take these arguments, in this order: {expected}.")
        except ValueError:  # a built-in function without a signature: calling it will tell
            pass

        trials, finding = [], None
        for seed in SEEDS:
            arguments = self.cases(np.random.default_rng(seed))
            given = copy.deepcopy(arguments)
            outcome = attempt(answer, given)
            if isinstance(outcome, NotImplementedError):
                return Result(self.name, "to do", max_points=self.points)
            trials.append((arguments, outcome))
            finding = finding or self._finding(outcome, arguments, given)
        if finding is None:
            message = f"The visible checks passed: {self.points} of {self.points} points."
            return Result(self.name, "passed", message, points=self.points, max_points=self.points)
        return self._not_yet(finding, self._likely_cause(trials))

    def _finding(self, outcome, arguments, given):
        """The first thing wrong with what the function did on one case, as a sentence; None where all is right."""
        if isinstance(outcome, BaseException):
            return describe_error(outcome)
        expected = as_tuple(self.reference(**copy.deepcopy(arguments)))
        return self._first_difference(outcome, expected) or changed_input(given, arguments)

    def _not_yet(self, finding, cause=""):
        message = f"{finding}\nLikely cause: {self.mistakes[cause][1]}" if cause else finding
        return Result(self.name, "not yet", message, cause, max_points=self.points)

    def _first_difference(self, answered, expected):
        """The first thing in which an answer differs from the expected arrays, as a sentence; None where it agrees."""
        if answered is None:
            return "The function returned None: is the return missing?"
        answered = as_tuple(answered)
        if len(answered) != len(expected):
            return f"The function returned {len(answered)} values, expected {len(expected)}: {', '.join(self.returns)}."
        for name, got, want in zip(self.returns, answered, expected, strict=True):
            finding = difference(name, got, np.asarray(want))
            if finding:
                return finding
        return None

    def _likely_cause(self, trials):
        """The first known mistake that does what the learner's function did on every case; "" where there is none."""
        for name, (variant, _) in self.mistakes.items():
            if all(same(outcome, attempt(variant, copy.deepcopy(arguments))) for arguments, outcome in trials):
                return name
        return ""


class Chapter:
    """The questions of one chapter, in order."""

    def __init__(self, name):
        self.name = name
        self.questions = {}

    def question(self, *, points, returns, cases, hints):
        """Make a question of the decorated reference answer.

        Parameters
        ----------
        points : float
        returns : tuple of str
            What the answer returns, by name, in order.
        cases : callable
            ``cases(rng)`` draws the arguments of one case as a dict.
        hints : tuple of str
        """

        def register(reference):
            question = Question(self, reference, points=points, returns=returns, cases=cases, hints=hints)
            self.questions[question.name] = question
            return question

        return register

    def progress(self):
        """How far you are in this chapter."""
        return progress.Progress(self.name, {name: question.points for name, question in self.questions.items()})


# ---------------------------------------------------------------------- running and comparing


def attempt(function, arguments):
    """What the function returned, or the exception that stopped it; only an interrupt by the user passes through."""
    try:
        return function(*arguments.values())
    except (Exception, SystemExit) as error:
        return error


def as_tuple(values):
    """What a function returned, as a tuple of its values."""
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def as_array(value):
    """A NumPy array of what means the same: an array, a torch tensor, a number; None where it is none of these."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except Exception:  # whatever a learner's object does when it is asked for its numbers
        return None
    return array if array.dtype.kind in "biufc" else None


def tolerance(got, want):
    """The allowed difference: exact for whole numbers, by the less precise dtype for decimals."""
    if want.dtype.kind in "biu":
        return 0.0
    scale = np.abs(want).max(initial=0.0)
    return scale * max(TOLERANCE.get(got.dtype, 0.0), TOLERANCE.get(want.dtype, 0.0))


def difference(name, got, want):
    """What is wrong with one returned value, shape before dtype before value, as a sentence; None where it is right."""
    array = as_array(got)
    if array is None:
        return f"{name} is a {type(got).__name__}, expected an array of numbers."
    if array.shape != want.shape:
        transposed = array.ndim > 1 and array.shape == want.shape[::-1]
        return f"{name} has shape {array.shape}, expected {want.shape}{': transposed?' if transposed else '.'}"
    if array.ndim and array.dtype.kind != want.dtype.kind and not {array.dtype.kind, want.dtype.kind} <= set("iu"):
        return f"{name} has dtype {array.dtype}, expected {want.dtype}."
    if not np.isfinite(array).all() and np.isfinite(want).all():
        where = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
        return f"{name} contains {array[tuple(where)]} (first at {where})."
    error = np.abs(array.astype(want.dtype) - want)
    if want.size and error.max() > tolerance(array, want):
        where = np.unravel_index(error.argmax(), error.shape)
        relative = error[where] / max(np.abs(want).max(), np.finfo(float).tiny)
        place = f" at {[int(i) for i in where]}" if want.ndim else ""
        return (
            f"{name} has wrong values: largest relative error {relative:.2g}{place}, "
            f"where it is {array[where]:.4g}, expected {want[where]:.4g}."
        )
    return None


def same(outcome, other):
    """Whether two functions did the same: returned equal values, or stopped with the same exception."""
    if isinstance(outcome, BaseException) or isinstance(other, BaseException):
        return type(outcome) is type(other) and str(outcome) == str(other)
    outcome, other = as_tuple(outcome), as_tuple(other)
    return len(outcome) == len(other) and all(
        difference("", got, np.asarray(want)) is None for got, want in zip(outcome, other, strict=True)
    )


def changed_input(given, arguments):
    """The input that a function changed in place, as a sentence; None where it changed none."""
    for name, value in arguments.items():
        if not np.array_equal(given[name], value):
            return (
                f"The function changed its input {name} in place. Work on a copy: {name} = {name} + ... instead of +=."
            )
    return None


def describe_error(error):
    """An exception out of the learner's code: what it says, and their own line, not ours."""
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call in `attempt`
    if not frames:
        return f"It stopped with {said}."
    own = [frame for frame in frames if frame.filename == frames[0].filename][-1]
    line = own.line or linecache.getline(own.filename, own.lineno).strip()
    return f"It stopped with {said}, at line {own.lineno} of your cell: {line}"
