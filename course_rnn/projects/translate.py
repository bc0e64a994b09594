"""Project 4: translate lists of numbers from English to French, also longer ones than those trained on."""

from functools import cache

import numpy as np

from course_rnn import data
from course_rnn.checking.project import Mark, Project
from course_rnn.checking.question import Chapter

TRAINED, LONGER, B = 3, 5, 150

chapter = Chapter("p4_translate")
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


@cache
def vocabularies():
    """The words of both languages; 0 stands for no word, as after the end of a sentence."""
    pairs = data.number_lists([50] * 20, np.random.default_rng(0))  # holds every number
    english, french = (sorted({word for pair in pairs for word in pair[side]}) for side in (0, 1))
    return ("", *english), ("", *french)


def coded(pairs):
    """Pairs of sentences as two arrays of whole numbers, source (S, N) and target (T, N), with 0 after the end."""
    found = []
    for side, words in enumerate(vocabularies()):
        place = {word: k for k, word in enumerate(words)}
        codes = np.zeros((max(len(pair[side]) for pair in pairs), len(pairs)), int)
        for n, pair in enumerate(pairs):
            codes[: len(pair[side]), n] = [place[word] for word in pair[side]]
        found.append(codes)
    return tuple(found)


def training(N, rng):
    """N pairs of lists of one to three numbers, as source (S, N) and target (T, N) of whole numbers.

    Parameters
    ----------
    N : int
    rng : numpy.random.Generator

    Examples
    --------
    >>> source, target = training(5, np.random.default_rng(0))
    >>> source.shape[1], target.shape[1]
    (5, 5)
    """
    return coded(data.number_lists(rng.integers(1, TRAINED + 1, size=N).tolist(), rng))


def draw(part, rng):
    """Lists of three numbers, and of five, which nobody has been trained on; drawn anew, so nothing can be stored."""
    cases = [coded(data.number_lists([k] * B, rng)) for k in (TRAINED, LONGER)]
    return [({"source": source}, _filled(target, 3 * len(source))) for source, target in cases]


def _filled(target, T):
    """The same sentences with T places."""
    return np.concatenate([target, np.zeros((T - len(target), target.shape[1]), int)])


def score(values, targets):
    """The share of sentences that are right in every word, the mean of both lengths."""
    return float(np.mean([(v == y).all(axis=0).mean() for v, y in zip(values, targets, strict=True)]))


translate = Project(
    chapter=chapter.name,
    name="translate",
    parameters=("source",),
    points=10,
    draw=draw,
    answer=lambda source: (3 * len(source), source.shape[1]),
    score=score,
    unit="share of lists without a mistake, of three numbers and of five",
    marks=(
        Mark("word for word, by the numbers of one word", 0.31, 0),
        Mark("without a mistake at three numbers, never at five", 0.5, 4),
        Mark("the course's own model", 0.9, 10),
    ),
    doubtful=np.inf,
    weights_mb=2,
    hints=(
        "Check each stage: does the loss fall below that of guessing? Is one batch learnt by heart? Then train.",
        "Without attention three numbers must fit into one vector. With attention the decoder looks at one word at a "
        "time. Feed each word that it wrote back, and stop at 0.",
        "Longer lists fail where a position is learnt by heart. What tells the decoder where it was looking before?",
    ),
)
chapter.questions["translate"] = translate
