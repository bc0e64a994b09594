"""From one row of the table to another: read a layer's arrays into blocks, translate these, write them down."""

import re
from collections import defaultdict
from itertools import product

import numpy as np

from course_rnn.convert.conventions import CELLS, ROSETTA, TORCH
from course_rnn.shared.cell import Cell


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
    return _write({key: translate(*blocks, source, target) for key, blocks in layers.items()}, target)


def _row(cell, name):
    if isinstance(cell, Cell):
        raise ValueError(f"{cell.name} is a cell of ours: conventions are known for {', '.join(ROSETTA)}, by name")
    if cell not in ROSETTA:
        raise ValueError(f"cell is {cell!r}, expected one of {', '.join(ROSETTA)}")
    if name not in ROSETTA[cell]:
        raise ValueError(f"{name!r} is no convention for {cell} weights, expected one of {', '.join(ROSETTA[cell])}")
    return ROSETTA[cell][name]


def _is_bias(name):
    return name[0] in "bB"  # so in every row of the table


def floats(name, array):
    array = np.asarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name} has dtype {array.dtype}, expected floating point")
    return array


# Between reading and writing a layer is three arrays of blocks, in the convention's order of gates:
# W (G, H, D), R (G, H, H) and b (G, H, number of biases: 0 if they are left out).


def cut(matrices, biases, joined, G):
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


def translate(W, R, b, source, target):
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
        found[int(match[2] or 0), bool(match[3])][match[1]] = floats(name, array)

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
            blocks[layer, direction + d] = cut(columns, [b[d] for b in biases], convention.joined, G)
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
    number = f"_l{layer}" if layer or convention.shapes is TORCH else ""
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
