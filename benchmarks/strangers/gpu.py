"""What strangers hand in for chapter 8: wrong answers with their true cause, and right ones in unlike forms."""

import math

import numpy as np
import torch


# wrong: one tick too many on the diagonals
# says: - ?1|one (tick )?(too|more|less)|last|diagonal
def ticks_needed(T, L):
    return T + L, L * T


# wrong: one direction layer after layer
# says: diagonal|layer after layer|together|T \+ L|side by side|same time|one direction
def ticks_needed(T, L):
    return T * L, T * L


# wrong: two directions cost twice
# says: twice|2|side by side|both directions|double
def ticks_needed(T, L):
    return T + L - 1, 2 * L * T


# wrong: two directions as cheap as one
# says: both|two directions|layer below|wait|end
def ticks_needed(T, L):
    ticks = T + L - 1
    return ticks, ticks


# right: simulated
def ticks_needed(T, L):
    done = np.zeros((L + 1, T + 1), int)
    for l in range(1, L + 1):
        for t in range(1, T + 1):
            done[l, t] = max(done[l - 1, t], done[l, t - 1]) + 1
    return int(done[L, T]), sum(T for _ in range(L))


# right: NumPy numbers
def ticks_needed(T, L):
    return np.int64(T + (L - 1)), np.prod([T, L])


# wrong: bias_hh is added in the loop, not hoisted into a
# says: bias_hh|bias|hoist
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    a = x @ weight_ih.T + bias_ih
    h = h0
    y = np.zeros_like(a)
    for t in range(len(a)):
        h = np.tanh(a[t] + h @ weight_hh.T + bias_hh)
        y[t] = h
    return a, y


# wrong: bias_hh is added twice: before the loop and in it
# says: twice|bias_hh|two times
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    a = np.einsum("tbd,hd->tbh", x, weight_ih) + bias_ih + bias_hh
    h, out = h0, []
    for a_t in a:
        h = np.tanh(a_t + h @ weight_hh.T + bias_hh)
        out.append(h)
    return a, np.array(out)


# wrong: the tanh is already in a
# says: tanh
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    a = np.tanh(x @ weight_ih.T + bias_ih + bias_hh)
    h, out = h0, []
    for a_t in a:
        h = np.tanh(a_t + h @ weight_hh.T)
        out.append(h)
    return a, np.array(out)


# wrong: the states come first
# says: order|exchang|swap
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    a = x @ weight_ih.T + (bias_ih + bias_hh)
    h, out = h0, []
    for a_t in a:
        h = np.tanh(a_t + h @ weight_hh.T)
        out.append(h)
    return np.array(out), a


# wrong: h0 is ignored
# says: h0|zero|initial
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    a = x @ weight_ih.T + (bias_ih + bias_hh)
    h, out = np.zeros_like(h0), []
    for a_t in a:
        h = np.tanh(a_t + h @ weight_hh.T)
        out.append(h)
    return a, np.array(out)


# right: flattened product
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    T, B, D = x.shape
    a = (x.reshape(-1, D).dot(weight_ih.T) + bias_ih + bias_hh).reshape(T, B, -1)
    y = a.copy()
    for t in range(T):
        y[t] = np.tanh(y[t] + (y[t - 1] if t else h0).dot(weight_hh.T))
    return a, y


# right: torch
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    x, h, U, W, b, c = (torch.tensor(v) for v in (x, h0, weight_ih, weight_hh, bias_ih, bias_hh))
    a, y = torch.nn.functional.linear(x, U, b + c), []
    for a_t in a:
        h = torch.tanh(torch.addmm(a_t, h, W.T))
        y.append(h)
    return a.numpy(), torch.stack(y).numpy()


# wrong: all of bias_hh is hoisted
# says: b_hn|inside|all|reset|last
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    H = bias_hh.shape[0] // 3
    a = x @ weight_ih.T + bias_ih + bias_hh
    return a, np.zeros(H)


# wrong: nothing of bias_hh is hoisted
# says: bias_hh|early|hoist|r and z|first
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    H = bias_hh.shape[0] // 3
    return np.dot(x, weight_ih.T) + bias_ih, bias_hh[2 * H :]


# wrong: the first block of bias_hh stays inside: the wrong order of blocks
# says: order|block|last|r, z, n|first
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    H = len(bias_ih) // 3
    early = bias_hh.copy()
    early[:H] = 0
    return x @ weight_ih.T + bias_ih + early, bias_hh[:H]


