"""Project 1: forecast an EEG, one step ahead on four channels, better than the best linear model."""

import numpy as np

from course_rnn import data
from course_rnn.checking.project import Mark, Project
from course_rnn.checking.question import Chapter

TRAINING, VALIDATION = 464, 560  # where the training part and the validation part end; the rest is hidden
WARM, STEPS = 24, 48  # steps of a segment that only warm up, and those that count
ORDER = 3  # of the linear model, as validation chose it

chapter = Chapter("p1_forecast")
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


def series():
    """The whole EEG (800, 4), standardised by its training part."""
    signal, _ = data.eeg()
    past = signal[:TRAINING]
    return (signal - past.mean(axis=0)) / past.std(axis=0)


def training():
    """The training part: an array (464, 4), one row a time step."""
    return series()[:TRAINING]


def draw(part, rng):
    """Segments (72, B, 4) side by side; the target is what comes after each step, and how far the linear model is off.

    The first 24 steps of a segment warm up; the others, of all segments together, are the part.
    """
    x = series()
    first, last = {"validation": (TRAINING, VALIDATION), "hidden": (VALIDATION, len(x))}[part]
    linear = data.linear_forecast(x[:TRAINING], x[TRAINING:], ORDER)
    off = np.concatenate([np.zeros((TRAINING, 4)), linear - x[TRAINING:]])
    starts = np.arange(first, last, STEPS)
    starts = starts[rng.permutation(len(starts))]
    at = starts + np.arange(-WARM - 1, STEPS - 1)[:, None]  # (72, B): forecasts made here are of the step after
    return [({"series": x[at]}, (x[at + 1], off[at + 1]))]


def score(values, targets):
    """The mean squared error over that of the linear model, of the steps that count."""
    [(target, off)], [value] = targets, values
    return float(((value - target)[WARM:] ** 2).mean() / (off[WARM:] ** 2).mean())


forecast = Project(
    chapter=chapter.name,
    name="forecast",
    parameters=("series",),
    points=10,
    draw=draw,
    answer=lambda series: series.shape,
    score=score,
    unit="mean squared error, that of the linear model being 1",
    marks=(
        Mark("next = now", 1.33, 0),
        Mark("linear model of 3 steps", 1.0, 6),
        Mark("the course's own model", 0.99, 10),
    ),
    doubtful=0.9,
    causal=True,
    weights_mb=1,
    hints=(
        "How much of the error is left to win? Fit the linear model first, and look at what it leaves over.",
        "464 steps are few. A network that forecasts only what the linear model leaves over starts from its score.",
        "Small networks, noise on the inputs, an early stop on the validation part, and the mean over several seeds.",
    ),
)
chapter.questions["forecast"] = forecast
