"""The two time loops for a GPU, in Triton: one launch for all steps, with the recurrent weights kept on the chip.

An eager loop launches several kernels a step, and each reads W_hh from memory again. Here one program takes 16 rows
of the batch through all steps of one direction. It loads W_hh once; after that a step costs its product, its gates,
and the traffic of its own x and y. Rows do not depend on one another, so no program ever waits for another.

A state is a tile (16, P): 16 rows, the smallest that a tensor core takes, and P features, H rounded up to a power of
two with zeros. It stays in registers, in float32 whatever the dtype of the tensors. A row that is over keeps its state
and writes nothing; the program stops with the longest of its rows.
"""

import torch

try:
    import triton
    import triton.language as tl
except ImportError as error:
    raise ImportError("the fused kernels need Triton, which exists for Linux: pip install triton") from error

ROWS = 16
jit = triton.jit(do_not_specialize=["T", "B"])  # a new length or batch size compiles nothing anew


# What the kernels share


@triton.jit
def tanh(a):
    return 2 * tl.sigmoid(2 * a) - 1


@triton.jit
def tile(lengths, T, B, P: tl.constexpr, ROWS: tl.constexpr):
    """The rows and features of this program, the length of each row (0 past the batch), and the longest."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    if lengths is None:
        length = tl.where(row < B, T, 0)
        last = T
    else:
        length = tl.load(lengths + row, mask=row < B, other=0).to(tl.int32)
        last = tl.max(length)
    return row, tl.arange(0, P), length, last


@triton.jit
def step(s, last):
    """The time of step s: direction 1 starts at the end."""
    return s + tl.program_id(1) * (last - 1 - 2 * s)


@triton.jit
def at(t, row, j, B, N: tl.constexpr, width: tl.constexpr):
    """Offsets of (t, row, this direction, j) in a tensor (T, B, N, width), which may have more than 2³¹ elements."""
    return ((t * B + row).to(tl.int64) * N + tl.program_id(1))[:, None] * width + j[None, :]


@triton.jit
def at_state(row, j, B, H: tl.constexpr):
    """Offsets of (this direction, row, j) in a tensor (directions, B, H)."""
    return (tl.program_id(1) * B + row).to(tl.int64)[:, None] * H + j[None, :]


@triton.jit
def real(t, length, j, H: tl.constexpr):
    """Which elements of a tile exist at time t."""
    return (t < length)[:, None] & (j < H)[None, :]


@triton.jit
def load(pointer, mask):
    return tl.load(pointer, mask=mask, other=0).to(tl.float32)


@triton.jit
def matrix(weight_hh, gate, out, into, G: tl.constexpr, H: tl.constexpr):
    """One gate's W[out, into], from weight_hh (directions, G·H, H); transposed if `out` runs along the columns."""
    row = (tl.program_id(1) * G + gate) * H + out
    return tl.load(weight_hh + row * H + into, mask=(out < H) & (into < H), other=0)


@triton.jit
def dot(a, W, plus, PRECISION: tl.constexpr):
    return tl.dot(a.to(W.dtype), W, plus, input_precision=PRECISION)


# Simple RNN: h' = f(a + W h)


