"""What strangers hand in for chapter 7: wrong answers with their true cause, and right ones in unlike forms."""

import math

import numpy as np
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# wrong: one bias a gate for torch too
# says: bias
def gated_parameters(D, H):
    gate = H * D + H * H + H
    return 4 * gate, 4 * gate, 3 * gate


# wrong: three gates are counted for the LSTM, as the candidate is no gate
# says: four|4|candidate|gate|block
def gated_parameters(D, H):
    w = H * (D + H)
    return 3 * (w + H), 3 * (w + 2 * H), 2 * (w + 2 * H)


# wrong: the GRU is counted with four blocks
# says: GRU|three|3
def gated_parameters(D, H):
    one = 4 * (H * (D + H) + H)
    two = 4 * (H * (D + H) + 2 * H)
    return one, two, two


# wrong: the recurrent matrices are missing
# says: recurrent|weight_hh|H \* H|matri|H \+ D
def gated_parameters(D, H):
    return 4 * (H * D + H), 4 * (H * D + 2 * H), 3 * (H * D + 2 * H)


# right: counted by torch
def gated_parameters(D, H):
    n = lambda m: sum(p.numel() for p in m.parameters())
    lstm, gru = torch.nn.LSTM(D, H), torch.nn.GRU(D, H)
    return n(lstm) - lstm.bias_hh_l0.numel(), n(lstm), n(gru)


# right: by a product
def gated_parameters(D, H):
    return tuple(k * H * (H + D + b) for k, b in [(4, 1), (4, 2), (3, 2)])


# wrong: the gates stand in the page's order, not torch's
# says: order|i, f
def from_joined(W_f, W_i, W_g, W_o):
    H = W_f.shape[0]
    W = np.vstack((W_f, W_i, W_g, W_o))
    return W[:, H:], W[:, :H]


# wrong: the columns of x are taken from the front
# says: column|H|front|first|x
def from_joined(W_f, W_i, W_g, W_o):
    H = len(W_f)
    D = W_f.shape[1] - H
    W = np.concatenate([W_i, W_f, W_g, W_o])
    return W[:, :D], W[:, D:]


# wrong: weight_ih and weight_hh are returned in the other order
# says: order|exchang|swap|weight_hh
def from_joined(W_f, W_i, W_g, W_o):
    H = W_i.shape[0]
    W = np.concatenate([W_i, W_f, W_g, W_o], axis=0)
    return W[:, :H], W[:, H:]


# wrong: the blocks are joined side by side
# says: axis|top|shape|side
def from_joined(W_f, W_i, W_g, W_o):
    H = W_i.shape[0]
    gates = [W_i, W_f, W_g, W_o]
    return np.concatenate([g[:, H:] for g in gates], axis=1), np.concatenate([g[:, :H] for g in gates], axis=1)


# wrong: g and o are exchanged
# says: order|\bg\b|\bo\b|exchang
def from_joined(W_f, W_i, W_g, W_o):
    H = W_i.shape[0]
    W = np.concatenate([W_i, W_f, W_o, W_g])
    return W[:, H:], W[:, :H]


# right: block by block
def from_joined(W_f, W_i, W_g, W_o):
    H, N = W_f.shape
    ih, hh = np.zeros((4 * H, N - H)), np.zeros((4 * H, H))
    for k, W in enumerate([W_i, W_f, W_g, W_o]):
        hh[k * H : (k + 1) * H], ih[k * H : (k + 1) * H] = W[:, :H], W[:, H:]
    return ih, hh


# right: split and stack
def from_joined(W_f, W_i, W_g, W_o):
    hh, ih = zip(*(np.split(W, [len(W)], axis=1) for W in (W_i, W_f, W_g, W_o)))
    return np.vstack(ih), np.vstack(hh)


