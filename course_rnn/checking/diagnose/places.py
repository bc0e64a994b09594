"""Where the right numbers stand in a wrong value: along another axis, with gaps, or one of them for all."""

import numpy as np

PARTS = (2, 3, 4)  # as many as values are joined of: two directions, the gates


def joined(pairs, arguments):
    """The right parts, joined along another axis, or number by number in turn."""
    if any(got.ndim != want.ndim for got, want in pairs):
        return
    axes = range(max(want.ndim for _, want in pairs))
    for parts in PARTS:
        for axis in axes:
            for right in axes:
                if axis != right:
                    yield (
                        "joined",
                        f"has the right parts, but they are joined along axis {axis}: they belong along axis {right}.",
                        lambda got, want, case, k=parts, a=axis, b=right: (
                            np.concatenate(np.split(got, k, a), b),
                            want,
                        ),
                    )
            yield (
                "alternating",
                f"has the right numbers, but its parts alternate along axis {axis}: one belongs behind the other.",
                lambda got, want, case, k=parts, a=axis: (
                    np.concatenate([np.take(got, range(j, got.shape[a], k), a) for j in range(k)], a),
                    want,
                ),
            )


def filled(pairs, arguments):
    """All is right but for zeros: some that should not be there, or some that should."""
    if any(got.shape != want.shape or not got.ndim for got, want in pairs):
        return
    yield (
        "holes",
        "is 0 in places where it should not be, and right in all others: what was never written there?",
        lambda got, want, case: (got, np.where(got == 0, 0, want)),
    )
    yield (
        "not_zeroed",
        "is right but for the places where zeros belong.",
        lambda got, want, case: (np.where(want == 0, 0, got), want),
    )


def rows_alike(pairs, arguments):
    """The same numbers again and again along an axis, where the right ones differ."""
    for axis in range(max(want.ndim for _, want in pairs)):
        if not any(axis < want.ndim and want.shape[axis] > 1 and not np.array_equal(got, want) for got, want in pairs):
            continue
        yield (
            "rows_alike",
            f"has the same numbers at every place of axis {axis}: each of these places should have its own.",
            lambda got, want, case, axis=axis: (got, repeated(got, want, axis)),
        )


def repeated(got, want, axis):
    """The first place of an axis in all others; refused where the right value is like that as well."""
    if want.shape[axis] > 1 and np.array_equal(want, first(want, axis)):
        raise ValueError("the right one is like that")
    return first(got, axis)


def first(array, axis):
    """An array in which the first place of an axis stands in all of them."""
    return np.broadcast_to(array.take([0], axis), array.shape)
