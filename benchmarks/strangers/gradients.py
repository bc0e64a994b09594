"""What strangers hand in for chapter 6: wrong answers with their true cause, and right ones in unlike forms."""

import math

import numpy as np
import torch


def loss(x, target, weight_ih, weight_hh, bias):
    """Half the squared distance of all states (T, B, H) from target."""
    h, total = np.zeros((x.shape[1], len(weight_hh))), 0.0
    for x_t, target_t in zip(x, target, strict=True):
        h = np.tanh(x_t @ weight_ih.T + h @ weight_hh.T + bias)
        total += 0.5 * np.sum((h - target_t) ** 2)
    return total


# wrong: the gradient of the weight is transposed
# says: transpos|shape
def linear_backward(do, h, weight):
    dW = h.T @ do
    return np.dot(do, weight), dW, np.sum(do, axis=0)


# wrong: the bias gradient is the mean over the batch
# says: mean|sum|batch|factor|divid
def linear_backward(do, h, weight):
    return do @ weight, do.T @ h, do.mean(axis=0)


# wrong: the bias gradient is not summed over the batch
# says: sum|batch|shape
def linear_backward(do, h, weight):
    dh = np.einsum("bo,oh->bh", do, weight)
    dW = np.einsum("bo,bh->oh", do, h)
    return dh, dW, do


# wrong: all gradients are averaged over the batch
# says: mean|batch|divid|sum
def linear_backward(do, h, weight):
    B = len(do)
    return do @ weight, do.T @ h / B, do.sum(0) / B


# wrong: the order of the results: dweight first
# says: order|exchang|swap
def linear_backward(do, h, weight):
    return do.T @ h, do @ weight, do.sum(0)


# wrong: only the last sample counts for the weight (assignment instead of addition)
# says: last|add|sum|sample|overwrit|batch
def linear_backward(do, h, weight):
    dW = np.zeros_like(weight)
    for b in range(len(do)):
        dW = np.outer(do[b], h[b])
    return do @ weight, dW, do.sum(0)


# right: autograd
def linear_backward(do, h, weight):
    h, W, c = (torch.tensor(v, requires_grad=True) for v in (h, weight, np.zeros(len(weight))))
    o = h @ W.T + c
    return tuple(g.numpy() for g in torch.autograd.grad(o, (h, W, c), torch.tensor(do)))


# right: loops
def linear_backward(do, h, weight):
    dh, dW, db = np.zeros_like(h), np.zeros_like(weight), np.zeros(len(weight))
    for b in range(len(do)):
        dh[b] += weight.T @ do[b]
        dW += np.outer(do[b], h[b])
        db += do[b]
    return dh, dW, db


# wrong: the slope of the tanh is left out
# says: tanh|slope|1 - h
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    return (
        dh_next @ weight_ih,
        dh_next @ weight_hh,
        dh_next.T @ x,
        dh_next.T @ h,
        dh_next.sum(0),
    )


# wrong: the slope is taken at the old state
# says: h_next|old|before|after|slope
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    delta = dh_next * (1 - h * h)
    return delta @ weight_ih, delta @ weight_hh, delta.T @ x, delta.T @ h, delta.sum(axis=0)


# wrong: the slope is 1 - h_next without the square
# says: square|\*\* ?2|slope|h_next
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = dh_next * (1 - h_next)
    return da @ weight_ih, da @ weight_hh, da.T @ x, da.T @ h, da.sum(0)


# wrong: dweight_hh meets the new state
# says: h_next|before|old|state
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = dh_next - dh_next * np.square(h_next)
    return da @ weight_ih, da @ weight_hh, da.T @ x, da.T @ h_next, da.sum(0)


# wrong: dh goes back through the transposed matrix
# says: transpos
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = (1 - h_next**2) * dh_next
    return np.matmul(da, weight_ih), np.matmul(da, weight_hh.T), np.matmul(da.T, x), np.matmul(da.T, h), da.sum(0)


