"""Comparing what a learner's function returned with what the reference returns, value by value."""

import numpy as np

#: How far a value may be from the reference, relative to the largest value of the reference.
TOLERANCE = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-4, np.dtype(np.float16): 1e-2}
#: The scale on which an answer of zeros is judged.
SMALLEST = 1e-6


def as_tuple(values):
    """What a function returned, as a tuple of its values."""
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def as_array(value):
    """A NumPy array of what means the same: an array, a torch tensor, a number; None where it is none of these."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        array = np.asarray(value)
    except Exception:  # whatever a learner's object does when it is asked for its numbers
        return None
    return array if array.dtype.kind in "biufc" else None


def tolerance(got, want):
    """The allowed difference: exact for whole numbers, by the less precise dtype for decimals."""
    if want.dtype.kind in "biu":
        return 0.0
    return scale(want) * max(TOLERANCE.get(got.dtype, 0.0), TOLERANCE.get(want.dtype, 0.0))


def scale(want):
    """The largest finite value of the reference; never so small that the rounding of a sum to zero would count."""
    return np.abs(want[np.isfinite(want)]).max(initial=SMALLEST)


def difference(name, got, want):
    """What is wrong with one returned value, shape before dtype before value, as a sentence; None where it is right.

    Parameters
    ----------
    name : str
        What the sentence calls the value.
    got, want : array_like
    """
    array, want = as_array(got), as_array(want)
    if array is None:
        return f"{name} is a {type(got).__name__}, expected an array of numbers."
    if array.shape != want.shape:
        transposed = array.ndim > 1 and array.shape == want.shape[::-1]
        return f"{name} has shape {array.shape}, expected {want.shape}{': transposed?' if transposed else '.'}"
    if array.ndim and array.dtype.kind != want.dtype.kind and not {array.dtype.kind, want.dtype.kind} <= set("iu"):
        return f"{name} has dtype {array.dtype}, expected {want.dtype}."
    same = (array == want) | (np.isnan(array) & np.isnan(want))
    unlike = ~np.isfinite(array) & ~same
    if unlike.any():
        where = [int(i) for i in np.argwhere(unlike)[0]]
        return f"{name} contains {array[tuple(where)]} (first at {where})."
    wide = np.result_type(want, array, np.float64)  # whole numbers and booleans subtract as decimals
    with np.errstate(invalid="ignore"):  # infinity minus the same infinity
        error = np.where(same, 0, np.abs(array.astype(wide) - want.astype(wide)))
    error = np.where(np.isnan(error), np.inf, error)  # a number where NaN is wanted
    wrong = error > tolerance(array, want)
    return wrong_values(name, array, want, error, wrong) if wrong.any() else None


def wrong_values(name, array, want, error, wrong):
    """The sentence that says where values are furthest from the reference, or how many whole numbers are wrong."""
    where = np.unravel_index(error.argmax(), error.shape)
    found, expected = (f"{a[where]:.4g}" if a.dtype.kind in "fc" else str(a[where]) for a in (array, want))
    place = f" at {[int(i) for i in where]}" if want.ndim else ""
    if want.dtype.kind in "biu":
        share = f", {wrong.sum()} of {wrong.size}" if want.ndim else ""
        return f"{name} has wrong values{share}:{place} it is {found}, expected {expected}."
    relative = error[where] / scale(want)
    return (
        f"{name} has wrong values: largest relative error {relative:.2g}{place}, "
        f"where it is {found}, expected {expected}."
    )