# wrong: the gates are taken in the order f, i, g, o
# says: order|exchang|i, f
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    z = np.dot(x, weight_ih.T) + np.dot(h, weight_hh.T) + bias_ih + bias_hh
    H = h.shape[1]
    f = sigmoid(z[:, :H])
    i = sigmoid(z[:, H : 2 * H])
    g = np.tanh(z[:, 2 * H : 3 * H])
    o = sigmoid(z[:, 3 * H :])
    c = f * c + i * g
    return o * np.tanh(c), c


# wrong: the candidate goes through a sigmoid
# says: sigmoid|candidate|tanh|\bg\b
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    gates = sigmoid(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh)
    i, f, g, o = np.hsplit(gates, 4)
    c_new = f * c + i * g
    return o * np.tanh(c_new), c_new


# wrong: the state shows the cell without its tanh
# says: tanh
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh, 4, axis=-1)
    cn = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * cn, cn


# wrong: the output shows the old cell
# says: old|new cell|c_next|before
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh, 4, axis=-1)
    h_next = sigmoid(o) * np.tanh(c)
    c_next = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return h_next, c_next


# wrong: cell and state are returned in the other order
# says: order|exchang|swap
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh, 4, axis=-1)
    c_next = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c_next, sigmoid(o) * np.tanh(c_next)


# wrong: the forget gate is 1 - i
# says: forget|\bf\b|1 - i|gate
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh, 4, axis=-1)
    i = sigmoid(i)
    c_next = (1 - i) * c + i * np.tanh(g)
    return sigmoid(o) * np.tanh(c_next), c_next


# wrong: the recurrent bias is missing
# says: bias_hh|bias
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    B, H = h.shape
    a = (np.einsum("bd,kd->bk", x, weight_ih) + np.einsum("bh,kh->bk", h, weight_hh) + bias_ih).reshape(B, 4, H)
    i, f, g, o = a[:, 0], a[:, 1], a[:, 2], a[:, 3]
    c2 = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c2), c2


# wrong: c is overwritten in place
# says: in place|changed|copy|overwrit
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh, 4, axis=-1)
    c *= sigmoid(f)
    c += sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


# wrong: the pre-activations are reshaped as (B, H, 4), so the blocks interleave
# says: interleav|block|order|reshape|every fourth|split
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    B, H = h.shape
    a = (x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh).reshape(B, H, 4)
    i, f, g, o = (a[..., k] for k in range(4))
    c2 = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c2), c2


# right: torch's cell
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    x, h, c, U, W, b, d = (torch.tensor(v) for v in (x, h, c, weight_ih, weight_hh, bias_ih, bias_hh))
    h, c = torch.lstm_cell(x, (h, c), U, W, b, d)
    return h.numpy(), c.numpy()


# right: sample by sample with slices
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    H = h.shape[1]
    hs, cs = [], []
    for b in range(len(x)):
        a = weight_ih @ x[b] + weight_hh @ h[b] + bias_ih + bias_hh
        i, f, o = (1 / (1 + np.exp(-a[k * H : (k + 1) * H])) for k in (0, 1, 3))
        cs.append(f * c[b] + i * np.tanh(a[2 * H : 3 * H]))
        hs.append(o * np.tanh(cs[-1]))
    return hs, cs


# right: in float32
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    x, h, c, U, W, b, d = (np.float32(v) for v in (x, h, c, weight_ih, weight_hh, bias_ih, bias_hh))
    i, f, g, o = np.split(x @ U.T + h @ W.T + b + d, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


# wrong: the gradient of h through the cell is forgotten
# says: dh_next|through|c'|cell|joins|dc_next
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(f * c + i * g)
    di, df, dg, do = dc_next * g, dc_next * c, dc_next * i, dh_next * tc
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)])
    return da @ weight_ih, da @ weight_hh, dc_next * f, da.T @ x, da.T @ h, da.sum(0)


# wrong: dc_next is forgotten
# says: dc_next
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(f * c + i * g)
    dc = dh_next * o * (1 - tc**2)
    da = np.concatenate(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh_next * tc * o * (1 - o)], 1
    )
    return da @ weight_ih, da @ weight_hh, dc * f, da.T @ x, da.T @ h, da.sum(0)


