"""What a wrong value has too much or too little: a term, a factor, or a number of those that can be counted."""

from itertools import combinations_with_replacement, permutations

import numpy as np

SLOPES = (
    ("{}", lambda v: v),
    ("1 - {}", lambda v: 1 - v),
    ("1 - {}²", lambda v: 1 - v**2),
    ("{0} (1 - {0})", lambda v: v * (1 - v)),
)
PARTS = ((1, ""), (0.5, "half of "), (2, "twice "))


def terms(pairs, arguments):
    """The right value with one argument added to it, or taken off."""
    for name, value in arguments[0].items():
        if not is_decimal(value):
            continue
        for part, words in PARTS:
            for sign, said in ((1, "plus"), (-1, "minus")):
                yield (
                    "term",
                    f"is what is right {said} {words}{name}: a term too {'many' if sign > 0 else 'few'}?",
                    lambda got, want, case, name=name, factor=sign * part: (
                        got,
                        want + factor * fitting(case[name], want),
                    ),
                )


def factors(pairs, arguments):
    """The right value with a factor too many or too few: an argument, or the slope of what made it."""
    if any(got.shape != want.shape or want.dtype.kind != "f" for got, want in pairs):
        return
    for name, value in arguments[0].items():
        if not is_decimal(value):
            continue
        for words, function in SLOPES:
            said = words.format(name)
            yield (
                "factor_missing",
                f"would be right times {said}: is that factor missing?",
                lambda got, want, case, name=name, f=function: (got * fitting(f(case[name]), want), want),
            )
            yield (
                "factor_too_many",
                f"is what is right times {said}: a factor too many?",
                lambda got, want, case, name=name, f=function: (got, want * fitting(f(case[name]), want)),
            )


def ratios(pairs, arguments):
    """Divided by one size where another one belongs, or by the root of one."""
    if any(got.shape != want.shape or want.dtype.kind != "f" for got, want in pairs):
        return
    found = dict(named_sizes(arguments))
    found |= {
        f"{name}.size": lambda case, name=name: case[name].size
        for name, value in arguments[0].items()
        if isinstance(value, np.ndarray) and value.ndim > 1
    }
    for (words, size), (others, other) in permutations(found.items(), 2):
        yield (
            "other_size",
            f"is divided by {words}, where {others} belongs.",
            lambda got, want, case, a=size, b=other: (got * a(case), want * b(case)),
        )
    for words, size in found.items():
        for power, said in ((0.5, "too large"), (-0.5, "too small")):
            yield (
                "root_of_a_size",
                f"is {said} by the root of {words}.",
                lambda got, want, case, size=size, power=power: (got, want * size(case) ** power),
            )


def is_decimal(value):
    """Whether an argument is a decimal, or an array of them."""
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def fitting(term, want):
    """A term that can be added to a value without making it larger; none of the others is meant."""
    if np.broadcast_shapes(np.shape(term), want.shape) != want.shape:
        raise ValueError("the term is larger than the value")
    return term


def counts(pairs, arguments):
    """Whole numbers that are off by a size, or by a product of two: something was counted too often, or not at all."""
    if any(got.dtype.kind not in "iuf" or want.dtype.kind not in "iu" for got, want in pairs):
        return
    found = {f"{words}": size for words, size in named_sizes(arguments)}
    for (a, one), (b, other) in combinations_with_replacement(list(found.items()), 2):
        found[f"{a} * {b}"] = lambda case, one=one, other=other: one(case) * other(case)
    amounts = [
        (f"{k} * {words}" if k > 1 else words, k, 0, size) for words, size in found.items() for k in (1, 2, 3, 4)
    ]
    amounts += [(f"{words} - 1", 1, -1, size) for words, size in found.items() if "*" not in words]
    for words, k, more, size in amounts:
        for sign, said in ((1, "large"), (-1, "small")):
            yield (
                "count",
                f"is too {said} by {words}.",
                lambda got, want, case, by=(sign * k, sign * more), size=size: (got, want + by[0] * size(case) + by[1]),
            )


def sizes(pairs, arguments):
    """One number that is a size of what came in, and should not be."""
    if any(got.ndim or got.dtype.kind not in "iuf" for got, _ in pairs):
        return
    for words, size in named_sizes(arguments):
        yield "size", f"is {words} in every case.", lambda got, want, case, size=size: (got, np.asarray(size(case)))


# ---------------------------------------------------------------------- numbers that may come in


def ratio(pairs):
    """The one number that all values are too large by, None where there is none."""
    quotients = []
    for got, want in pairs:
        if got.shape != want.shape or want.dtype.kind not in "iuf":
            return None
        with np.errstate(all="ignore"):
            quotients.append((got / want)[np.abs(want) > 1e-3 * np.abs(want).max(initial=0)])
    factor = common(quotients)
    return None if factor in (0.0, 1.0) else factor


def common(arrays):
    """The number that all arrays hold everywhere, None where there is none."""
    numbers = np.concatenate([np.ravel(each).astype(float) for each in arrays]) if arrays else np.zeros(0)
    if numbers.size < 3 or not np.isfinite(numbers).all() or np.ptp(numbers) > 1e-4 * abs(numbers[0]):
        return None
    return float(np.median(numbers))


def named_sizes(arguments):
    """Sizes that learners divide by, each once, with a function that reads it off a case."""
    found = {}
    for name, value in arguments[0].items():
        if isinstance(value, np.ndarray):
            for axis in range(value.ndim):
                found[f"{name}.shape[{axis}]"] = lambda case, name=name, axis=axis: case[name].shape[axis]
            if value.dtype.kind == "b":
                found[f"the number of True in {name}"] = lambda case, name=name: case[name].sum()
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = lambda case, name=name: case[name]
    known = set()
    for words, size in found.items():
        drawn = tuple(map(size, arguments))
        if drawn not in known and len(set(drawn)) > 1:
            known.add(drawn)
            yield words, size