# wrong: b_hn is added early and kept inside too: twice
# says: twice|b_hn|zero|last H|both
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    r, z, n = np.split(bias_hh, 3)
    a = np.einsum("tbd,kd->tbk", x, weight_ih) + bias_ih + bias_hh
    return a, n


# wrong: bias_in is kept inside instead of b_hn
# says: bias_hh|bias_ih|b_in|b_hn|exchang
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    H = len(bias_ih) // 3
    first = bias_ih.copy()
    first[2 * H :] = 0
    return x @ weight_ih.T + first + bias_hh, bias_ih[2 * H :]


# wrong: the update gate's bias is also kept back: only r's is hoisted
# says: \bz\b|2 \* ?H|r and z|update|early
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    H = len(bias_ih) // 3
    early = np.zeros(3 * H)
    early[:H] = bias_hh[:H]
    return x @ weight_ih.T + bias_ih + early, bias_hh[2 * H :]


# right: where
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    H = len(bias_hh) // 3
    early = np.where(np.arange(3 * H) < 2 * H, bias_hh, 0)
    return np.matmul(x, weight_ih.T) + (bias_ih + early), bias_hh[-H:].copy()


# right: added in place on a fresh array
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    a = x @ weight_ih.T
    a += bias_ih
    r, z, n = np.split(bias_hh, 3)
    a[..., : len(r)] += r
    a[..., len(r) : 2 * len(r)] += z
    return [a, n]


# wrong: a product with its addition counts one
# says: 2|twice|addition
def roofline(B, H, gates, itemsize, peak, memory):
    ops = B * gates * H * H
    nbytes = itemsize * (gates * H * H + B * H * (gates + 2))
    t1, t2 = ops / peak, nbytes / memory
    return ops, nbytes, max(t1, t2) * 1e9, t2 > t1


# wrong: arithmetic and memory one after the other
# says: sum|add|same time|longer|max
def roofline(B, H, gates, itemsize, peak, memory):
    ops = 2 * B * gates * H * H
    nbytes = itemsize * (gates * H * H + B * H * (gates + 2))
    return ops, nbytes, 1e9 * (ops / peak + nbytes / memory), nbytes / memory > ops / peak


# wrong: seconds instead of nanoseconds
# says: nano|1e9|second
def roofline(B, H, gates, itemsize, peak, memory):
    ops = 2 * B * gates * H**2
    nbytes = itemsize * (gates * H**2 + B * (2 + gates) * H)
    a, m = ops / peak, nbytes / memory
    return ops, nbytes, max(a, m), m > a


# wrong: only the weights are counted as moved
# says: rows|each row|\bh\b|a_t|read|written|bytes
def roofline(B, H, gates, itemsize, peak, memory):
    ops = 2 * B * gates * H * H
    nbytes = itemsize * gates * H * H
    a, m = ops / peak, nbytes / memory
    return ops, nbytes, max(a, m) * 1e9, bool(m > a)


# wrong: the new state is not counted as written
# says: writ|new|h\b|bytes
def roofline(B, H, gates, itemsize, peak, memory):
    ops = 2 * B * gates * H * H
    nbytes = itemsize * (gates * H * H + B * H + B * gates * H)
    a, m = ops / peak, nbytes / memory
    return ops, nbytes, max(a, m) * 1e9, bool(m > a)


# wrong: the verdict is turned round
# says: memory|opposite|exchang|turned|verdict|compar|longer
def roofline(B, H, gates, itemsize, peak, memory):
    ops = 2 * B * gates * H * H
    nbytes = itemsize * (gates * H * H + B * (2 * H + gates * H))
    a, m = ops / peak, nbytes / memory
    return ops, nbytes, max(a, m) * 1e9, a > m


# wrong: the weights are moved again for each row of the batch
# says: once|each row|B|weights|all rows
def roofline(B, H, gates, itemsize, peak, memory):
    ops = 2 * B * gates * H * H
    nbytes = itemsize * B * (gates * H * H + (2 + gates) * H)
    a, m = ops / peak, nbytes / memory
    return ops, nbytes, max(a, m) * 1e9, m > a


