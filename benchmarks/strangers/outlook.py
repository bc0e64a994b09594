"""What strangers hand in for chapter 9: wrong answers with their true cause, and right ones in unlike forms."""

import numpy as np
import torch


# wrong: the shifts are only added up, not put through the later steps
# says: later|through|factor|multipl|a_t|shift
def one_map(a, b):
    return np.prod(a, axis=0), np.sum(b, axis=0)


# wrong: the shift is multiplied after it is added
# says: order|after|before|multipl|a_t
def one_map(a, b):
    A, B = 1.0, 0.0
    for t in range(len(a)):
        A = A * a[t]
        B = (B + b[t]) * a[t]
    return A, B


# wrong: the last step is left out
# says: last|step|one
def one_map(a, b):
    A, B = np.ones(a.shape[1]), np.zeros(a.shape[1])
    for t in range(len(a) - 1):
        A, B = a[t] * A, a[t] * B + b[t]
    return A, B


# wrong: A is the sum of the factors
# says: product|sum|multipl
def one_map(a, b):
    B = np.zeros(a.shape[1])
    for a_t, b_t in zip(a, b):
        B = a_t * B + b_t
    return a.sum(axis=0), B


# wrong: the steps are composed in the wrong order, last step first
# says: order|revers|first|last
def one_map(a, b):
    A, B = np.ones_like(a[0]), np.zeros_like(b[0])
    for a_t, b_t in zip(a[::-1], b[::-1]):
        A, B = a_t * A, a_t * B + b_t
    return A, B


# right: two runs of the recurrence
def one_map(a, b):
    def run(h):
        for a_t, b_t in zip(a, b):
            h = a_t * h + b_t
        return h

    B = run(np.zeros(a.shape[1]))
    return run(np.ones(a.shape[1])) - B, B


# right: products of what follows
def one_map(a, b):
    T = len(a)
    after = np.stack([np.prod(a[t + 1 :], axis=0) for t in range(T)])
    return a.prod(axis=0), np.einsum("th,th->h", after, b)


# wrong: the factors are updated before the shifts
# says: before|first|order|factor|old
def doubling_scan(a, b, h0):
    a, h = a.clone(), b.clone()
    h[0] = a[0] * h0 + h[0]
    reach, passes = 1, 0
    while reach < a.shape[0]:
        a[reach:] = a[reach:] * a[:-reach]
        h[reach:] = h[reach:] + a[reach:] * h[:-reach]
        reach *= 2
        passes += 1
    return h, passes


# wrong: h0 is left out
# says: h0|initial
def doubling_scan(a, b, h0):
    a, h = a.clone(), b.clone()
    reach, passes = 1, 0
    while reach < len(a):
        h[reach:] = a[reach:] * h[:-reach] + h[reach:]
        a[reach:] = a[reach:] * a[:-reach]
        reach *= 2
        passes += 1
    return h, passes


# wrong: a plain loop over the steps, with T passes
# says: loop|pass|steps
def doubling_scan(a, b, h0):
    h, out = h0, []
    for t in range(len(a)):
        h = a[t] * h + b[t]
        out.append(h)
    return torch.stack(out), len(a)


# wrong: the reach grows by one, not by doubling
# says: doubl|twice|reach|pass
def doubling_scan(a, b, h0):
    a, h = a.clone(), b.clone()
    h[0] += a[0] * h0
    reach, passes = 1, 0
    while reach < len(a):
        h[reach:] = a[reach:] * h[:-reach] + h[reach:]
        a[reach:] = a[reach:] * a[:-reach]
        reach += 1
        passes += 1
    return h, passes


# wrong: one pass too many: reach <= T
# says: pass|one|<
def doubling_scan(a, b, h0):
    a, h = a.clone(), b.clone()
    h[0] += a[0] * h0
    reach, passes = 1, 0
    while reach < len(a):
        h[reach:] = a[reach:] * h[:-reach] + h[reach:]
        a[reach:] = a[reach:] * a[:-reach]
        reach, passes = 2 * reach, passes + 1
    return h, passes + 1


