"""Time is one loop, in plain torch: what the fused layers and the library do, for any cell.

Only `W_hh h` has to wait for the step before. `W_ih x` does not, so it is one product for all time steps before the
loop starts. Autograd derives the backward pass, on any device and in any dtype.
"""

import torch
from torch.nn.functional import dropout as drop

from course_rnn.torch.cells import linear

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")  # of torch.nn's cells, in torch's order


def named(tensors):
    """Four tensors of one of torch.nn's cells as a dict, without the biases that are None."""
    return {name: tensor for name, tensor in zip(NAMES, tensors, strict=True) if tensor is not None}


def direction(cell, x, state, weights, real=None, reverse=False):
    """Run one direction of one layer over time.

    Parameters
    ----------
    cell : Cell
    x : Tensor (T, B, D)
    state : tuple of Tensor (B, size)
        (h_0,), or (h_0, c_0) for an LSTM.
    weights : dict of str to Tensor
        weight_ih (G·H, D), weight_hh (G·H, H), bias_ih (G·H,), bias_hh (G·H,), or what else the cell has.
    real : Tensor (T, B, 1) of bool, optional
        Where a sequence has a step; elsewhere the output is 0 and the state waits. Because it waits, a reverse pass
        starts at each sequence's true end.
    reverse : bool
        From the last step to the first.

    Returns
    -------
    y : Tensor (T, B, shown size)
    state : tuple of Tensor (B, size)
    """
    shown = [k for k, name in enumerate(cell.states) if name in cell.shown]
    # unbind, as the backward of each a[t] would fill zeros for all steps: quadratic in T
    a = linear(x, weights, "ih").unbind()  # T times (B, G·H)
    y = [None] * len(x)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        after = cell.step(a[t], state, weights)
        y[t] = torch.cat([after[k] for k in shown], dim=-1) if len(shown) > 1 else after[shown[0]]
        if real is not None:
            after = tuple(torch.where(real[t], new, old) for new, old in zip(after, state, strict=True))
            y[t] = torch.where(real[t], y[t], 0)
        state = after
    return torch.stack(y), state


def layer(cell, x, state, weights, lengths=None):
    """Run one layer, in one direction or in both.

    Parameters
    ----------
    cell, x : as for `direction`
    state : tuple of Tensor (directions, B, size)
    weights : list of one or two dicts
        One a direction, as for `direction`.
    lengths : Tensor (B,) of int64, or (T, B) of bool, optional
        Where each sequence ends, or where it has steps.

    Returns
    -------
    y : Tensor (T, B, directions·H)
    state : tuple of Tensor (directions, B, size)
    """
    real = lengths
    if lengths is not None:
        real = lengths if lengths.dtype == torch.bool else torch.arange(len(x), device=x.device)[:, None] < lengths
        real = real[..., None]  # (T, B, 1)
    ys, states = zip(
        *(direction(cell, x, tuple(s[d] for s in state), w, real, reverse=d == 1) for d, w in enumerate(weights)),
        strict=True,
    )
    return torch.cat(ys, dim=-1), tuple(torch.stack(s) for s in zip(*states, strict=True))


def stack(layer, cell, x, state, weights, lengths=None, dropout=0.0):
    """Run layer upon layer, with dropout between them; `layer` is the one above, or its fused twin.

    Parameters
    ----------
    layer : callable
        ``layer(cell, x, state, weights, lengths) -> y, state``.
    cell, x, lengths : as for `layer`
    state : tuple of Tensor (layers·directions, B, size)
    weights : list of lists
        ``weights[depth]`` is what `layer` takes.
    dropout : float
        Probability of an output between two layers to be zeroed; 0 when not training.

    Returns
    -------
    y : Tensor (T, B, directions·H)
    state : tuple of Tensor (layers·directions, B, size)
    """
    finals = []
    for depth, of_layer in enumerate(weights):
        if depth and dropout:
            x = drop(x, dropout)
        d = len(of_layer)
        x, final = layer(cell, x, tuple(s[depth * d : (depth + 1) * d] for s in state), of_layer, lengths)
        finals.append(final)
    return x, tuple(torch.cat(s) for s in zip(*finals, strict=True))