# right: counted from shapes
def roofline(B, H, gates, itemsize, peak, memory):
    W, h, a = (gates * H, H), (B, H), (B, gates * H)
    ops = 2 * math.prod(W) * B
    nbytes = sum(itemsize * math.prod(s) for s in (W, h, a, h))
    times = [ops / peak, nbytes / memory]
    return ops, nbytes, 1e9 * max(times), np.argmax(times) == 1


# right: with NumPy's maximum
def roofline(B, H, gates, itemsize, peak, memory):
    ops = int(2 * B * gates * H**2)
    nbytes = int(itemsize * H * (gates * H + B * (gates + 2)))
    return [ops, nbytes, float(np.maximum(ops * 1e9 / peak, nbytes * 1e9 / memory)), nbytes * peak > ops * memory]


# wrong: rounded down
# says: round|ceil|whole|up|smallest
def enough_rows(H, gates, itemsize, ratio):
    gain = 2 * gates * H - ratio * itemsize * (gates + 2)
    return int(ratio * itemsize * gates * H / gain) if gain > 0 else 0


# wrong: no check for a gain that is not positive
# says: 0|negativ|positive|no batch
def enough_rows(H, gates, itemsize, ratio):
    return math.ceil(ratio * itemsize * gates * H / (2 * gates * H - ratio * itemsize * (gates + 2)))


# wrong: only the weights are moved: the rows' own bytes are left out
# says: row|bytes|gates \+ 2|own|moved
def enough_rows(H, gates, itemsize, ratio):
    return math.ceil(ratio * itemsize / 2)


# wrong: the factor 2 of the operations is missing
# says: 2|twice|factor
def enough_rows(H, gates, itemsize, ratio):
    denom = gates * H - ratio * itemsize * (gates + 2)
    if denom <= 0:
        return 0
    return math.ceil(ratio * itemsize * gates * H / denom)


# wrong: one too many where it fits exactly, and always floor + 1
# says: exact|ceil|one|round|whole
def enough_rows(H, gates, itemsize, ratio):
    gain = 2 * gates * H - ratio * itemsize * (gates + 2)
    if gain <= 0:
        return 0
    return int(ratio * itemsize * gates * H // gain) + 2


# wrong: the itemsize is forgotten
# says: itemsize|bytes
def enough_rows(H, gates, itemsize, ratio):
    gain = 2 * gates * H - ratio * (gates + 2)
    return math.ceil(ratio * gates * H / gain) if gain > 0 else 0


# right: per gate
def enough_rows(H, gates, itemsize, ratio):
    k = ratio * itemsize
    gain = 2 * H - k * (1 + 2 / gates)
    return int(np.ceil(k * H / gain - 1e-9)) if gain > 0 else 0


# right: searched from the quotient
def enough_rows(H, gates, itemsize, ratio):
    def enough(B):
        return 2 * B * gates * H * H >= ratio * itemsize * (gates * H * H + B * H * (gates + 2))

    gain = 2 * gates * H - ratio * itemsize * (gates + 2)
    if gain <= 0:
        return 0
    B = max(int(ratio * itemsize * gates * H / gain) - 1, 1)
    while not enough(B):
        B += 1
    return B


# wrong: the gradient of the weight meets the states after, not before
# says: before|after|state
def tanh_rnn(a, weight_hh, h0, dy):
    class TanhRNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, weight_hh, h0):
            h, ys = h0, []
            for t in range(len(a)):
                h = torch.tanh(a[t] + h @ weight_hh.t())
                ys.append(h)
            y = torch.stack(ys)
            ctx.save_for_backward(y, weight_hh, h0)
            return y

        @staticmethod
        def backward(ctx, dy):
            y, W, h0 = ctx.saved_tensors
            da = torch.zeros_like(y)
            dh = torch.zeros_like(h0)
            for t in range(len(y) - 1, -1, -1):
                da[t] = (dy[t] + dh) * (1 - y[t] ** 2)
                dh = da[t] @ W
            return da, torch.einsum("tbi,tbj->ij", da, y), dh

    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    y = TanhRNN.apply(*inputs)
    return y, *torch.autograd.grad(y, inputs, dy)


