"""What strangers hand in with two mistakes in one answer; both are to be named."""

import math
from collections import Counter

import numpy as np
import torch


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def states(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """The states (T, B, H) of one direction, from a zero state."""
    h, read = np.zeros((x.shape[1], len(weight_hh))), []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        read.append(h)
    return np.stack(read)


def grams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


# two: the recurrent matrix is not transposed, and the recurrent bias is forgotten
# says: transpos
# says: bias_hh|bias
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(np.dot(x, weight_ih.T) + bias_ih + np.dot(h, weight_hh))


# two: the tanh is missing, and so is the bias
# says: tanh
# says: bias
def feed_forward(x, weight, bias):
    return np.einsum("bd,hd->bh", x, weight)


# two: each step starts from h0, and the recurrent bias is missing
# says: h0|state
# says: bias
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    y = []
    for t in range(len(x)):
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h0 @ weight_hh.T)
        y.append(h)
    return np.array(y), y[-1]


# two: the last window is lost, and the padded count is n - W + 1
# says: last|\+ ?1|one
# says: pad|every element|each element|\bn\b
def count_windows(n, W, stride):
    return n // W, (n - W) // stride, n - W + 1


# two: both gradients lack the 2, and the aggregate's lacks 1 / J
# says: 2|twice|factor
# says: J|mean|len
def window_losses(y_hat, y):
    m = y_hat.mean() - y
    return ((y_hat - y) ** 2).sum(), m**2, y_hat - y, np.full(len(y_hat), m)


# two: the letters count from 0, and the mask is inverted
# says: 0|from|\+ ?1|code
# says: mask
def pad_names(names):
    lengths = np.array([len(s) for s in names])
    x = np.zeros((max(lengths), len(names)), int)
    for b, s in enumerate(names):
        for t, c in enumerate(s):
            x[t, b] = ord(c) - ord("a")
    return x, lengths, np.arange(len(x))[:, None] >= lengths


# two: the root is missing, and the window contains the target
# says: root|sqrt
# says: itself|contain|future|window
def forecast_errors(z, W):
    m = np.array([z[t - W + 1 : t + 1].mean() for t in range(W, len(z))])
    return np.mean((m - z[W:]) ** 2), np.mean((z[W - 1 : -1] - z[W:]) ** 2)


# two: the sum instead of the mean, and the wrong sign
# says: sum|mean
# says: sign|minus
def softmax_loss(o, y):
    z = o - o.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return np.exp(logp), np.take_along_axis(logp, y[..., None], -1).sum()


