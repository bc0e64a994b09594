"""When an answer is wrong: with one setting alone, or only where a flag is set. Little, but it says where to look."""

import numpy as np

from course_rnn.checking.diagnose.evidence import Cause

ENOUGH = 4  # wrong numbers that must all lie there, and right ones that must not


def with_a_setting(evidence):
    """The one setting, a word or True or False, with which all cases fail, and with no other."""
    failed = {k for k, trial in enumerate(evidence.trials) if evidence.question.finding(trial)}
    found = []
    for name, value in evidence.trials[0].arguments.items():
        if isinstance(value, (str, bool)):
            settings = [trial.arguments[name] for trial in evidence.trials]
            wrong = {settings[k] for k in failed}
            if len(wrong) == 1 and not any(settings[k] in wrong for k in range(len(settings)) if k not in failed):
                found.append((name, wrong.pop(), len(set(settings))))
    if len(found) != 1 or found[0][2] < 2:
        return None
    name, value, _ = found[0]
    return Cause("setting", f"it is right but for {name} = {value!r}: what should be different there?")


def where(evidence):
    """The one flag, set or not set, where all that is wrong in the first wrong value lies."""
    if not evidence.ran or not evidence.wrong:
        return None
    place = evidence.wrong[0]
    pairs = evidence.pairs(place)
    if any(got is None or got.shape != want.shape for got, want in pairs):
        return None
    wrong = [~np.isclose(got, want, rtol=evidence.question.tolerance, equal_nan=True) for got, want in pairs]
    found = []
    for words, flags in flags_of(evidence.trials):
        there = [flag for flag in flags if flag is not None]
        if len(there) != len(wrong):
            continue
        inside = [spread(flag, off) for flag, off in zip(there, wrong, strict=True)]
        if any(flag is None for flag in inside):
            continue
        hit = sum((off & flag).sum() for off, flag in zip(wrong, inside, strict=True))
        missed = sum((off & ~flag).sum() for off, flag in zip(wrong, inside, strict=True))
        untouched = sum((~flag).sum() for flag in inside)
        if hit >= ENOUGH and not missed and untouched >= ENOUGH:
            found.append(words)
    if not 0 < len(found) < 3:
        return None
    return Cause("where", f"{evidence.question.returns[place]} is wrong only {' and '.join(found)}.")


def flags_of(trials):
    """What is True or False of each place, for each case: flags that came in, and the ends of sequences."""
    for name, value in trials[0].arguments.items():
        if not isinstance(value, np.ndarray) or not value.ndim:
            continue
        values = [trial.arguments[name] for trial in trials]
        if all(set(np.unique(each)) <= {0, 1} for each in values):
            for word, wanted in ((1, True), (0, False)):
                yield (
                    f"where {name} is {bool(word) if value.dtype.kind == 'b' else word}",
                    [v == wanted for v in values],
                )
        elif value.ndim == 1 and value.dtype.kind in "iu" and name == "lengths":
            steps = [np.arange(each.max() + 2)[:, None] for each in values]
            pairs = list(zip(steps, values, strict=True))
            yield "behind the end of a sequence, at its padding", [t >= n for t, n in pairs]
            yield "at the last real step of each sequence", [t == n - 1 for t, n in pairs]


def spread(flag, off):
    """A flag for each number of a value, where their first axes fit; None where they do not."""
    if flag.ndim > off.ndim or (flag.ndim > 1 and flag.shape[1] != off.shape[1]):
        return None
    flag = flag[: len(off)]
    if len(flag) != len(off):
        flag = np.concatenate([flag, np.repeat(flag[-1:], len(off) - len(flag), axis=0)]) if flag.ndim > 1 else None
    return (
        None if flag is None else np.broadcast_to(flag.reshape(flag.shape + (1,) * (off.ndim - flag.ndim)), off.shape)
    )