# wrong: nothing comes back from later steps
# says: later|back|dh|next
def tanh_rnn(a, weight_hh, h0, dy):
    class TanhRNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, weight_hh, h0):
            h, ys = h0, []
            for a_t in a:
                h = torch.tanh(a_t + h @ weight_hh.T)
                ys.append(h)
            y = torch.stack(ys)
            ctx.save_for_backward(y, weight_hh, h0)
            return y

        @staticmethod
        def backward(ctx, dy):
            y, W, h0 = ctx.saved_tensors
            d = dy * (1 - y**2)
            before = torch.cat([h0[None], y[:-1]])
            return d, torch.einsum("tbi,tbj->ij", d, before), d[0] @ W

    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    y = TanhRNN.apply(*inputs)
    return y, *torch.autograd.grad(y, inputs, dy)


# wrong: the matrix is transposed on the way back
# says: transpos
def tanh_rnn(a, weight_hh, h0, dy):
    class TanhRNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, weight_hh, h0):
            h, ys = h0, []
            for a_t in a:
                h = torch.tanh(a_t + h @ weight_hh.T)
                ys.append(h)
            y = torch.stack(ys)
            ctx.save_for_backward(y, weight_hh, h0)
            return y

        @staticmethod
        def backward(ctx, dy):
            y, W, h0 = ctx.saved_tensors
            d, dh = torch.zeros_like(y), 0
            for t in reversed(range(len(y))):
                d[t] = (dy[t] + dh) * (1 - y[t] ** 2)
                dh = d[t] @ W.T
            before = torch.cat([h0[None], y[:-1]])
            return d, torch.einsum("tbi,tbj->ij", d, before), dh

    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    y = TanhRNN.apply(*inputs)
    return y, *torch.autograd.grad(y, inputs, dy)


# wrong: autograd is left to do the work: no custom function
# says: autograd|node|record|apply|Function
def tanh_rnn(a, weight_hh, h0, dy):
    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    h, ys = h0, []
    for a_t in a:
        h = torch.tanh(a_t + h @ weight_hh.T)
        ys.append(h)
    y = torch.stack(ys)
    return y, *torch.autograd.grad(y, inputs, dy)


# wrong: the gradients of backward are returned in another order
# says: order|exchang|shape
def tanh_rnn(a, weight_hh, h0, dy):
    class TanhRNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, weight_hh, h0):
            h, ys = h0, []
            for a_t in a:
                h = torch.tanh(a_t + h @ weight_hh.T)
                ys.append(h)
            y = torch.stack(ys)
            ctx.save_for_backward(y, weight_hh, h0)
            return y

        @staticmethod
        def backward(ctx, dy):
            y, W, h0 = ctx.saved_tensors
            d, dh = torch.zeros_like(y), 0
            for t in reversed(range(len(y))):
                d[t] = (dy[t] + dh) * (1 - y[t] ** 2)
                dh = d[t] @ W
            before = torch.cat([h0[None], y[:-1]])
            return d, dh, torch.einsum("tbi,tbj->ij", d, before)

    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    y = TanhRNN.apply(*inputs)
    return y, *torch.autograd.grad(y, inputs, dy)


# right: sums in the loop
def tanh_rnn(a, weight_hh, h0, dy):
    class TanhRNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, weight_hh, h0):
            y = torch.empty_like(a)
            for t in range(a.shape[0]):
                y[t] = torch.tanh(a[t] + torch.mm(y[t - 1] if t else h0, weight_hh.t()))
            ctx.save_for_backward(weight_hh, torch.cat([h0.unsqueeze(0), y]))
            return y

        @staticmethod
        def backward(ctx, dy):
            W, states = ctx.saved_tensors
            dW, back, das = torch.zeros_like(W), torch.zeros_like(states[0]), []
            for t in reversed(range(len(dy))):
                da = (dy[t] + back) * (1 - states[t + 1] * states[t + 1])
                dW += da.t() @ states[t]
                back = da @ W
                das.insert(0, da)
            return torch.stack(das), dW, back

    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    y = TanhRNN.apply(*inputs)
    return y, *torch.autograd.grad(y, inputs, dy)


# wrong: the step's stride lacks the batch: t * H
# says: B|step|batch
def tile_places(program, t, rows, B, H):
    r = program * rows + np.arange(rows)
    return t * H + r[:, None] * H + np.arange(H), (r < B)[:, None]


# wrong: units and rows are laid out column by column
# says: row|order|unit|column|transpos
def tile_places(program, t, rows, B, H):
    r = program * rows + np.arange(rows)
    return t * B * H + r[:, None] + np.arange(H)[None, :] * B, (r < B)[:, None]