# wrong: the inputs are changed in place
# says: in place|clone|changed|copy|copies
def doubling_scan(a, b, h0):
    b[0] += a[0] * h0
    reach, passes = 1, 0
    while reach < len(a):
        b[reach:] = a[reach:] * b[:-reach] + b[reach:]
        a[reach:] = a[reach:] * a[:-reach]
        reach, passes = 2 * reach, passes + 1
    return b, passes


# wrong: the passes are the logarithm rounded down
# says: pass|round|power|ceil
def doubling_scan(a, b, h0):
    a, h = a.clone(), b.clone()
    h[0] += a[0] * h0
    T = len(a)
    passes = T.bit_length() - 1
    for p in range(passes):
        r = 2**p
        h[r:] = a[r:] * h[:-r] + h[r:]
        a[r:] = a[r:] * a[:-r]
    return h, passes


# right: with new tensors in each pass
def doubling_scan(a, b, h0):
    first = a[:1] * h0 + b[:1]
    h = torch.cat([first, b[1:]])
    reach, passes = 1, 0
    while reach < len(h):
        h = torch.cat([h[:reach], h[reach:] + a[reach:] * h[:-reach]])
        a = torch.cat([a[:reach], a[reach:] * a[:-reach]])
        reach, passes = reach * 2, passes + 1
    return h, passes


# right: h0 joined after a scan of pairs
def doubling_scan(a, b, h0):
    A, B = a.clone(), b.clone()
    passes = (len(a) - 1).bit_length()
    for p in range(passes):
        r = 1 << p
        B[r:], A[r:] = A[r:] * B[:-r] + B[r:], A[r:] * A[:-r]
    return A * h0 + B, passes


# wrong: the factor of the same step, not of the next
# says: next|t \+ 1|same step|factor
def scan_gradients(dh, a, h, h0):
    g = np.zeros_like(dh)
    back = np.zeros_like(h0)
    for t in range(len(dh) - 1, -1, -1):
        g[t] = dh[t] + a[t] * back
        back = g[t]
    prev = np.concatenate([h0[None], h[:-1]])
    return g * prev, g, a[0] * g[0]


# wrong: nothing comes back from later steps
# says: later|next|back|through
def scan_gradients(dh, a, h, h0):
    prev = np.concatenate([h0[None], h[:-1]])
    return dh * prev, dh.copy(), a[0] * dh[0]


# wrong: da meets the state after the step
# says: before|after|h_\{?t-1|state
def scan_gradients(dh, a, h, h0):
    db = np.array(dh)
    for t in range(len(dh) - 2, -1, -1):
        db[t] = dh[t] + a[t + 1] * db[t + 1]
    return db * h, db, a[0] * db[0]


# wrong: dh0 lacks the first factor
# says: a\[0\]|a_1|first|factor|dh0
def scan_gradients(dh, a, h, h0):
    db = np.array(dh)
    for t in range(len(dh) - 2, -1, -1):
        db[t] = dh[t] + a[t + 1] * db[t + 1]
    prev = np.concatenate([h0[None], h[:-1]])
    return db * prev, db, db[0]


# wrong: dh is changed in place
# says: in place|copy|changed
def scan_gradients(dh, a, h, h0):
    for t in range(len(dh) - 2, -1, -1):
        dh[t] += a[t + 1] * dh[t + 1]
    prev = np.concatenate([h0[None], h[:-1]])
    return dh * prev, dh, a[0] * dh[0]


# wrong: the first step's previous state is taken as zero
# says: h0|zero|first
def scan_gradients(dh, a, h, h0):
    db = np.array(dh)
    for t in range(len(dh) - 2, -1, -1):
        db[t] = dh[t] + a[t + 1] * db[t + 1]
    da = np.zeros_like(a)
    da[1:] = db[1:] * h[:-1]
    return da, db, a[0] * db[0]


# wrong: da and db exchanged
# says: order|exchang|swap
def scan_gradients(dh, a, h, h0):
    db = np.array(dh)
    for t in range(len(dh) - 2, -1, -1):
        db[t] = dh[t] + a[t + 1] * db[t + 1]
    prev = np.concatenate([h0[None], h[:-1]])
    return db, db * prev, a[0] * db[0]


