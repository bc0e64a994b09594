"""The time loop in plain torch: what the fused kernels and the library do, in the fewest lines.

Only `W_hh h` has to wait for the step before. `W_ih x` does not, so it is one product for all time steps before the
loop starts; `a` below is that part of the pre-activations, `W_ih x_t + b_ih`. Autograd derives the backward pass, on
any device and in any dtype.
"""

import torch
from torch.nn.functional import dropout as drop
from torch.nn.functional import linear


def rnn_tanh(a, state, weight_hh, bias_hh):
    """h' = tanh(a + W_hh h + b_hh)"""
    (h,) = state
    return (torch.tanh(a + linear(h, weight_hh, bias_hh)),)


def rnn_relu(a, state, weight_hh, bias_hh):
    """h' = max(0, a + W_hh h + b_hh)"""
    (h,) = state
    return (torch.relu(a + linear(h, weight_hh, bias_hh)),)


def lstm(a, state, weight_hh, bias_hh):
    """c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c')"""
    h, c = state
    i, f, g, o = (a + linear(h, weight_hh, bias_hh)).chunk(4, dim=-1)  # (B, H) each
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru(a, state, weight_hh, bias_hh):
    """n = tanh(a_n + r ⊙ (W_hn h + b_hn)),  h' = (1 − z) ⊙ n + z ⊙ h"""
    (h,) = state
    a_r, a_z, a_n = a.chunk(3, dim=-1)  # (B, H) each
    u_r, u_z, u_n = linear(h, weight_hh, bias_hh).chunk(3, dim=-1)
    r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
    n = torch.tanh(a_n + r * u_n)
    return (n + z * (h - n),)


def gru_reset_before(a, state, weight_hh, bias_hh):
    """n = tanh(a_n + W_hn (r ⊙ h) + b_hn),  h' = (1 − z) ⊙ n + z ⊙ h"""
    (h,) = state
    H = h.shape[-1]
    a_rz, a_n = a.split((2 * H, H), dim=-1)
    weight_rz, weight_n = weight_hh.split((2 * H, H))
    bias_rz, bias_n = (None, None) if bias_hh is None else bias_hh.split((2 * H, H))
    r, z = torch.sigmoid(a_rz + linear(h, weight_rz, bias_rz)).chunk(2, dim=-1)
    n = torch.tanh(a_n + linear(r * h, weight_n, bias_n))
    return (n + z * (h - n),)


STEPS = {"RNN_TANH": rnn_tanh, "RNN_RELU": rnn_relu, "LSTM": lstm, "GRU": gru, "GRU_RESET_BEFORE": gru_reset_before}


def direction(cell, x, state, weights, real=None, reverse=False):
    """Run one direction of one layer over time.

    Parameters
    ----------
    cell : str
        A key of `STEPS`.
    x : Tensor (T, B, D)
    state : tuple of Tensor (B, H)
        (h_0,), or (h_0, c_0) for an LSTM.
    weights : tuple
        weight_ih (G·H, D), weight_hh (G·H, H), bias_ih (G·H,) or None, bias_hh (G·H,) or None.
    real : Tensor (T, B, 1) of bool, optional
        Where a sequence has a step; elsewhere the output is 0 and the state waits. Because it waits, a reverse pass
        starts at each sequence's true end.
    reverse : bool
        From the last step to the first.

    Returns
    -------
    y : Tensor (T, B, H)
    state : tuple of Tensor (B, H)
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    step = STEPS[cell]
    # unbind, as the backward of each a[t] would fill zeros for all steps: quadratic in T
    a = linear(x, weight_ih, bias_ih).unbind()  # T times (B, G·H)
    y = [None] * len(x)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        after = step(a[t], state, weight_hh, bias_hh)
        y[t] = after[0]
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
    state : tuple of Tensor (directions, B, H)
    weights : list of one or two tuples
        One tuple a direction, as for `direction`.
    lengths : Tensor (B,) of int64, optional

    Returns
    -------
    y : Tensor (T, B, directions·H)
    state : tuple of Tensor (directions, B, H)
    """
    real = None if lengths is None else (torch.arange(len(x), device=x.device)[:, None] < lengths)[..., None]
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
    state : tuple of Tensor (layers·directions, B, H)
    weights : list of lists
        ``weights[depth]`` is what `layer` takes.
    dropout : float
        Probability of an output between two layers to be zeroed; 0 when not training.

    Returns
    -------
    y : Tensor (T, B, directions·H)
    state : tuple of Tensor (layers·directions, B, H)
    """
    finals = []
    for depth, of_layer in enumerate(weights):
        if depth and dropout:
            x = drop(x, dropout)
        d = len(of_layer)
        x, final = layer(cell, x, tuple(s[depth * d : (depth + 1) * d] for s in state), of_layer, lengths)
        finals.append(final)
    return x, tuple(torch.cat(s) for s in zip(*finals, strict=True))
