"""What strangers hand in for chapter 1: wrong answers with their true cause, and right ones in unlike forms."""

import math

import numpy as np
import torch


# wrong: the weight is not transposed but the input is
# says: transpos|shape
def feed_forward(x, weight, bias):
    z = weight @ x.T
    return np.tanh(z + bias[:, None])


# wrong: the nonlinearity is the logistic function, not tanh
# says: sigmoid|logistic|tanh
def feed_forward(x, weight, bias):
    pre = np.einsum("bd,hd->bh", x, weight) + bias
    return 1.0 / (1.0 + np.exp(-pre))


# wrong: the bias is added after the tanh
# says: bias.*(after|outside|inside|behind)|(after|outside|inside|behind).*bias
def feed_forward(x, weight, bias):
    out = np.zeros((len(x), len(weight)))
    for i, sample in enumerate(x):
        out[i] = np.tanh(np.dot(weight, sample)) + bias
    return out


# wrong: only the first sample is computed and copied for the whole batch
# says: first (sample|row)|one sample|same.*(sample|row)|every sample
def feed_forward(x, weight, bias):
    h = np.tanh(weight @ x[0] + bias)
    return np.tile(h, (x.shape[0], 1))


# wrong: a relu stands in place of the tanh
# says: relu|maximum|negative|tanh
def feed_forward(x, weight, bias):
    a = np.matmul(x, np.transpose(weight)) + bias
    return np.maximum(a, 0)


# wrong: the bias is forgotten
# says: bias
def feed_forward(x, weight, bias):
    rows = []
    for sample in x:
        rows.append([math.tanh(sum(w * s for w, s in zip(line, sample))) for line in weight])
    return np.array(rows)


# right: einsum
def feed_forward(x, weight, bias):
    return np.tanh(np.einsum("bd,hd->bh", x, weight) + bias[None])


# right: plain loops over numbers
def feed_forward(x, weight, bias):
    B, H = x.shape[0], weight.shape[0]
    h = np.empty((B, H))
    for b in range(B):
        for k in range(H):
            s = bias[k]
            for d in range(x.shape[1]):
                s += weight[k, d] * x[b, d]
            h[b, k] = math.tanh(s)
    return h


# right: the tanh written with exponentials of a negative number, in float32
def feed_forward(x, weight, bias):
    a = (x @ weight.T + bias).astype(np.float32)
    return 2 / (1 + np.exp(-2 * a)) - 1


# right: torch's own linear layer
def feed_forward(x, weight, bias):
    x, weight, bias = (torch.tensor(v) for v in (x, weight, bias))
    return torch.tanh(torch.nn.functional.linear(x, weight, bias)).numpy()


# wrong: the last window that fits is missed by overlapping ones
# says: last (window|one)|one (window|more|too few)|\+ ?1
def count_windows(n, W, stride):
    return n // W, (n - W) // stride, n


# wrong: windows side by side are rounded up, so half a window counts
# says: round|ceil|half|left over|whole
def count_windows(n, W, stride):
    side = math.ceil(n / W)
    overlapping = len(range(0, n - W + 1, stride))
    return side, overlapping, n


# wrong: the side by side count is a fraction
# says: whole|integer|round|fraction|//
def count_windows(n, W, stride):
    return n / W, (n - W) // stride + 1, n


# wrong: the overlapping count ignores the stride
# says: stride
def count_windows(n, W, stride):
    return n // W, n - W + 1, n


# wrong: the padded count leaves the padding off and counts windows without it
# says: pad|every element|each element|\bn\b
def count_windows(n, W, stride):
    a = n // W
    b = (n - W) // stride + 1
    c = n - W + 1
    return a, b, c


# wrong: the overlapping windows divide n by the stride as if windows could hang over the end
# says: hang|over the end|n - W|W elements|end|fit
def count_windows(n, W, stride):
    return n // W, int(np.ceil(n / stride)), n


# wrong: the padded count also counts the padding's W elements
# says: pad|every element|each element|\bW\b
def count_windows(n, W, stride):
    return n // W, (n - W) // stride + 1, n + W