# wrong: the slope is that of the sigmoid
# says: sigmoid|logistic|tanh|slope|1 - h
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = dh_next * h_next * (1 - h_next)
    return da @ weight_ih, da @ weight_hh, da.T @ x, da.T @ h, da.sum(0)


# wrong: the tanh is applied a second time: slope 1 - tanh(h_next)^2
# says: tanh|already|second|twice|slope
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = dh_next * (1 - np.tanh(h_next) ** 2)
    return da @ weight_ih, da @ weight_hh, da.T @ x, da.T @ h, da.sum(0)


# right: sums over samples
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = np.einsum("bh,bh->bh", dh_next, 1 - h_next * h_next)
    return (
        np.einsum("bh,hd->bd", da, weight_ih),
        np.einsum("bh,hk->bk", da, weight_hh),
        sum(np.outer(a, v) for a, v in zip(da, x)),
        sum(np.outer(a, v) for a, v in zip(da, h)),
        np.ones(len(da)) @ da,
    )


# right: (1 - h)(1 + h)
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    da = dh_next * (1 - h_next) * (1 + h_next)
    dx, dh = np.hsplit(da @ np.hstack([weight_ih, weight_hh]), [x.shape[1]])
    return [dx, dh, np.transpose(np.transpose(x) @ da), np.transpose(np.transpose(h) @ da), np.sum(da, 0)]


# wrong: what comes back from later steps is left out
# says: later|back|next step|total|immediate|hand
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    before = np.concatenate([h0[None], y[:-1]])
    da = dy * (1 - y**2)
    dx = da @ weight_ih
    dWi = np.einsum("tbh,tbd->hd", da, x)
    dWh = np.einsum("tbh,tbk->hk", da, before)
    return dx, da[0] @ weight_hh, dWi, dWh, da.sum((0, 1))


# wrong: the weight gradients are those of the first step only: overwritten, not added up
# says: add|sum|overwrit|last|first step|\+=
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    T = len(x)
    dx = np.zeros_like(x)
    dh = np.zeros_like(h0)
    for t in range(T - 1, -1, -1):
        prev = h0 if t == 0 else y[t - 1]
        da = (dy[t] + dh) * (1 - y[t] ** 2)
        dx[t] = da @ weight_ih
        dWi = da.T @ x[t]
        dWh = da.T @ prev
        db = da.sum(0)
        dh = da @ weight_hh
    return dx, dh, dWi, dWh, db


# wrong: the recurrent gradient meets the state after the step
# says: before|after|y\[t - 1\]|state
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dWi, dWh, db = np.zeros_like(weight_ih), np.zeros_like(weight_hh), np.zeros(len(weight_hh))
    for t in reversed(range(len(x))):
        da = (dy[t] + dh) * (1 - y[t] ** 2)
        dx[t] = da @ weight_ih
        dWi += da.T @ x[t]
        dWh += da.T @ y[t]
        db += da.sum(0)
        dh = da @ weight_hh
    return dx, dh, dWi, dWh, db


# wrong: the loop runs forward in time
# says: revers|last step|forward|order|backward|time
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dWi, dWh, db = np.zeros_like(weight_ih), np.zeros_like(weight_hh), np.zeros(len(weight_hh))
    prev = np.concatenate([h0[None], y[:-1]])
    for t in range(len(x)):
        da = (dy[t] + dh) * (1 - y[t] ** 2)
        dx[t] = da @ weight_ih
        dWi += da.T @ x[t]
        dWh += da.T @ prev[t]
        db += da.sum(0)
        dh = da @ weight_hh
    return dx, dh, dWi, dWh, db


# wrong: h0 is thought to be zero: the first step's share of dweight_hh is left out
# says: h0|first|zero|initial
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dWi, dWh, db = np.zeros_like(weight_ih), np.zeros_like(weight_hh), np.zeros(len(weight_hh))
    for t in reversed(range(len(x))):
        da = (dy[t] + dh) * (1 - y[t] ** 2)
        dx[t] = da @ weight_ih
        dWi += da.T @ x[t]
        if t > 0:
            dWh += da.T @ y[t - 1]
        db += da.sum(0)
        dh = da @ weight_hh
    return dx, dh, dWi, dWh, db


