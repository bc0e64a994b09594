"""What the kernels are written in, in plain Triton: for the interpreter, and for GPUs that are not NVIDIA's.

A kernel works on tiles: 16 rows of the batch, and all features of a state, H rounded up to a power of two.
`fragments.py` has the same names for NVIDIA's GPUs, and says for each of them which thread holds which number.
"""

import triton
import triton.language as tl

jit, kernel = triton.jit, triton.jit(do_not_specialize=["T", "B"])  # a new length or batch size compiles nothing anew
CUTS = False  # whether a tile can be read in pieces
INTERPRETED = triton.knobs.runtime.interpret


@jit
def sigmoid(a):
    return 1 / (1 + tl.exp(-a))


@jit
def tanh(a):
    return 1 - 2 / (1 + tl.exp(2 * a))


@jit
def rows(ROWS: tl.constexpr):
    """Which rows of the batch this program has."""
    return tl.program_id(0) * ROWS + tl.arange(0, ROWS)


@jit
def features(P: tl.constexpr):
    return tl.arange(0, P)


@jit
def zeros(ROWS: tl.constexpr, P: tl.constexpr):
    return tl.full((ROWS, P), 0.0, tl.float32)


@jit
def weight(
    weight_hh, gate, G: tl.constexpr, H: tl.constexpr, P: tl.constexpr, BACK: tl.constexpr, KEPT: tl.constexpr,
    piece: tl.constexpr, PIECES: tl.constexpr,
):  # fmt: skip
    """A piece of one gate's matrix from weight_hh (directions, G·H, H), to multiply a tile from the right.

    It is Wᵀ, or W on the way BACK. Triton decides where it lies.
    """
    left = (piece * (P // PIECES) + tl.arange(0, P // PIECES))[:, None]
    right = tl.arange(0, P)[None, :]
    place = left * H + right if BACK else right * H + left
    place = weight_hh + (tl.program_id(1) * G + gate) * H * H + place
    return tl.load(place, mask=(left < H) & (right < H), other=0.0)


@jit
def room(weight_hh, ROWS: tl.constexpr, P: tl.constexpr):
    """Where a tile is put for all to read: Triton finds it a place itself, so this is but its dtype."""
    return tl.full((1,), 0.0, weight_hh.dtype.element_ty)


@jit
def put(room, tile):
    return tile.to(room.dtype)


@jit
def get(tile, piece: tl.constexpr, PIECES: tl.constexpr):
    tl.static_assert(PIECES == 1, "in plain Triton a tile cannot be cut")
    return tile


@jit
def dot(h, W, plus, KEPT: tl.constexpr, PRECISION: tl.constexpr):
    """plus + h W, with sums in float32. "tf32x3": three products of TF32, as precise as one of float32, nearly."""
    if PRECISION == "tf32x3":
        high, W_high = rounded(h), rounded(W)
        low, W_low = h - high, W - W_high
        plus = tl.dot(low, W_high, plus, input_precision="tf32")
        plus = tl.dot(high, W_low, plus, input_precision="tf32")
        return tl.dot(high, W_high, plus, input_precision="tf32")
    return tl.dot(h, W, plus, input_precision="tf32")


@jit
def rounded(x):
    """A float32 without the 13 bits that TF32 has not."""
    return (x.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)
