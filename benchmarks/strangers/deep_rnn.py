"""What strangers hand in for chapter 3: wrong answers with their true cause, and right ones in unlike forms."""

import numpy as np
import torch


def states(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """The states (T, B, H) of one layer, from a zero state."""
    h, read = np.zeros((x.shape[1], len(weight_hh))), []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        read.append(h)
    return np.stack(read)


# wrong: a tanh stands around the scores as well
# says: tanh
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    T = y.shape[0]
    out = []
    for t in range(T):
        k = np.tanh(y[t] @ weight_1.T + bias_1)
        out.append(np.tanh(k @ weight_2.T + bias_2))
    return np.array(out)


# wrong: only the last step gets an answer
# says: last|every step|all steps|shape|step
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    k = np.tanh(y[-1] @ weight_1.T + bias_1)
    return k @ weight_2.T + bias_2


# wrong: the tanh between the layers is missing
# says: tanh
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    z = np.einsum("tbh,kh->tbk", y, weight_1) + bias_1
    return np.einsum("tbk,ok->tbo", z, weight_2) + bias_2


# wrong: a softmax is put on the scores
# says: softmax|probabilit|scores
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    o = np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2
    e = np.exp(o - o.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# wrong: the first bias is added after the tanh
# says: bias
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    hidden = np.tanh(y @ weight_1.T) + bias_1
    return hidden @ weight_2.T + bias_2


# right: flattened and put back
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    T, B, H = y.shape
    k = np.tanh(np.dot(y.reshape(T * B, H), weight_1.T) + bias_1)
    return (np.dot(k, weight_2.T) + bias_2).reshape(T, B, -1)


# right: a double loop
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    return np.array([[weight_2 @ np.tanh(weight_1 @ h + bias_1) + bias_2 for h in row] for row in y])


# wrong: the last row of y is taken for all sequences, padding or not
# says: length|padding|last (row|step)|own
def last_state_head(y, lengths, weight, bias):
    h = y[-1]
    o = h @ weight.T + bias
    o -= o.max(1, keepdims=True)
    return np.exp(o) / np.exp(o).sum(1, keepdims=True)


# wrong: the state one step behind the end is taken
# says: - ?1|one step|behind|length|off by one
def last_state_head(y, lengths, weight, bias):
    T, B, H = y.shape
    h = np.stack([y[min(lengths[b], T - 1), b] for b in range(B)])
    o = h @ weight.T + bias
    e = np.exp(o - o.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# wrong: exp overflows, as the largest score is not taken off
# says: overflow|largest|inf|nan|large
def last_state_head(y, lengths, weight, bias):
    rows = []
    for b, n in enumerate(lengths):
        e = np.exp(weight @ y[n - 1, b] + bias)
        rows.append(e / e.sum())
    return np.array(rows)


# wrong: the probabilities are normalised over the batch
# says: axis|batch|class|row
def last_state_head(y, lengths, weight, bias):
    o = y[lengths - 1, np.arange(len(lengths))] @ weight.T + bias
    e = np.exp(o - o.max(axis=0))
    return e / e.sum(axis=0)


# wrong: the mean over the real states is used instead of the last one
# says: last|mean|state
def last_state_head(y, lengths, weight, bias):
    m = np.arange(len(y))[:, None] < lengths
    h = (y * m[..., None]).sum(0) / lengths[:, None]
    o = h @ weight.T + bias
    e = np.exp(o - o.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# wrong: scores are returned rather than probabilities
# says: softmax|probabilit|scores
def last_state_head(y, lengths, weight, bias):
    h = np.array([y[n - 1, b] for b, n in enumerate(lengths)])
    return h @ weight.T + bias


# wrong: one number is taken off all rows: a low row underflows to 0 / 0
# says: each row|own|largest|0 / 0|nan|underflow|row
def last_state_head(y, lengths, weight, bias):
    o = y[lengths - 1, np.arange(len(lengths))] @ weight.T + bias
    e = np.exp(o - o.max())
    return e / e.sum(axis=-1, keepdims=True)


# right: torch's gather and softmax
def last_state_head(y, lengths, weight, bias):
    y, n = torch.tensor(y), torch.tensor(lengths)
    h = y.gather(0, (n - 1)[None, :, None].expand(1, -1, y.shape[2]))[0]
    return torch.softmax(h @ torch.tensor(weight).T + torch.tensor(bias), -1).numpy()


# right: exp of the logarithm
def last_state_head(y, lengths, weight, bias):
    out = []
    for b in range(y.shape[1]):
        o = weight @ y[lengths[b] - 1, b] + bias
        out.append(np.exp(o - np.logaddexp.reduce(o)))
    return np.stack(out)


# wrong: the columns of the context are taken from the front
# says: column|order|first|exchang|front|behind
def context_bias(c, weight_ih, bias_ih, bias_hh):
    C = c.shape[1]
    R = weight_ih[:, :C]
    U = weight_ih[:, C:]
    return U, c @ R.T + bias_ih + bias_hh


# wrong: the recurrent bias is forgotten
# says: bias_hh|bias
def context_bias(c, weight_ih, bias_ih, bias_hh):
    D = weight_ih.shape[1] - c.shape[1]
    return weight_ih[:, :D], np.stack([weight_ih[:, D:] @ row for row in c]) + bias_ih


# wrong: the context's share is averaged over the batch: one bias for all
# says: batch|each sequence|shape|one bias|own
def context_bias(c, weight_ih, bias_ih, bias_hh):
    D = weight_ih.shape[1] - c.shape[1]
    b = c.mean(0) @ weight_ih[:, D:].T + bias_ih + bias_hh
    return weight_ih[:, :D], np.tile(b, (len(c), 1))


# wrong: U is returned transposed
# says: transpos|shape
def context_bias(c, weight_ih, bias_ih, bias_hh):
    D = weight_ih.shape[1] - c.shape[1]
    U, R = np.split(weight_ih, [D], axis=1)
    return U.T, bias_ih + bias_hh + c @ R.T


# wrong: all biases are left out: only R c
# says: bias
def context_bias(c, weight_ih, bias_ih, bias_hh):
    n = c.shape[1]
    return weight_ih[:, :-n], c @ weight_ih[:, -n:].T


# right: einsum and negative slices
def context_bias(c, weight_ih, bias_ih, bias_hh):
    n = c.shape[1]
    return weight_ih[:, :-n].copy(), np.einsum("bc,hc->bh", c, weight_ih[:, -n:]) + bias_ih + bias_hh


# right: by zeros in front of the context
def context_bias(c, weight_ih, bias_ih, bias_hh):
    D = weight_ih.shape[1] - c.shape[1]
    v = np.concatenate([np.zeros((len(c), D)), c], axis=1)
    return np.asfortranarray(weight_ih[:, :D]), v @ weight_ih.T + (bias_hh + bias_ih)


# wrong: the output reads the old state
# says: old|new state|h_next|previous
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    z = torch.cat((x, h), 1)
    new = torch.tanh(torch.nn.functional.linear(z, weight_h, bias_h))
    return new, torch.nn.functional.linear(h, weight_o, bias_o)


# wrong: input and state are joined in the other order
# says: order|exchang|cat|join
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    combined = torch.cat([h, x], dim=1)
    h_next = torch.tanh(combined @ weight_h.T + bias_h)
    return h_next, h_next @ weight_o.T + bias_o


# wrong: the tanh is missing
# says: tanh
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    h = torch.cat([x, h], dim=-1) @ weight_h.T + bias_h
    o = h @ weight_o.T + bias_o
    return h, o


# wrong: a log_softmax is still on the scores
# says: softmax|scores
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    combined = torch.cat([x, h], dim=1)
    hidden = torch.tanh(combined @ weight_h.T + bias_h)
    return hidden, torch.log_softmax(hidden @ weight_o.T + bias_o, dim=1)


# wrong: the graph is cut: through NumPy, so nothing can be trained
# says: gradient|detach|NumPy|autograd|graph
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    a = [t.detach().numpy() for t in (x, h, weight_h, bias_h, weight_o, bias_o)]
    h_next = np.tanh(np.hstack(a[:2]) @ a[2].T + a[3])
    return torch.tensor(h_next), torch.tensor(h_next @ a[4].T + a[5])


# wrong: the tanh also stands around the scores
# says: tanh|scores
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    h_next = (torch.cat([x, h], dim=1) @ weight_h.T + bias_h).tanh()
    return h_next, (h_next @ weight_o.T + bias_o).tanh()


# right: split weights
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    U, W = weight_h.split([x.shape[1], h.shape[1]], dim=1)
    new = torch.tanh(x.mm(U.t()) + h.mm(W.t()) + bias_h)
    return new, torch.addmm(bias_o, new, weight_o.t())


# right: einsum
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    v = torch.hstack([x, h])
    h = torch.einsum("bi,hi->bh", v, weight_h).add(bias_h).tanh()
    return [h, torch.einsum("bh,oh->bo", h, weight_o) + bias_o]


# wrong: the temperature multiplies the scores
# says: temperature|divid|multipl
def sample_letters(logits, temperature, u):
    z = logits * temperature
    e = np.exp(z - z.max(1, keepdims=True))
    ends = np.cumsum(e / e.sum(1, keepdims=True), axis=1)
    return np.array([np.searchsorted(row, v) for row, v in zip(ends, u)])


# wrong: the most likely letter is always taken; u is not used
# says: \bu\b|argmax|most likely|random|likeliest
def sample_letters(logits, temperature, u):
    z = logits / temperature
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p.argmax(axis=1)


# wrong: the count also includes the piece in which u falls
# says: one (too|more|letter)|off by one|too (large|far|high)|1 more|- ?1|\+ ?1|next|ended
def sample_letters(logits, temperature, u):
    out = []
    for row, v in zip(logits, u):
        z = row / temperature
        p = np.exp(z - z.max())
        p = p / p.sum()
        total, k = 0.0, 0
        while total < v and k < len(p):
            total += p[k]
            k += 1
        out.append(k)
    return np.array(out)


# wrong: the exponentials overflow, since the largest is not taken off
# says: overflow|largest|large|inf|nan
def sample_letters(logits, temperature, u):
    e = np.exp(logits / temperature)
    cdf = np.cumsum(e / e.sum(axis=1, keepdims=True), axis=1)
    return np.argmax(cdf > u[:, None], axis=1)


# wrong: the pieces are in order of probability, not in order of the letters
# says: order|sort
def sample_letters(logits, temperature, u):
    z = logits / temperature
    p = np.exp(z - z.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)
    order = np.argsort(-p, axis=-1)
    cdf = np.cumsum(np.take_along_axis(p, order, -1), -1)
    k = (cdf < u[:, None]).sum(-1)
    return k


# wrong: temperature is applied to the probabilities after the softmax, without normalising again
# says: temperature
def sample_letters(logits, temperature, u):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True) / temperature
    cdf = np.cumsum(p, -1)
    return np.minimum((cdf < u[:, None]).sum(-1), logits.shape[1] - 1)


# wrong: the same random number, the first, is used in every row
# says: \bu\b|each row|own|first|same
def sample_letters(logits, temperature, u):
    z = logits / temperature
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return (np.cumsum(p, -1) < u[0]).sum(-1)


# right: searchsorted
def sample_letters(logits, temperature, u):
    z = logits / temperature
    p = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
    return [int(np.searchsorted(np.cumsum(row), v)) for row, v in zip(p, u)]


# right: argmax of a comparison
def sample_letters(logits, temperature, u):
    z = (logits - logits.max(1)[:, None]) / temperature
    e = np.exp(z)
    return np.argmax(e.cumsum(1) >= u[:, None] * e.sum(1)[:, None], axis=1)


# wrong: the layers above the first also read D numbers
# says: above|first layer|D|H \* H|reads|upper
def stack_parameters(D, H, L):
    per_layer = H * D + H * H + 2 * H
    return L * per_layer


# wrong: one bias a layer
# says: bias
def stack_parameters(D, H, L):
    total = 0
    for layer in range(L):
        n_in = D if layer == 0 else H
        total += n_in * H + H * H + H
    return total


# wrong: one layer too many above the first
# says: layer|L - 1|one (more|too)
def stack_parameters(D, H, L):
    return (H * D + H * H + 2 * H) + L * (2 * H * H + 2 * H)


# wrong: no biases
# says: bias
def stack_parameters(D, H, L):
    return H * (D + H) + (L - 1) * 2 * H * H


# right: counted by torch
def stack_parameters(D, H, L):
    return sum(p.numel() for p in torch.nn.RNN(D, H, num_layers=L).parameters())


# right: a loop
def stack_parameters(D, H, L):
    n = 0
    for width in [D] + [H] * (L - 1):
        n += H * (width + H + 2)
    return n


# wrong: layer 2 reads the old state of layer 1
# says: old|new state|late|one step|before
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    a = b = np.zeros((x.shape[1], weight_hh_l0.shape[0]))
    y = []
    for t in range(len(x)):
        b = np.tanh(a @ weight_ih_l1.T + bias_ih_l1 + b @ weight_hh_l1.T + bias_hh_l1)
        a = np.tanh(x[t] @ weight_ih_l0.T + bias_ih_l0 + a @ weight_hh_l0.T + bias_hh_l0)
        y.append(b)
    return np.stack(y), np.stack([a, b])


# wrong: h_n holds only the final state of the last layer
# says: h_n|each layer|layer|shape
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    y1 = states(x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0)
    y2 = states(y1, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1)
    return y2, y2[-1]


# wrong: the order of the layers in h_n is turned round
# says: order|h_n|exchang|first|swap
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    y1 = states(x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0)
    y2 = states(y1, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1)
    return y2, np.stack([y2[-1], y1[-1]])


# wrong: both layers share one state
# says: share|own state|state of (its|the)|two states|layer
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    h = np.zeros((x.shape[1], len(weight_hh_l0)))
    ys = []
    for x_t in x:
        first = np.tanh(x_t @ weight_ih_l0.T + bias_ih_l0 + h @ weight_hh_l0.T + bias_hh_l0)
        h = np.tanh(first @ weight_ih_l1.T + bias_ih_l1 + h @ weight_hh_l1.T + bias_hh_l1)
        ys.append(h)
    return np.stack(ys), np.stack([first, h])


# wrong: y is that of the first layer
# says: first layer|last layer|layer 1|layer 2|\by\b.*layer
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    below = states(x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0)
    above = states(below, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1)
    return below, np.array([below[-1], above[-1]])


# wrong: the recurrent bias of the second layer is forgotten
# says: bias_hh_l1|bias
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    h1 = np.zeros((x.shape[1], len(bias_ih_l0)))
    h2 = np.zeros_like(h1)
    y = np.zeros((x.shape[0], *h1.shape))
    for t in range(x.shape[0]):
        h1 = np.tanh(x[t] @ weight_ih_l0.T + bias_ih_l0 + h1 @ weight_hh_l0.T + bias_hh_l0)
        h2 = np.tanh(h1 @ weight_ih_l1.T + bias_ih_l1 + h2 @ weight_hh_l1.T)
        y[t] = h2
    return y, np.stack([h1, h2])


# wrong: the second layer starts from the final state of the first
# says: zero|initial|start|first layer
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    y1 = states(x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0)
    h, y2 = y1[-1], []
    for inp in y1:
        h = np.tanh(inp @ weight_ih_l1.T + bias_ih_l1 + h @ weight_hh_l1.T + bias_hh_l1)
        y2.append(h)
    return np.stack(y2), np.stack([y1[-1], h])


# right: layer by layer with the given function
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    y1 = states(x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0)
    y2 = states(y1, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1)
    return y2, np.array([y1[-1], y2[-1]])


# right: one wide layer of weights, in a loop over layers
def stacked_forward(
    x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1
):
    weights = [
        (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0),
        (weight_ih_l1, weight_hh_l1, bias_ih_l1, bias_hh_l1),
    ]
    h = np.zeros((2, x.shape[1], len(bias_ih_l0)))
    y = []
    for below in x:
        for k, (U, W, b, c) in enumerate(weights):
            h[k] = below = np.tanh(below @ U.T + h[k] @ W.T + b + c)
        y.append(below)
    return y, h


# wrong: layer 2's input matrix sits in the upper right block
# says: block|reads|row|column|transpos|exchang
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    H, D = weight_ih_l0.shape
    U = np.zeros((2 * H, D))
    U[:H] = weight_ih_l0
    W = np.zeros((2 * H, 2 * H))
    W[:H, :H], W[H:, H:], W[:H, H:] = weight_hh_l0, weight_hh_l1, weight_ih_l1
    return U, W


# wrong: both groups read the input
# says: input|group 2|x|zero|second|lower
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    Z = np.zeros(weight_hh_l0.shape)
    return np.vstack([weight_ih_l0, weight_ih_l0]), np.vstack(
        [np.hstack([weight_hh_l0, Z]), np.hstack([weight_ih_l1, weight_hh_l1])]
    )


# wrong: the recurrent matrices of the two layers are exchanged
# says: exchang|weight_hh_l0|weight_hh_l1|swap|block
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    Z = np.zeros_like(weight_hh_l0)
    W = np.block([[weight_hh_l1, Z], [weight_ih_l1, weight_hh_l0]])
    return np.concatenate([weight_ih_l0, np.zeros_like(weight_ih_l0)]), W


# wrong: the coupling between the groups is missing
# says: weight_ih_l1|group|block|couple|reads
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    H = len(weight_hh_l0)
    W = np.zeros((2 * H, 2 * H))
    W[:H, :H] = weight_hh_l0
    W[H:, H:] = weight_hh_l1
    return np.pad(weight_ih_l0, ((0, H), (0, 0))), W


# wrong: the zeros of weight_ih stand beside it, not below
# says: axis|below|shape|beside|row|column
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    Z = np.zeros_like(weight_hh_l0)
    U = np.concatenate([weight_ih_l0, np.zeros_like(weight_ih_l0)], axis=1)
    return U, np.block([[weight_hh_l0, Z], [weight_ih_l1, weight_hh_l1]])


# right: pad and slices
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    H = weight_hh_l0.shape[0]
    W = np.zeros((2 * H, 2 * H))
    W[:H, :H] = weight_hh_l0
    W[H:, :H] = weight_ih_l1
    W[H:, H:] = weight_hh_l1
    return np.pad(weight_ih_l0, [(0, H), (0, 0)]), W


# right: Kronecker products
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    def unit(i, j):
        e = np.zeros((2, 2))
        e[i, j] = 1
        return e

    W = np.kron(unit(0, 0), weight_hh_l0) + np.kron(unit(1, 0), weight_ih_l1) + np.kron(unit(1, 1), weight_hh_l1)
    return np.kron([[1], [0]], weight_ih_l0), W
