"""The gradients of a cell of one's own against central differences, with the first wrong gate named."""

from dataclasses import dataclass

import numpy as np

from course_rnn.numpy.cells import Cell
from course_rnn.numpy.layers import Recurrent
from course_rnn.shared.cell import check_cell

STEP = 1e-5  # of the differences: their own error is about its square
TOLERANCE = 1e-6  # of the largest number of a gradient


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradients` found; printed, it is a sentence and a table.

    Attributes
    ----------
    cell : str
    errors : dict of str to float
        For each gradient its largest difference from the numerical one, relative to the largest number in either.
    first_wrong : str or None
        The first gradient that differs, in the order in which a backward step computes them.
    """

    cell: str
    errors: dict
    first_wrong: str | None

    def __bool__(self):
        return self.first_wrong is None

    def __str__(self):
        if self:
            worst = max(self.errors.values())
            said = f"all {len(self.errors)} gradients agree with central differences, to {worst:.0e} of their size"
        else:
            said = f"{self.first_wrong} is wrong, the first of {sum(e > TOLERANCE for e in self.errors.values())}"
        rows = (f"  {'ok   ' if e <= TOLERANCE else 'WRONG'} {name}  {e:.0e}" for name, e in self.errors.items())
        return "\n".join([f"{self.cell}: {said}", *rows])

    __repr__ = __str__


def check_gradients(cell, hidden_size=3):
    """Compare a cell's backward with central differences: first its `pointwise`, gate by gate, then a whole layer.

    Parameters
    ----------
    cell : Cell
    hidden_size : int

    Returns
    -------
    GradientCheck
        True if all agree; printed, it names the first that does not.

    Raises
    ------
    TypeError
        If the cell is none.
    ValueError
        If it returns another number of arrays than it should, one of another shape, or changes what it was given.

    Examples
    --------
    >>> from course_rnn.numpy.cells import UGRNN
    >>> check = check_gradients(UGRNN())
    >>> bool(check)
    True
    >>> class Forgetful(UGRNN):
    ...     def pointwise_backward(self, dh, cache):
    ...         da, du, dh_before = super().pointwise_backward(dh, cache)
    ...         return da, du, 0
    >>> print(str(check_gradients(Forgetful())).splitlines()[0])
    Forgetful: dh is wrong, the first of 11
    """
    check_cell(cell, Cell, "course_rnn.numpy")
    rng = np.random.default_rng(0)
    errors = {}
    if type(cell).pointwise is not Cell.pointwise:
        errors |= _pointwise_errors(cell, hidden_size, rng)
    errors |= _layer_errors(cell, hidden_size, rng)
    wrong = [name for name, error in errors.items() if not error <= TOLERANCE]
    return GradientCheck(cell.name, errors, wrong[0] if wrong else None)


def _pointwise_errors(cell, H, rng, B=2):
    """The errors of da and du, gate by gate, and of the states and vectors."""
    G, n = len(cell.gate_names), len(cell.states)
    names = ["a", "u", *cell.states, *cell.vectors]
    shapes = [(B, G * H)] * 2 + [(B, H)] * n + [(H,)] * len(cell.vectors)
    inputs = [rng.normal(size=shape) for shape in shapes]
    before = [array.copy() for array in inputs]

    def forward():
        *states, _ = _checked(cell.pointwise(*inputs), n + 1, f"pointwise returns {', '.join(cell.states)} and a cache")
        return _shaped(states, cell.states, [(B, H)] * n, "pointwise")

    douts = [rng.normal(size=(B, H)) for _ in range(n)]
    forward()
    *_, cache = cell.pointwise(*inputs)
    expected = f"pointwise_backward returns da, du and {', '.join(f'd{name}' for name in names[2:])}"
    found = _checked(cell.pointwise_backward(*[d.copy() for d in douts], cache), len(inputs), expected)
    wanted = [(B, G * H)] * 2 + [(B, H)] * (len(inputs) - 2)
    found = [np.full(shape, d) if np.ndim(d) == 0 else d for d, shape in zip(found, wanted, strict=True)]
    found = _shaped(found, [f"d{name}" for name in names], wanted, "pointwise_backward")
    for name, array, copy in zip(names, inputs, before, strict=True):
        if not np.array_equal(array, copy):
            raise ValueError(f"{cell.name} changes its {name}, which the loop still needs: write to a new array")

    errors = {}
    for name, array, d in zip(names, inputs, found, strict=True):
        numerical = _numerical(forward, array, douts)
        d = d.sum(axis=0) if name in cell.vectors else d
        if name in ("a", "u"):
            parts = zip(cell.gate_names, np.split(d, G, axis=1), np.split(numerical, G, axis=1), strict=True)
            errors |= {f"d{name} of {gate}": _error(ours, theirs) for gate, ours, theirs in parts}
        else:
            errors[f"d{name}"] = _error(d, numerical)
    return errors


def _layer_errors(cell, H, rng, T=3, B=2, D=2):
    """The errors of a layer in two directions over sequences of two lengths."""
    layer = Recurrent(cell, D, H, bidirectional=True, rng=rng)
    x = rng.normal(size=(T, B, D))
    state = tuple(rng.normal(size=(2, B, size)) for size in cell.sizes(H))

    def forward():
        y, final = layer.forward(x, state if len(state) > 1 else state[0], lengths=[T, T - 1])
        return [y, *(final if len(state) > 1 else (final,))]

    douts = [rng.normal(size=out.shape) for out in forward()]
    dx, dstate = layer.backward(douts[0], tuple(douts[1:]) if len(state) > 1 else douts[1])
    dstates = dstate if len(state) > 1 else (dstate,)
    layer.eval()
    errors = {"dx": _error(dx, _numerical(forward, x, douts))}
    for name, part, d in zip(cell.states, state, dstates, strict=True):
        errors[f"d{name}_0"] = _error(d, _numerical(forward, part, douts))
    for name, param in layer.params.items():
        errors[f"d{name}"] = _error(layer.grads[name], _numerical(forward, param, douts))
    return errors


def _checked(returned, count, expected):
    if not isinstance(returned, tuple | list) or len(returned) != count:
        size = len(returned) if isinstance(returned, tuple | list) else 1
        raise ValueError(f"{expected}: {count} things, not {size}")
    return returned


def _shaped(arrays, names, shapes, what):
    for array, name, shape in zip(arrays, names, shapes, strict=True):
        if np.shape(array) != shape:
            raise ValueError(f"{what} returns {name} of shape {np.shape(array)}, expected {shape}")
    return arrays


def _numerical(f, array, douts):
    """∂(Σ douts · f()) / ∂ array, entry by entry; f reads the array."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        middle, values = array[index], []
        for array[index] in (middle + STEP, middle - STEP):
            values.append(sum((d * out).sum() for d, out in zip(douts, f(), strict=True)))
        array[index] = middle
        gradient[index] = (values[0] - values[1]) / (2 * STEP)
    return gradient


def _error(ours, theirs):
    return float(np.abs(ours - theirs).max() / max(np.abs(ours).max(), np.abs(theirs).max(), 1e-12))