# wrong: the program's number is not multiplied by the rows
# says: rows|program
def tile_places(program, t, rows, B, H):
    r = program + np.arange(rows)
    places = np.array([[t * B * H + i * H + j for j in range(H)] for i in r])
    return places, (r < B).reshape(-1, 1)


# wrong: a row equal to B still counts as real
# says: <=|<|one row|row B|off by one|real
def tile_places(program, t, rows, B, H):
    r = program * rows + np.arange(rows)
    return t * B * H + r[:, None] * H + np.arange(H), (r <= B)[:, None]


# wrong: real compares the rows within the program, not within the batch
# says: program|batch|row
def tile_places(program, t, rows, B, H):
    i = np.arange(rows)
    row = program * rows + i
    return t * B * H + row[:, None] * H + np.arange(H), (i < B)[:, None]


# wrong: real has the wrong shape: flat
# says: shape|\(rows, 1\)|axis|column
def tile_places(program, t, rows, B, H):
    row = program * rows + np.arange(rows)
    return (t * B + row)[:, None] * H + np.arange(H), row < B


# right: loops and lists
def tile_places(program, t, rows, B, H):
    mine = range(program * rows, (program + 1) * rows)
    return [[(t * B + b) * H + j for j in range(H)] for b in mine], [[b < B] for b in mine]


# right: one long range
def tile_places(program, t, rows, B, H):
    first = (t * B + program * rows) * H
    row = np.arange(program * rows, program * rows + rows)
    return np.arange(first, first + rows * H).reshape(rows, H), np.less(row, B)[:, np.newaxis]


# wrong: the last program computes only rows that exist
# says: last|exist|rows|program|short
def row_steps(lengths, rows):
    def tiles(n):
        return sum(len(n[i : i + rows]) * max(n[i : i + rows]) for i in range(0, len(n), rows))

    return len(lengths) * max(lengths), tiles(lengths), tiles(sorted(lengths, reverse=True)), sum(lengths)


# wrong: sorted, shortest first
# says: longest|shortest|order|sort|first
def row_steps(lengths, rows):
    def tiles(n):
        return sum(rows * max(n[i : i + rows]) for i in range(0, len(n), rows))

    return len(lengths) * max(lengths), tiles(lengths), tiles(np.sort(lengths)), lengths.sum()


# wrong: padded counts tiles' rows too: rounded up to whole programs
# says: padded|B|program|rows
def row_steps(lengths, rows):
    def tiles(n):
        return sum(rows * n[i : i + rows].max() for i in range(0, len(n), rows))

    programs = -(-len(lengths) // rows)
    return programs * rows * lengths.max(), tiles(lengths), tiles(-np.sort(-lengths)), lengths.sum()


# wrong: a tile counts its steps once, not once a row
# says: rows|times|once|each row
def row_steps(lengths, rows):
    def tiles(n):
        return sum(n[i : i + rows].max() for i in range(0, len(n), rows))

    return len(lengths) * lengths.max(), tiles(lengths), tiles(np.sort(lengths)[::-1]), lengths.sum()


# wrong: incomplete tiles are dropped
# says: last|drop|left over|rest|incomplete
def row_steps(lengths, rows):
    def tiles(n):
        return sum(rows * n[i : i + rows].max() for i in range(0, len(n) - rows + 1, rows))

    return len(lengths) * lengths.max(), tiles(lengths), tiles(np.sort(lengths)[::-1]), lengths.sum()


# wrong: in order and longest first are exchanged
# says: order|exchang|swap
def row_steps(lengths, rows):
    def tiles(n):
        return sum(rows * n[i : i + rows].max() for i in range(0, len(n), rows))

    return len(lengths) * lengths.max(), tiles(np.sort(lengths)[::-1]), tiles(lengths), lengths.sum()


# right: padded with zeros and reshaped
def row_steps(lengths, rows):
    def tiles(n):
        full = np.concatenate([n, np.zeros(-len(n) % rows, int)]).reshape(-1, rows)
        return rows * full.max(axis=1).sum()

    return lengths.size * lengths.max(), tiles(lengths), tiles(np.flip(np.sort(lengths))), lengths.sum()


# right: plain Python
def row_steps(lengths, rows):
    n = [int(v) for v in lengths]

    def tiles(n):
        total = 0
        while n:
            total += rows * max(n[:rows])
            n = n[rows:]
        return total

    return [len(n) * max(n), tiles(n), tiles(sorted(n)[::-1]), sum(n)]
