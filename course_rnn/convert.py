"""The Rosetta: one layer's weights as torch, Keras, ONNX, CS231n and the course's source slides write them down.

`ROSETTA[cell][name]` is the table; `convert` follows it, `identify` searches it backwards from numbers alone, `rosetta`
prints it. Weights are dicts of NumPy arrays under each library's own names. Where torch has one dict for all layers and
directions the others have one for each, so here all names carry torch's suffix, except for the first layer: Keras's
``kernel``, ``kernel_reverse``, ``kernel_l1``, ``kernel_l1_reverse``. ONNX stacks the directions on an axis of its own.

What the libraries do not share is settled so that no output changes and every way back is exact:

* Two biases that are only ever added become their sum where a library has one; the way back puts the sum in bias_ih and
  0 in bias_hh. In a GRU that resets after the matrix, r ⊙ (W_hn h + b_hn), b_hn is not only added: nothing merges it.
* z may be how much is kept (torch, Keras, ONNX) or how much is written (the slides). Since σ(−a) = 1 − σ(a), the rows
  of z change sign, in the matrices and in the biases.
* On which side of W_hn the reset gate acts is not a way of writing but another function: see `convert`.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import permutations, product

import numpy as np

from course_rnn.numpy.cells import gru_step, lstm_step, rnn_step

CELLS = {1: "RNN", 3: "GRU", 4: "LSTM"}  # by G, the number of gates


@dataclass(frozen=True)
class Convention:
    """How a library writes one layer down: a row of the table.

    Parameters
    ----------
    gates : str
        The blocks in their order and in the library's letters; c and h are what torch calls g and n.
    biases : int
        How many biases each gate has: 2, 1 or 0.
    vectors : str
        "column" for a = W x with W (GH, D), "row" for a = x W with W (D, GH).
    joined : str
        "hx" or "xh" if one matrix multiplies the two joined in this order, "" if each has its own.
    z : str
        Whether a GRU's z is the share of h to "keep" or the share of the candidate to "write".
    reset : str
        Whether a GRU's reset gate acts "after" the matrix, r ⊙ (W_hn h), or "before" it, W_hn (r ⊙ h).
    shapes : dict
        The names of the arrays, and their axes.

    Examples
    --------
    >>> ROSETTA["LSTM"]["keras"].gates, ROSETTA["LSTM"]["keras"].shape("kernel")
    ('ifco', '(D, 4H)')
    """

    gates: str
    biases: int
    vectors: str = "column"
    joined: str = ""
    z: str = ""
    reset: str = ""
    shapes: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def cell(self):
        return CELLS[len(self.gates)]

    @property
    def order(self):
        """The gates in torch's letters."""
        return self.gates.replace("c", "g").replace("h", "n")

    @property
    def stacked(self):
        """Whether the directions share an axis."""
        return any("dirs" in axes for axes in self.shapes.values())

    @property
    def known(self):
        """The names of the rows that say the same; any library can leave the biases out."""
        rows = ROSETTA[self.cell].items()
        plain = replace(self, gates=self.order)
        return [n for n, row in rows if plain == replace(row, gates=row.order, biases=self.biases and row.biases)]

    def shape(self, name):
        """The shape of an array in letters."""
        letters = {"GH": f"{len(self.gates)}H".lstrip("1"), "2GH": f"{2 * len(self.gates)}H"}
        axes = [letters.get(axis, axis) for axis in self.shapes[name].split()]
        return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"

    def __str__(self):
        words = [f"{'a' if self.cell == 'GRU' else 'an'} {self.cell} with {self.vectors} vectors"]
        words += [f"gates {', '.join(self.gates)}"] if len(self.gates) > 1 else []
        words += [("no bias", "one bias", "two biases")[self.biases]]
        words += [f"[{', '.join(self.joined)}] joined"] if self.joined else []
        words += [f"z the share to {self.z}", f"reset {self.reset} the matrix"] if self.z else []
        return f"{', '.join(words)} ({' = '.join(self.known) or 'in no row of the table'})"


_TORCH = {"weight_ih": "GH D", "weight_hh": "GH H", "bias_ih": "GH", "bias_hh": "GH"}
_KERAS = {"kernel": "D GH", "recurrent_kernel": "H GH", "bias": "GH"}
_ONNX = {"W": "dirs GH D", "R": "dirs GH H", "B": "dirs 2GH"}  # B is Wb, then Rb
_CS231N = {"Wx": "D GH", "Wh": "H GH", "b": "GH"}
_SLIDES = {f"W_{gate}": "H H+D" for gate in "cfio"} | {f"b_{gate}": "H" for gate in "cfio"}