# wrong: dh0 is the total gradient of the first state, not handed back through the step
# says: dh0|weight_hh|first|h0
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dWi, dWh, db = np.zeros_like(weight_ih), np.zeros_like(weight_hh), np.zeros(len(weight_hh))
    for t in reversed(range(len(x))):
        total = dy[t] + dh
        da = total * (1 - y[t] ** 2)
        dx[t] = da @ weight_ih
        dWi += da.T @ x[t]
        dWh += da.T @ (y[t - 1] if t else h0)
        db += da.sum(0)
        dh = da @ weight_hh
    return dx, total, dWi, dWh, db


# wrong: the gradient that comes back is put through the tanh's slope twice
# says: slope|twice|tanh|1 - y
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dWi, dWh, db = np.zeros_like(weight_ih), np.zeros_like(weight_hh), np.zeros(len(weight_hh))
    for t in reversed(range(len(x))):
        slope = 1 - y[t] ** 2
        da = (dy[t] + dh * slope) * slope
        dx[t] = da @ weight_ih
        dWi += da.T @ x[t]
        dWh += da.T @ (y[t - 1] if t else h0)
        db += da.sum(0)
        dh = da @ weight_hh
    return dx, dh, dWi, dWh, db


# right: all deltas first, then products
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    d, dh = np.zeros_like(y), np.zeros_like(h0)
    for t in range(len(y))[::-1]:
        d[t] = (dy[t] + dh) * (1 - y[t] ** 2)
        dh = d[t] @ weight_hh
    before = np.concatenate([h0[None], y[:-1]])
    return (
        d @ weight_ih,
        dh,
        np.einsum("tbh,tbd->hd", d, x),
        np.einsum("tbh,tbk->hk", d, before),
        d.sum(axis=(0, 1)),
    )


# right: with lists, and a step function
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    def step(dh_next, x_t, h, h_next):
        da = dh_next * (1 - h_next**2)
        return da @ weight_ih, da @ weight_hh, da.T @ x_t, da.T @ h, da.sum(0)

    dxs, back, sums = [], 0.0, None
    for t in range(len(x) - 1, -1, -1):
        dx, back, *rest = step(dy[t] + back, x[t], y[t - 1] if t else h0, y[t])
        dxs.append(dx)
        sums = rest if sums is None else [a + b for a, b in zip(sums, rest)]
    return np.array(dxs[::-1]), back, *sums


# wrong: a one-sided difference
# says: one.?sided|central|down|up only|both|2 \* epsilon|forward
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    grad = np.zeros(weight_hh.shape)
    base = loss(x, target, weight_ih, weight_hh, bias)
    for i in range(len(weight_hh)):
        for j in range(len(weight_hh)):
            W = weight_hh.copy()
            W[i, j] += epsilon
            grad[i, j] = (loss(x, target, weight_ih, W, bias) - base) / epsilon
    return grad


# wrong: divided by epsilon instead of 2 epsilon
# says: 2|twice|factor|half
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    grad = np.zeros_like(weight_hh)
    for i, j in np.ndindex(*weight_hh.shape):
        up, down = weight_hh.copy(), weight_hh.copy()
        up[i, j] += epsilon
        down[i, j] -= epsilon
        grad[i, j] = (loss(x, target, weight_ih, up, bias) - loss(x, target, weight_ih, down, bias)) / epsilon
    return grad


# wrong: the nudges stay in: the matrix is not put back
# says: copy|put back|stay|nudge|alone|one number|restor|in place|changed
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    W = weight_hh.copy()
    grad = np.zeros_like(W)
    for k in np.ndindex(W.shape):
        W[k] += epsilon
        up = loss(x, target, weight_ih, W, bias)
        W[k] -= epsilon
        W[k] -= epsilon
        down = loss(x, target, weight_ih, W, bias)
        grad[k] = (up - down) / (2 * epsilon)
    return grad