@jit
def rnn_forward(
    y, weight_hh, h_0, h_n, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W = matrix(weight_hh, 0, j[None, :], j[:, None], 1, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    h = load(h_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(s, last)
        here, mask = at(t, row, j, B, N, H), real(t, length, j, H)
        a = dot(h, W, load(y + here, mask), PRECISION)
        h = tl.where(mask, tl.maximum(a, 0) if RELU else tanh(a), h)
        tl.store(y + here, h, mask=mask)
    tl.store(h_n + state, h, mask=inside)


@jit
def rnn_backward(
    y, dy, d, weight_hh, dh_0, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W = matrix(weight_hh, 0, j[:, None], j[None, :], 1, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    dh = load(dh_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(last - 1 - s, last)
        here, mask = at(t, row, j, B, N, H), real(t, length, j, H)
        h = load(y + here, mask)
        dh += load(dy + here, mask)
        da = dh * ((h > 0).to(tl.float32) if RELU else 1 - h * h)
        tl.store(d + here, da, mask=mask)
        dh = tl.where(mask, dot(da, W, tl.zeros_like(dh), PRECISION), dh)
    tl.store(dh_0 + state, dh, mask=inside)


# LSTM: c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c')


@jit
def lstm_forward(
    gates, c_all, y, weight_hh, h_0, c_0, h_n, c_n, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W_i = matrix(weight_hh, 0, j[None, :], j[:, None], 4, H)
    W_f = matrix(weight_hh, 1, j[None, :], j[:, None], 4, H)
    W_g = matrix(weight_hh, 2, j[None, :], j[:, None], 4, H)
    W_o = matrix(weight_hh, 3, j[None, :], j[:, None], 4, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    h, c = load(h_0 + state, inside), load(c_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(s, last)
        here, gate, mask = at(t, row, j, B, N, H), gates + at(t, row, j, B, N, 4 * H), real(t, length, j, H)
        i = tl.sigmoid(dot(h, W_i, load(gate, mask), PRECISION))
        f = tl.sigmoid(dot(h, W_f, load(gate + H, mask), PRECISION))
        g = tanh(dot(h, W_g, load(gate + 2 * H, mask), PRECISION))
        o = tl.sigmoid(dot(h, W_o, load(gate + 3 * H, mask), PRECISION))
        c = tl.where(mask, f * c + i * g, c)
        h = tl.where(mask, o * tanh(c), h)
        tl.store(gate, i, mask=mask)
        tl.store(gate + H, f, mask=mask)
        tl.store(gate + 2 * H, g, mask=mask)
        tl.store(gate + 3 * H, o, mask=mask)
        tl.store(c_all + here, c, mask=mask)
        tl.store(y + here, h, mask=mask)
    tl.store(h_n + state, h, mask=inside)
    tl.store(c_n + state, c, mask=inside)


@jit
def lstm_backward(
    gates, c_all, c_before, dy, d, weight_hh, dh_0, dc_0, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W_i = matrix(weight_hh, 0, j[:, None], j[None, :], 4, H)
    W_f = matrix(weight_hh, 1, j[:, None], j[None, :], 4, H)
    W_g = matrix(weight_hh, 2, j[:, None], j[None, :], 4, H)
    W_o = matrix(weight_hh, 3, j[:, None], j[None, :], 4, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    dh, dc = load(dh_0 + state, inside), load(dc_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(last - 1 - s, last)
        here, gate, mask = at(t, row, j, B, N, H), at(t, row, j, B, N, 4 * H), real(t, length, j, H)
        i, f = load(gates + gate, mask), load(gates + gate + H, mask)
        g, o = load(gates + gate + 2 * H, mask), load(gates + gate + 3 * H, mask)
        tanh_c = tanh(load(c_all + here, mask))
        dh += load(dy + here, mask)
        dc += dh * o * (1 - tanh_c * tanh_c)  # h' also depends on c', so its gradient passes through here as well
        di = dc * g * i * (1 - i)
        df = dc * load(c_before + here, mask) * f * (1 - f)
        dg = dc * i * (1 - g * g)
        do = dh * tanh_c * o * (1 - o)
        tl.store(d + gate, di, mask=mask)
        tl.store(d + gate + H, df, mask=mask)
        tl.store(d + gate + 2 * H, dg, mask=mask)
        tl.store(d + gate + 3 * H, do, mask=mask)
        back = dot(di, W_i, tl.zeros_like(dh), PRECISION)
        back = dot(df, W_f, back, PRECISION)
        back = dot(dg, W_g, back, PRECISION)
        back = dot(do, W_o, back, PRECISION)
        dh = tl.where(mask, back, dh)
        dc = tl.where(mask, dc * f, dc)
    tl.store(dh_0 + state, dh, mask=inside)
    tl.store(dc_0 + state, dc, mask=inside)


# GRU: h' = n + z ⊙ (h − n) with n = tanh(a_n + r ⊙ q), q = W_hn h + b_hn


@jit
def gru_forward(
    gates, q_all, y, weight_hh, bias_hh, h_0, h_n, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W_r = matrix(weight_hh, 0, j[None, :], j[:, None], 3, H)
    W_z = matrix(weight_hh, 1, j[None, :], j[:, None], 3, H)
    W_n = matrix(weight_hh, 2, j[None, :], j[:, None], 3, H)
    b_n = load(bias_hh + tl.program_id(1) * 3 * H + 2 * H + j, j < H)[None, :]
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    h = load(h_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(s, last)
        here, gate, mask = at(t, row, j, B, N, H), gates + at(t, row, j, B, N, 3 * H), real(t, length, j, H)
        r = tl.sigmoid(dot(h, W_r, load(gate, mask), PRECISION))
        z = tl.sigmoid(dot(h, W_z, load(gate + H, mask), PRECISION))
        q = dot(h, W_n, tl.zeros_like(h), PRECISION) + b_n
        n = tanh(load(gate + 2 * H, mask) + r * q)
        h = tl.where(mask, n + z * (h - n), h)
        tl.store(gate, r, mask=mask)
        tl.store(gate + H, z, mask=mask)
        tl.store(gate + 2 * H, n, mask=mask)
        tl.store(q_all + here, q, mask=mask)
        tl.store(y + here, h, mask=mask)
    tl.store(h_n + state, h, mask=inside)


@jit
def gru_backward(
    gates, q_all, h_before, dy, d, weight_hh, dh_0, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W_r = matrix(weight_hh, 0, j[:, None], j[None, :], 3, H)
    W_z = matrix(weight_hh, 1, j[:, None], j[None, :], 3, H)
    W_n = matrix(weight_hh, 2, j[:, None], j[None, :], 3, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    dh = load(dh_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(last - 1 - s, last)
        here, gate, mask = at(t, row, j, B, N, H), gates + at(t, row, j, B, N, 3 * H), real(t, length, j, H)
        r, z, n = load(gate, mask), load(gate + H, mask), load(gate + 2 * H, mask)
        dh += load(dy + here, mask)
        dn = dh * (1 - z) * (1 - n * n)
        dr = dn * load(q_all + here, mask) * r * (1 - r)
        dz = dh * (load(h_before + here, mask) - n) * z * (1 - z)
        dq = dn * r
        slot = d + at(t, row, j, B, N, 4 * H)
        tl.store(slot, dr, mask=mask)
        tl.store(slot + H, dz, mask=mask)
        tl.store(slot + 2 * H, dq, mask=mask)
        tl.store(slot + 3 * H, dn, mask=mask)
        back = dot(dr, W_r, dh * z, PRECISION)
        back = dot(dz, W_z, back, PRECISION)
        back = dot(dq, W_n, back, PRECISION)
        dh = tl.where(mask, back, dh)
    tl.store(dh_0 + state, dh, mask=inside)


# GRU with the reset before the product: n = tanh(a_n + W_hn (r ⊙ h)), so a step has two products in a row


@jit
def gru_reset_before_forward(
    gates, y, weight_hh, h_0, h_n, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W_r = matrix(weight_hh, 0, j[None, :], j[:, None], 3, H)
    W_z = matrix(weight_hh, 1, j[None, :], j[:, None], 3, H)
    W_n = matrix(weight_hh, 2, j[None, :], j[:, None], 3, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    h = load(h_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(s, last)
        gate, mask = gates + at(t, row, j, B, N, 3 * H), real(t, length, j, H)
        r = tl.sigmoid(dot(h, W_r, load(gate, mask), PRECISION))
        z = tl.sigmoid(dot(h, W_z, load(gate + H, mask), PRECISION))
        n = tanh(dot(r * h, W_n, load(gate + 2 * H, mask), PRECISION))
        h = tl.where(mask, n + z * (h - n), h)
        tl.store(gate, r, mask=mask)
        tl.store(gate + H, z, mask=mask)
        tl.store(gate + 2 * H, n, mask=mask)
        tl.store(y + at(t, row, j, B, N, H), h, mask=mask)
    tl.store(h_n + state, h, mask=inside)


@jit
def gru_reset_before_backward(
    gates, h_before, dy, d, weight_hh, dh_0, lengths, T, B,
    N: tl.constexpr, H: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    row, j, length, last = tile(lengths, T, B, P, ROWS)
    W_r = matrix(weight_hh, 0, j[:, None], j[None, :], 3, H)
    W_z = matrix(weight_hh, 1, j[:, None], j[None, :], 3, H)
    W_n = matrix(weight_hh, 2, j[:, None], j[None, :], 3, H)
    state, inside = at_state(row, j, B, H), real(0, length, j, H)
    dh = load(dh_0 + state, inside)
    for s in tl.range(last, num_stages=2):
        t = step(last - 1 - s, last)
        here, gate, mask = at(t, row, j, B, N, H), at(t, row, j, B, N, 3 * H), real(t, length, j, H)
        r, z, n = load(gates + gate, mask), load(gates + gate + H, mask), load(gates + gate + 2 * H, mask)
        h = load(h_before + here, mask)
        dh += load(dy + here, mask)
        dn = dh * (1 - z) * (1 - n * n)
        drh = dot(dn, W_n, tl.zeros_like(dh), PRECISION)  # the gradient of r ⊙ h
        dr = drh * h * r * (1 - r)
        dz = dh * (h - n) * z * (1 - z)
        tl.store(d + gate, dr, mask=mask)
        tl.store(d + gate + H, dz, mask=mask)
        tl.store(d + gate + 2 * H, dn, mask=mask)
        back = dot(dr, W_r, dh * z + drh * r, PRECISION)
        back = dot(dz, W_z, back, PRECISION)
        dh = tl.where(mask, back, dh)
    tl.store(dh_0 + state, dh, mask=inside)


# The engine that fused.py asks for

FORWARD = {
    "RNN_TANH": rnn_forward,
    "RNN_RELU": rnn_forward,
    "LSTM": lstm_forward,
    "GRU": gru_forward,
    "GRU_RESET_BEFORE": gru_reset_before_forward,
}
BACKWARD = {
    "RNN_TANH": rnn_backward,
    "RNN_RELU": rnn_backward,
    "LSTM": lstm_backward,
    "GRU": gru_backward,
    "GRU_RESET_BEFORE": gru_reset_before_backward,
}


def check(cell, hidden_size, x):
    """Refuse dtypes that the kernels do not compute in, and weights that this GPU cannot keep on the chip."""
    if x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise TypeError(f"the fused kernels compute in float32, float16 or bfloat16, not in {x.dtype}; take 'library'")
    needed, there = shared_memory(cell, hidden_size, x.element_size()), on_chip(x.device)
    if needed > there:
        raise ValueError(f"the fused kernels would need {needed} bytes on the chip, there are {there}; take 'library'")


def shared_memory(cell, hidden_size, itemsize):
    """Bytes that a program keeps in shared memory: W_hh, and the tiles of the step that it fetches ahead."""
    P, G = _padded(hidden_size), {"LSTM": 4, "GRU": 3, "GRU_RESET_BEFORE": 3}.get(cell, 1)
    return itemsize * P * (G * P + ROWS * (3 * G + 1))


def on_chip(device):
    """Bytes of shared memory that one program may have."""
    return triton.runtime.driver.active.utils.get_device_properties(device.index)["max_shared_mem"]


def _padded(hidden_size):
    return max(16, triton.next_power_of_2(hidden_size))


def forward(cell, lengths, gates, extra, y, h_0, c_0, weights_hh, biases_hh):
    """Fill gates, extra and y; return h_n and c_n. See fused.py."""
    h_n, c_n = torch.empty_like(h_0), None if c_0 is None else torch.empty_like(c_0)
    bias_hh = torch.zeros_like(gates[0, 0]) if biases_hh[0] is None else torch.stack(biases_hh)
    tensors = {"gates": gates, "c_all": extra, "q_all": extra, "h_0": h_0, "c_0": c_0, "h_n": h_n, "c_n": c_n}
    _launch(FORWARD[cell], cell, lengths, y, weights_hh, **tensors, bias_hh=bias_hh)
    return h_n, c_n


def backward(cell, lengths, gates, extra, y, h_0, c_0, dy, dh, dc, weights_hh):
    """Yield (direction, where, d, h_before) for each direction. See fused.py."""
    T, B, N, H = y.shape
    new = y.new_empty if lengths is None else y.new_zeros
    d = new(T, B, N, 4 * H if cell == "GRU" else gates.shape[-1])
    h_before, c_before = _before(y, h_0, lengths), None if c_0 is None else _before(extra, c_0, lengths)
    tensors = {"gates": gates, "c_all": extra, "q_all": extra, "h_before": h_before, "c_before": c_before}
    _launch(BACKWARD[cell], cell, lengths, y, weights_hh, **tensors, dy=dy.contiguous(), d=d, dh_0=dh, dc_0=dc)
    for k in range(N):
        yield k, (slice(None), slice(None)), d[:, :, k], h_before[:, :, k]


def _before(y, first, lengths):
    """What each step started from: the output of its neighbour in time, and `first` where it has none."""
    before = torch.empty_like(y)
    before[1:, :, 0], before[0, :, 0] = y[:-1, :, 0], first[0]
    if len(first) == 2:
        before[:-1, :, 1], before[-1, :, 1] = y[1:, :, 1], first[1]
        if lengths is not None:
            before[lengths - 1, torch.arange(len(lengths), device=y.device), 1] = first[1]
    return before


def _launch(kernel, cell, lengths, y, weights_hh, **tensors):
    """Start one program for every 16 rows and direction, with those of the tensors that the kernel names."""
    T, B, N, H = y.shape
    P, precision = _padded(H), _precision(y.dtype)
    given = {**tensors, "y": y, "weight_hh": torch.stack(weights_hh), "lengths": lengths, "T": T, "B": B}
    given |= {"N": N, "H": H, "P": P, "ROWS": ROWS, "PRECISION": precision, "RELU": cell == "RNN_RELU"}
    with torch.cuda.device_of(y):
        kernel[(triton.cdiv(B, ROWS), N)](
            **{name: given[name] for name in kernel.arg_names}, num_warps=warps(P, y.dtype, precision)
        )


def warps(P, dtype, precision):
    """Of 32 threads each: as few as have registers enough, since they wait for one another in every step."""
    return min(16, max(4, P // (8 if dtype == torch.float32 and precision == "ieee" else 16)))


def _precision(dtype):
    """What torch.nn computes float32 in: TF32, unless the user has told cuDNN not to."""
    allowed = getattr(torch.backends.cudnn.rnn, "fp32_precision", None)  # torch 2.9 and later
    if allowed is None:
        allowed = "tf32" if torch.backends.cudnn.allow_tf32 else "ieee"
    return "tf32" if dtype == torch.float32 and allowed == "tf32" else "ieee"
