"""The table searched backwards: which conventions make these outputs from these inputs."""

from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from course_rnn.convert.conventions import CELLS, ROSETTA, Convention
from course_rnn.convert.translate import cut, floats, translate
from course_rnn.numpy import cells, loop

# by the name of a cell and the side of its reset gate: the equations
REFERENCE = {
    ("RNN", ""): cells.RNN,
    ("LSTM", ""): cells.LSTM,
    ("GRU", "after"): cells.GRU,
    ("GRU", "before"): cells.GRUResetBefore,
}


@dataclass(frozen=True)
class Identified:
    """What `identify` found; printed, it is a sentence.

    Parameters
    ----------
    conventions : list of Convention
        All that make y, their gates in torch's letters; if none does, the closest alone.
    error : float
        Their largest difference from y.
    fits : bool
        Whether they make y.
    """

    conventions: list
    error: float
    fits: bool

    def __str__(self):
        found, error = "; ".join(map(str, self.conventions)), f"largest error {self.error:.1e}"
        if not self.fits:
            return f"No convention tried makes this y; the closest, {error}, is {found}."
        if len(self.conventions) > 1:
            return f"{len(self.conventions)} conventions make this y, {error}: {found}."
        return f"This y was made by {found}, {error}."


def identify(weights, x, y):
    """Say which convention made y from x, by trying all that the shapes allow.

    Tried are all orders of the gates, column and row vectors (also one matrix of each), x and h apart and joined, z as
    the share to keep and to write, and the reset on both sides. The cell and the number of biases follow from the
    shapes. The nonlinearity is taken to be tanh and the first state to be 0.

    Parameters
    ----------
    weights : dict or sequence of array
        One layer in one direction; names are not read. First the input matrix and the recurrent one, or one matrix for
        both joined, or one of these a gate; then the biases, if any. ONNX's axis for one direction may stay.
    x : (T, B, D) array
    y : (T, B, H) array
        The outputs of the layer.

    Returns
    -------
    Identified
        The convention that comes closest to y, if it comes within 1e-4 of y's largest value (many a float64 array holds
        the results of float32), and all that come as close but for rounding. They are several where nothing tells them
        apart: one step from a state of 0 never uses W_hh, and a diagonal W_hn gives the reset no side.

    Raises
    ------
    ValueError
        If no RNN, GRU or LSTM from D to H has weights of these shapes, or a value is not finite.
    TypeError
        If an array is not floating point.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> U, W, x = rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), rng.normal(size=(2, 1, 3))
    >>> h = np.tanh(x[0] @ U)
    >>> y = np.stack([h, np.tanh(x[1] @ U + h @ W)])
    >>> [found.vectors for found in identify([U, W], x, y).conventions]
    ['row']
    """
    arrays = list(weights.values() if hasattr(weights, "values") else weights)
    arrays = [floats(f"array {i} of the weights", array) for i, array in enumerate(arrays)]
    x, y = floats("x", x), floats("y", y)
    if x.ndim != 3 or y.ndim != 3 or x.shape[:2] != y.shape[:2] or not y.size:
        raise ValueError(f"x has shape {x.shape} and y {y.shape}, expected (T, B, D) and (T, B, H), not empty")
    if not all(np.isfinite(array).all() for array in [x, y, *arrays]):
        raise ValueError("x, y or the weights hold NaN or infinity")

    D, H = x.shape[-1], y.shape[-1]
    errors = {}
    for *blocks, convention in _candidates(arrays, D, H):
        ours = replace(ROSETTA[convention.cell]["torch"], reset=convention.reset)
        errors[convention] = abs(_run(*translate(*blocks, convention, ours), x, ours) - y).max()
    if not errors:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"no RNN, GRU or LSTM from D = {D} to H = {H} has weights of the shapes {shapes}")

    best, scale = min(errors.values()), abs(y).max()
    noise = max(10 * best, 100 * scale * max(np.finfo(array.dtype).eps for array in [x, y, *arrays]))
    fits = bool(best <= 1e-4 * scale)
    found = [c for c, error in errors.items() if error <= (noise if fits else best)]
    return Identified(found, float(max(errors[c] for c in found)), fits)


def _candidates(arrays, D, H):
    """Every way to read the arrays that their shapes allow: W, R, b and the convention."""
    if arrays and arrays[0].ndim == 3 and all(len(array) == 1 for array in arrays):
        arrays = [array[0] for array in arrays]  # ONNX's axis of directions
    for (G, cell), joined in product(CELLS.items(), ("", "hx", "xh")):
        for count in {1, G} if joined else {2}:
            matrices, biases = arrays[:count], sum(array.size for array in arrays[count:])
            shapes = [(G * H // count, H + D)] * count if joined else [(G * H, D), (G * H, H)]
            if biases not in (0, G * H, 2 * G * H):
                continue
            for sides in product(("column", "row"), repeat=1 if joined else 2):
                sides = sides * count if joined else sides
                columns = [m.T if side == "row" else m for m, side in zip(matrices, sides, strict=False)]
                if [m.shape for m in columns] != shapes:
                    continue
                blocks = cut(columns, arrays[count:], joined, G)
                vectors = sides[0] if len(set(sides)) == 1 else f"{sides[0]} (x) and {sides[1]} (h)"
                forms = product(("keep", "write"), ("after", "before")) if cell == "GRU" else [("", "")]
                for gates, form in product(permutations(ROSETTA[cell]["torch"].order), forms):
                    yield *blocks, Convention("".join(gates), biases // (G * H), vectors, joined, *form)


def _run(W, R, b, x, convention):
    """The outputs of a layer whose blocks are torch's."""
    G, H, D = W.shape
    weights = {"weight_ih": W.reshape(G * H, D), "weight_hh": R.reshape(G * H, H)}
    weights |= dict(zip(("bias_ih", "bias_hh"), b.reshape(G * H, -1).T, strict=False))
    cell = REFERENCE[convention.cell, convention.reset]()
    states = [np.zeros((x.shape[1], H), x.dtype) for _ in cell.states]
    y, _, _ = loop.forward(cell, x, states, weights, np.ones(x.shape[:2], bool))
    return y