# wrong: an epsilon of its own
# says: epsilon
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    eps = 1e-6
    grad = np.zeros_like(weight_hh)
    for k in np.ndindex(weight_hh.shape):
        e = np.zeros_like(weight_hh)
        e[k] = eps
        f = lambda W: loss(x, target, weight_ih, W, bias)
        grad[k] = (f(weight_hh + e) - f(weight_hh - e)) / (2 * eps)
    return grad


# wrong: all numbers move at once
# says: one number|alone|all|at (once|a time)
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    up = loss(x, target, weight_ih, weight_hh + epsilon, bias)
    down = loss(x, target, weight_ih, weight_hh - epsilon, bias)
    return np.full_like(weight_hh, (up - down) / (2 * epsilon))


# wrong: the sign is turned: down minus up
# says: sign|minus|down|order
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    grad = np.zeros_like(weight_hh)
    for k in np.ndindex(weight_hh.shape):
        up, down = weight_hh.copy(), weight_hh.copy()
        up[k] += epsilon
        down[k] -= epsilon
        grad[k] = (loss(x, target, weight_ih, down, bias) - loss(x, target, weight_ih, up, bias)) / (2 * epsilon)
    return grad


# right: in place on a copy, put back
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    W, grad = weight_hh.copy(), np.empty_like(weight_hh)
    for k in np.ndindex(W.shape):
        old = W[k]
        W[k] = old + epsilon
        up = loss(x, target, weight_ih, W, bias)
        W[k] = old - epsilon
        down = loss(x, target, weight_ih, W, bias)
        W[k] = old
        grad[k] = (up - down) / 2 / epsilon
    return grad


# right: unit matrices
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    H = len(weight_hh)
    f = lambda W: loss(x, target, weight_ih, W, bias)
    nudges = epsilon * np.eye(H * H).reshape(H * H, H, H)
    return np.array([(f(weight_hh + e) - f(weight_hh - e)) / (2 * epsilon) for e in nudges]).reshape(H, H)


# wrong: the inner minus is forgotten, as on the slide
# says: sign|minus|inner
def chain_gradients(w_h, w_y, h_0, y, L):
    err = y - w_y * w_h**L * h_0
    return 2 * err * w_y * w_h**L, 2 * err * w_y * L * w_h ** (L - 1) * h_0, 2 * err * w_h**L * h_0


# wrong: the factor L is forgotten
# says: \bL\b|factor|times
def chain_gradients(w_h, w_y, h_0, y, L):
    p = w_y * h_0 * w_h**L
    d = -2 * (y - p)
    return d * w_y * w_h**L, d * w_y * h_0 * w_h ** (L - 1), d * h_0 * w_h**L


# wrong: the power is not lowered
# says: L - 1|power|exponent
def chain_gradients(w_h, w_y, h_0, y, L):
    h = h_0
    for _ in range(L):
        h = w_h * h
    d = 2 * (w_y * h - y)
    return d * w_y * w_h**L, d * w_y * L * h, d * h


# wrong: the factor 2 of the square is forgotten
# says: 2|factor|half|square
def chain_gradients(w_h, w_y, h_0, y, L):
    d = w_y * w_h**L * h_0 - y
    return d * w_y * w_h**L, d * w_y * L * w_h ** (L - 1) * h_0, d * w_h**L * h_0


# wrong: the results are in another order: w_y, w_h, h_0
# says: order|exchang|swap
def chain_gradients(w_h, w_y, h_0, y, L):
    d = 2 * (w_y * w_h**L * h_0 - y)
    dw_y = d * w_h**L * h_0
    dw_h = d * w_y * L * w_h ** (L - 1) * h_0
    dh_0 = d * w_y * w_h**L
    return dw_y, dw_h, dh_0