# right: autograd
def scan_gradients(dh, a, h, h0):
    A, H0 = torch.tensor(a, requires_grad=True), torch.tensor(h0, requires_grad=True)
    before = np.concatenate([h0[None], h[:-1]])
    b = torch.tensor(h - a * before, requires_grad=True)
    s, out = H0, []
    for A_t, b_t in zip(A, b):
        s = A_t * s + b_t
        out.append(s)
    grads = torch.autograd.grad(torch.stack(out), [A, b, H0], torch.tensor(dh))
    return [g.numpy() for g in grads]


# right: a running gradient
def scan_gradients(dh, a, h, h0):
    da, db, g = np.empty_like(a), np.empty_like(a), np.zeros_like(h0)
    for t in range(len(a))[::-1]:
        g = g + dh[t]
        db[t] = g
        da[t] = g * (h0 if t == 0 else h[t - 1])
        g = g * a[t]
    return da, db, g


# wrong: z and 1 - z are exchanged
# says: \bz\b|exchang|1 - z|keep|kept
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = torch.sigmoid(torch.nn.functional.linear(x, weight_z, bias_z))
    cand = torch.nn.functional.linear(x, weight_h, bias_h)
    a, b = z, (1 - z) * cand
    h, ys = h0, []
    for t in range(len(x)):
        h = a[t] * h + b[t]
        ys.append(h)
    return a, b, torch.stack(ys)


# wrong: a tanh stands around the candidate
# says: tanh
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = torch.sigmoid(x @ weight_z.T + bias_z)
    cand = torch.tanh(x @ weight_h.T + bias_h)
    a, b = 1 - z, z * cand
    h, ys = h0, []
    for t in range(len(x)):
        h = a[t] * h + b[t]
        ys.append(h)
    return a, b, torch.stack(ys)


# wrong: b is the candidate, without z
# says: \bz\b|factor|times|multipl
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = (x @ weight_z.T + bias_z).sigmoid()
    a, b = 1 - z, x @ weight_h.T + bias_h
    h, ys = h0, []
    for a_t, b_t in zip(a, b):
        h = a_t * h + b_t
        ys.append(h)
    return a, b, torch.stack(ys)


# wrong: no gradient: computed without the graph
# says: gradient|no_grad|graph|detach|train
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    with torch.no_grad():
        z = torch.sigmoid(x @ weight_z.T + bias_z)
        a, b = 1 - z, z * (x @ weight_h.T + bias_h)
        h, ys = h0, []
        for a_t, b_t in zip(a, b):
            h = a_t * h + b_t
            ys.append(h)
        return a, b, torch.stack(ys)


# wrong: the sigmoid of the gate is missing
# says: sigmoid
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = x @ weight_z.T + bias_z
    a, b = 1 - z, z * (x @ weight_h.T + bias_h)
    h, ys = h0, []
    for a_t, b_t in zip(a, b):
        h = a_t * h + b_t
        ys.append(h)
    return a, b, torch.stack(ys)


# wrong: the weights of gate and candidate are exchanged
# says: exchang|weight_z|weight_h|swap
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = torch.sigmoid(x @ weight_h.T + bias_h)
    a, b = 1 - z, z * (x @ weight_z.T + bias_z)
    h, ys = h0, []
    for a_t, b_t in zip(a, b):
        h = a_t * h + b_t
        ys.append(h)
    return a, b, torch.stack(ys)


# wrong: the states start from zero
# says: h0|zero|initial
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = torch.sigmoid(x @ weight_z.T + bias_z)
    a, b = 1 - z, z * (x @ weight_h.T + bias_h)
    h, ys = torch.zeros_like(h0), []
    for a_t, b_t in zip(a, b):
        h = a_t * h + b_t
        ys.append(h)
    return a, b, torch.stack(ys)


