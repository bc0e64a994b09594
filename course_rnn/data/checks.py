"""What every public function of this package asks of its arguments, in one sentence each."""

from numbers import Integral

import numpy as np


def positive(**sizes):
    """Raise unless every size is a whole number of at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, Integral):
            raise TypeError(f"{name} must be a whole number, got {size!r}")
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")


def all_positive(name, sizes):
    """Return the sizes as a list, or raise unless each is a whole number of at least 1."""
    sizes = list(sizes)
    for i, size in enumerate(sizes):
        positive(**{f"{name}[{i}]": size})
    return sizes


def generator(rng):
    """Raise unless rng is a NumPy random generator: the same seed in two calls would give the same data twice."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator such as np.random.default_rng(0), got {rng!r}")


def fractions_of_one(fractions):
    """Raise unless the fractions are positive and sum to 1."""
    if min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise ValueError(f"fractions must be positive and sum to 1, got {fractions}")