# wrong: the chain is one step short: w_h to the power L - 1 in all three
# says: L - 1|one step|power|steps|exponent
def chain_gradients(w_h, w_y, h_0, y, L):
    hL = h_0 * w_h ** (L - 1)
    d = 2 * (w_y * hL - y)
    return d * w_y * w_h ** (L - 1), d * w_y * (L - 1) * w_h ** (L - 2) * h_0, d * hL


# right: backward through a loop
def chain_gradients(w_h, w_y, h_0, y, L):
    h = [h_0]
    for _ in range(L):
        h.append(w_h * h[-1])
    d = -2 * (y - w_y * h[-1])
    dw_y, dh, dw_h = d * h[-1], d * w_y, 0.0
    for l in range(L, 0, -1):
        dw_h += dh * h[l - 1]
        dh *= w_h
    return dh, dw_h, dw_y


# right: autograd
def chain_gradients(w_h, w_y, h_0, y, L):
    a, b, c = (torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in (h_0, w_h, w_y))
    ((y - c * b**L * a) ** 2).backward()
    return a.grad.item(), b.grad.item(), c.grad.item()


# wrong: the products of norms, not norms of products
# says: product of (the )?norms|norm of|whole product|each|bound
def jacobian_norms(h, weight_hh):
    out, total = [], 1.0
    for h_t in h[::-1]:
        total *= np.linalg.norm(np.diag(1 - h_t**2) @ weight_hh, 2)
        out.append(total)
    return np.array(out)


# wrong: the Frobenius norm
# says: Frobenius|ord|singular|norm
def jacobian_norms(h, weight_hh):
    P = np.eye(len(weight_hh))
    out = []
    for t in range(len(h) - 1, -1, -1):
        P = P @ (np.diag(1 - h[t] ** 2) @ weight_hh)
        out.append(np.linalg.norm(P))
    return np.array(out)


# wrong: the product is built from the first state, not from the last
# says: first|last|revers|order|begin
def jacobian_norms(h, weight_hh):
    P, out = np.eye(len(weight_hh)), []
    for h_t in h:
        P = np.diag(1 - h_t**2) @ weight_hh @ P
        out.append(np.linalg.norm(P, ord=2))
    return np.array(out)


# wrong: the new Jacobian is multiplied on the wrong side
# says: side|left|right|order
def jacobian_norms(h, weight_hh):
    P, out = np.eye(len(weight_hh)), []
    for h_t in h[::-1]:
        P = np.diag(1 - h_t**2) @ weight_hh @ P
        out.append(np.linalg.norm(P, ord=2))
    return np.array(out)


# wrong: the spectral radius instead of the norm
# says: radius|eigenvalue|singular|norm
def jacobian_norms(h, weight_hh):
    P, out = np.eye(len(weight_hh)), []
    for h_t in reversed(h):
        P = P @ ((1 - h_t**2)[:, None] * weight_hh)
        out.append(np.abs(np.linalg.eigvals(P)).max())
    return np.array(out)


# wrong: the slope scales the columns instead of the rows
# says: column|row|diag|side|broadcast|W_hh
def jacobian_norms(h, weight_hh):
    P, out = np.eye(len(weight_hh)), []
    for h_t in h[::-1]:
        P = P @ (weight_hh * (1 - h_t**2))
        out.append(np.linalg.norm(P, ord=2))
    return np.array(out)


# right: singular values
def jacobian_norms(h, weight_hh):
    out = []
    for k in range(1, len(h) + 1):
        P = np.eye(h.shape[1])
        for h_t in h[len(h) - k :]:
            P = ((1 - h_t**2)[:, None] * weight_hh) @ P
        out.append(np.linalg.svd(P, compute_uv=False)[0])
    return out


# right: the transposed product
def jacobian_norms(h, weight_hh):
    Q, out = np.eye(len(weight_hh)), np.zeros(len(h))
    for k in range(len(h)):
        Q = (weight_hh.T * (1 - h[-1 - k] ** 2)) @ Q
        out[k] = np.sqrt(np.linalg.eigvalsh(Q.T @ Q)[-1])
    return out