# two: every piece starts from h0, and the short last piece is dropped
# says: h0|start
# says: last|short|whole
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    ends = []
    for k in range(len(x) // size):
        h = h0
        for x_t in x[k * size : (k + 1) * size]:
            h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        ends.append(h)
    return np.array(ends)


# two: no tanh, and the output reads the old state
# says: tanh
# says: old|new state|h_next
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    combined = torch.cat([x, h], dim=1)
    return combined @ weight_h.T + bias_h, h @ weight_o.T + bias_o


# two: layer 2 reads the old state of layer 1, and h_n has its layers exchanged
# says: old|new state|late|before
# says: order|h_n|exchang
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    a = b = np.zeros((x.shape[1], len(bias_ih_l0)))
    y = []
    for x_t in x:
        b = np.tanh(a @ weight_ih_l1.T + bias_ih_l1 + b @ weight_hh_l1.T + bias_hh_l1)
        a = np.tanh(x_t @ weight_ih_l0.T + bias_ih_l0 + a @ weight_hh_l0.T + bias_hh_l0)
        y.append(b)
    return np.stack(y), np.stack([b, a])


# two: the forward weights are used, and the states are not turned back
# says: weight|_reverse
# says: turn|back|place|order
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    f = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    return f, states(x[::-1], weight_ih, weight_hh, bias_ih, bias_hh)


# two: backward stands first, and the mean is the sum
# says: order|forward first|exchang
# says: mean|half
def merge(h_forward, h_backward):
    s = h_forward + h_backward
    return np.concatenate([h_backward, h_forward], axis=-1), s, s, h_forward * h_backward


# two: no EOS, and the mask leaves its step out
# says: eos|EOS
# says: mask
def shift_inputs(y, lengths, bos, eos, pad):
    B = len(lengths)
    target = np.concatenate([y, np.full((1, B), pad)])
    return np.concatenate([np.full((1, B), bos), y]), target, np.arange(len(target))[:, None] < lengths


# two: divided by all tokens, and the gradient has the wrong sign
# says: all|real|n\b|divid|padding|count
# says: sign|minus
def masked_loss(logits, target, mask):
    z = logits - logits.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    hot = np.eye(logits.shape[-1])[target]
    return -((logp * hot).sum(-1) * mask).sum() / mask.size, mask[..., None] * (hot - np.exp(logp)) / mask.size


# two: repeated words are not clipped, and the penalty has no bound
# says: clip|often|repeat|once|at most
# says: min|penalty|bound
def bleu_parts(written, right, n):
    a = [tuple(written[i : i + n]) for i in range(len(written) - n + 1)]
    b = grams(right, n)
    p = sum(g in b for g in a) / len(a) if a else 0.0
    return p, math.exp(1 - len(right) / len(written))


# two: the padding is not masked, and the scores are scaled
# says: mask|padding
# says: scal|root|sqrt|divid
def dot_attention(s, memory, mask):
    scores = torch.einsum("tbh,sbh->tbs", s, memory) / math.sqrt(s.shape[-1])
    alpha = scores.softmax(-1)
    return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha


# two: dweight is transposed, and dbias is a mean
# says: transpos
# says: mean|sum
def linear_backward(do, h, weight):
    return do @ weight, h.T @ do, do.mean(0)


# two: the slope is 1 - h_next, and dweight_hh meets the new state
# says: square|slope|\*\* ?2
# says: before|old|state|\bh\b
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = (1 - h_next) * dh_next
    return da @ weight_ih, da @ weight_hh, da.T @ x, da.T @ h_next, da.sum(0)


# two: the inner minus and the factor L are forgotten
# says: sign|minus
# says: \bL\b
def chain_gradients(w_h, w_y, h_0, y, L):
    d = 2 * (y - w_y * w_h**L * h_0)
    return d * w_y * w_h**L, d * w_y * w_h ** (L - 1) * h_0, d * w_h**L * h_0


# two: each gradient has its own norm, and is always scaled
# says: own|each|together
# says: always|only|above|longer
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    total = np.sqrt(sum((g**2).sum() for g in (dweight_ih, dweight_hh, dbias)))
    return *(g * max_norm / np.linalg.norm(g) for g in (dweight_ih, dweight_hh, dbias)), total


# two: the gates are in the order f, i, g, o, and the tanh of the new cell is missing
# says: order|exchang
# says: tanh
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    f, i, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * c, c


# two: i and f are exchanged, and bias_hh is left as it is
# says: order|exchang|sign
# says: bias_hh|zero
def log_t_start(bias_ih, bias_hh, T, u):
    H, b = len(u), torch.log(1 + u * (T - 2))
    return torch.cat([b, -b, bias_ih[2 * H :]]), bias_hh.clone()


# two: a product counts one operation, and the time is in seconds
# says: 2|twice|addition
# says: nano|1e9|second
def roofline(B, H, gates, itemsize, peak, memory):
    ops = B * gates * H * H
    nbytes = itemsize * (gates * H * H + B * H * (gates + 2))
    return ops, nbytes, max(ops / peak, nbytes / memory), nbytes / memory > ops / peak


# two: z and 1 - z are exchanged, and the candidate has a tanh
# says: \bz\b|exchang|1 - z
# says: tanh
def min_gru(x, h0, weight_z, bias_z, weight_h, bias_h):
    z = torch.sigmoid(x @ weight_z.T + bias_z)
    a, b = z, (1 - z) * torch.tanh(x @ weight_h.T + bias_h)
    h, ys = h0, []
    for a_t, b_t in zip(a, b):
        h = a_t * h + b_t
        ys.append(h)
    return a, b, torch.stack(ys)


# two: da meets the state after, and dh0 lacks the factor
# says: before|after|state
# says: a\[0\]|a_1|factor|dh0
def scan_gradients(dh, a, h, h0):
    db = dh.copy()
    for t in range(len(dh) - 2, -1, -1):
        db[t] += a[t + 1] * db[t + 1]
    return db * h, db, db[0]
