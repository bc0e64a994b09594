"""Project 5: a cell of your own, on a task that needs a memory which can be overwritten place by place."""

import numpy as np

from course_rnn.checking.project import Mark, Project
from course_rnn.checking.question import Chapter

KEYS, VALUES = 12, 8
ASKED = 0.4  # of the steps ask
SHORT, LONG, B = 30, 60, 200

chapter = Chapter("p5_own_cell")
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


def sample(T, B, rng):
    """Notes under names, and questions for them: what was last written under this key?

    Parameters
    ----------
    T, B : int
    rng : numpy.random.Generator

    Returns
    -------
    x : ndarray (T, B, 20)
        12 columns for the key of the step, one-hot. Then 8 for the value that is written under it, also one-hot; all
        zero where the step asks for the value that was last written there.
    y : ndarray (T, B) of whole numbers
        The value asked for, from 0 to 7, and -1 at steps that write.

    Examples
    --------
    >>> x, y = sample(T=30, B=4, rng=np.random.default_rng(0))
    >>> x.shape, bool(((y >= 0) == (x[:, :, KEYS:].sum(axis=-1) == 0)).all())
    ((30, 4, 20), True)
    """
    key, value = rng.integers(KEYS, size=(T, B)), rng.integers(VALUES, size=(T, B))
    asks, y = rng.random((T, B)) < ASKED, np.full((T, B), -1)
    memory, row = np.full((B, KEYS), -1), np.arange(B)
    for t in range(T):
        kept = memory[row, key[t]]
        asks[t] &= kept >= 0
        y[t] = np.where(asks[t], kept, -1)
        writes = ~asks[t]
        memory[row[writes], key[t, writes]] = value[t, writes]
    x = np.concatenate([np.eye(KEYS)[key], np.eye(VALUES)[value] * ~asks[:, :, None]], axis=-1)
    return x, y


def draw(part, rng):
    """Sequences as long as those trained on, and twice as long; other ones each time, so nothing can be stored."""
    cases = [sample(T, B, rng) for T in (SHORT, LONG)]
    return [({"x": x}, y) for x, y in cases]


def score(values, targets):
    """The share of right answers at steps that ask, the mean of both lengths."""
    return float(np.mean([(v == y)[y >= 0].mean() for v, y in zip(values, targets, strict=True)]))


own_cell = Project(
    chapter=chapter.name,
    name="own_cell",
    parameters=("x",),
    points=10,
    draw=draw,
    answer=lambda x: x.shape[:2],
    score=score,
    unit="share of right answers, at 30 and at 60 steps",
    marks=(
        Mark("guessing", 0.125, 0),
        Mark("GRU of 32 units", 0.28, 2),
        Mark("the course's own cell", 0.98, 10),
    ),
    doubtful=np.inf,
    weights_mb=0.5,
    hints=(
        "Try torch.nn.GRU first, so that you know what to beat. What would its state have to hold?",
        "A state need not be a vector. What does a matrix S give for a key k, in the product kᵀS? How is something "
        "stored there that the same key gives back?",
        "Before a new value is written under a key, the old one has to go: look it up, and write the difference.",
    ),
)
chapter.questions["own_cell"] = own_cell
