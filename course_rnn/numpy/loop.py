"""Time is one loop: what a layer is, for any cell.

The input product of all steps comes first, as it waits for nothing. Then the cell takes its step from one end of the
sequence to the other; backward it takes the steps back in reverse order, and each weight's gradient is one product over
all of them. Where a sequence has no step (padding, a hole) its state waits, so a pass from the last step to the first,
which meets the padding first, starts at the true end. `real` (T, B) says where there are steps; their rows are kept
one under the other, time by time, in matrices of N rows.
"""

import operator

import numpy as np

from course_rnn.numpy.cells import linear

# Memory that was handed back costs more to get anew than the arithmetic on it. One large block, freed untouched, lets
# glibc keep up to 64 MB (mallopt(3), M_TRIM_THRESHOLD): up to 1.8 times as fast.
np.empty(2**25 - 2**16, np.uint8)


def step(cell, x, states, weights):
    """Take one step: x (B, D), states (B, size) and the weights of one layer make the next states, and a cache.

    Examples
    --------
    Without weights r = z = ½ and n = 0 in a GRU: half of the state stays.

    >>> from course_rnn.numpy.cells import GRU
    >>> weights = {"weight_ih": np.zeros((3, 3)), "weight_hh": np.zeros((3, 1))}
    >>> (h,), cache = step(GRU(), np.ones((1, 3)), [np.full((1, 1), 2.0)], weights)
    >>> h
    array([[1.]])
    """
    states, cache = cell.step(linear(x, weights, "ih"), states, weights)
    return states, (x, cache)


def step_backward(cell, dstates, cache, weights):
    """Carry the gradients of the next states back through `step`, to dx, dstates and a dict of weight gradients."""
    x, cache = cache
    da, before, products = cell.step_backward(dstates, cache, weights)
    return da @ weights["weight_ih"], before, _gradients(x, da, [da], [products], weights)


def forward(cell, x, states, weights, real, reverse=False):
    """Run one layer in one direction.

    Parameters
    ----------
    cell : Cell
    x : (T, B, D) ndarray
    states : list of (B, size) ndarray
    weights : dict of str to ndarray
    real : (T, B) ndarray of bool
    reverse : bool
        From the last step to the first.

    Returns
    -------
    y : (T, B, shown size) ndarray, 0 where there is no step
    states : list of (B, size) ndarray, after the last step of each sequence
    tape : tuple, for `backward`
    """
    x, steps = _packed(x, real), _steps(real)  # (N, D)
    a = linear(x, weights, "ih")
    weights = {name: np.asfortranarray(w) for name, w in weights.items()}  # a step reads Wᵀ: up to twice as fast
    after, caches = [None] * len(steps), [None] * len(steps)
    order = range(len(steps))[::-1] if reverse else range(len(steps))
    for t in order:
        rows, running = steps[t]
        before = states if running is None else [state[running] for state in states]
        after[t], caches[t] = cell.step(a[rows], before, weights)
        states = after[t] if running is None else _put(states, running, after[t])
    shown = [np.concatenate([of_step[k] for of_step in after]) for k in _shown(cell)]
    y = np.concatenate(shown, axis=-1) if len(shown) > 1 else shown[0]
    return _unpacked(y, real), states, (x, real, steps, order, caches)


def backward(cell, dy, dstates, tape, weights):
    """Carry gradients back through `forward`: dy and those of the final states to dx, the initial states and grads."""
    x, real, steps, order, caches = tape
    sizes = [dstates[k].shape[-1] for k in _shown(cell)]
    dys = np.split(_packed(dy, real), np.cumsum(sizes)[:-1], axis=-1)  # (N, size) for each state that is shown
    shown = list(zip(_shown(cell), dys, strict=True))
    das, products = [None] * len(steps), [None] * len(steps)
    for t in reversed(order):
        rows, running = steps[t]
        after = list(dstates) if running is None else [d[running] for d in dstates]
        for k, d in shown:
            after[k] = after[k] + d[rows]
        das[t], before, products[t] = cell.step_backward(after, caches[t], weights)
        dstates = before if running is None else _put(dstates, running, before)
    da = np.concatenate(das)
    dx = _unpacked(da @ weights["weight_ih"], real)
    return dx, dstates, _gradients(x, da, das, products, weights)


def _gradients(x, da, das, products, weights):
    """Turn what the steps left, lists of (name, d, v), into the gradients of the weights; `da` is all `das` joined."""
    joined = [("ih", da, x)]
    for parts in zip(*products, strict=True):  # one product of the cell, at every step
        (name, _, v), ds = parts[0], [d for _, d, _ in parts]
        d = da if all(map(operator.is_, ds, das)) else np.concatenate(ds)  # (N, rows)
        joined.append((name, d, v if v is None else np.concatenate([v for *_, v in parts])))
    grads, sums = {}, {id(d): d.sum(axis=0) for _, d, _ in joined}
    for name, d, v in joined:
        found = {name: sums[id(d)]} if v is None else {f"weight_{name}": d.T @ v}
        if f"bias_{name}" in weights:
            found[f"bias_{name}"] = sums[id(d)].copy()  # each gradient an array of its own: clipping works in place
        for key, grad in found.items():  # a second product of one name belongs to the rows below
            grads[key] = np.concatenate([grads[key], grad]) if key in grads else grad
    return grads


def _steps(real):
    """For each step its rows of the packed matrices, and which sequences have it: None for all of them."""
    counts, stops = real.sum(axis=1).tolist(), np.cumsum(real.sum(axis=1)).tolist()
    return [
        (slice(stop - n, stop), None if n == len(of_step) else np.flatnonzero(of_step))
        for n, stop, of_step in zip(counts, stops, real, strict=True)
        if n
    ]


def _put(states, running, new):
    """The states with new rows where sequences have a step; elsewhere they wait."""
    states = [state.copy() for state in states]
    for state, rows in zip(states, new, strict=True):
        state[running] = rows
    return states


def _shown(cell):
    """Which of the states are the output."""
    return [k for k, name in enumerate(cell.states) if name in cell.shown]


def _packed(array, real):
    return array.reshape(-1, array.shape[-1]).copy() if real.all() else array[real]


def _unpacked(rows, real):
    """The rows at their places in (T, B, size), 0 where there is no step."""
    if real.all():
        return rows.reshape(*real.shape, -1)
    array = np.zeros((*real.shape, rows.shape[-1]), rows.dtype)
    array[real] = rows
    return array