# wrong: each gradient is clipped by its own norm
# says: own|each|together|one norm|separate|all
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    clipped = []
    for g in (dweight_ih, dweight_hh, dbias):
        n = np.linalg.norm(g)
        clipped.append(g * max_norm / n if n > max_norm else g)
    total = np.sqrt(sum((g**2).sum() for g in (dweight_ih, dweight_hh, dbias)))
    return (*clipped, total)


# wrong: always scaled, also up
# says: always|only|above|longer|short|otherwise|small|if
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    norm = np.sqrt((dweight_ih**2).sum() + (dweight_hh**2).sum() + (dbias**2).sum())
    s = max_norm / norm
    return dweight_ih * s, dweight_hh * s, dbias * s, norm


# wrong: values are clipped, element by element
# says: element|number|by value|norm|direction
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in (dweight_ih, dweight_hh, dbias)))
    return tuple(np.clip(g, -max_norm, max_norm) for g in (dweight_ih, dweight_hh, dbias)) + (norm,)


# wrong: the norm after clipping is returned
# says: before|after|norm
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    flat = np.concatenate([dweight_ih.ravel(), dweight_hh.ravel(), dbias.ravel()])
    norm = np.linalg.norm(flat)
    scale = min(1.0, max_norm / norm)
    return scale * dweight_ih, scale * dweight_hh, scale * dbias, scale * norm


# wrong: the arrays are changed in place
# says: in place|changed|unchanged|copy
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    norm = np.sqrt((dweight_ih**2).sum() + (dweight_hh**2).sum() + (dbias**2).sum())
    if norm > max_norm:
        for g in (dweight_ih, dweight_hh, dbias):
            g *= max_norm / norm
    return dweight_ih, dweight_hh, dbias, norm


# wrong: the norms are added, not the squares
# says: square|add|sum|norm
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    norm = sum(np.linalg.norm(g) for g in (dweight_ih, dweight_hh, dbias))
    s = min(1, max_norm / norm)
    return s * dweight_ih, s * dweight_hh, s * dbias, norm


# wrong: the squared norm is used
# says: root|sqrt|square
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    norm = (dweight_ih**2).sum() + (dweight_hh**2).sum() + (dbias**2).sum()
    s = max_norm / norm if norm > max_norm else 1
    return s * dweight_ih, s * dweight_hh, s * dbias, norm


# wrong: the bias is not part of the norm
# says: bias
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    norm = np.sqrt(np.sum(dweight_ih**2) + np.sum(dweight_hh**2))
    s = max_norm / norm if norm > max_norm else 1.0
    return s * dweight_ih, s * dweight_hh, s * dbias, norm


# right: one flat vector
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    grads = [dweight_ih, dweight_hh, dbias]
    norm = math.hypot(*(float(np.linalg.norm(g)) for g in grads))
    s = 1.0 / max(1.0, norm / max_norm)
    return [g * s for g in grads] + [norm]


# right: copies changed in place
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    grads = [g.copy() for g in (dweight_ih, dweight_hh, dbias)]
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in grads]))
    if norm > max_norm:
        for g in grads:
            g /= norm / max_norm
    return *grads, norm


# wrong: never detached: the full gradient
# says: detach|full|border|cut|trunc
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.clone().requires_grad_(True)
    h = x.new_zeros(x.shape[1], W.shape[0])
    total = 0
    for t in range(x.shape[0]):
        h = torch.tanh(x[t] @ weight_ih.T + h @ W.T + bias)
        total = total + 0.5 * ((h - target[t]) ** 2).sum()
    (g,) = torch.autograd.grad(total, W)
    return total, g