# wrong: the candidate's slope is a sigmoid's
# says: candidate|tanh|\bg\b|slope
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(f * c + i * g)
    dc = dc_next + dh_next * o * (1 - tc**2)
    s = lambda v: v * (1 - v)
    da = np.concatenate([dc * g * s(i), dc * c * s(f), dc * i * s(g), dh_next * tc * s(o)], axis=1)
    return da @ weight_ih, da @ weight_hh, dc * f, da.T @ x, da.T @ h, da.sum(axis=0)


# wrong: the blocks stand in the order f, i, g, o
# says: order|block|exchang
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(f * c + i * g)
    dc = dc_next + dh_next * o * (1 - tc**2)
    a_i = dc * g * i * (1 - i)
    a_f = dc * c * f * (1 - f)
    a_g = dc * i * (1 - g**2)
    a_o = dh_next * tc * o * (1 - o)
    da = np.concatenate([a_f, a_i, a_g, a_o], axis=1)
    return da @ weight_ih, da @ weight_hh, dc * f, da.T @ x, da.T @ h, da.sum(axis=0)


# wrong: dc goes back unfaded, without the forget gate
# says: forget|\bf\b|dc
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(f * c + i * g)
    dc = dc_next + dh_next * o * (1 - tc**2)
    da = np.concatenate(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh_next * tc * o * (1 - o)], 1
    )
    return da @ weight_ih, da @ weight_hh, dc, da.T @ x, da.T @ h, da.sum(axis=0)


# wrong: the tanh is taken of the old cell, as the new one is not made
# says: old|new cell|c_next|f \* c|tanh
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(c)
    dc = dc_next + dh_next * o * (1 - tc**2)
    da = np.concatenate(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh_next * tc * o * (1 - o)], 1
    )
    return da @ weight_ih, da @ weight_hh, dc * f, da.T @ x, da.T @ h, da.sum(axis=0)


# wrong: the sigmoid is applied to gates that already went through it
# says: already|second|twice|after|given
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    tc = np.tanh(f * c + i * g)
    dc = dc_next + dh_next * o * (1 - tc**2)
    da = np.concatenate(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh_next * tc * o * (1 - o)], 1
    )
    return da @ weight_ih, da @ weight_hh, dc * f, da.T @ x, da.T @ h, da.sum(axis=0)


# right: einsum and a list
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    tc = np.tanh(f * c + i * g)
    dc = dc_next + dh_next * o * (1 - tc) * (1 + tc)
    da = np.hstack([dc * g * (i - i * i), dc * c * (f - f * f), dc * i * (1 - g * g), dh_next * tc * (o - o * o)])
    e = np.einsum
    return [
        e("bk,kd->bd", da, weight_ih),
        e("bk,kh->bh", da, weight_hh),
        f * dc,
        e("bk,bd->kd", da, x),
        e("bk,bh->kh", da, h),
        e("bk->k", da),
    ]


# right: autograd from the pre-activations of the gates
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    t = torch.tensor
    pre = [torch.logit(t(i)), torch.logit(t(f)), torch.atanh(t(g)), torch.logit(t(o))]
    a = torch.cat(pre, dim=1).requires_grad_()
    c0 = t(c).requires_grad_()
    ai, af, ag, ao = a.chunk(4, dim=1)
    c1 = torch.sigmoid(af) * c0 + torch.sigmoid(ai) * torch.tanh(ag)
    h1 = torch.sigmoid(ao) * torch.tanh(c1)
    da, dc = (v.numpy() for v in torch.autograd.grad([h1, c1], [a, c0], [t(dh_next), t(dc_next)]))
    return da @ weight_ih, da @ weight_hh, dc, da.T @ x, da.T @ h, da.sum(0)