# right: counted in loops
def count_windows(n, W, stride):
    a = 0
    while (a + 1) * W <= n:
        a += 1
    b = len([j for j in range(0, n, stride) if j + W <= n])
    return [a, b, sum(1 for _ in range(n))]


# right: floor of NumPy floats turned to whole numbers
def count_windows(n, W, stride):
    return int(np.floor(n / W)), 1 + int(np.floor((n - W) / stride)), int(n)


# wrong: the last window that fits is left out
# says: last window|one window|\+ ?1|fits|n - W
def split_windows(x, W, stride):
    windows = []
    start = 0
    while start + W < len(x):
        windows.append(x[start : start + W])
        start += stride
    return np.array(windows) if windows else np.zeros((0, W, x.shape[1]))


# wrong: the stride is ignored; windows side by side
# says: stride|side by side
def split_windows(x, W, stride):
    J = len(x) // W
    return x[: J * W].reshape(J, W, x.shape[1])


# wrong: the windows move by one element whatever the stride
# says: stride
def split_windows(x, W, stride):
    return np.stack([x[i : i + W] for i in range(len(x) - W + 1)])


# wrong: the axes of time and features are exchanged in each window
# says: transpos|axes|axis
def split_windows(x, W, stride):
    v = np.lib.stride_tricks.sliding_window_view(x, W, axis=0)
    return v[::stride]


# wrong: the windows take every stride-th element inside a window instead of moving the start
# says: stride|inside|within|every|start
def split_windows(x, W, stride):
    starts = range(0, len(x) - W + 1, stride)
    out = np.zeros((len(starts), W, x.shape[1]))
    for j, s in enumerate(starts):
        for w in range(W):
            out[j, w] = x[(s + w * stride) % len(x)]
    return out


# right: by indices
def split_windows(x, W, stride):
    starts = np.arange(0, len(x) - W + 1, stride)
    return x[starts[:, None] + np.arange(W)[None, :]]


# right: sliding_window_view
def split_windows(x, W, stride):
    view = np.lib.stride_tricks.sliding_window_view(x, (W, x.shape[1]))
    return view[::stride, 0].copy()


# right: torch unfold
def split_windows(x, W, stride):
    return torch.tensor(x).unfold(0, W, stride).transpose(1, 2).numpy()


# right: a while loop, as a list of lists
def split_windows(x, W, stride):
    out, j = [], 0
    while j + W <= len(x):
        out.append(x[j : j + W].tolist())
        j += stride
    return out


# wrong: each window contains the element that it should predict
# says: contain|itself|predict|target|before it|ends
def next_windows(x, W, pad):
    padded = np.concatenate([np.full(W, pad), x])
    windows = np.array([padded[j + 1 : j + 1 + W] for j in range(len(x))])
    return windows, x


# wrong: padded on the right instead of the left
# says: left|right|front|behind|before
def next_windows(x, W, pad):
    padded = list(x) + [pad] * W
    windows = [padded[j : j + W] for j in range(len(x))]
    return np.array(windows), np.array(x)


# wrong: padded with zeros, not with pad
# says: pad|zero|\b0\b
def next_windows(x, W, pad):
    out = np.zeros((len(x), W), dtype=int)
    for j in range(len(x)):
        past = x[max(0, j - W) : j]
        if len(past):
            out[j, -len(past) :] = past
    return out, x


# wrong: the targets are one element late (the element itself is skipped)
# says: target|follow|shift|late|next
def next_windows(x, W, pad):
    padded = np.concatenate([np.full(W, pad), x])
    windows = np.stack([padded[j : j + W] for j in range(len(x))])
    return windows, np.append(x[1:], pad)


# wrong: windows without padding, so W fewer of them
# says: pad|first|few|shape
def next_windows(x, W, pad):
    windows = np.stack([x[j : j + W] for j in range(len(x) - W)])
    return windows, x[W:]


# wrong: the windows are written backwards, newest element first
# says: backward|revers|order|newest|flipped
def next_windows(x, W, pad):
    n = len(x)
    out = np.full((n, W), pad)
    for j in range(n):
        for w in range(1, W + 1):
            if j - w >= 0:
                out[j, w - 1] = x[j - w]
    return out, x