# wrong: the state is set to zero at each border, not handed on
# says: zero|hand|state|reset
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.detach().clone().requires_grad_()
    total = 0.0
    for s in range(0, len(x), k):
        h = torch.zeros(x.shape[1], len(W), dtype=x.dtype)
        for t in range(s, min(s + k, len(x))):
            h = torch.tanh(x[t] @ weight_ih.T + h @ W.T + bias)
            total = total + 0.5 * ((h - target[t]) ** 2).sum()
    total.backward()
    return total, W.grad


# wrong: detached at every step
# says: every step|each step|border|detach|chunk
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.clone().requires_grad_()
    h = x.new_zeros(x.shape[1], len(W))
    total = 0.0
    for t in range(len(x)):
        h = torch.tanh(x[t] @ weight_ih.T + h.detach() @ W.T + bias)
        total = total + 0.5 * (h - target[t]).pow(2).sum()
    total.backward()
    return total, W.grad


# wrong: the cut is one step late
# says: one step|late|early|after|border|begin
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.clone().requires_grad_()
    h = x.new_zeros(x.shape[1], len(W))
    total = 0.0
    for t in range(len(x)):
        h = torch.tanh(x[t] @ weight_ih.T + h @ W.T + bias)
        total = total + 0.5 * (h - target[t]).pow(2).sum()
        if t % k == 0:
            h = h.detach()
    total.backward()
    return total, W.grad


# wrong: the mean is taken in place of the sum
# says: mean|sum|factor
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.clone().requires_grad_()
    h = x.new_zeros(x.shape[1], len(W))
    total = 0.0
    for t in range(len(x)):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(x[t] @ weight_ih.T + h @ W.T + bias)
        total = total + 0.5 * torch.nn.functional.mse_loss(h, target[t])
    total.backward()
    return total, W.grad


# wrong: the half is forgotten
# says: half|0\.5|factor|2
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.clone().requires_grad_()
    h = x.new_zeros(x.shape[1], len(W))
    losses = []
    for t in range(len(x)):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(x[t] @ weight_ih.T + h @ W.T + bias)
        losses.append(((h - target[t]) ** 2).sum())
    total = torch.stack(losses).sum()
    total.backward()
    return total, W.grad


# wrong: the gradient is that of the last chunk only, as it is overwritten
# says: last|add|sum|chunk|accumul|overwrit
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    h = x.new_zeros(x.shape[1], len(weight_hh))
    total = 0.0
    for s in range(0, len(x), k):
        W = weight_hh.clone().requires_grad_()
        h, part = h.detach(), 0.0
        for t in range(s, min(s + k, len(x))):
            h = torch.tanh(x[t] @ weight_ih.T + h @ W.T + bias)
            part = part + 0.5 * (h - target[t]).square().sum()
        part.backward()
        total = total + part.detach()
        grad = W.grad
    return total, grad


# right: chunk by chunk, accumulated
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    W = weight_hh.clone().requires_grad_()
    h, total, grad = x.new_zeros(x.shape[1], len(W)), 0.0, torch.zeros_like(weight_hh)
    for xs, ts in zip(x.split(k), target.split(k)):
        h, part = h.detach(), 0.0
        for x_t, t_t in zip(xs, ts):
            h = torch.tanh(x_t @ weight_ih.T + h @ W.T + bias)
            part = part + (h - t_t).pow(2).sum() / 2
        grad += torch.autograd.grad(part, W)[0]
        total = total + part.detach()
    return total, grad


# right: by hand, without autograd
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    with torch.no_grad():
        h, hs = x.new_zeros(x.shape[1], len(weight_hh)), []
        before = []
        for x_t in x:
            before.append(h)
            h = torch.tanh(x_t @ weight_ih.T + h @ weight_hh.T + bias)
            hs.append(h)
        total = sum(0.5 * (a - b).square().sum() for a, b in zip(hs, target))
        grad, back = torch.zeros_like(weight_hh), 0.0
        for t in reversed(range(len(x))):
            da = (hs[t] - target[t] + back) * (1 - hs[t] ** 2)
            grad += da.T @ before[t]
            back = 0.0 if t % k == 0 else da @ weight_hh
    return total, grad
