"""The fused layer on a CPU, for torch.nn's cells: a few torch operations a step, on memory that is there before.

A step forward is what the equations of the cell say. A step backward multiplies dh by factors that do not depend on
dh, so these are computed for many steps at once. "Many" is a piece of the batch whose gates fit into the cache.
Sequences of several lengths, longest first, are a staircase of rectangular pieces, so padding costs nothing.

`gates` (T, B, directions, G·H) holds the pre-activations and then, in their place, the gates; the one gate of a simple
RNN is its output. `extra` (T, B, directions, H) holds the cell states of an LSTM, or q = W_hn h + b_hn of a GRU, whose
gradient comes before that of n in `d`: r, z, q, n.
"""

import torch
from torch.nn.functional import linear

PIECE = 2**20  # bytes of gates
INPUT, HIDDEN = 0, 1  # W_ih and W_hh
sigmoid_backward = torch.ops.aten.sigmoid_backward  # (g, s) -> g ⊙ s ⊙ (1 − s) for s = σ(a)
tanh_backward = torch.ops.aten.tanh_backward  # (g, s) -> g ⊙ (1 − s²) for s = tanh(a)


def forward(cell, lengths, x, state, weights):
    """Return y, the last states, and gates and extra. See fused.py."""
    mode, h_0, c_0 = cell.mode, *_two(state)
    (T, B, _), (directions, _, H) = x.shape, h_0.shape
    bias = None
    if "bias_ih" in weights[0]:
        bias, early = torch.stack([w["bias_ih"] for w in weights]), slice(0, 2 * H if mode == "GRU" else None)
        bias[:, early] += torch.stack([w["bias_hh"] for w in weights])[:, early]  # all but the GRU's b_hn, inside q
        bias = bias.flatten()
    gates = linear(x, torch.cat([w["weight_ih"] for w in weights]), bias).unflatten(-1, (directions, -1))
    new = x.new_empty if lengths is None else x.new_zeros  # 0 where a sequence has no step
    y = gates if mode.startswith("RNN") else new(T, B, directions, H)
    if y is gates and lengths is not None:
        y[torch.arange(T, device=x.device)[:, None] >= lengths] = 0
    extra = new(T, B, directions, H) if mode in ("LSTM", "GRU") else None
    last = _loop_forward(mode, lengths, gates, extra, y, h_0, c_0, weights)
    return y, last[: len(state)], (gates, extra)


def backward(cell, lengths, x, state, weights, y, saved, dy, dstate, with_dx=True):
    """Return the gradients of x, of the states and of each weight. See fused.py."""
    mode, h_0, c_0 = cell.mode, *_two(state)
    (gates, extra), (dh, dc) = saved, _two([d.clone() for d in dstate])
    dx = torch.zeros_like(x) if with_dx else None
    dweights = [{name: torch.zeros_like(w) for name, w in of_direction.items()} for of_direction in weights]
    for k, where, d, h_before in _loop_backward(mode, lengths, gates, extra, y, h_0, c_0, dy, dh, dc, weights):
        for side, rows, part, operand in _products(mode, d, x[where], h_before, gates[where][:, :, k]):
            side_name = ("ih", "hh")[side]
            dweights[k]["weight_" + side_name][rows].addmm_(part.flatten(0, 1).T, operand.flatten(0, 1))
            if "bias_ih" in weights[k] and (side == INPUT or mode == "GRU"):
                dweights[k]["bias_" + side_name][rows] += part.sum((0, 1))
            if side == INPUT and dx is not None:
                dx[where] += part @ weights[k]["weight_ih"][rows]
    if mode != "GRU" and "bias_ih" in weights[0]:
        for found in dweights:
            found["bias_hh"] = found["bias_ih"]  # the two biases are added to the same thing
    return dx, (dh,) if dc is None else (dh, dc), dweights


def _two(state):
    """h and c, which is None unless the cell is an LSTM."""
    return (*state, None)[:2]


def _products(cell, d, x, h_before, gates):
    """Yield each product of the forward pass: W_ih or W_hh, which of its rows, its gradient, what it multiplied."""
    H = h_before.shape[-1]
    all_rows, r_z, n = slice(None), slice(0, 2 * H), slice(2 * H, None)
    if cell == "GRU":
        yield INPUT, r_z, d[..., r_z], x
        yield INPUT, n, d[..., 3 * H :], x
        yield HIDDEN, all_rows, d[..., : 3 * H], h_before
    elif cell == "GRU_RESET_BEFORE":
        yield INPUT, all_rows, d, x
        yield HIDDEN, r_z, d[..., r_z], h_before
        yield HIDDEN, n, d[..., n], gates[..., :H] * h_before
    else:
        yield INPUT, all_rows, d, x
        yield HIDDEN, all_rows, d, h_before