# right: by indices
def next_windows(x, W, pad):
    index = np.arange(len(x))[:, None] + np.arange(-W, 0)
    return np.where(index < 0, pad, x[np.maximum(index, 0)]), x.copy()


# right: element by element, and lists
def next_windows(x, W, pad):
    windows = []
    for j in range(len(x)):
        windows.append([int(x[i]) if i >= 0 else int(pad) for i in range(j - W, j)])
    return windows, [int(v) for v in x]


# right: np.pad and a sliding view
def next_windows(x, W, pad):
    padded = np.pad(x, (W, 0), constant_values=pad)
    return np.lib.stride_tricks.sliding_window_view(padded, W)[:-1], x


# wrong: the gradients lack the factor 2
# says: factor|twice|\b2\b|half|doubl
def window_losses(y_hat, y):
    J = len(y_hat)
    mean = sum(y_hat) / J
    per_window = sum((p - y) ** 2 for p in y_hat)
    aggregate = (mean - y) ** 2
    return per_window, aggregate, y_hat - y, np.full(J, (mean - y) / J)


# wrong: the gradient of the aggregate lacks 1/J
# says: 1 ?/ ?J|\bJ\b|mean|len
def window_losses(y_hat, y):
    diff = y_hat - y
    mean = np.mean(y_hat)
    return np.sum(np.square(diff)), (mean - y) ** 2, 2 * diff, 2 * (mean - y) * np.ones(len(y_hat))


# wrong: the per window loss is the mean over windows, not the sum
# says: mean|sum|factor|J|divid
def window_losses(y_hat, y):
    L = ((y_hat - y) ** 2).mean()
    m = y_hat.mean()
    return L, (m - y) ** 2, 2 * (y_hat - y), np.full_like(y_hat, 2 * (m - y) / y_hat.size)


# wrong: the gradient of the aggregate is one number instead of J of them
# says: number|shape|each|\bJ\b
def window_losses(y_hat, y):
    m = y_hat.mean()
    return ((y_hat - y) ** 2).sum(), (m - y) ** 2, 2 * (y_hat - y), 2 * (m - y) / len(y_hat)


# wrong: the sign of both gradients is turned, as y - y_hat was derived without the inner minus
# says: sign|minus|negativ
def window_losses(y_hat, y):
    e = y - y_hat
    m = y - y_hat.mean()
    return e @ e, m**2, 2 * e, np.repeat(2 * m / len(e), len(e))


# wrong: the aggregate uses the sum of the predictions instead of their mean
# says: sum|mean|1 ?/ ?J|\bJ\b
def window_losses(y_hat, y):
    s = y_hat.sum() - y
    return np.sum((y_hat - y) ** 2), s**2, 2 * (y_hat - y), np.full(len(y_hat), 2 * s)


# wrong: the aggregate gradient is made from each prediction's own error instead of the mean's
# says: mean|own|each|same|per window|error
def window_losses(y_hat, y):
    J = y_hat.shape[0]
    return (
        np.sum((y_hat - y) ** 2),
        np.square(np.mean(y_hat) - y),
        2 * (y_hat - y),
        2 * (y_hat - y) / J,
    )


# right: torch's autograd
def window_losses(y_hat, y):
    p = torch.tensor(y_hat, requires_grad=True)
    one, two = ((p - y) ** 2).sum(), (p.mean() - y) ** 2
    (d1,) = torch.autograd.grad(one, p)
    (d2,) = torch.autograd.grad(two, p)
    return one.item(), two.item(), d1.numpy(), d2.numpy()


# right: plain Python and lists
def window_losses(y_hat, y):
    J, errors = len(y_hat), [float(p - y) for p in y_hat]
    mean = math.fsum(errors) / J
    return [sum(e * e for e in errors), mean * mean, [2 * e for e in errors], [2 * mean / J] * J]


# wrong: the batch comes first, so x and mask are transposed
# says: transpos|\(T, B\)|axes|first axis|time
def pad_names(names):
    n = [len(name) for name in names]
    x = np.zeros((len(names), max(n)), dtype=int)
    for i, name in enumerate(names):
        for j, ch in enumerate(name):
            x[i, j] = ord(ch) - 96
    return x, np.array(n), x > 0


