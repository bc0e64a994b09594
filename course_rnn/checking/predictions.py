"""What a learner predicted before a run: kept, and shown beside what came out.

The first prediction is the one that counts: who has seen the result predicts nothing any more. Predictions are kept
beside the progress, in ``.course_rnn_predictions.json``, and are as safe to lose; where no progress is kept on disk,
neither are they.
"""

import contextlib
import json

from course_rnn.checking import progress
from course_rnn.checking.result import Shown

_kept = {}  # chapter -> name -> the first prediction


def _path():
    path = progress.path()
    return path and path.with_name(".course_rnn_predictions.json")


def read():
    """The predictions so far, chapter -> name -> what was predicted."""
    try:
        stored = json.loads(_path().read_text())
        return {chapter: {**stored.get(chapter, {}), **_kept.get(chapter, {})} for chapter in stored.keys() | _kept}
    except (AttributeError, OSError, TypeError, ValueError):  # none wanted, none there, or not one of ours
        return {chapter: dict(names) for chapter, names in _kept.items()}


def keep(chapter, name, guess):
    """Keep a prediction, unless there is one by this name.

    Parameters
    ----------
    chapter, name : str
    guess : float, str or None
        None is no prediction yet.

    Returns
    -------
    Shown
    """
    before = read().get(chapter, {}).get(name)
    if guess is None:
        return Shown("No prediction yet. Put yours in the place of None.")
    if before is not None and before != guess:
        return Shown(f"Your first prediction stays, {before}. What you say now comes after it.")
    _kept.setdefault(chapter, {})[name] = guess
    path = _path()
    if path is not None:
        with contextlib.suppress(OSError, TypeError):  # a read-only folder, or no plain value: it lasts with the kernel
            path.write_text(json.dumps(read(), indent=1))
    return Shown(f"Kept. You predict {guess}.")


def compare(chapter, name, found):
    """Show what came out beside what was predicted.

    Returns
    -------
    Shown
    """
    guess = read().get(chapter, {}).get(name)
    if guess is None:
        return Shown(f"It is {found}. You had predicted nothing.")
    return Shown(f"It is {found}. You had predicted {guess}.")
