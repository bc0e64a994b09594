"""What an experiment is: a question, models that are tuned by one rule, a ladder of budgets, and seeds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from statistics import median

BASELINE = "baseline"  # the rung of what has no budget


@dataclass(frozen=True)
class Metric:
    """What is measured for each item of a test part, and how two models are compared by it.

    Attributes
    ----------
    name : str
        With its unit, as an axis is labelled.
    lower_is_better : bool
    log : bool
        Compared by ratios, as where scores lie orders of magnitude apart.
    """

    name: str
    lower_is_better: bool = True
    log: bool = False


@dataclass(frozen=True)
class Model:
    """One competitor.

    Attributes
    ----------
    fit : function
        ``fit(task, clock, rng, **setting)`` trains within the budget of the clock and returns ``score``, a function of
        "validation" or "test": the metric of each item of that part, (n,) or one number.
    grid : tuple of dict
        The settings to choose from, the simplest first: it wins a tie.
    baseline : bool
        It takes the time that it takes, and has no seed.
    """

    fit: Callable
    grid: tuple = ({},)
    baseline: bool = False


@dataclass(frozen=True)
class Trial:
    """One training: of a model on a task, with a budget, a setting and a seed."""

    task: str
    model: str
    rung: float | str
    setting: dict
    seed: int

    def key(self):
        """As the record finds it again."""
        return (self.task, self.model, str(self.rung), json.dumps(self.setting, sort_keys=True), self.seed)


@dataclass(frozen=True)
class Experiment:
    """A question, and all that answers it.

    Every model is tuned by the same rule. On each rung every setting of its grid is trained with the first `tuned`
    seeds, and the one with the best median on the validation part is trained with all of them. Rungs above `tuned_to`
    keep the setting of the highest rung below. The test part is measured with every training and enters no choice.

    Attributes
    ----------
    question, data : str
        What is asked, in a sentence; what the data are and how they are split.
    metric : Metric
    models : dict of str to Model
    rungs : dict of float to int
        CPU seconds, and how many seeds on that rung.
    tasks : tuple of str
        The channels, distances or data sets on which all of this is done.
    tuned : int
    tuned_to : float
    """

    question: str
    data: str
    metric: Metric
    models: dict
    rungs: dict
    tasks: tuple = ("",)
    tuned: int = 1
    tuned_to: float = field(default=float("inf"))

    def __post_init__(self):
        for name, model in self.models.items():
            if not model.grid:
                raise ValueError(f"{name} has no setting to try; {{}} is one")
        if not self.rungs or min(self.rungs) > self.tuned_to:
            raise ValueError(f"no rung of {list(self.rungs)} lies at or below tuned_to = {self.tuned_to}")

    def rungs_of(self, model):
        """The rungs of a model, and how many seeds each has."""
        return {BASELINE: 1} if self.models[model].baseline else self.rungs

    def stages(self, scores):
        """Yield lists of trials; those of one list do not depend on each other, only on the lists before.

        Parameters
        ----------
        scores : dict
            The validation score of each trial that is done, by `Trial.key`; it grows while this runs.
        """
        each = [(task, model) for task, model in product(self.tasks, self.models)]
        yield [
            Trial(task, model, rung, setting, seed)
            for task, model in each
            for rung in self.rungs_of(model)
            if rung == BASELINE or rung <= self.tuned_to
            for setting, seed in product(self.models[model].grid, range(min(self.tuned, self.rungs_of(model)[rung])))
            if len(self.models[model].grid) > 1
        ]
        for seed in range(max(self.rungs.values())):
            yield [
                Trial(task, model, rung, self.choice(task, model, rung, scores), seed)
                for task, model in each
                for rung, seeds in self.rungs_of(model).items()
                if seed < seeds
            ]

    def choice(self, task, model, rung, scores):
        """The setting that the validation part chooses for a rung; KeyError if a score is still missing."""
        grid = self.models[model].grid
        if len(grid) == 1:
            return grid[0]
        if rung != BASELINE:
            rung = max(r for r in self.rungs if r <= min(rung, self.tuned_to))
        seeds = range(min(self.tuned, self.rungs_of(model)[rung]))
        tried = [[Trial(task, model, rung, setting, seed).key() for seed in seeds] for setting in grid]
        medians = [median(scores[key] for key in keys) for keys in tried]
        best = min(medians) if self.metric.lower_is_better else max(medians)
        return grid[medians.index(best)]
