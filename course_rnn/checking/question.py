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

import inspect
import warnings
from functools import cached_property

import numpy as np

from course_rnn.checking import budget, diagnose, predictions, progress, shrink
from course_rnn.checking.cases import dressed, ordinary
from course_rnn.checking.compare import TOLERANCE, difference
from course_rnn.checking.diagnose import pair
from course_rnn.checking.inherit import inherited
from course_rnn.checking.mistake import Mistake, code_of, quietly, source_of
from course_rnn.checking.mutate import mutants
from course_rnn.checking.result import Result, Shown
from course_rnn.checking.trial import run

SEEDS = range(8)  # the visible cases of a question that has none of its own
REMEMBERED = 64  # cases of which the right results are kept
SLIPS = 900  # changes of an answer that a check tries, at most


class Question:
    """One function to write. Made by `Chapter.question`; see the module's description.

    Attributes
    ----------
    files : dict of str to float
        What it wants beside the notebook: by name, how many MiB it may have.
    """

    files = {}  # noqa: RUF012 nobody changes it

    def __init__(
        self,
        chapter,
        reference,
        *,
        points,
        returns,
        cases,
        hints,
        see="",
        page="",
        library="numpy",
        tolerance=TOLERANCE,
        seeds=SEEDS,
        trained=False,
        budget=None,
        partial=True,
    ):
        self.chapter, self.reference = chapter, reference
        self.name = reference.__name__
        self.points, self.returns, self.cases, self.hints = points, returns, cases, hints
        self.see, self.page = see, page or chapter.name
        self.library, self.tolerance = library, tolerance
        self.seeds, self.trained, self.budget = seeds, trained, budget
        self.partial = partial
        self.mistakes = {}  # name -> Mistake
        self._others = []
        self._drawn, self._right = {}, {}  # cases by their seed, and what is right by the identity of the arguments
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

    def inherit(self, *questions):
        """Take over the mistakes of other questions, wherever the answer has the formula that they are made in."""
        self._others += questions

    @cached_property
    def inherited(self):
        """The mistakes of other questions that can be made here, by name; without those that are none here."""
        return {name: m for name, m in inherited(self, self._others).items() if self._is_wrong(m.function)}

    def _is_wrong(self, function):
        """Whether a visible case tells a function from the answer."""
        cases = map(self.draw, self.seeds)
        return any(self.finding(quietly(function, case, self.library, len(self.returns))) for case in cases)

    @cached_property
    def pairs(self):
        """Each two known mistakes that can be made together, and the function that makes both."""
        return pair.compose(self)

    @cached_property
    def slips(self):
        """The answer with one place changed, in every way that the mutator knows."""
        return list(mutants(code_of(self.reference), self.reference.__globals__, SLIPS))

    @cached_property
    def further_slips(self):
        """The answer with one place changed in ways that are rarer."""
        return list(mutants(code_of(self.reference), self.reference.__globals__, SLIPS, more=True))

    def check(self, answer) -> Result:
        """Try the learner's function on random cases; say the first thing wrong, why, and the smallest case for it.

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
        result = self._not_yet([finding]) if finding else self._tried_on(answer)
        self._tried = self._tried or result.state != "to do"
        progress.record(self.chapter.name, self.name, result.points if result.passed else 0)
        return result

    def _tried_on(self, answer):
        trials = []
        for seed in self.seeds:
            trials.append(self.run(answer, seed))
            if trials[-1].to_do:
                break
        result = self.judge(trials, answer)
        if result.passed:
            finding = budget.finding(self, answer)
            return self._not_yet([finding]) if finding else result
        return result

    def draw(self, seed):
        """The arguments of the case that a seed draws, whatever `numpy.random.default_rng` takes for one."""
        known = self._drawn.get(seed) if isinstance(seed, int) else None
        if known is None:
            rng = np.random.default_rng(seed)
            known = self.cases(rng)
            known = dressed(known, rng) if self.library == "numpy" else known
            if isinstance(seed, int):
                self._drawn = {k: case for k, case in self._drawn.items() if k in self.seeds} | {seed: known}
        return known

    def run(self, answer, seed):
        """Call a function with the arguments of the case that a seed draws; returns a `Trial`."""
        return run(answer, self.draw(seed), self.library, len(self.returns))

    def expected(self, arguments):
        """What the reference returns for the arguments of a case, worked out in float64; None where it stops."""
        known = self._right.get(id(arguments))
        if known is None:
            exact = {name: _exact(value) for name, value in arguments.items()}
            known = arguments, quietly(self.reference, exact, self.library, len(self.returns)).values
            self._right = {**(self._right if len(self._right) < REMEMBERED else {}), id(arguments): known}
        return known[1]

    def joined(self, trials):
        """Trials of an answer that returns a list of rows for its only value, with their arrays."""
        if len(self.returns) > 1 or not any(trial.values and len(trial.values) > 1 for trial in trials):
            return trials
        return [trial.joined(tuple(np.shape(self.expected(trial.arguments)[0]))) for trial in trials]

    def judge(self, trials, answer=None, *, partial=True) -> Result:
        """Say what a list of trials is worth, wherever they were run; the words are those of `check`.

        In grading each returned value earns its share of the points, see `points_for`.

        Parameters
        ----------
        trials : list of Trial
        answer : callable, optional
            The function that made them, where a learner checks it: it can be called again, so more can be said.
        partial : bool
            Whether an answer that is right in part earns a part of the points, if the question allows it.
        """
        if any(trial.to_do for trial in trials):
            return Result(self.name, "to do", max_points=self.points)
        trials = [trial.spread(len(self.returns)) for trial in trials]
        if not any(map(self.finding, trials)):
            message = f"The visible checks passed: {self.points:g} of {self.points:g} points."
            return Result(self.name, "passed", message, points=self.points, max_points=self.points)
        joined = self.joined(trials)  # a list is told so, where nothing else is wrong
        trials = joined if any(map(self.finding, joined)) else trials
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            points = 0 if answer or not partial else self.points_for(trials)
            return self._explained(diagnose.Evidence(self, trials, answer), points)

    def _explained(self, everything, points):
        """What is said where a case fails: what is wrong, what is right, the cause, and the smallest case."""
        evidence = (
            everything if diagnose.registered.of_everything(everything) else diagnose.overflow.without(everything)
        )
        failing = next(filter(self.finding, evidence.trials))
        right = [k for k in range(len(self.returns)) if k not in evidence.wrong] if evidence.ran else []
        lines = [self.finding(failing) + evidence.first_wrong_step]
        if right:
            lines.append(f"Right already: {', '.join(self.returns[k] for k in right)}.")
        cause = diagnose.cause(evidence)
        if cause:
            lines.append(f"Likely cause: {cause.message}")
        small = shrink.smallest(self, evidence.answer, failing) if evidence.answer else failing
        yours = shrink.yours(self, small)
        if yours:
            lines.append(f"Smallest failing case: for {shrink.in_words(small.arguments)}, {yours}.")
        case = shrink.Case(small.arguments, self.expected(small.arguments), evidence.answer, self.library)
        return self._not_yet(lines, cause, case, points)

    def points_for(self, trials):
        """What trials earn in grading: each value that is right in every case its share; none where inputs changed.

        A value that goes wrong in special cases alone, such as a batch of one or very large scores, earns a half.
        """
        if any(trial.changed for trial in trials):
            return 0
        plain = [trial for trial in trials if ordinary(trial.arguments)]
        wrong = set(diagnose.Evidence(self, trials).wrong)
        always = set(diagnose.Evidence(self, plain).wrong) if plain else wrong
        if wrong and not self.partial:
            return 0
        lost = (len(wrong) + len(wrong & always)) / 2
        return round(self.points * (1 - lost / len(self.returns)), 2)

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
            if trial.met:
                return f"It stopped with {trial.raised.partition(':')[0]}{trial.place or '.'}\nShapes: {trial.met}"
            return f"It stopped with {trial.raised}{trial.place or '.'}"
        if trial.values is None:
            return "The function returned None: is the return missing?"
        if len(trial.values) != len(self.returns):
            found = f"The function returned {len(trial.values)} values"
            found += f", expected {len(self.returns)}: {', '.join(self.returns)}."
            stack = "np.stack" if self.library == "numpy" else "torch.stack"
            return f"{found} {stack} makes one array of a list." if len(self.returns) == 1 else found
        found = None
        for name, got, want in zip(self.returns, trial.values, self.expected(trial.arguments), strict=True):
            found = found or difference(name, got, want, self.tolerance)
        name = trial.changed
        if not name:
            return found
        copy = "copy()" if self.library == "numpy" else "clone()"
        changed = f"he function changed its input {name} in place. Work on {name}.{copy}, or on a new array."
        return f"{found} And t{changed}" if found else f"T{changed}"

    def address(self, mistake):
        """Where the atlas of mistakes explains a known mistake: its anchor on that page, by which it also goes."""
        return f"{self.name}-{mistake}".replace("_", "-").lower()

    def _not_yet(self, lines, cause=None, case=None, points=0):
        lines, links = list(lines), {}
        if self.see:
            lines.append(f"Next: {self.name}.hint(), or read {self.see} in chapter {self.page[:2]}.")
            links[self.see] = f"{self.page}.html#{self.see}"
        if cause and cause.address:
            lines.append(f"Atlas of mistakes: {cause.address}")
            links[cause.address] = f"atlas.html#{cause.address}"
        message, name = "\n".join(lines), cause.name if cause else ""
        return Result(self.name, "not yet", message, name, points, self.points, case, links)


def _exact(value):
    """An argument in float64: what is right does not depend on how exactly the arguments came."""
    return value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value


class Chapter:
    """The questions of one chapter, in order.

    Parameters
    ----------
    name : str
    seeds : dict, optional
        By the name of a question: the seeds of its visible cases.
    """

    def __init__(self, name, seeds=None):
        self.name, self.seeds = name, seeds or {}
        self.questions = {}

    def question(self, **settings):
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
            The anchor of the heading where this is taught.
        page : str
            The chapter in which that is; default: this one.
        library : str
            "torch" where arrays are to be handed over as tensors.
        tolerance : float
            How far a value may be off, relative to the largest one, whatever its dtype.
        seeds : iterable of int
            Of the visible cases; `course_rnn.checking.certify` finds those that tell most mistakes from the answer.
        trained : bool
            In torch: whether gradients must go through the answer, as it is to be trained.
        budget : Budget, optional
            How many operations the answer may take.
        partial : bool
            Whether, in grading, each returned value that is right earns its share of the points; default: yes.
        """

        def register(reference):
            seeds = self.seeds.get(reference.__name__, SEEDS)
            question = Question(self, reference, **{"seeds": seeds} | settings)
            self.questions[question.name] = question
            return question

        return register

    def progress(self):
        """How far you are in this chapter."""
        return progress.Progress(self.name, {name: question.points for name, question in self.questions.items()})

    def predict(self, name, guess):
        """Keep what you predict of a run before it: a number or a word; None is no prediction yet."""
        return predictions.keep(self.name, name, guess)

    def compare(self, name, found):
        """What came out of a run, beside what you had predicted."""
        return predictions.compare(self.name, name, found)