ROSETTA = {
    "RNN": {
        "torch": Convention("h", 2, shapes=_TORCH),
        "keras": Convention("h", 1, "row", shapes=_KERAS),
        "onnx": Convention("h", 2, shapes=_ONNX),
        "cs231n": Convention("h", 1, "row", shapes=_CS231N),
        "slides": Convention("h", 1, shapes={"W_x": "H D", "W_h": "H H", "b_h": "H"}),
    },
    "LSTM": {
        "torch": Convention("ifgo", 2, shapes=_TORCH),
        "keras": Convention("ifco", 1, "row", shapes=_KERAS),
        "onnx": Convention("iofc", 2, shapes=_ONNX),
        "cs231n": Convention("ifog", 1, "row", shapes=_CS231N),
        "slides": Convention("cfio", 1, joined="hx", shapes=_SLIDES),
    },
    "GRU": {
        "torch": Convention("rzn", 2, z="keep", reset="after", shapes=_TORCH),
        "torch_reset_before": Convention("rzn", 2, z="keep", reset="before", shapes=_TORCH),
        "keras": Convention("zrh", 2, "row", z="keep", reset="after", shapes=_KERAS | {"bias": "2 GH"}),
        "keras_reset_before": Convention("zrh", 1, "row", z="keep", reset="before", shapes=_KERAS),
        "onnx": Convention("zrh", 2, z="keep", reset="before", shapes=_ONNX),
        "onnx_reset_after": Convention("zrh", 2, z="keep", reset="after", shapes=_ONNX),
        "slides": Convention("zrh", 0, "column", "hx", "write", "before", dict.fromkeys(["W_z", "W_r", "W"], "H H+D")),
    },
}


def rosetta():
    """Return the table as Markdown, a row for each cell and convention.

    Returns
    -------
    str

    Examples
    --------
    >>> print(rosetta().splitlines()[9])
    | LSTM | onnx | `W` (dirs, 4H, D), `R` (dirs, 4H, H), `B` (dirs, 8H) | i, o, f, c | column | 2 | – | – |
    """
    lines = ["| cell | name | arrays | gates | vectors | biases | z | reset |", "|" + "---|" * 8]
    for cell, rows in ROSETTA.items():
        for name, row in rows.items():
            arrays = ", ".join(f"`{array}` {row.shape(array)}" for array in row.shapes)
            gates = ", ".join(row.gates) if len(row.gates) > 1 else "–"
            vectors = f"{row.vectors}, [{', '.join(row.joined)}]" if row.joined else row.vectors
            columns = cell, name, arrays, gates, vectors, str(row.biases), row.z or "–", row.reset or "–"
            lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)


def convert(weights, cell, source, target):
    """Write the same layers down in another convention.

    Each array is cut into blocks, one a gate; the blocks change their order, z its sign where its meaning differs, the
    biases their number; then the blocks are laid out as the target wants them.

    Parameters
    ----------
    weights : dict of str to array
        Layers under the source's names (see the module), with or without biases. Arrays of any floating-point dtype,
        which is kept; a `state_dict()` on the CPU will do.
    cell : "RNN", "LSTM" or "GRU"
    source, target : str
        Rows of ``ROSETTA[cell]``. "torch_reset_before" is `course_rnn.numpy.GRU(reset_after=False)`,
        "keras_reset_before" is ``reset_after=False`` and "onnx_reset_after" is ``linear_before_reset=1``.

    Returns
    -------
    dict of str to ndarray
        New arrays under the target's names.

    Raises
    ------
    ValueError
        If an array is missing, unknown, of the wrong shape or of another cell; if the target has no place for a bias;
        if the reset gate would change sides. That r ⊙ (W_hn h + b_hn) = W (r ⊙ h) + b for all r and h asks for
        W = W_hn, diagonal, and b = b_hn = 0: with more than one unit no other weights make up for the side. Where it
        holds, the two forms are one function and are converted.
    TypeError
        If the weights are not a dict of floating-point arrays.

    References
    ----------
    The documentation of torch.nn, Keras 3 and the ONNX operators RNN, LSTM and GRU; Stanford CS231n, assignment on
    recurrent networks; for both sides of the reset gate Cho et al., arXiv 1406.1078, versions 1 and 3.

    Examples
    --------
    >>> lstm = {"weight_ih_l0": np.array([[1.0], [2.0], [3.0], [4.0]]), "weight_hh_l0": np.zeros((4, 1))}  # i, f, g, o
    >>> convert(lstm, "LSTM", "torch", "cs231n")["Wx"]  # i, f, o, g
    array([[1., 2., 4., 3.]])
    """
    source, target = _row(cell, source), _row(cell, target)
    layers = _read(weights, source)
    return _write({key: _translate(*blocks, source, target) for key, blocks in layers.items()}, target)