def _loop_forward(cell, lengths, gates, extra, y, h_0, c_0, weights):
    """Fill gates, extra and y; return h_n and c_n."""
    h_n, c_n = h_0.clone(), None if c_0 is None else c_0.clone()
    for k, own in enumerate(weights):
        in_time = descending if k else ascending
        for time, rows in in_time(*pieces(gates, lengths)):
            here = [None if t is None else t[time, rows, k] for t in (gates, extra, y)]
            state = [None if s is None else s[k, rows] for s in (h_n, c_n)]
            FORWARD[cell](in_time, *here, *state, own["weight_hh"], own.get("bias_hh"))
    return h_n, c_n


def _loop_backward(cell, lengths, gates, extra, y, h_0, c_0, dy, dh, dc, weights):
    """Yield (direction, where, d, h_before) for one piece after the other; turn dh and dc into those of h_0 and c_0."""
    for k, own in enumerate(weights):
        in_time = ascending if k else descending
        for time, rows in in_time(*pieces(gates, lengths)):
            here = [None if t is None else t[time, rows, k] for t in (gates, extra, y, dy)]
            h_before = before(y, h_0, lengths, time, rows, k)
            c_before = None if c_0 is None else before(extra, c_0, lengths, time, rows, k)
            state = [None if s is None else s[k, rows] for s in (dh, dc)]
            yield (
                k,
                (time, rows),
                BACKWARD[cell](in_time, *here, h_before, c_before, *state, own["weight_hh"]),
                h_before,
            )


def ascending(*tensors):
    return zip(*tensors, strict=True)


def descending(*tensors):
    return zip(*(reversed(tuple(t)) for t in tensors), strict=True)


