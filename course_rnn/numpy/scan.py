"""The scan that runs a linear recurrence in parallel, and its gradient."""

import numpy as np


def linear_scan(a, b, h0=None, parallel=False):
    """Run the recurrence h_t = a_t ⊙ h_{t−1} + b_t over the first axis.

    One step is the map h ↦ a h + b, and two steps in a row are such a map again:
    (a₂, b₂) after (a₁, b₁) is (a₂ a₁, a₂ b₁ + b₂).  Composition is associative, so the T maps may be composed in any
    grouping. The parallel form (Hillis and Steele) lets every step absorb the one 1, then 2, 4, … before it:
    depth ⌈log₂ T⌉ instead of T, for about T log₂ T compositions instead of T.

    Parameters
    ----------
    a, b : (T, ...) ndarray of one shape and dtype
    h0 : (...) ndarray, optional
        The state before the first step, 0 by default.
    parallel : bool

    Returns
    -------
    (T, ...) ndarray
        h_1 to h_T.

    Raises
    ------
    ValueError
        If shapes differ or T = 0.
    TypeError
        If dtypes differ.

    References
    ----------
    Hillis and Steele, "Data parallel algorithms", Communications of the ACM 29 (1986); Blelloch, "Prefix sums and
    their applications" (1990), who needs 2 T compositions at twice the depth.

    Examples
    --------
    >>> linear_scan(np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.0, 1.0]), parallel=True)
    array([1., 3., 7.])
    """
    if a.shape != b.shape or len(a) == 0:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}, expected the same with at least one step")
    if h0 is not None and h0.shape != a.shape[1:]:
        raise ValueError(f"h0 has shape {h0.shape}, expected {a.shape[1:]}")
    if a.dtype != b.dtype or (h0 is not None and h0.dtype != a.dtype):
        raise TypeError("a, b and h0 have different dtypes")
    h = b.copy()
    if h0 is not None:
        h[0] += a[0] * h0
    if not parallel:
        for t in range(1, len(h)):
            h[t] += a[t] * h[t - 1]
        return h
    a, reach = a.copy(), 1  # (a[t], h[t]) is the composition of the last `reach` maps up to t
    while reach < len(h):
        h[reach:] += a[reach:] * h[:-reach]
        a[reach:] *= a[:-reach]
        reach *= 2
    return h


def linear_scan_backward(dh, a, h, h0=None, parallel=False):
    """Carry gradients back through `linear_scan`: again a linear recurrence, from the last step to the first.

    db_t = dh_t + a_{t+1} ⊙ db_{t+1},   da_t = db_t ⊙ h_{t−1},   dh_0 = a_1 ⊙ db_1

    Parameters
    ----------
    dh : (T, ...) ndarray
        ∂L/∂h_t without the part that comes through later steps.
    a, h, h0, parallel
        What `linear_scan` was given, and what it returned.

    Returns
    -------
    da, db : (T, ...) ndarray
    dh0 : (...) ndarray

    Examples
    --------
    >>> a, b = np.full(3, 2.0), np.ones(3)
    >>> da, db, dh0 = linear_scan_backward(np.array([0.0, 0.0, 1.0]), a, linear_scan(a, b))
    >>> da, db
    (array([0., 2., 3.]), array([4., 2., 1.]))
    """
    h0 = np.zeros_like(h[0]) if h0 is None else h0
    a_next = np.concatenate([a[1:], np.zeros_like(a[:1])])  # nothing comes after the last step
    db = linear_scan(a_next[::-1], dh[::-1], parallel=parallel)[::-1]
    da = db * np.concatenate([h0[None], h[:-1]])
    return da, db, a[0] * db[0]
