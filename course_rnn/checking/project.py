"""A project: a function and the weights that it has learnt, scored on data that neither has seen.

A module of projects makes a `Chapter` with one `Project` in it. What a learner hands in is a function of NumPy and a
file of weights beside the notebook::

    p.forecast.check(forecast)      # on the validation part, with the weights in p1_forecast.npz

The grader does the same on the hidden part: it runs the function in a process that knows no targets, and scores what
comes out elsewhere. So both are this one class.
"""

import inspect
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from course_rnn.checking import progress
from course_rnn.checking.compare import as_array
from course_rnn.checking.result import Result, Shown
from course_rnn.checking.trial import Trial, place, said

SEED = 0  # of the validation part, which is the same for everybody
AGREE = 1e-4  # how far two answers to the same past may be apart, of the largest
STAR = 0.05  # of the way from the baseline to the course's model: so much further is better


@dataclass(frozen=True)
class Mark:
    """What a model scores, and what that is worth.

    Attributes
    ----------
    name : str
    score : float
    points : float or None
        None where it is there to be compared with only.
    """

    name: str
    score: float
    points: float | None = None


@dataclass
class Project:
    """A function to write, with weights to train for it; points by a scale.

    Attributes
    ----------
    chapter, name : str
        What is handed in together, and the function.
    parameters : tuple of str
        Of the function, after the weights: each is an array.
    points : float
    draw : callable
        ``draw(part, rng)`` gives the cases of the part "validation" or "hidden": pairs of the inputs, a dict, and the
        target, an array that stays here.
    answer : callable
        ``answer(**inputs)`` gives the shape of what the function is to return.
    score : callable
        ``score(values, targets)``, two lists of arrays.
    unit : str
        What the score is.
    marks : tuple of Mark
        The scale, worst first: from what is worth nothing to the course's own model, which is worth all points.
    doubtful : float
        A score that nothing honest is known to reach.
    causal : bool
        Whether the answer at step t may only depend on the inputs up to t; there is one input then, time first.
    weights_mb : float
        Of the file, and unpacked.
    hints : tuple of str
    """

    chapter: str
    name: str
    parameters: tuple
    points: float
    draw: Callable
    answer: Callable
    score: Callable
    unit: str
    marks: tuple
    doubtful: float
    causal: bool = False
    weights_mb: float = 4
    hints: tuple = ()
    library: str = field(default="numpy", init=False)
    _hints_shown: int = field(default=0, init=False, repr=False)

    @property
    def file(self):
        """The name of the file of weights."""
        return f"{self.chapter}.npz"

    @property
    def baseline(self):
        """The mark that is worth nothing."""
        return self.marks[0]

    @property
    def full(self):
        """The mark that is worth all points."""
        return self.marks[-1]

    @property
    def files(self):
        """What it wants beside the notebook: by name, how many MiB it may have."""
        return {self.file: self.weights_mb}

    @property
    def lower(self):
        """Whether less is better."""
        return self.full.score < self.baseline.score

    def points_for(self, score):
        """The points of a score: on straight lines between the marks that are worth some.

        Returns
        -------
        float
            Never under 0 and never over the points of the project.
        """
        worth = sorted((mark.score, mark.points) for mark in self.marks if mark.points is not None)
        return round(float(np.interp(score, *zip(*worth, strict=True))), 2)

    def scale(self):
        """The scale as a table, best first."""
        width = max(len(mark.name) for mark in self.marks)
        lines = [f"  {m.score:7.3f}  {m.name:<{width}}  {self.points_for(m.score):g} points" for m in self.marks[::-1]]
        return Shown("\n".join([f"{self.name}: {self.unit}, {'lower' if self.lower else 'higher'} is better", *lines]))

    def hint(self):
        """The next hint; after the last one the first again."""
        number = self._hints_shown % len(self.hints)
        self._hints_shown += 1
        return Shown(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self):
        """Where a worked solution stands."""
        return Shown(f"A worked solution stands in solutions/{self.chapter}.ipynb. Train a model of your own first.")

    def check(self, function, weights=None) -> Result:
        """Score a function on the validation part, by the rules of the hidden part.

        Parameters
        ----------
        function : callable
            ``function(weights, ...)`` with the weights as a dict of arrays.
        weights : dict or path, optional
            Default: the file of that name beside the notebook.

        Returns
        -------
        Result
            Whatever the function does, no exception comes out.
        """
        cases = self.draw("validation", np.random.default_rng(SEED))
        trials = self._stub(function, cases)
        if trials is None:
            try:
                weights = self.read(weights)
            except ValueError as error:
                return self.not_yet(str(error))
            trials = [call(function, weights, inputs) for inputs, _ in cases]
        result = self.judge(cases, trials, "validation")
        if result.points:
            blank = {name: np.zeros_like(array) for name, array in weights.items()}
            looks = self.second_look(cases, np.random.default_rng(SEED))
            again = [call(function, weights, inputs) for inputs, _ in looks]
            result = self.confirmed(
                result, trials, looks, again, cases, [call(function, blank, inputs) for inputs, _ in cases]
            )
        progress.record(self.chapter, self.name, result.points)
        return result

    def _stub(self, function, cases):
        """The trials of a function that is still to be written; None where it is written, or is none."""
        try:
            inspect.signature(function).bind("weights", *self.parameters)
        except (TypeError, ValueError):
            wanted = ", ".join(("weights", *self.parameters))
            return [Trial({}, raised=f"TypeError: the function must take these arguments, in this order: {wanted}")]
        first = call(function, {}, cases[0][0])
        return [first] if first.to_do else None

    def read(self, weights=None):
        """Weights as a dict of arrays of numbers.

        Raises
        ------
        ValueError
            There is no such file, or it is none that the grader would take.
        """
        if isinstance(weights, dict):
            found = {name: as_array(value) for name, value in weights.items()}
            strange = [name for name, value in found.items() if value is None]
            if strange:
                raise ValueError(f"The weights {', '.join(map(str, strange))} are no arrays of numbers.")
            return found
        path = Path(weights or self.file)
        if not path.exists():
            raise ValueError(
                f"There is no file {path} beside the notebook: np.savez({path.name!r}, **weights) makes it."
            )
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > self.weights_mb * 2**20:
                raise ValueError(f"{path} holds {size / 2**20:.1f} MiB, and {self.weights_mb:g} MiB are allowed.")
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, zipfile.BadZipFile):
            raise ValueError(f"{path} is no file of np.savez.") from None

    # ------------------------------------------------------------------ the judgement, also that of the grader

    def judge(self, cases, trials, part) -> Result:
        """What the answers to some cases are worth, by the scale alone."""
        if any(trial.to_do for trial in trials):
            return Result(self.name, "to do", max_points=self.points)
        for (inputs, _), trial in zip(cases, trials, strict=False):
            finding = self._finding(inputs, trial)
            if finding:
                return self.not_yet(finding)
        score = self.score([as_array(trial.values[0]) for trial in trials], [target for _, target in cases])
        points = self.points_for(score)
        message = (
            f"{score:.3f} on the {part} part ({self.unit}): {points:g} of {self.points:g} points.\n"
            f"The scale: {self.baseline.name} {self.baseline.score:.3f} is 0 points, "
            f"{self.full.name} {self.full.score:.3f} is {self.points:g}."
        )
        full = points == self.points
        if full and abs(score - self.baseline.score) > (1 + STAR) * abs(self.full.score - self.baseline.score):
            message += "\n★ Better than the course's own model."
        return Result(self.name, "passed" if full else "not yet", message, "", points, self.points)

    def is_doubtful(self, cases, trials):
        """Whether answers are better than anything honest that is known: somebody should look at the code."""
        score = self.score([as_array(trial.values[0]) for trial in trials], [target for _, target in cases])
        return score < self.doubtful if self.lower else score > self.doubtful

    def second_look(self, cases, rng):
        """Where an answer must not know the future: the same cases, each sequence with another end from some step on.

        Returns
        -------
        list of (dict, ndarray)
            The inputs, and the first step (B,) at which each sequence is another; [] where the future may be known.
        """
        if not self.causal:
            return []
        found = []
        for inputs, _ in cases:
            [(name, x)] = inputs.items()
            T, B = x.shape[:2]
            border = rng.integers(T // 4, T, size=B)
            other = np.roll(x, 1, axis=1)[rng.permutation(T)]
            late = np.arange(T)[:, None] >= border  # (T, B)
            late = late.reshape(late.shape + (1,) * (x.ndim - 2))
            found.append(({name: np.where(late, other, x)}, border))
        return found

    def confirmed(self, result, trials, looks, again, cases, blank) -> Result:
        """The result, or none of its points: where an answer knows the future, or needs no weights.

        Parameters
        ----------
        result : Result
        trials : list of Trial
            What came of the cases.
        looks, again
            The second look, and what came of it.
        cases, blank
            The cases, and what came of them with all weights zero.
        """
        for (_, border), first, second in zip(looks, trials, again, strict=False):  # no look where all may be known
            if self._knows_the_future(border, first, second):
                return self.not_yet("The answer at a step changes with inputs that come after it: it knows the future.")
        without = self.judge(cases, blank, "same")
        if without.points > self.points / 10:
            return self.not_yet("It does as well with all weights zero: nothing here is learnt.")
        return result

    def _knows_the_future(self, border, first, second):
        """Whether two answers differ before the step at which their inputs begin to differ."""
        a, b = (as_array(trial.values[0]) if trial.values else None for trial in (first, second))
        if a is None or b is None or a.shape != b.shape:
            return True
        before = np.arange(len(a))[:, None] < border  # (T, B)
        with np.errstate(all="ignore"):
            apart = np.abs(a.astype(float) - b.astype(float)).reshape(*before.shape, -1).max(axis=-1)
        return bool((apart[before] > AGREE * max(1.0, np.abs(a[np.isfinite(a)]).max(initial=0))).any())

    def _finding(self, inputs, trial):
        """What keeps an answer from being scored, as a sentence; None where nothing does."""
        if trial.raised:
            return f"It stopped with {trial.raised}{trial.place or '.'}"
        if trial.values is None:
            return "The function returned None: is the return missing?"
        array, shape = as_array(trial.values[0]) if len(trial.values) == 1 else None, self.answer(**inputs)
        if array is None:
            return f"{self.name} must return one array of numbers."
        if array.shape != shape:
            return f"It returned the shape {array.shape}, expected {shape}."
        return None if np.isfinite(array).all() else "It returned nan or inf."

    def not_yet(self, message):
        """The result of what earns nothing, for a reason."""
        return Result(self.name, "not yet", message, max_points=self.points)


def call(function, weights, inputs):
    """Call a function with copies of weights and inputs; whatever it does, no exception comes out but an interrupt."""
    try:
        returned = function(
            {name: array.copy() for name, array in weights.items()}, *(x.copy() for x in inputs.values())
        )
    except KeyboardInterrupt:
        raise
    except NotImplementedError:
        return Trial(inputs, to_do=True)
    except BaseException as error:
        return Trial(inputs, raised=said(error), place=place(error))
    return Trial(inputs, None if returned is None else (returned,))
