"""What strangers hand in for chapter 2: wrong answers with their true cause, and right ones in unlike forms."""

import math

import numpy as np
import torch


# wrong: one bias only in the recurrent layer
# says: bias
def parameter_count(D, H, O):
    recurrent = H * (D + H + 1)
    return recurrent, O * (H + 1)


# wrong: the output layer's bias has H numbers instead of O
# says: bias
def parameter_count(D, H, O):
    return H * D + H * H + 2 * H, O * H + H


# wrong: the recurrent matrix is counted as (D, H) again, not (H, H)
# says: weight_hh|recurrent|H \* H|H, H|matrix
def parameter_count(D, H, O):
    w_ih = D * H
    w_hh = D * H
    return w_ih + w_hh + 2 * H, O * H + O


# wrong: one total is returned instead of two numbers
# says: two|2 |one|both|single
def parameter_count(D, H, O):
    return (H * D + H * H + 2 * H) + (O * H + O)


# wrong: the biases are forgotten everywhere
# says: bias
def parameter_count(D, H, O):
    return D * H + H**2, H * O


# wrong: the output layer reads D inputs rather than H states
# says: output|state|H|reads
def parameter_count(D, H, O):
    return H * D + H * H + H + H, D * O + O


# right: counted by torch
def parameter_count(D, H, O):
    rnn, out = torch.nn.RNN(D, H), torch.nn.Linear(H, O)
    return tuple(sum(p.numel() for p in m.parameters()) for m in (rnn, out))


# right: from the sizes of arrays
def parameter_count(D, H, O):
    arrays = np.zeros((H, D)), np.zeros((H, H)), np.zeros(H), np.zeros(H)
    return sum(a.size for a in arrays), (H + 1) * O


# wrong: the recurrent matrix is used without the transpose
# says: transpos|weight_hh
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    inp = np.dot(x, weight_ih.T) + bias_ih
    rec = np.dot(h, weight_hh) + bias_hh
    return np.tanh(inp + rec)


# wrong: the recurrent bias is forgotten
# says: bias_hh|bias
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    joined = np.hstack([x, h])
    W = np.hstack([weight_ih, weight_hh])
    return np.tanh(joined @ W.T + bias_ih)


# wrong: the two terms each have their own tanh
# says: tanh
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    new = np.tanh(x @ weight_ih.T + bias_ih)
    old = np.tanh(h @ weight_hh.T + bias_hh)
    return new + old


# wrong: the old state is added to the new one, as in a residual connection
# says: old state|\bh\b|add|residual
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    a = x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    return h + np.tanh(a)


# wrong: no tanh at all
# says: tanh
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.einsum("bd,hd->bh", x, weight_ih) + np.einsum("bk,hk->bh", h, weight_hh) + bias_ih + bias_hh


# wrong: a minus stands before the recurrent term
# says: sign|minus|subtract
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh((x @ weight_ih.T + bias_ih) - (h @ weight_hh.T + bias_hh))


# wrong: the recurrent term is an elementwise product with the diagonal only
# says: weight_hh|diagonal|product|recurrent
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    a = x @ weight_ih.T + bias_ih + h * np.diag(weight_hh) + bias_hh
    return np.tanh(a)


# right: sample by sample
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.array([np.tanh(weight_ih @ a + weight_hh @ b + bias_ih + bias_hh) for a, b in zip(x, h)])


# right: joined matrices
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    v = np.concatenate([x, h, np.ones((len(x), 1))], axis=1)
    W = np.concatenate([weight_ih, weight_hh, (bias_ih + bias_hh)[:, None]], axis=1)
    return np.tanh(np.dot(v, W.T))


# right: torch's cell
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    args = [torch.tensor(v) for v in (x, h, weight_ih, weight_hh, bias_ih, bias_hh)]
    return torch.rnn_tanh_cell(*args).numpy()


# wrong: the recurrent bias is thought to vanish with the state
# says: bias_hh|bias
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    h0 = np.zeros((len(x), len(weight_hh)))
    pre = x @ weight_ih.T + bias_ih + h0 @ weight_hh.T
    return np.tanh(pre)


# wrong: the first state comes from ones, not from zeros
# says: zero|ones|weight_hh|h_0|initial
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    h0 = np.ones((x.shape[0], weight_hh.shape[0]))
    return np.tanh(x @ weight_ih.T + bias_ih + h0 @ weight_hh.T + bias_hh)


# wrong: the state is zero: it returns h_0
# says: zero|h_0|initial
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.zeros((x.shape[0], weight_ih.shape[0]))


