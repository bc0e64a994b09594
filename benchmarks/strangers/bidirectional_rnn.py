"""What strangers hand in for chapter 4: wrong answers with their true cause, and right ones in unlike forms."""

import numpy as np
import torch


def states(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """The states (T, B, H) of one direction, from a zero state."""
    h, read = np.zeros((x.shape[1], len(weight_hh))), []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        read.append(h)
    return np.stack(read)


# wrong: the tables are transposed: rows are inputs
# says: transpos|row|column|exchang
def heard(T, k):
    forward = np.zeros((T, T), bool)
    backward = np.zeros((T, T), bool)
    late = np.zeros((T, T), bool)
    for s in range(T):
        for t in range(T):
            forward[s, t] = s <= t
            backward[s, t] = s >= t
            late[s, t] = s <= t + k
    return forward, backward, late


# wrong: the present input is left out
# says: present|diagonal|itself|own|<=
def heard(T, k):
    t = np.arange(T)[:, None]
    s = np.arange(T)
    return s < t, s > t, s < t + k


# wrong: answering late is taken as knowing less
# says: late|less|more
def heard(T, k):
    ones = np.ones((T, T), bool)
    return np.tril(ones), np.triu(ones), np.tril(ones, -k)


# wrong: the late table is only shifted: the past is cut off k steps back
# says: past|late|k
def heard(T, k):
    d = np.arange(T)[:, None] - np.arange(T)[None, :]
    return d >= 0, d <= 0, (d >= -k) & (d <= k)


# wrong: one more step than k is heard by the late network
# says: k|one|late|<
def heard(T, k):
    return np.tri(T, dtype=bool), np.tri(T, dtype=bool).T, np.tri(T, k=k + 1, dtype=bool)


# right: np.tri
def heard(T, k):
    return np.tri(T, dtype=bool), ~np.tri(T, k=-1, dtype=bool), np.tri(T, k=k, dtype=bool)


# right: lists of lists
def heard(T, k):
    R = range(T)
    return [[s <= t for s in R] for t in R], [[s >= t for s in R] for t in R], [[s - t <= k for s in R] for t in R]


# wrong: the backward states are not turned back
# says: turn|revers|place|order|back
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    forward = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    backward = states(np.flip(x, axis=0), weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)
    return forward, backward


# wrong: the backward direction uses the forward weights
# says: weights|_reverse
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    f = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    b = states(x[::-1], weight_ih, weight_hh, bias_ih, bias_hh)
    return f, b[::-1]


# wrong: the forward states are reversed instead of the input
# says: revers|input|backward
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    f = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    b = states(x, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)
    return f, b


# wrong: the batch is reversed instead of the time
# says: axis|batch|time
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    f = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    b = states(x[:, ::-1], weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)
    return f, b[:, ::-1]


# wrong: the backward direction starts from the forward one's last state
# says: zero|initial|start|last state
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    h = np.zeros((x.shape[1], weight_hh.shape[0]))
    f, b = [], []
    for t in range(len(x)):
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        f.append(h)
    for t in reversed(range(len(x))):
        h = np.tanh(x[t] @ weight_ih_reverse.T + bias_ih_reverse + h @ weight_hh_reverse.T + bias_hh_reverse)
        b.insert(0, h)
    return np.array(f), np.array(b)


# right: by indices
def both_directions(
    x, weight_ih, weight_hh, bias_ih, bias_hh, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse
):
    T, B, _ = x.shape
    f, b = np.zeros((T, B, len(bias_ih))), np.zeros((T, B, len(bias_ih)))
    h = g = np.zeros((B, len(bias_ih)))
    for t in range(T):
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        g = np.tanh(x[T - 1 - t] @ weight_ih_reverse.T + bias_ih_reverse + g @ weight_hh_reverse.T + bias_hh_reverse)
        f[t], b[T - 1 - t] = h, g
    return f, b


# right: np.flip and a list of the weights
def both_directions(x, *weights):
    return states(x, *weights[:4]), np.flip(states(np.flip(x, 0), *weights[4:]), 0)


# wrong: backward comes first in the concatenation
# says: forward first|order|backward first|exchang
def merge(h_forward, h_backward):
    s = h_forward + h_backward
    return np.concatenate([h_backward, h_forward], axis=-1), s, 0.5 * s, h_forward * h_backward


# wrong: concatenated along the batch
# says: axis|shape|feature|batch
def merge(h_forward, h_backward):
    cat = np.concatenate((h_forward, h_backward), axis=1)
    return cat, h_forward + h_backward, (h_forward + h_backward) / 2, h_forward * h_backward


# wrong: the mean is not halved for the second: h_f + h_b / 2
# says: bracket|parenthes|half|both|mean
def merge(h_forward, h_backward):
    return (
        np.dstack([h_forward, h_backward]),
        h_forward + h_backward,
        h_forward + h_backward / 2,
        np.multiply(h_forward, h_backward),
    )


# wrong: stacked on a new axis and reshaped, so the features interleave
# says: interleav|axis|order|reshape|alternat|concat
def merge(h_forward, h_backward):
    T, B, H = h_forward.shape
    both = np.stack([h_forward, h_backward], axis=-1).reshape(T, B, 2 * H)
    return both, h_forward + h_backward, (h_forward + h_backward) / 2, h_forward * h_backward


# wrong: mean and product are exchanged in the return
# says: order|exchang|swap
def merge(h_forward, h_backward):
    return (
        np.concatenate([h_forward, h_backward], 2),
        h_forward + h_backward,
        h_forward * h_backward,
        (h_forward + h_backward) / 2,
    )


# wrong: the mean runs over all features, not over the two directions
# says: mean|axis|feature|shape
def merge(h_forward, h_backward):
    cat = np.concatenate([h_forward, h_backward], -1)
    return cat, h_forward + h_backward, cat.mean(axis=-1, keepdims=True) + 0 * h_forward, h_forward * h_backward


# right: np.mean of a pair
def merge(h_forward, h_backward):
    pair = np.array([h_forward, h_backward])
    return np.append(h_forward, h_backward, axis=2), pair.sum(0), pair.mean(0), pair.prod(0)


# right: written into arrays
def merge(h_forward, h_backward):
    T, B, H = h_forward.shape
    out = np.empty((T, B, 2 * H))
    out[..., :H], out[..., H:] = h_forward, h_backward
    return [out, np.add(h_forward, h_backward), h_forward / 2 + h_backward / 2, h_backward * h_forward]


# wrong: the whole column is turned round, padding and all
# says: padding|length|own
def reverse_padded(x, lengths):
    out = np.zeros_like(x)
    for t in range(len(x)):
        out[t] = x[len(x) - 1 - t]
    return out


# wrong: the padding is replaced by zeros
# says: padding|stays|zero
def reverse_padded(x, lengths):
    out = np.zeros(x.shape)
    for b in range(x.shape[1]):
        n = lengths[b]
        out[:n, b] = x[:n, b][::-1]
    return out


# wrong: x is changed in place
# says: in place|changed|copy|input
def reverse_padded(x, lengths):
    for b, n in enumerate(lengths):
        x[:n, b] = x[:n, b][::-1].copy()
    return x


# wrong: swaps run over the whole length, so each is undone again
# says: nothing|unchanged|same as|not reversed|as it (was|came)|undone|half|x itself|revers
def reverse_padded(x, lengths):
    out = x.copy()
    for b in range(x.shape[1]):
        n = lengths[b]
        for t in range(n):
            tmp = out[t, b].copy()
            out[t, b] = out[n - 1 - t, b]
            out[n - 1 - t, b] = tmp
    return out


# wrong: the last real element stays where it is (one element too short)
# says: last|one (element|step)|short|length|- ?1
def reverse_padded(x, lengths):
    out = x.copy()
    for b, n in enumerate(lengths):
        out[: n - 1, b] = x[: n - 1, b][::-1]
    return out


# wrong: the features are reversed along with time
# says: feature|axis|last axis
def reverse_padded(x, lengths):
    out = x.copy()
    for b, n in enumerate(lengths):
        out[:n, b] = np.flip(x[:n, b])
    return out


# right: by indices
def reverse_padded(x, lengths):
    t = np.arange(x.shape[0])[:, None]
    index = np.where(t < lengths[None], lengths[None] - 1 - t, t)
    return np.take_along_axis(x, index[..., None], axis=0)


# right: swaps up to the middle
def reverse_padded(x, lengths):
    out = np.array(x)
    for b, n in enumerate(lengths):
        for t in range(n // 2):
            out[[t, n - 1 - t], b] = out[[n - 1 - t, t], b]
    return out


# wrong: the padding is not zeroed
# says: padding|zero|mask
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, _ = x.shape

    def flip(v):
        w = v.copy()
        for b in range(B):
            w[: lengths[b], b] = v[: lengths[b], b][::-1]
        return w

    return flip(states(flip(x), weight_ih, weight_hh, bias_ih, bias_hh))


# wrong: the whole batch is reversed, so the padding is read first
# says: padding|length|read first
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    h = states(x[::-1], weight_ih, weight_hh, bias_ih, bias_hh)[::-1]
    mask = np.arange(len(x))[:, None] < lengths
    return h * mask[:, :, None]


# wrong: the states of the forward direction, masked
# says: forward|revers|backward
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    h = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    for b, n in enumerate(lengths):
        h[n:, b] = 0
    return h


# wrong: not turned back: the states stand in the order in which they were made
# says: back|turn|revers|order
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    out = np.zeros((x.shape[0], x.shape[1], weight_hh.shape[0]))
    for b, n in enumerate(lengths):
        out[:n, b] = states(x[:n, b : b + 1][::-1], weight_ih, weight_hh, bias_ih, bias_hh)[:, 0]
    return out


# wrong: the recurrent state is not reset where padding ends: padding's state leaks through its bias
# says: padding|zero|start|reset|initial
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, _ = x.shape
    h = np.zeros((B, len(bias_ih)))
    y = np.zeros((T, B, len(bias_ih)))
    for t in range(T - 1, -1, -1):
        real = (t < lengths)[:, None]
        h = np.tanh((x[t] * real) @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        y[t] = h * real
    return y


# wrong: one padded step too many counts as real
# says: one step|<=|length|padding|off by one
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, _ = x.shape
    h = np.zeros((B, len(bias_ih)))
    y = []
    for t in range(T - 1, -1, -1):
        real = (t <= lengths)[:, None]
        h = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh) * real
        y.append(h)
    return np.stack(y[::-1])


# right: a masked loop from the end
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, _ = x.shape
    h = np.zeros((B, len(bias_ih)))
    y = np.zeros((T, B, len(bias_ih)))
    for t in reversed(range(T)):
        new = np.tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        h = np.where((t < lengths)[:, None], new, 0.0)
        y[t] = h
    return y


# right: sequence by sequence
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    out = np.zeros((x.shape[0], x.shape[1], weight_hh.shape[0]))
    for b, n in enumerate(lengths):
        h = np.zeros(weight_hh.shape[0])
        for t in range(n - 1, -1, -1):
            h = np.tanh(weight_ih @ x[t, b] + weight_hh @ h + bias_ih + bias_hh)
            out[t, b] = h
    return out


# wrong: the backward half is also taken at the last step of each sequence
# says: backward|step 0|first step|last
def final_states(y, lengths):
    B = y.shape[1]
    return torch.stack([y[lengths[b] - 1, b] for b in range(B)])


# wrong: the last row is used for the forward half
# says: length|last row|padding|own|end
def final_states(y, lengths):
    H = y.size(2) // 2
    return torch.cat((y[-1, :, :H], y[0, :, H:]), dim=1)


# wrong: backward half first
# says: order|forward first|exchang
def final_states(y, lengths):
    H = y.shape[2] // 2
    idx = torch.arange(len(lengths))
    return torch.cat([y[0, :, H:], y[lengths - 1, idx, :H]], dim=1)


# wrong: one step behind the end, wrapped by a clamp
# says: - ?1|one step|behind|length|end
def final_states(y, lengths):
    H = y.shape[-1] // 2
    last = lengths.clamp(max=len(y) - 1)
    return torch.cat([y[last, torch.arange(y.shape[1]), :H], y[0, :, H:]], dim=-1)


# wrong: the halves are exchanged: the forward half at step 0, the backward half at the end
# says: half|halves|exchang|forward|backward
def final_states(y, lengths):
    H = y.shape[2] // 2
    i = torch.arange(len(lengths))
    return torch.cat([y[0, :, :H], y[lengths - 1, i, H:]], dim=1)


# right: gather and chunk
def final_states(y, lengths):
    forward, backward = y.chunk(2, dim=-1)
    index = (lengths - 1).view(1, -1, 1).expand(1, -1, forward.shape[-1])
    return torch.cat([forward.gather(0, index).squeeze(0), backward[0]], -1)


# right: sequence by sequence
def final_states(y, lengths):
    H = y.shape[2] // 2
    rows = []
    for b in range(y.shape[1]):
        n = int(lengths[b])
        rows.append(torch.hstack([y[n - 1, b, :H], y[0, b, H:]]))
    return torch.stack(rows)


# wrong: the first layer's two states
# says: first layer|last layer|layer
def summary(h_n):
    return torch.cat([h_n[0], h_n[1]], dim=1)


# wrong: a reshape mixes the samples
# says: reshape|sample|mix|batch
def summary(h_n):
    B, H = h_n.shape[1:]
    return h_n[-2:].reshape(B, 2 * H)


# wrong: backward first
# says: order|forward first|exchang|backward
def summary(h_n):
    return torch.cat((h_n[-1], h_n[-2]), dim=1)


# wrong: concatenated along the batch
# says: axis|dim|shape|batch
def summary(h_n):
    return torch.cat([h_n[-2], h_n[-1]])


# wrong: forward of all layers taken to come first, so h_n[L-1] and h_n[-1]
# says: layer|order|forward
def summary(h_n):
    L = h_n.shape[0] // 2
    return torch.cat([h_n[L - 1], h_n[-1]], dim=1)


# right: view as (layers, 2, B, H)
def summary(h_n):
    layers, B, H = h_n.shape[0] // 2, h_n.shape[1], h_n.shape[2]
    return h_n.view(layers, 2, B, H)[-1].transpose(0, 1).reshape(B, 2 * H)


# right: flatten of a permuted pair
def summary(h_n):
    return h_n[-2:].permute(1, 0, 2).flatten(1)


# wrong: not turned round: the first step is taken as certain
# says: order|turn|revers|first|last
def best_forward(T):
    p = 0.0
    out = []
    for _ in range(T):
        out.append(1 - p)
        p = 0.25 + 0.5 * p
    return np.array(out)


# wrong: the probability of the carry is returned, not of being right
# says: 1 -|carry|right|complement
def best_forward(T):
    p = np.zeros(T)
    for j in range(1, T):
        p[j] = 0.25 + p[j - 1] / 2
    return p[::-1]


# wrong: a carry passes on with probability 1/4 only
# says: 1 ?/ ?2|half|pass
def best_forward(T):
    p = [0]
    for j in range(T - 1):
        p.append(1 / 4 + 1 / 4 * p[-1])
    return 1 - np.array(p)[::-1]


# wrong: counts one unread bit too many: step T-1 still has one
# says: unread|one|last|off by one|T - 1
def best_forward(T):
    j = np.arange(T, 0, -1)
    return 1 - 0.5 * (1 - 0.5**j)


# wrong: one half at every step but the last
# says: carry|p_j|half|1/2|every
def best_forward(T):
    out = np.full(T, 0.5)
    out[-1] = 1.0
    return out


# right: the closed formula
def best_forward(T):
    return 0.5 + 0.5 ** np.arange(T, 0, -1)


# right: counted over all pairs of numbers
def best_forward(T):
    def carry(j):
        n = 2**j
        return sum(max(0, min(n, a)) for a in range(n)) / (n * n)

    return [1 - carry(T - 1 - t) for t in range(T)]