# right: sigmoid of the negative, einsum
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    s = torch.einsum("tbd,hd->tbh", x, weight_z) + bias_z
    a = torch.sigmoid(-s)
    b = torch.sigmoid(s) * (torch.einsum("tbd,hd->tbh", x, weight_h) + bias_h)
    y = [a[0] * h0 + b[0]]
    for t in range(1, len(x)):
        y.append(torch.addcmul(b[t], a[t], y[-1]))
    return [a, b, torch.stack(y)]


# right: by a scan
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    F = torch.nn.functional
    z = torch.sigmoid(F.linear(x, weight_z, bias_z))
    a, b = 1 - z, z * F.linear(x, weight_h, bias_h)
    A, h, reach = a, torch.cat([a[:1] * h0 + b[:1], b[1:]]), 1
    while reach < len(h):
        h = torch.cat([h[:reach], h[reach:] + A[reach:] * h[:-reach]])
        A = torch.cat([A[:reach], A[reach:] * A[:-reach]])
        reach *= 2
    return a, b, h


# wrong: hold writes the mark itself, not the value
# says: value|mark|b_hold
def maps_by_hand(value, marked, bit):
    t = np.arange(1, len(value) + 1)
    return 1 - marked, marked, (1 - marked) * (1 - 2 * bit), marked, (t - 1) / t, value / t


# wrong: at a mark turn still turns: a is not 0 there
# says: mark|a_turn|0|drop
def maps_by_hand(value, marked, bit):
    t = np.arange(1, len(value) + 1)
    return 1 - marked, marked * value, 1 - 2 * bit, marked, (t - 1) / t, value / t


# wrong: the sign turns where the bit is 0
# says: bit|sign|turn
def maps_by_hand(value, marked, bit):
    n = len(value)
    a_turn = np.array([0.0 if m else (1.0 if k else -1.0) for m, k in zip(marked, bit)])
    t = np.arange(n) + 1
    return 1 - marked, marked * value, a_turn, marked, (t - 1) / t, value / t


# wrong: the mean counts from 0, so it divides by t + 1 wrongly by one step
# says: t\b|count|1\b|step|mean
def maps_by_hand(value, marked, bit):
    t = np.arange(2, len(value) + 2)
    return 1 - marked, marked * value, (1 - marked) * (1 - 2 * bit), marked, (t - 1) / t, value / t


# wrong: the mean's factors are 1: a running sum divided
# says: mean|a_mean|\(t - 1\)|factor|sum
def maps_by_hand(value, marked, bit):
    t = np.arange(1, len(value) + 1)
    return 1 - marked, marked * value, (1 - marked) * (1 - 2 * bit), marked, np.ones(len(value)), value / t


# wrong: all factors first, then all shifts
# says: order|exchang
def maps_by_hand(value, marked, bit):
    t = np.arange(1, len(value) + 1)
    a = 1 - marked, (1 - marked) * (1 - 2 * bit), (t - 1) / t
    b = marked * value, marked, value / t
    return (*a, *b)


# wrong: the bit at a mark is written instead of 1
# says: mark|bit|1\b|b_turn
def maps_by_hand(value, marked, bit):
    t = np.arange(1, len(value) + 1)
    return 1 - marked, marked * value, (1 - marked) * (1 - 2 * bit), marked * (1 - 2 * bit), (t - 1) / t, value / t


# right: step by step
def maps_by_hand(value, marked, bit):
    out = [[] for _ in range(6)]
    for t, (v, m, k) in enumerate(zip(value, marked, bit), start=1):
        row = (0.0, v, 0.0, 1.0) if m else (1.0, 0.0, -1.0 if k else 1.0, 0.0)
        for column, number in zip(out, (*row, 1 - 1 / t, v / t)):
            column.append(number)
    return tuple(np.array(column) for column in out)


# right: np.where
def maps_by_hand(value, marked, bit):
    m, inverse = marked > 0, 1 / np.arange(1, len(value) + 1)
    return (
        np.where(m, 0.0, 1.0),
        np.where(m, value, 0.0),
        np.where(m, 0.0, np.where(bit > 0, -1.0, 1.0)),
        m.astype(float),
        1 - inverse,
        inverse * value,
    )