# wrong: the input bias is left out
# says: bias_ih|bias
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    out = []
    for row in x:
        out.append(np.tanh(weight_ih.dot(row) + bias_hh))
    return np.array(out)


# right: a full step from zeros
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    h = np.zeros((len(x), len(bias_hh)))
    return np.tanh(np.matmul(x, weight_ih.T) + bias_ih + np.matmul(h, weight_hh.T) + bias_hh)


# right: column form, turned back
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(weight_ih @ x.T + (bias_ih + bias_hh).reshape(-1, 1)).T


# wrong: the state is never updated: each step starts from h0
# says: h0|updat|same state|hand|each step|every step|state before
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    ys = []
    for t in range(x.shape[0]):
        h = np.tanh(np.dot(x[t], weight_ih.T) + bias_ih + np.dot(h0, weight_hh.T) + bias_hh)
        ys.append(h)
    return np.array(ys), h


# wrong: the state before each step is stored, not the one after
# says: before|h0|one step|late|shift|after
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, _ = x.shape
    y = np.zeros((T, B, len(bias_ih)))
    h = h0
    for t in range(T):
        y[t] = h
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
    return y, h


# wrong: the initial state is zero instead of h0
# says: h0|zero|initial
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    h = np.zeros_like(h0)
    outs = np.empty((len(x), *h.shape))
    for t, xt in enumerate(x):
        h = np.tanh(xt @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh)
        outs[t] = h
    return outs, outs[-1]


# wrong: only the first T-1 steps are run, as the range ends too early
# says: last|step|T - 1|range|one
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    h = h0
    y = np.zeros((x.shape[0],) + h0.shape)
    for t in range(x.shape[0] - 1):
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        y[t] = h
    return y, h