# wrong: z and 1 - z are exchanged
# says: \bz\b|exchang|kept|keep|1 - z
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    H = h.shape[1]
    a = x @ weight_ih.T + bias_ih
    u = h @ weight_hh.T + bias_hh
    r = sigmoid(a[:, :H] + u[:, :H])
    z = sigmoid(a[:, H : 2 * H] + u[:, H : 2 * H])
    if reset_after:
        n = np.tanh(a[:, 2 * H :] + r * u[:, 2 * H :])
    else:
        n = np.tanh(a[:, 2 * H :] + (r * h) @ weight_hh[2 * H :].T + bias_hh[2 * H :])
    return z * n + (1 - z) * h


# wrong: r and z are exchanged
# says: order|exchang|\br\b.*\bz\b
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    ax, az, an = np.split(x @ weight_ih.T + bias_ih, 3, axis=1)
    ux, uz, un = np.split(h @ weight_hh.T + bias_hh, 3, axis=1)
    z, r = sigmoid(ax + ux), sigmoid(az + uz)
    _, _, W_n = np.split(weight_hh, 3)
    b_n = np.split(bias_hh, 3)[2]
    n = np.tanh(an + (r * un if reset_after else (r * h) @ W_n.T + b_n))
    return (1 - z) * n + z * h


# wrong: the reset is always after the matrix; reset_after is not looked at
# says: reset_after|False|before|always
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    a = np.split(x @ weight_ih.T + bias_ih, 3, axis=1)
    u = np.split(h @ weight_hh.T + bias_hh, 3, axis=1)
    r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
    n = np.tanh(a[2] + r * u[2])
    return (1 - z) * n + z * h


# wrong: with the reset before, the bias is reset too (inside the bracket of r)
# says: bias|b_hn
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    a = np.split(x @ weight_ih.T + bias_ih, 3, axis=1)
    u = np.split(h @ weight_hh.T + bias_hh, 3, axis=1)
    r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
    W_n, b_n = np.split(weight_hh, 3)[2], np.split(bias_hh, 3)[2]
    n = np.tanh(a[2] + (r * u[2] if reset_after else (r * h) @ W_n.T + r * b_n))
    return (1 - z) * n + z * h


# wrong: with the reset after, the bias stays outside the reset
# says: bias|b_hn|inside|outside
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    a = np.split(x @ weight_ih.T + bias_ih, 3, axis=1)
    u = np.split(h @ weight_hh.T + bias_hh, 3, axis=1)
    r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
    W_n, b_n = np.split(weight_hh, 3)[2], np.split(bias_hh, 3)[2]
    past = r * (h @ W_n.T) if reset_after else (r * h) @ W_n.T
    return (1 - z) * np.tanh(a[2] + past + b_n) + z * h


# wrong: the two forms are exchanged
# says: reset_after|exchang|form|True|False
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    a = np.split(x @ weight_ih.T + bias_ih, 3, axis=1)
    u = np.split(h @ weight_hh.T + bias_hh, 3, axis=1)
    r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
    if not reset_after:
        n = np.tanh(a[2] + r * u[2])
    else:
        n = np.tanh(a[2] + (r * h) @ np.split(weight_hh, 3)[2].T + np.split(bias_hh, 3)[2])
    return (1 - z) * n + z * h


# right: matrices cut first
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    (Ur, Uz, Un), (Wr, Wz, Wn) = np.split(weight_ih, 3), np.split(weight_hh, 3)
    (br, bz, bn), (cr, cz, cn) = np.split(bias_ih, 3), np.split(bias_hh, 3)
    r = 1 / (1 + np.exp(-(x @ Ur.T + br + h @ Wr.T + cr)))
    z = 1 / (1 + np.exp(-(x @ Uz.T + bz + h @ Wz.T + cz)))
    inner = r * (h @ Wn.T + cn) if reset_after else (r * h) @ Wn.T + cn
    n = np.tanh(x @ Un.T + bn + inner)
    return n + z * (h - n)