# wrong: the letters count from 0, so a cannot be told from padding
# says: from 0|from 1|\+ ?1|one less|off by one|1 too|padding|a = 1
def pad_names(names):
    lengths = np.array([len(s) for s in names])
    T, B = lengths.max(), len(names)
    x = np.zeros((T, B), int)
    mask = np.zeros((T, B), bool)
    for b in range(B):
        for t in range(lengths[b]):
            x[t, b] = ord(names[b][t]) - ord("a")
            mask[t, b] = True
    return x, lengths, mask


# wrong: names are padded in front, so they end together
# says: front|left|top|behind|below|before|end
def pad_names(names):
    lengths = np.array([len(s) for s in names])
    T = max(lengths)
    cols = []
    for s in names:
        cols.append([0] * (T - len(s)) + [ord(c) - ord("a") + 1 for c in s])
    x = np.array(cols).T
    return x, lengths, x != 0


# wrong: the mask is True at the padding
# says: mask.*(padding|invert|opposite|not|exchang|flip|True)|True|invert|opposite
def pad_names(names):
    lengths = np.array([len(s) for s in names])
    x = np.zeros((lengths.max(), len(names)), int)
    for b, s in enumerate(names):
        x[: len(s), b] = [ord(c) - ord("a") + 1 for c in s]
    return x, lengths, x == 0


# wrong: the mask includes one step behind the end
# says: one step|<=|<|off by one|too (many|far)|last
def pad_names(names):
    lengths = np.array([len(s) for s in names])
    x = np.zeros((lengths.max(), len(names)), int)
    for b, s in enumerate(names):
        x[: len(s), b] = [ord(c) - ord("a") + 1 for c in s]
    mask = np.array([[t <= n for n in lengths] for t in range(len(x))])
    return x, lengths, mask


# wrong: mask and lengths are returned in the other order
# says: order|exchang|swap
def pad_names(names):
    lengths = [len(s) for s in names]
    x = np.zeros((max(lengths), len(names)), dtype=np.int64)
    for b, s in enumerate(names):
        for t, c in enumerate(s):
            x[t, b] = ord(c) - ord("a") + 1
    return x, x > 0, np.array(lengths)


# right: zip_longest
def pad_names(names):
    from itertools import zip_longest

    x = np.array(list(zip_longest(*[[ord(c) - 96 for c in s] for s in names], fillvalue=0)))
    return x, (x > 0).sum(axis=0), x > 0


# right: torch's pad_sequence
def pad_names(names):
    codes = [torch.tensor([ord(c) - 96 for c in s]) for s in names]
    x = torch.nn.utils.rnn.pad_sequence(codes).numpy()
    return x, np.array([len(c) for c in codes]), x != 0


# wrong: the sum is divided by all steps, not by the real ones
# says: all|count|padding|real|number of|divid
def masked_mean(values, mask):
    total = 0.0
    for t in range(values.shape[0]):
        for b in range(values.shape[1]):
            if mask[t, b]:
                total += values[t, b]
    return total / values.size


# wrong: the plain mean; the mask is not used
# says: mask|padding
def masked_mean(values, mask):
    return np.average(values)


# wrong: the mean of each sequence's mean, so short sequences weigh too much
# says: each sequence|per sequence|mean of (the )?means|column|short|weigh
def masked_mean(values, mask):
    per_sequence = (values * mask).sum(0) / mask.sum(0)
    return per_sequence.mean()


# wrong: the padding is what is averaged
# says: mask.*(invert|opposite|padding|False|not)|padding|opposite
def masked_mean(values, mask):
    return values[~mask].mean() if (~mask).any() else 0.0


# wrong: one mean per sequence instead of one number
# says: number|shape|axis|each sequence
def masked_mean(values, mask):
    return np.sum(values * mask, axis=0) / np.sum(mask, axis=0)


# wrong: values that happen to be zero count as padding; the mask is not used for the count
# says: zero|mask|count
def masked_mean(values, mask):
    v = values * mask
    return v.sum() / np.count_nonzero(np.round(v, 1))


