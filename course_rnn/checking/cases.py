"""Random arguments for the cases of questions: small, sizes that differ, nothing zero, and at times sizes of one."""

import numpy as np

LARGE = 100.0  # decimals from here on are out of the ordinary
AT_THE_EDGE = 0.25  # of the cases have sizes of one
DRESSED = 0.25  # of the cases have arrays in float32, or in another order in memory
DRAWS = 200  # that a small case may take


def sizes(rng, count, low=2, high=7, ones=True):
    """Distinct sizes from low to high, so that no transposed axis can hide; in some cases some of them are 1 instead.

    Parameters
    ----------
    rng : numpy.random.Generator
    count, low, high : int
    ones : bool
        Whether a size may be 1 where `low` is larger: a batch of one, a sequence of one step.
    """
    if isinstance(rng, Small):
        return rng.sizes(count, 1 if ones else low)
    drawn = rng.choice(np.arange(low, high + 1), size=count, replace=False)
    if ones and rng.random() < AT_THE_EDGE:
        drawn = np.where(rng.random(count) < 0.5, 1, drawn)
    return tuple(int(size) for size in drawn)


def lengths_of(rng, T, B):
    """True lengths of a padded batch: one is T, another is 1 where there are two."""
    return rng.permutation([T, 1, *rng.integers(1, T + 1, size=max(B - 2, 0))][:B])


def scores(rng, scale, size, share=0.2, by=400.0):
    """Normal random scores, and in a share of the cases whole numbers so large that exp of them overflows.

    Whole, so that float32 loses nothing of them: a difference of two is as exact there as in float64.
    """
    drawn = rng.normal(scale=scale, size=size)
    return np.round(by * drawn) if rng.random() < share else drawn


def rnn_weights(rng, D, H, gates=1):
    """The weights of one recurrent layer under torch's names, ``gates`` blocks of H rows each."""
    rows = gates * H
    shapes = {"weight_ih": (rows, D), "weight_hh": (rows, H), "bias_ih": rows, "bias_hh": rows}
    return {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}


def dressed(case, rng):
    """The same case, at times with its arrays in float32 or in another order in memory: both are usual in practice."""
    kind = rng.random() / DRESSED
    if kind > 1:
        return case
    return {name: _dressed(value, kind < 0.5) for name, value in case.items()}


def _dressed(value, single):
    if not isinstance(value, np.ndarray):
        return value
    if not single:
        return np.asfortranarray(value)
    return value.astype(np.float32) if value.dtype == np.float64 else value


def ordinary(case):
    """Whether nothing about a case is special: no size of one, no large number, no float32, no other order in memory.

    Examples
    --------
    >>> ordinary({"x": np.ones((3, 2))}), ordinary({"x": np.ones((3, 1))}), ordinary({"x": np.full(3, 400.0)})
    (True, False, False)
    """
    return not any(_special(value) for value in case.values() if isinstance(value, np.ndarray))


def _special(array):
    decimals = array.dtype.kind == "f"
    large = decimals and np.abs(array).max(initial=0) >= LARGE
    return 1 in array.shape or large or array.dtype == np.float32 or not array.flags.c_contiguous


class Exhausted(Exception):
    """A small case took too many draws: not every question has one that is as small as that."""


class Small(np.random.Generator):
    """Draws what is small enough for paper: sizes of 1 and 2, and of each array only a few whole numbers.

    Where a question draws its cases with it, they are as valid as any other, so a failing case need not be cut down
    by rules that would have to know what belongs together.

    Parameters
    ----------
    seed : int
    largest : int
        Of the sizes.
    """

    def __init__(self, seed, largest):
        super().__init__(np.random.PCG64(seed))
        self.largest, self.left = largest, DRAWS

    def _count(self):
        self.left -= 1
        if self.left < 0:
            raise Exhausted

    def sizes(self, count, low):
        self._count()
        return tuple(int(n) for n in super().integers(low, max(self.largest, low) + 1, size=count))

    def integers(self, low, high=None, size=None, **rest):
        self._count()
        low, high = (0, low) if high is None else (low, high)
        return super().integers(low, np.minimum(high, np.asarray(low) + 1 + self.largest), size=size, **rest)

    def normal(self, loc=0.0, scale=1.0, size=None):
        """All zero, all one, ones among zeros, or a few small whole numbers."""
        self._count()
        few = ((0.0,), (1.0,), (0.0, 1.0), (-1.0, 1.0, 2.0))[int(super().integers(4))]
        return super().choice(few, size=size) if size is not None else float(super().choice(few))

    def uniform(self, low=0.0, high=1.0, size=None):
        self._count()
        return np.round(super().uniform(low, high, size=size), 2)

    def random(self, size=None):
        self._count()
        return np.round(super().random(size), 2)