def _row(cell, name):
    if cell not in ROSETTA:
        raise ValueError(f"cell is {cell!r}, expected one of {', '.join(ROSETTA)}")
    if name not in ROSETTA[cell]:
        raise ValueError(f"{name!r} is no convention for {cell} weights, expected one of {', '.join(ROSETTA[cell])}")
    return ROSETTA[cell][name]


def _is_bias(name):
    return name[0] in "bB"  # so in every row of the table


def _floats(name, array):
    array = np.asarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} has dtype {array.dtype}, expected floating point")
    return array


# Between reading and writing a layer is three arrays of blocks, in the convention's order of gates:
# W (G, H, D), R (G, H, H) and b (G, H, number of biases: 0 if they are left out).


def _blocks(matrices, biases, joined, G):
    """Cut matrices, as for column vectors, and biases into blocks."""
    if joined:
        M = np.concatenate(matrices)  # (GH, H+D)
        H = len(M) // G
        W, R = (M[:, H:], M[:, :H]) if joined == "hx" else (M[:, :-H], M[:, -H:])
    else:
        W, R = matrices
        H = len(R) // G
    b = np.concatenate([R[:0, 0], *map(np.ravel, biases)])  # R[:0, 0] is empty: it gives the dtype if there are none
    return W.reshape(G, H, -1), R.reshape(G, H, H), np.moveaxis(b.reshape(-1, G, H), 0, -1)


def _translate(W, R, b, source, target):
    """Turn the blocks of one convention into those of another."""
    order = [source.order.index(gate) for gate in target.order]
    flip = np.array([gate == "z" and source.z != target.z for gate in target.order])[:, None, None]
    W, R, b = (np.where(flip, -a[order], a[order]) for a in (W, R, b))

    if source.reset != target.reset:
        if source.reset == "before":
            b = _merge(b)  # b_hn stands outside the reset, beside b_in
        n = target.order.index("n")
        if (R[n] != np.diag(np.diag(R[n]))).any() or b[n, :, 1:].any():
            same = ", ".join(name for name, row in ROSETTA["GRU"].items() if row.reset == source.reset)
            raise ValueError(
                f"the source resets {source.reset} the matrix, the target {target.reset} it, and no W and b make "
                "r ⊙ (W_hn h + b_hn) = W (r ⊙ h) + b unless W_hn is diagonal and b_hn = 0; "
                f"on the source's side are {same}"
            )

    if target.biases == 0 and b.any():
        raise ValueError(f"the target's {target.cell} has no biases, and the source's are not 0")
    if target.biases < 2:
        b = _merge(b)[..., : target.biases]
    elif b.shape[-1] == 1:
        b = np.concatenate([b, np.zeros_like(b)], axis=-1)
    return W, R, b


def _merge(b):
    return b.sum(axis=-1, keepdims=True)[..., : b.shape[-1]]  # no biases stay no biases


def _read(weights, convention):
    """Sort the arrays by layer and direction, check them, and cut them into blocks."""
    if not hasattr(weights, "items"):
        raise TypeError(f"weights is a {type(weights).__name__}, expected a dict of arrays by name")
    names, G = list(convention.shapes), len(convention.gates)
    pattern = rf"({'|'.join(names)})(?:_l(\d+))?({'' if convention.stacked else '_reverse'})?"
    found = defaultdict(dict)  # (layer, direction): the arrays by name
    for name, array in weights.items():
        if not (match := re.fullmatch(pattern, name)):
            raise ValueError(f"unexpected name {name!r}, this convention has {', '.join(names)}")
        found[int(match[2] or 0), bool(match[3])][match[1]] = _floats(name, array)

    layers, directions = (1 + max((key[axis] for key in found), default=0) for axis in (0, 1))
    blocks = {}
    for layer, direction in product(range(layers), range(directions)):
        arrays = found[layer, bool(direction)]
        _check(arrays, convention, _suffix(convention, layer, direction))
        arrays = {name: arrays[name] if convention.stacked else arrays[name][None] for name in names if name in arrays}
        matrices = [array for name, array in arrays.items() if not _is_bias(name)]
        biases = [array for name, array in arrays.items() if _is_bias(name)]
        for d in range(len(matrices[0])):
            columns = [m[d].T if convention.vectors == "row" else m[d] for m in matrices]
            blocks[layer, direction + d] = _blocks(columns, [b[d] for b in biases], convention.joined, G)
    return blocks