# right: boolean indexing
def masked_mean(values, mask):
    return values[mask].mean()


# right: np.average with weights
def masked_mean(values, mask):
    return np.average(values, weights=mask)


# right: a masked array
def masked_mean(values, mask):
    return np.ma.array(values, mask=~mask).mean()


# right: plain loop
def masked_mean(values, mask):
    real = [v for row, m in zip(values, mask) for v, k in zip(row, m) if k]
    return math.fsum(real) / len(real)


# wrong: the window contains the value that is to be forecast
# says: itself|contain|look|forecast|own value|future|z\[t\]|ends
def forecast_errors(z, W):
    e1, e2 = [], []
    for t in range(W, len(z)):
        e1.append(np.mean(z[t - W + 1 : t + 1]) - z[t])
        e2.append(z[t - 1] - z[t])
    return np.sqrt(np.mean(np.square(e1))), np.sqrt(np.mean(np.square(e2)))


# wrong: the root is not taken
# says: root|sqrt|square
def forecast_errors(z, W):
    pred = np.convolve(z, np.ones(W) / W, mode="valid")[:-1]
    target = z[W:]
    return np.mean((pred - target) ** 2), np.mean((z[W - 1 : -1] - target) ** 2)


# wrong: the last value is judged on all steps from 1 on, not on the same steps
# says: same steps|steps|from W|\bW\b
def forecast_errors(z, W):
    m = [(z[t - W : t].mean() - z[t]) ** 2 for t in range(W, len(z))]
    naive = np.diff(z)
    return np.sqrt(np.mean(m)), np.sqrt(np.mean(naive**2))


# wrong: the mean absolute error instead of the root of the mean square
# says: absolute|square
def forecast_errors(z, W):
    mean = np.array([np.mean(z[t - W : t]) for t in range(W, len(z))])
    last = z[W - 1 : -1]
    return np.abs(mean - z[W:]).mean(), np.abs(last - z[W:]).mean()


# wrong: the sum instead of the mean of the squares stands under the root
# says: sum|mean|number of|divid
def forecast_errors(z, W):
    mean = np.array([np.mean(z[t - W : t]) for t in range(W, len(z))])
    return np.linalg.norm(mean - z[W:]), np.linalg.norm(z[W - 1 : -1] - z[W:])


# wrong: the mean runs over everything so far, not the last W values
# says: last W|\bW\b|window|all
def forecast_errors(z, W):
    running = np.cumsum(z)[W - 1 : -1] / np.arange(W, len(z))
    return np.sqrt(np.mean((running - z[W:]) ** 2)), np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2))


# wrong: the two errors are returned in the other order
# says: order|exchang|swap
def forecast_errors(z, W):
    mean = np.array([np.mean(z[t - W : t]) for t in range(W, len(z))])
    e_mean = np.sqrt(((mean - z[W:]) ** 2).mean())
    e_last = np.sqrt(((z[W - 1 : -1] - z[W:]) ** 2).mean())
    return e_last, e_mean


# wrong: the first forecast is made one step late, at W + 1
# says: step|first|from W|\bW\b
def forecast_errors(z, W):
    a = b = 0.0
    n = 0
    for t in range(W + 1, len(z)):
        a += (sum(z[t - W : t]) / W - z[t]) ** 2
        b += (z[t - 1] - z[t]) ** 2
        n += 1
    n = max(n, 1)
    return (a / n) ** 0.5, (b / n) ** 0.5


# right: convolution
def forecast_errors(z, W):
    mean = np.convolve(z, np.full(W, 1 / W), "valid")[:-1]
    rms = lambda e: float(np.sqrt(np.mean(e * e)))
    return rms(mean - z[W:]), rms(z[W:] - z[W - 1 : -1])


# right: cumulative sums and float32 results
def forecast_errors(z, W):
    c = np.concatenate([[0], np.cumsum(z)])
    mean = (c[W:-1] - c[: -W - 1]) / W
    a, b = mean - z[W:], z[W - 1 : -1] - z[W:]
    return np.float32(np.sqrt((a @ a) / len(a))), np.float32(np.sqrt((b @ b) / len(b)))