# right: torch, and a branch for the other form
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    t = [torch.tensor(v) for v in (x, h, weight_ih, weight_hh, bias_ih, bias_hh)]
    if reset_after:
        return torch.gru_cell(*t).numpy()
    x, h, U, W, b, c = t
    H = h.shape[1]
    rz = torch.sigmoid(x @ U[: 2 * H].T + b[: 2 * H] + h @ W[: 2 * H].T + c[: 2 * H])
    r, z = rz.chunk(2, 1)
    n = torch.tanh(x @ U[2 * H :].T + b[2 * H :] + (r * h) @ W[2 * H :].T + c[2 * H :])
    return ((1 - z) * n + z * h).numpy()


# wrong: the biases keep their sign
# says: bias
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    H = weight_hh.shape[1]
    U, W = weight_ih.copy(), weight_hh.copy()
    U[H : 2 * H] *= -1
    W[H : 2 * H] *= -1
    return U, W, bias_ih.copy(), bias_hh.copy()


# wrong: the rows of r change their sign
# says: \br\b|rows|block|first|order|z
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    H = weight_hh.shape[1]
    out = [v.copy() for v in (weight_ih, weight_hh, bias_ih, bias_hh)]
    for v in out:
        v[:H] = -v[:H]
    return tuple(out)


# wrong: the given arrays are changed in place
# says: in place|changed|leave|copy
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    H = len(bias_ih) // 3
    for v in (weight_ih, weight_hh, bias_ih, bias_hh):
        v[H : 2 * H] *= -1
    return weight_ih, weight_hh, bias_ih, bias_hh


# wrong: 1 minus the weights instead of their negative
# says: 1 -|minus|negativ|sign
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    H = len(bias_ih) // 3
    out = [v.copy() for v in (weight_ih, weight_hh, bias_ih, bias_hh)]
    for v in out:
        v[H : 2 * H] = 1 - v[H : 2 * H]
    return tuple(out)


# wrong: everything changes its sign
# says: only|all|rows|z|everything|block
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    return -weight_ih, -weight_hh, -bias_ih, -bias_hh


# right: concatenation
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    def turn(v):
        r, z, n = np.split(v, 3)
        return np.concatenate([r, -z, n])

    return turn(weight_ih), turn(weight_hh), turn(bias_ih), turn(bias_hh)


# right: on copies in place, as a list
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    out = [np.array(v) for v in (weight_ih, weight_hh, bias_ih, bias_hh)]
    H = len(out[2]) // 3
    for v in out:
        np.negative(v[H : 2 * H], out=v[H : 2 * H])
    return out


# wrong: the half-life is used as the power, not its inverse
# says: root|1 ?/|power|invers|exponent
def forget_bias(half_life):
    f = 0.5**half_life
    return np.log(f / (1 - f))


# wrong: f is returned, not the bias
# says: sigma|logit|sigmoid|bias|log
def forget_bias(half_life):
    return np.power(0.5, 1.0 / np.asarray(half_life))


# wrong: the sign is turned: log((1 - f) / f)
# says: sign|minus|turned|upside|invers
def forget_bias(half_life):
    f = np.exp(-np.log(2) / half_life)
    return np.log((1 - f) / f)


# wrong: the life time 1/e instead of the half-life
# says: half|\be\b|exp|2
def forget_bias(half_life):
    f = np.exp(-1 / half_life)
    return np.log(f) - np.log(1 - f)


# wrong: the approximate rule log(half_life)
# says: log|approx|2|half
def forget_bias(half_life):
    return np.log(half_life)


# right: minus the logarithm of 2^(1/k) - 1
def forget_bias(half_life):
    return -np.log(np.expm1(np.log(2) / half_life))


# right: torch's logit, number by number
def forget_bias(half_life):
    return [torch.logit(torch.tensor(0.5 ** (1 / k), dtype=torch.float64)).item() for k in half_life]


# wrong: i and f are exchanged
# says: order|exchang|sign|rows|\bi\b|first
def log_t_start(bias_ih, bias_hh, T, u):
    H = u.numel()
    b = torch.log(1 + u * (T - 2))
    new_ih, new_hh = bias_ih.clone(), bias_hh.clone()
    new_ih[:H] = b
    new_ih[H : 2 * H] = -b
    new_hh[: 2 * H] = 0
    return new_ih, new_hh


