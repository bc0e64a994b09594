"""Comparing what a learner's function returned with what the reference returns, value by value."""

import numpy as np

#: How far a value may be from the reference, relative to the largest value of the reference, whatever dtype comes
#: back: honest work in float32 is within it, and no known mistake is.
TOLERANCE = 2e-5
#: The least scale: what is left of a sum that cancels is not judged by its own size.
SMALLEST = 0.1


def as_tuple(values, count=None):
    """What a function returned, as a tuple of its values; where several are expected, one array of them counts too."""
    if isinstance(values, (tuple, list)):
        return tuple(values)
    if count and count > 1 and getattr(values, "ndim", 0) and len(values) == count:
        return tuple(values)
    return (values,)


def as_array(value):
    """A NumPy array of what means the same: an array, a torch tensor, a number; None where it is none of these."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        array = np.asarray(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # whatever a learner's object does when it is asked for its numbers
        return None
    return array if array.dtype.kind in "biufc" else None


def scale(want):
    """The largest finite value of the reference; never so small that the rounding of a sum to zero would count."""
    return np.abs(want[np.isfinite(want)]).max(initial=SMALLEST)


def alike(got, want, tolerance=TOLERANCE):
    """Whether two arrays of one shape hold the same values, within the tolerance; whole numbers must be equal."""
    if got.shape != want.shape:
        return False
    error, allowed = errors(got, want, tolerance)
    return bool((error <= allowed).all())


def errors(array, want, tolerance):
    """How far each value is off, infinity where only one of the two is a number, and how far it may be."""
    wide = np.result_type(want, array, np.float64)  # whole numbers and booleans subtract as decimals
    with np.errstate(all="ignore"):  # infinity minus the same infinity
        same = (array == want) | (np.isnan(array) & np.isnan(want))
        error = np.where(same, 0, np.abs(array.astype(wide) - want.astype(wide)))
    error = np.where(np.isnan(error), np.inf, error)
    return error, 0.0 if want.dtype.kind in "biu" else tolerance * scale(want)


def difference(name, got, want, tolerance=TOLERANCE):
    """What is wrong with one returned value, shape before dtype before value, as a sentence; None where it is right.

    Parameters
    ----------
    name : str
        What the sentence calls the value.
    got, want : array_like
    tolerance : float
        Relative to the largest value of `want`.
    """
    array, want = as_array(got), as_array(want)
    if array is None:
        return f"{name} is {article(type(got).__name__)}, expected an array of numbers."
    if array.shape != want.shape:
        transposed = array.ndim > 1 and array.shape == want.shape[::-1]
        return f"{name} has shape {array.shape}, expected {want.shape}{': transposed?' if transposed else '.'}"
    if array.ndim and array.dtype.kind != want.dtype.kind and not {array.dtype.kind, want.dtype.kind} <= set("iu"):
        return f"{name} has dtype {array.dtype}, expected {want.dtype}."
    error, allowed = errors(array, want, tolerance)
    unlike = ~np.isfinite(array) & (error > 0)
    if unlike.any():
        where = [int(i) for i in np.argwhere(unlike)[0]]
        return f"{name} contains {array[tuple(where)]} (first at {where})."
    wrong = error > allowed
    return wrong_values(name, array, want, error, wrong) if wrong.any() else None


def article(kind):
    """The name of a type with its article."""
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def wrong_values(name, array, want, error, wrong):
    """The sentence that says how many values are wrong, where the furthest is, and what was expected there."""
    where = np.unravel_index(error.argmax(), error.shape)
    found, expected = apart(array[where], want[where])
    share = f", {wrong.sum()} of {wrong.size}" if want.ndim else ""
    place = f" at {[int(i) for i in where]}" if want.ndim else ""
    off = "" if want.dtype.kind in "biu" else f" (off by {error[where]:.2g})"
    return f"{name} has wrong values{share}:{place} it is {found}, expected {expected}{off}."


def apart(found, expected):
    """Two numbers as text, with as many digits as it takes to tell them apart, at least four."""
    if expected.dtype.kind not in "fc":
        return str(found), str(expected)
    for digits in range(4, 18):
        texts = f"{found:.{digits}g}", f"{expected:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts
