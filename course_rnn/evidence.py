"""What the record of an experiment says: medians, intervals, and verdicts that name their budget.

A record is what `course_rnn.data.results` gives of an experiment. An interval is a bootstrap over seeds and over parts
of the test part, both drawn again; two models are compared on the same draws, seed by seed and part by part. Where the
metric is compared by ratios, so are the medians: nothing is averaged over orders of magnitude.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

DRAWS, LEVEL = 2000, 0.95
ENOUGH = 5  # seeds from which on a verdict is one; below, it is said to be preliminary
BASELINE = "baseline"


@dataclass(frozen=True)
class Interval:
    """A median over seeds, with the interval that a bootstrap gives it.

    Attributes
    ----------
    median, low, high : float
    seeds : int
    """

    median: float
    low: float
    high: float
    seeds: int

    def __str__(self):
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def rungs(record):
    """The budgets of a record, CPU seconds in rising order."""
    return sorted(map(float, record["rungs"]))


def runs(record, model, task="", rung=None):
    """The trainings of a model with the setting that validation chose, in the order of their seeds.

    Parameters
    ----------
    record : dict
    model, task : str
    rung : float, optional
        CPU seconds; for a baseline there is none to give.

    Returns
    -------
    list of dict
        Rows of ``record["trials"]``; empty where nothing has been run.
    """
    if model not in record["models"]:
        raise ValueError(f"there is no model {model}; there are {', '.join(record['models'])}")
    rung = BASELINE if record["models"][model]["baseline"] else rung
    where = {"task": task, "model": model, "rung": rung}
    chosen = [row["setting"] for row in record["chosen"] if where.items() <= row.items()]
    rows = [row for row in record["trials"] if where.items() <= row.items() and row["setting"] in chosen]
    return sorted(rows, key=lambda row: row["seed"])


def scores(record, model, task="", rung=None):
    """The test scores of a model by parts of the test part, ndarray (seeds, parts)."""
    return np.array([row["blocks"] for row in runs(record, model, task, rung)])


def interval(record, model, task="", rung=None):
    """The median score of a model on a rung, as an `Interval`."""
    values = _transformed(record, scores(record, model, task, rung))
    return _interval(values, _weights(record, model, task, rung), _back(record))


def difference(record, one, other, task="", rung=None):
    """How far one model lies above another on a rung, as an `Interval`: a difference, or a ratio of log metrics.

    Seeds are paired; a model without seeds, a baseline, is the same for all.
    """
    a, b = (_transformed(record, scores(record, model, task, rung)) for model in (one, other))
    if not len(a) or not len(b):
        raise ValueError("nothing of that kind has been run")
    seeds = min(len(each) for each in (a, b) if len(each) > 1) if max(len(a), len(b)) > 1 else 1
    a, b = (each if len(each) == 1 else each[:seeds] for each in (a, b))
    return _interval(a - b, _weights(record, one, task, rung), _back(record))


def verdict(record, one, other, task="", rung=None):
    """Which of two models is better on a rung, in words that name budget, seeds and interval.

    Examples
    --------
    >>> trials = [{"task": "", "model": m, "rung": 10, "setting": {}, "seed": s, "items": 2, "blocks": [b + s / 100, b]}
    ...           for m, b in (("LSTM", 1.0), ("RNN", 2.0)) for s in range(5)]
    >>> chosen = [{"task": "", "model": m, "rung": 10, "setting": {}} for m in ("LSTM", "RNN")]
    >>> record = {"metric": {"name": "nats", "lower_is_better": True, "log": False}, "rungs": {"10": 5},
    ...           "models": {m: {"baseline": False} for m in ("LSTM", "RNN")}, "chosen": chosen, "trials": trials}
    >>> verdict(record, "LSTM", "RNN", rung=10)
    'LSTM is ahead of RNN after 10 s: -1 (-1 to -1), 5 seeds'
    """
    found = difference(record, one, other, task, rung)
    neutral = 1.0 if record["metric"]["log"] else 0.0
    known = all(record["models"][model]["baseline"] for model in (one, other))  # without seeds
    seeds = "" if known else f", {found.seeds} seed{'s' * (found.seeds > 1)}"
    after = "" if rung is None else f" after {rung:g} s"
    size = f"{'ratio ' if record['metric']['log'] else ''}{found}"
    if found.low <= neutral <= found.high:
        return f"{one} and {other} cannot be told apart{after}: {size}{seeds}"
    first = (found.median < neutral) == record["metric"]["lower_is_better"]
    winner, loser = (one, other) if first else (other, one)
    few = "" if known or found.seeds >= ENOUGH else ", few"
    return f"{winner} is ahead of {loser}{after}: {size}{seeds}{few}"


def ladder(record, task=""):
    """What `course_rnn.plot.ladder` draws of a record.

    Returns
    -------
    curves : dict of str to list of (seconds, Interval)
        Each model that has a budget, on every rung that it was run on.
    baselines : dict of str to float
        The median score of each baseline.
    """
    curves, baselines = {}, {}
    for model, about in record["models"].items():
        if about["baseline"]:
            if runs(record, model, task):
                baselines[model] = interval(record, model, task).median
            continue
        points = [
            (rung, interval(record, model, task, rung)) for rung in rungs(record) if runs(record, model, task, rung)
        ]
        if points:
            curves[model] = points
    return curves, baselines


def turns(record, model, other, task=""):
    """The budget at which a model overtakes another, read off the straight line between two rungs.

    Returns
    -------
    float or None
        CPU seconds; None where the medians do not cross, from behind to ahead, between two rungs.
    """
    seen = []
    for rung in rungs(record):
        if runs(record, model, task, rung) and runs(record, other, task, rung):
            gap = difference(record, model, other, task, rung).median
            gap = np.log(gap) if record["metric"]["log"] else gap
            seen.append((np.log(rung), gap if record["metric"]["lower_is_better"] else -gap))
    for (x0, y0), (x1, y1) in pairwise(seen):
        if y0 > 0 >= y1:
            return float(np.exp(x0 + (x1 - x0) * y0 / (y0 - y1)))
    return None


@dataclass(frozen=True)
class Outcome:
    """The strongest network of a record beside the strongest baseline.

    Attributes
    ----------
    network, baseline : str
        Both chosen by their validation scores.
    rung : float
        CPU seconds: the largest budget that any network was run with.
    scores : tuple of Interval
        Of the network and of the baseline.
    difference : Interval
        Of the network from the baseline, a ratio for log metrics.
    ahead : str
        "network", "baseline", or "" where they cannot be told apart.
    turns : float or None
        The budget from which on the network's median is ahead, if it lies between two rungs.
    """

    network: str
    baseline: str
    rung: float
    scores: tuple
    difference: Interval
    ahead: str
    turns: float | None


def outcome(record, task=""):
    """What a record says of a task, in the end: see `Outcome`.

    Raises
    ------
    ValueError
        If no network or no baseline has been run on it.
    """
    lower, log = record["metric"]["lower_is_better"], record["metric"]["log"]
    ran = {m: [rung for rung in rungs(record) if runs(record, m, task, rung)] for m in record["models"]}
    networks = [m for m, seconds in ran.items() if seconds and not record["models"][m]["baseline"]]
    baselines = [m for m, seconds in ran.items() if seconds and record["models"][m]["baseline"]]
    if not networks or not baselines:
        raise ValueError(f"of {task or 'it'} no {'baseline' if networks else 'network'} has been run")
    top = max(ran[m][-1] for m in networks)

    def best(models):
        on_validation = {m: np.median([row["validation"] for row in runs(record, m, task, top)]) for m in models}
        return (min if lower else max)(on_validation, key=on_validation.get)

    baseline, network = best(baselines), best(m for m in networks if top in ran[m])
    gap, neutral = difference(record, network, baseline, task, top), 1.0 if log else 0.0
    apart = not gap.low <= neutral <= gap.high
    return Outcome(
        network,
        baseline,
        top,
        tuple(interval(record, model, task, top) for model in (network, baseline)),
        gap,
        ("network" if (gap.median < neutral) == lower else "baseline") if apart else "",
        turns(record, network, baseline, task),
    )


def _transformed(record, values):
    return np.log(values) if record["metric"]["log"] else values


def _back(record):
    return np.exp if record["metric"]["log"] else lambda value: value


def _weights(record, model, task, rung):
    """How many items each part of the test part holds: as many, or one more."""
    for row in runs(record, model, task, rung):
        return np.array([len(part) for part in np.array_split(np.empty(row["items"]), len(row["blocks"]))])
    raise ValueError("nothing of that kind has been run")


def _interval(values, weights, back):
    """Of values (seeds, parts): draw seeds and parts again, take the mean over parts and the median over seeds."""
    rng = np.random.default_rng(0)  # the same record says the same
    seeds, parts = values.shape
    seed, part = rng.integers(seeds, size=(DRAWS, seeds, 1)), rng.integers(parts, size=(DRAWS, 1, parts))
    drawn = np.median(np.average(values[seed, part], axis=2, weights=weights[part] + 0 * seed), axis=1)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    middle = np.median(np.average(values, axis=1, weights=weights))
    return Interval(*(float(back(value)) for value in (middle, low, high)), seeds)