# wrong: the given tensors are changed in place
# says: in place|clone|changed
def log_t_start(bias_ih, bias_hh, T, u):
    H = len(u)
    b = torch.log(1 + u * (T - 2))
    bias_ih[:H] = -b
    bias_ih[H : 2 * H] = b
    bias_hh[: 2 * H] = 0
    return bias_ih, bias_hh


# wrong: bias_hh is left as it is
# says: bias_hh|zero|\b0\b
def log_t_start(bias_ih, bias_hh, T, u):
    H = len(u)
    b = (1 + u * (T - 2)).log()
    out = bias_ih.clone()
    out[: 2 * H] = torch.cat([-b, b])
    return out, bias_hh.clone()


# wrong: stretched by T - 1, so up to T
# says: T - 2|stretch|T - 1|between|range
def log_t_start(bias_ih, bias_hh, T, u):
    H = len(u)
    b = torch.log(1 + u * (T - 1))
    new_ih, new_hh = bias_ih.clone(), bias_hh.clone()
    new_ih[:H], new_ih[H : 2 * H] = -b, b
    new_hh[: 2 * H] = 0.0
    return new_ih, new_hh


# wrong: the input gate's bias is not set
# says: b_i|input gate|\bi\b|first
def log_t_start(bias_ih, bias_hh, T, u):
    H = len(u)
    new_ih, new_hh = bias_ih.clone(), bias_hh.clone()
    new_ih[H : 2 * H] = torch.log(1 + u * (T - 2))
    new_hh[H : 2 * H] = 0
    return new_ih, new_hh


# wrong: all of bias_hh is set to zero
# says: other rows|stay|bias_hh|same rows|all|only
def log_t_start(bias_ih, bias_hh, T, u):
    H = len(u)
    b = torch.log(1 + u * (T - 2))
    return torch.cat([-b, b, bias_ih[2 * H :]]), torch.zeros_like(bias_hh)


# right: concatenation
def log_t_start(bias_ih, bias_hh, T, u):
    H, b = u.shape[0], torch.log1p(u * (T - 2))
    return torch.cat([-b, b, bias_ih[2 * H :]]), torch.cat([u.new_zeros(2 * H), bias_hh[2 * H :]])


# right: through views of the blocks
def log_t_start(bias_ih, bias_hh, T, u):
    first, second = bias_ih.detach().clone(), bias_hh.detach().clone()
    i, f, _, _ = first.chunk(4)
    f.copy_(((T - 1) * u + 1 * (1 - u)).log())
    i.copy_(-f)
    second.view(4, -1)[:2].zero_()
    return [first, second]


# wrong: an input gate of its own is used: the third block is read as i
# says: 1 - f|input gate|block|order
def coupled_pointwise(a, u, h, c):
    f, i, o = np.split(sigmoid(a + u), 3, axis=1)
    g = np.tanh((a + u)[:, h.shape[1] : 2 * h.shape[1]])
    new = f * c + i * g
    return o * np.tanh(new), new


# wrong: keeps and writes are exchanged
# says: exchang|1 - f|kept|keep|writ
def coupled_pointwise(a, u, h, c):
    f, g, o = np.hsplit(a + u, 3)
    f = sigmoid(f)
    cn = (1 - f) * c + f * np.tanh(g)
    return sigmoid(o) * np.tanh(cn), cn


# wrong: the old state stands in place of the old cell
# says: \bc\b|cell|state|\bh\b
def coupled_pointwise(a, u, h, c):
    f, g, o = np.split(a + u, 3, axis=1)
    cn = sigmoid(f) * h + (1 - sigmoid(f)) * np.tanh(g)
    return sigmoid(o) * np.tanh(cn), cn


# wrong: u is left out of the candidate
# says: \bu\b|candidate|\bg\b
def coupled_pointwise(a, u, h, c):
    H = c.shape[1]
    f = sigmoid(a[:, :H] + u[:, :H])
    g = np.tanh(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H :] + u[:, 2 * H :])
    cn = f * c + (1 - f) * g
    return o * np.tanh(cn), cn