def _write(layers, convention):
    """Lay blocks out under a convention's names."""
    weights = defaultdict(list)
    for (layer, direction), (W, R, b) in layers.items():
        G, H, D = W.shape
        matrices = np.concatenate([R, W], axis=-1) if convention.joined else [W.reshape(G * H, D), R.reshape(G * H, H)]
        if convention.vectors == "row":
            matrices = [m.T for m in matrices]
        biases = np.split(np.moveaxis(b, -1, 0).ravel(), sum(map(_is_bias, convention.shapes))) if b.size else []
        arrays = zip(convention.shapes.items(), [*matrices, *biases], strict=False)  # without biases it ends early
        for (name, axes), array in arrays:
            shape = [_sizes(G, H, D)[axis] for axis in axes.split() if axis != "dirs"]
            weights[name + _suffix(convention, layer, direction)].append(array.reshape(shape))
    return {name: np.stack(arrays) if convention.stacked else arrays[0] for name, arrays in weights.items()}


def _suffix(convention, layer, direction):
    number = f"_l{layer}" if layer or convention.shapes is _TORCH else ""
    return number + ("_reverse" if direction and not convention.stacked else "")


def _sizes(G, H, D):
    return {"2": 2, "D": D, "H": H, "H+D": H + D, "GH": G * H, "2GH": 2 * G * H}


def _check(arrays, convention, suffix):
    """Name the array that is missing, has another shape, or has the gates of another cell."""
    G, present = len(convention.gates), [name for name in convention.shapes if name in arrays]
    biased = any(map(_is_bias, present))
    if missing := [name for name in convention.shapes if name not in arrays and (biased or not _is_bias(name))]:
        found = ", ".join(name + suffix for name in present) or "nothing"
        raise ValueError(f"missing {', '.join(name + suffix for name in missing)}; found {found}")

    axes = {name: convention.shapes[name].split() for name in present}
    for name in present:
        if arrays[name].ndim != len(axes[name]):
            raise ValueError(f"{name + suffix} has shape {arrays[name].shape}, expected {convention.shape(name)}")

    size = {axis: n for name in present for axis, n in zip(axes[name], arrays[name].shape, strict=True)}
    H, D = size["H"], size["D"] if "D" in size else size["H+D"] - size["H"]
    for name in present:
        shape = arrays[name].shape
        expected = {g: tuple((size | _sizes(g, H, D))[axis] for axis in axes[name]) for g in CELLS}
        if shape != expected[G] or min(H, D) < 1:
            others = [cell for g, cell in CELLS.items() if shape == expected[g] != expected[G]]
            hint = f"; {others[0]} weights have this shape" if others else ""
            wanted = f"{convention.shape(name)} with H = {H}, D = {D}"
            raise ValueError(f"{name + suffix} has shape {shape}, expected {wanted}{hint}")


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
    arrays = [_floats(f"array {i} of the weights", array) for i, array in enumerate(arrays)]
    x, y = _floats("x", x), _floats("y", y)
    if x.ndim != 3 or y.ndim != 3 or x.shape[:2] != y.shape[:2] or not y.size:
        raise ValueError(f"x has shape {x.shape} and y {y.shape}, expected (T, B, D) and (T, B, H), not empty")
    if not all(np.isfinite(array).all() for array in [x, y, *arrays]):
        raise ValueError("x, y or the weights hold NaN or infinity")

    D, H = x.shape[-1], y.shape[-1]
    errors = {}
    for *blocks, convention in _candidates(arrays, D, H):
        ours = replace(ROSETTA[convention.cell]["torch"], reset=convention.reset)
        errors[convention] = abs(_run(*_translate(*blocks, convention, ours), x, ours) - y).max()
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
                blocks = _blocks(columns, arrays[count:], joined, G)
                vectors = sides[0] if len(set(sides)) == 1 else f"{sides[0]} (x) and {sides[1]} (h)"
                forms = product(("keep", "write"), ("after", "before")) if cell == "GRU" else [("", "")]
                for gates, form in product(permutations(ROSETTA[cell]["torch"].order), forms):
                    yield *blocks, Convention("".join(gates), biases // (G * H), vectors, joined, *form)


def _run(W, R, b, x, convention):
    """The outputs of a layer whose blocks are torch's."""
    G, H, D = W.shape
    parameters = W.reshape(G * H, D), R.reshape(G * H, H), *b.reshape(G * H, -1).T
    h = c = np.zeros((x.shape[1], H), dtype=x.dtype)
    y = []
    for x_t in x:
        if convention.cell == "LSTM":
            h, c, _ = lstm_step(x_t, h, c, *parameters)
        elif convention.cell == "GRU":
            h, _ = gru_step(x_t, h, *parameters, reset_after=convention.reset == "after")
        else:
            h, _ = rnn_step(x_t, h, *parameters)
        y.append(h)
    return np.stack(y)