# wrong: reads before it writes
# says: before|read|write|order|late
def fading_attention(q, k, v, decay):
    T = len(q)
    S = np.zeros((k.shape[1], v.shape[1]))
    y = np.zeros((T, v.shape[1]))
    W = np.zeros((T, T))
    for t in range(T):
        y[t] = S.T @ q[t]
        S = decay[t] * S + np.outer(k[t], v[t])
        for j in range(t + 1):
            W[t, j] = np.prod(decay[j + 1 : t + 1]) * (q[t] @ k[j])
    return y, S, W


# wrong: what is new is faded too
# says: fade|decay|new|outer|bracket
def fading_attention(q, k, v, decay):
    T = len(q)
    S = np.zeros((k.shape[1], v.shape[1]))
    y, W = np.zeros((T, v.shape[1])), np.zeros((T, T))
    for t in range(T):
        S = decay[t] * (S + np.outer(k[t], v[t]))
        y[t] = S.T @ q[t]
        for j in range(t + 1):
            W[t, j] = np.prod(decay[j : t + 1]) * (q[t] @ k[j])
    return y, S, W


# wrong: the weights leave the factors out
# says: factor|decay|fade|weights
def fading_attention(q, k, v, decay):
    S = np.zeros((k.shape[1], v.shape[1]))
    y = []
    for t in range(len(q)):
        S = decay[t] * S + np.outer(k[t], v[t])
        y.append(q[t] @ S)
    return np.array(y), S, np.tril(q @ k.T)


# wrong: the weights look into the future
# says: future|later|triang|tril|j <= t|above
def fading_attention(q, k, v, decay):
    S = np.zeros((k.shape[1], v.shape[1]))
    y = []
    c = np.cumprod(decay)
    for t in range(len(q)):
        S = decay[t] * S + np.outer(k[t], v[t])
        y.append(q[t] @ S)
    left = np.array([[np.prod(decay[j + 1 : t + 1]) for j in range(len(q))] for t in range(len(q))])
    return np.array(y), S, left * (q @ k.T)


# wrong: the weights' own factor is included: the product begins at j
# says: j \+ 1|own|factor|begin|product|one
def fading_attention(q, k, v, decay):
    T = len(q)
    S = np.zeros((k.shape[1], v.shape[1]))
    y, W = np.zeros((T, v.shape[1])), np.zeros((T, T))
    for t in range(T):
        S = decay[t] * S + np.outer(k[t], v[t])
        y[t] = S.T @ q[t]
        for j in range(t + 1):
            W[t, j] = np.prod(decay[j : t + 1]) * (q[t] @ k[j])
    return y, S, W


# wrong: the outer product is transposed
# says: transpos|outer|shape
def fading_attention(q, k, v, decay):
    T = len(q)
    S = np.zeros((v.shape[1], k.shape[1]))
    y, W = np.zeros((T, v.shape[1])), np.zeros((T, T))
    for t in range(T):
        S = decay[t] * S + np.outer(v[t], k[t])
        y[t] = S @ q[t]
        for j in range(t + 1):
            W[t, j] = np.prod(decay[j + 1 : t + 1]) * (q[t] @ k[j])
    return y, S, W


# right: the weights first
def fading_attention(q, k, v, decay):
    T = len(q)
    left = np.array([[np.prod(decay[j + 1 : t + 1]) if j <= t else 0.0 for j in range(T)] for t in range(T)])
    weights = left * (q @ k.T)
    S = np.einsum("j,jk,jv->kv", left[-1], k, v)
    return weights @ v, S, weights


# right: a loop with einsum
def fading_attention(q, k, v, decay):
    S, ys, rows = 0.0, [], []
    row = np.zeros(len(q))
    for t in range(len(q)):
        S = S * decay[t] + k[t][:, None] * v[t][None, :]
        row *= decay[t]
        row[t] += 1.0
        ys.append(np.einsum("kv,k->v", S, q[t]))
        rows.append(row * np.einsum("jk,k->j", k, q[t]))
    return ys, S, rows