# wrong: the blocks are read as f, o, g
# says: order|block|exchang
def coupled_pointwise(a, u, h, c):
    f, o, g = np.split(a + u, 3, axis=1)
    f = sigmoid(f)
    cn = f * c + (1 - f) * np.tanh(g)
    return sigmoid(o) * np.tanh(cn), cn


# right: c + (1 - f)(g - c)
def coupled_pointwise(a, u, h, c):
    s = a + u
    H = c.shape[-1]
    w = sigmoid(-s[:, :H])
    c_next = c + w * (np.tanh(s[:, H : 2 * H]) - c)
    return np.tanh(c_next) * sigmoid(s[:, 2 * H :]), c_next


# right: torch
def coupled_pointwise(a, u, h, c):
    f, g, o = (torch.tensor(a) + torch.tensor(u)).chunk(3, dim=1)
    c = torch.lerp(torch.tanh(g), torch.tensor(c), torch.sigmoid(f))
    return (torch.sigmoid(o) * torch.tanh(c)).numpy(), c.numpy()


# wrong: f's gradient lacks the part through 1 - f
# says: 1 - f|two|\bg\b|f'?s|gradient of f|c - g
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    tc = np.tanh(c_next)
    dct = dc + dh * o * (1 - tc * tc)
    ds_f = dct * c * f * (1 - f)
    ds_g = dct * (1 - f) * (1 - g**2)
    ds_o = dh * tc * o * (1 - o)
    return np.concatenate([ds_f, ds_g, ds_o], axis=1), dct * f


# wrong: the gradient through the new state is not added to dc
# says: dh|through|new state|h_next|joins
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    do = dh * np.tanh(c_next)
    ds = np.concatenate([dc * (c - g) * f * (1 - f), dc * (1 - f) * (1 - g**2), do * o * (1 - o)], axis=1)
    return ds, dc * f


# wrong: g's gradient is multiplied by f rather than 1 - f
# says: 1 - f|\bg\b
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    tc = np.tanh(c_next)
    d = dc + dh * o * (1 - tc**2)
    return np.hstack([d * (c - g) * f * (1 - f), d * f * (1 - g**2), dh * tc * o * (1 - o)]), d * f


# wrong: the slopes of the gates are left out: gradients of the values, not of the sums
# says: slope|sigmoid|f \* \(1|1 - f
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    tc = np.tanh(c_next)
    d = dc + dh * o * (1 - tc**2)
    return np.hstack([d * (c - g), d * (1 - f), dh * tc]), d * f


# wrong: the difference has the wrong sign, g - c
# says: sign|c - g|exchang|minus
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    tc = np.tanh(c_next)
    d = dc + dh * o * (1 - tc**2)
    return np.hstack([d * (g - c) * f * (1 - f), d * (1 - f) * (1 - g**2), dh * tc * o * (1 - o)]), d * f


# right: autograd
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    t = torch.tensor
    s = torch.cat([torch.logit(t(f)), torch.atanh(t(g)), torch.logit(t(o))], 1).requires_grad_()
    before = t(c).requires_grad_()
    a, b, e = s.chunk(3, 1)
    new = torch.sigmoid(a) * before + (1 - torch.sigmoid(a)) * torch.tanh(b)
    state = torch.sigmoid(e) * torch.tanh(new)
    return [v.numpy() for v in torch.autograd.grad([state, new], [s, before], [t(dh), t(dc)])]


# right: written into one array
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    B, H = f.shape
    ds, tc = np.empty((B, 3 * H)), np.tanh(c_next)
    total = dc + dh * o - dh * o * tc**2
    ds[:, :H] = total * c * f * (1 - f) - total * g * f * (1 - f)
    ds[:, H : 2 * H] = total * (1 - f) * (1 + g) * (1 - g)
    ds[:, 2 * H :] = dh * tc * o * (1 - o)
    return ds, f * total