# wrong: the loop runs over the batch axis as if the batch came first
# says: axis|batch|time|shape|transpos
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, D = x.shape
    out = np.zeros((T, B, h0.shape[1]))
    h = np.zeros((T, h0.shape[1]))
    for b in range(B):
        h = np.tanh(x[:, b] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        out[:, b] = h
    return out, out[-1]


# wrong: the same list entry is overwritten in place, so that all states are the last one
# says: same|last|overwrit|in place|copy
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    h = h0.copy()
    states = []
    for x_t in x:
        h[:] = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        states.append(h)
    return np.stack(states), h


# wrong: the final state returned is the first
# says: h_n|last|first|final
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    h, states = h0, []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        states.append(h)
    y = np.array(states)
    return y, y[0]


# wrong: inputs are read from the last to the first
# says: revers|backward|order|last.*first|time
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    h, states = h0, []
    for t in range(len(x) - 1, -1, -1):
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        states.insert(0, h)
    return np.stack(states), h


# right: preallocated, hoisted
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    a = np.einsum("tbd,hd->tbh", x, weight_ih) + (bias_ih + bias_hh)
    y = np.empty_like(a)
    h = h0
    for t in range(len(a)):
        y[t] = h = np.tanh(a[t] + h @ weight_hh.T)
    return y, y[-1].copy()


# right: torch.nn.RNN with the weights put in
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    rnn = torch.nn.RNN(x.shape[2], h0.shape[1]).double()
    with torch.no_grad():
        for name, value in zip(
            ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"], (weight_ih, weight_hh, bias_ih, bias_hh)
        ):
            getattr(rnn, name).copy_(torch.tensor(value))
        y, h_n = rnn(torch.tensor(x), torch.tensor(h0)[None])
    return y.numpy(), h_n[0].numpy()


# right: recursion
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    h = np.tanh(x[0] @ weight_ih.T + bias_ih + h0 @ weight_hh.T + bias_hh)
    if len(x) == 1:
        return h[None], h
    y, h_n = rnn_forward(x[1:], h, weight_ih, weight_hh, bias_ih, bias_hh)
    return np.concatenate([h[None], y]), h_n


# right: in float32
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    x, h, U, W, b, c = (v.astype(np.float32) for v in (x, h0, weight_ih, weight_hh, bias_ih, bias_hh))
    ys = []
    for x_t in x:
        h = np.tanh(x_t @ U.T + b + h @ W.T + c)
        ys.append(h)
    return ys, h


# wrong: every piece starts again from h0
# says: h0|piece|start|hand
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    result = []
    for i in range(0, len(x), size):
        h = h0
        for xt in x[i : i + size]:
            h = np.tanh(xt @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        result.append(h)
    return np.array(result)


# wrong: the shorter last piece is dropped
# says: last|short|left over|rest|whole
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    K = len(x) // size
    h = h0
    ends = np.zeros((max(K, 1), *h0.shape))
    for k in range(K):
        for t in range(k * size, (k + 1) * size):
            h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        ends[k] = h
    return ends[:K]


# wrong: the state at the beginning of each piece is returned
# says: begin|end|before|start|late
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    h, out = h0, []
    for t in range(len(x)):
        if t % size == 0:
            out.append(h)
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
    return np.stack(out)


# wrong: all states are returned, not only those at the ends of pieces
# says: all|every step|ends|shape|piece
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    h, out = h0, []
    for k in range(0, len(x), size):
        for t in range(k, min(k + size, len(x))):
            h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
            out.append(h)
    return np.stack(out)


# wrong: taken are the steps size, 2 size, ...: one step behind the end of each piece
# says: one step|late|early|end of|behind|off by one|size - 1
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    h, ys = h0, []
    for xt in x:
        h = np.tanh(xt @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        ys.append(h)
    ends = [ys[min(k + size, len(ys) - 1)] for k in range(0, len(ys), size)]
    return np.stack(ends)


# right: all states, then the ends picked
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    h, ys = h0, []
    for xt in x:
        h = np.tanh(xt @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        ys.append(h)
    picks = list(range(size - 1, len(x), size))
    if len(x) % size:
        picks.append(len(x) - 1)
    return np.stack(ys)[picks]


# right: a while loop with a counter
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    h, ends, done = np.array(h0), [], 0
    while done < len(x):
        h = np.tanh(np.dot(x[done], weight_ih.T) + np.dot(h, weight_hh.T) + (bias_ih + bias_hh))
        done += 1
        if done % size == 0 or done == len(x):
            ends.append(h.copy())
    return np.array(ends)


# wrong: the largest score is not taken off, so large scores overflow
# says: overflow|large|inf|nan|largest
def softmax_loss(o, y):
    e = np.exp(o)
    p = e / e.sum(axis=2, keepdims=True)
    T, B = y.shape
    logp = np.log(p[np.arange(T)[:, None], np.arange(B), y])
    return p, -logp.mean()


# wrong: the loss is made from the probability, whose logarithm is -inf where it underflows
# says: log|inf|underflow|scores|probabilit
def softmax_loss(o, y):
    e = np.exp(o - np.max(o, axis=-1, keepdims=True))
    p = e / np.sum(e, axis=-1, keepdims=True)
    picked = np.take_along_axis(p, y[:, :, None], axis=-1)[..., 0]
    return p, np.mean(-np.log(picked))


# wrong: a small number is added inside the logarithm to hide log of zero
# says: 1e-|small number|scores|log|epsilon|clip
def softmax_loss(o, y):
    z = o - o.max(-1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    return p, -np.log(np.take_along_axis(p, y[..., None], -1) + 1e-12).mean()


# wrong: the sum of losses instead of the mean
# says: sum|mean|divid
def softmax_loss(o, y):
    z = o - o.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    loss = 0.0
    for t in range(y.shape[0]):
        for b in range(y.shape[1]):
            loss -= logp[t, b, y[t, b]]
    return np.exp(logp), loss


# wrong: the mean runs over time only and the batch is summed
# says: batch|samples|mean|factor|divid|sum
def softmax_loss(o, y):
    z = o - o.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    losses = -np.take_along_axis(logp, y[..., None], -1)[..., 0]
    return np.exp(logp), losses.sum(axis=1).mean()


# wrong: the softmax runs over the batch axis
# says: axis|class|batch
def softmax_loss(o, y):
    z = o - o.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return np.exp(logp), -np.take_along_axis(logp, y[..., None], -1).mean()


# wrong: the loss has the wrong sign
# says: sign|minus|negativ
def softmax_loss(o, y):
    m = o.max(axis=-1, keepdims=True)
    lse = m + np.log(np.exp(o - m).sum(axis=-1, keepdims=True))
    logp = o - lse
    return np.exp(logp), np.mean(np.take_along_axis(logp, y[..., None], -1))


# wrong: the logarithm is to base two
# says: base|log2|natural|factor|log
def softmax_loss(o, y):
    z = o - o.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return np.exp(logp), -(np.take_along_axis(logp, y[..., None], -1) / np.log(2)).mean()


# right: torch
def softmax_loss(o, y):
    o, y = torch.tensor(o), torch.tensor(y)
    loss = torch.nn.functional.cross_entropy(o.reshape(-1, o.shape[-1]), y.reshape(-1))
    return torch.softmax(o, -1).numpy(), loss.item()


# right: loops with logaddexp
def softmax_loss(o, y):
    T, B, V = o.shape
    p, total = np.zeros_like(o), 0.0
    for t in range(T):
        for b in range(B):
            lse = np.logaddexp.reduce(o[t, b])
            p[t, b] = np.exp(o[t, b] - lse)
            total += lse - o[t, b, y[t, b]]
    return p, total / (T * B)


# right: one-hot
def softmax_loss(o, y):
    z = o - o.max(-1)[..., None]
    p = np.exp(z) / np.exp(z).sum(-1)[..., None]
    hot = np.eye(o.shape[-1])[y]
    right = (z * hot).sum(-1)
    return p, np.average(np.log(np.exp(z).sum(-1)) - right)


# wrong: a tanh stands around the output
# says: tanh|linear|output
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    hidden = np.tanh(x.dot(weight_ih.T) + o.dot(weight_oh.T) + bias_h)
    return hidden, np.tanh(hidden.dot(weight_ho.T) + bias_o)


# wrong: the new output is made from the old output instead of the state
# says: state|old|last output|weight_ho|new
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    h = np.tanh(x @ weight_ih.T + o @ weight_oh.T + bias_h)
    h_old = np.tanh(o @ weight_oh.T + bias_h)
    return h, h_old @ weight_ho.T + bias_o


# wrong: output and state come back in the other order
# says: order|exchang|swap|shape
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    h = np.tanh(x @ weight_ih.T + o @ weight_oh.T + bias_h)
    out = h @ weight_ho.T + bias_o
    return out, h


# wrong: the output's bias is missing
# says: bias_o|bias
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    h = np.tanh(np.einsum("bi,hi->bh", x, weight_ih) + np.einsum("bo,ho->bh", o, weight_oh) + bias_h)
    return h, np.einsum("bh,oh->bo", h, weight_ho)


# wrong: the old output does not enter the state
# says: last output|weight_oh|\bo\b|feed
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    h = np.tanh(x @ weight_ih.T + bias_h)
    return h, h @ weight_ho.T + bias_o


# wrong: the last output is added to the new one
# says: last output|old|add|\bo\b
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    h = np.tanh(x @ weight_ih.T + o @ weight_oh.T + bias_h)
    return h, o + h @ weight_ho.T + bias_o


# right: row by row
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    hs, os = [], []
    for x_b, o_b in zip(x, o):
        hs.append(np.tanh(weight_ih @ x_b + weight_oh @ o_b + bias_h))
        os.append(weight_ho @ hs[-1] + bias_o)
    return [np.array(hs), np.array(os)]


# right: joined input
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    h = np.tanh(np.block([x, o]) @ np.block([weight_ih, weight_oh]).T + bias_h)
    return h, np.add(np.matmul(h, weight_ho.T), bias_o)


# wrong: the product is in the wrong order
# says: order|exchang|product|weight_ho|shape|\(H, H\)
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    return weight_ho @ weight_oh, weight_oh @ bias_o + bias_h


# wrong: the output's bias is not carried into the new bias
# says: bias_o|bias
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    W = np.einsum("ho,ok->hk", weight_oh, weight_ho)
    return W, bias_h


# wrong: the matrix is transposed
# says: transpos
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    W = weight_ho.T @ weight_oh.T
    return W, bias_h + weight_oh.dot(bias_o)


# wrong: the two biases are added without going through the matrix
# says: weight_oh|bias|through|matrix|shape
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    return weight_oh @ weight_ho, bias_h + bias_o.sum()


# wrong: the state's bias is forgotten
# says: bias_h|bias
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    return np.dot(weight_oh, weight_ho), np.dot(weight_oh, bias_o)


# right: loops
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    H, O = weight_oh.shape
    W, b = np.zeros((H, H)), bias_h.copy()
    for i in range(H):
        for o in range(O):
            b[i] += weight_oh[i, o] * bias_o[o]
            for j in range(H):
                W[i, j] += weight_oh[i, o] * weight_ho[o, j]
    return W, b


# right: measured on unit vectors
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    f = lambda h: weight_oh @ (weight_ho @ h + bias_o) + bias_h
    H = len(bias_h)
    b = f(np.zeros(H))
    return np.stack([f(e) - b for e in np.eye(H)], axis=1), b