def pieces(gates, lengths):
    """Cut the batch into rectangles: a list of times and a list of rows, both of slices."""
    T, B, _, width = gates.shape
    steps = max(1, PIECE // (max(1, B) * width * gates.element_size()))
    times, rows, start = [], [], 0
    lengths = [T] * B if lengths is None else lengths.tolist()
    for stop in sorted(set(lengths)):
        for t in range(start, stop, steps):
            times.append(slice(t, min(t + steps, stop)))
            rows.append(slice(0, sum(length >= stop for length in lengths)))
        start = stop
    return times, rows


def before(y, first, lengths, time, rows, k):
    """What each step of a piece started from: the outputs of its neighbours in time, and `first` where it has none."""
    y, first = y[:, rows, k], first[k, rows]
    if k == 0:
        edge = y[time.start - 1] if time.start else first
        return torch.cat((edge[None], y[time.start : time.stop - 1]))
    edge = first if time.stop == len(y) else y[time.stop]
    if lengths is not None:
        edge = torch.where(lengths[rows, None] > time.stop, edge, first)
    return torch.cat((y[time.start + 1 : time.stop], edge[None]))


# Each forward below overwrites the pre-activations with the gates, and the state with the one after its last step.
# Each backward overwrites dh and dc, and returns the gradients of the pre-activations.


def rnn_forward(activate):
    def forward(in_time, gates, extra, y, h_n, c_n, weight_hh, bias_hh):
        h = h_n
        for (a,) in in_time(y):
            h = activate(a.addmm_(h, weight_hh.T))
        h_n.copy_(h)

    return forward


def rnn_backward(derivative):
    def backward(in_time, gates, extra, y, dy, h_before, c_before, dh, dc, weight_hh):
        d = derivative(y)
        for d_t, dy_t in in_time(d, dy):
            dh += dy_t
            d_t *= dh
            torch.mm(d_t, weight_hh, out=dh)
        return d

    return backward


def lstm_forward(in_time, gates, c_all, y, h_n, c_n, weight_hh, bias_hh):
    h, c = h_n, c_n
    parts = gates.unflatten(-1, (4, -1)).unbind(-2)
    for a, i, f, g, o, c_t, y_t in in_time(gates, *parts, c_all, y):
        a.addmm_(h, weight_hh.T)
        i.sigmoid_(), f.sigmoid_(), g.tanh_(), o.sigmoid_()
        c = torch.mul(f, c, out=c_t).addcmul_(i, g)
        h = torch.mul(o, c.tanh(), out=y_t)
    h_n.copy_(h), c_n.copy_(c)


def lstm_backward(in_time, gates, c_all, y, dy, h_before, c_before, dh, dc, weight_hh):
    i, f, g, o = gates.chunk(4, dim=-1)
    tanh_c = c_all.tanh()
    to_i, to_f, to_g = sigmoid_backward(g, i), sigmoid_backward(c_before, f), tanh_backward(i, g)
    d = torch.cat((to_i, to_f, to_g, sigmoid_backward(tanh_c, o)), dim=-1)
    d_c, d_o = d.unflatten(-1, (4, -1)).split((3, 1), dim=-2)
    for d_t, dc_t, do_t, dh_to_dc, f_t, dy_t in in_time(d, d_c, d_o, tanh_backward(o, tanh_c), f, dy):
        dh += dy_t
        dc.addcmul_(dh, dh_to_dc)
        dc_t *= dc[:, None]
        do_t *= dh[:, None]
        dc *= f_t
        torch.mm(d_t, weight_hh, out=dh)
    return d


def gru_forward(in_time, gates, q_all, y, h_n, c_n, weight_hh, bias_hh):
    h, H = h_n, h_n.shape[-1]
    b_n = h.new_zeros(H) if bias_hh is None else bias_hh[2 * H :]
    parts = gates[..., : 2 * H], *gates.chunk(3, dim=-1)
    for rz, r, z, n, q, y_t in in_time(*parts, q_all, y):
        rz.addmm_(h, weight_hh[: 2 * H].T).sigmoid_()
        torch.addmm(b_n, h, weight_hh[2 * H :].T, out=q)
        n.addcmul_(r, q).tanh_()
        h = torch.lerp(n, h, z, out=y_t)
    h_n.copy_(h)


def gru_backward(in_time, gates, q_all, y, dy, h_before, c_before, dh, dc, weight_hh):
    r, z, n = gates.chunk(3, dim=-1)
    dn = tanh_backward(1 - z, n)
    d = torch.cat((sigmoid_backward(dn * q_all, r), sigmoid_backward(h_before - n, z), dn * r, dn), dim=-1)
    for d_t, rzq, z_t, dy_t in in_time(d.unflatten(-1, (4, -1)), d[..., : len(weight_hh)], z, dy):
        dh += dy_t
        d_t *= dh[:, None]
        dh.mul_(z_t).addmm_(rzq, weight_hh)
    return d


def gru_reset_before_forward(in_time, gates, extra, y, h_n, c_n, weight_hh, bias_hh):
    h, H = h_n, h_n.shape[-1]
    for rz, r, z, n, y_t in in_time(gates[..., : 2 * H], *gates.chunk(3, dim=-1), y):
        rz.addmm_(h, weight_hh[: 2 * H].T).sigmoid_()
        n.addmm_(r * h, weight_hh[2 * H :].T).tanh_()
        h = torch.lerp(n, h, z, out=y_t)
    h_n.copy_(h)


def gru_reset_before_backward(in_time, gates, extra, y, dy, h_before, c_before, dh, dc, weight_hh):
    r, z, n = gates.chunk(3, dim=-1)
    H = r.shape[-1]
    d = torch.cat((sigmoid_backward(h_before, r), sigmoid_backward(h_before - n, z), tanh_backward(1 - z, n)), dim=-1)
    for rz, dr, dz, dn, r_t, z_t, dy_t in in_time(d[..., : 2 * H], *d.chunk(3, dim=-1), r, z, dy):
        dh += dy_t
        dz *= dh
        dn *= dh
        drh = dn @ weight_hh[2 * H :]  # the gradient of r ⊙ h
        dr *= drh
        dh.mul_(z_t).addcmul_(drh, r_t).addmm_(rz, weight_hh[: 2 * H])
    return d


FORWARD = {
    "RNN_TANH": rnn_forward(torch.tanh_),
    "RNN_RELU": rnn_forward(torch.relu_),
    "LSTM": lstm_forward,
    "GRU": gru_forward,
    "GRU_RESET_BEFORE": gru_reset_before_forward,
}
BACKWARD = {
    "RNN_TANH": rnn_backward(lambda y: tanh_backward(y.new_ones(()), y)),
    "RNN_RELU": rnn_backward(torch.sign),
    "LSTM": lstm_backward,
    "GRU": gru_backward,
    "GRU_RESET_BEFORE": gru_reset_before_backward,
}
