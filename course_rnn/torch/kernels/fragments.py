"""What the kernels are written in, in Gluon: for NVIDIA's GPUs, with every number in the place where it is needed.

Triton places the numbers of a tile itself, and then moves them between every load, product and store, each time through
shared memory and past two barriers: 8 to 14 a step. Gluon leaves the places to us. Here a tile always lies as the
matrix unit leaves its result, loads and stores included, and a weight lies in registers as that unit reads it. Only the
state has to go through shared memory at each step, as every warp needs all of it: two barriers.
"""

import triton.experimental.gluon.language as tl
from triton.experimental import gluon
from triton.experimental.gluon.language.nvidia.ampere import mma_v2

jit, kernel = gluon.jit, gluon.jit(do_not_specialize=["T", "B"])  # a new length or batch size compiles nothing anew
CUTS = True  # whether a tile can be read in pieces
INTERPRETED = False


@jit
def sigmoid(a):
    return 1 / (1 + tl.exp(-a))


@jit
def tanh(a):
    return 1 - 2 / (1 + tl.exp(2 * a))


@gluon.constexpr_function
def result(warps):
    """How a matrix unit (mma.sync, m16n8) leaves a tile, with its columns dealt out to the warps."""
    return tl.NVMMADistributedLayout([2, 0], [1, warps], [16, 8])


@gluon.constexpr_function
def operand(index, layout, itemsize):
    """How it reads the left (0) or the right (1) of two factors."""
    return tl.DotOperandLayout(index, layout, 4 // itemsize)


@jit
def rows(ROWS: tl.constexpr):
    """Which rows of the batch this program has."""
    return tl.program_id(0) * ROWS + tl.arange(0, ROWS, layout=tl.SliceLayout(1, result(tl.num_warps())))


@jit
def features(P: tl.constexpr):
    return tl.arange(0, P, layout=tl.SliceLayout(0, result(tl.num_warps())))


@jit
def zeros(ROWS: tl.constexpr, P: tl.constexpr):
    return tl.full((ROWS, P), 0.0, tl.float32, layout=result(tl.num_warps()))


@jit
def weight(
    weight_hh, gate, G: tl.constexpr, H: tl.constexpr, P: tl.constexpr, BACK: tl.constexpr, KEPT: tl.constexpr,
    piece: tl.constexpr, PIECES: tl.constexpr,
):  # fmt: skip
    """A piece of one gate's matrix from weight_hh (directions, G·H, H), to multiply a tile from the right.

    It is Wᵀ, or W on the way BACK; KEPT in registers, as fragments of the matrix unit, else in shared memory.
    """
    dtype: tl.constexpr = weight_hh.dtype.element_ty
    layout: tl.constexpr = operand(1, result(tl.num_warps()), dtype.primitive_bitwidth // 8)
    left = (piece * (P // PIECES) + tl.arange(0, P // PIECES, layout=tl.SliceLayout(1, layout)))[:, None]
    right = tl.arange(0, P, layout=tl.SliceLayout(0, layout))[None, :]
    place = left * H + right if BACK else right * H + left
    place = weight_hh + (tl.program_id(1) * G + gate) * H * H + place
    W = tl.load(place, mask=(left < H) & (right < H), other=0.0)
    if KEPT:
        return W
    else:
        return tl.allocate_shared_memory(dtype, [P // PIECES, P], swizzled(dtype.primitive_bitwidth // 8, [0, 1]), W)


@gluon.constexpr_function
def swizzled(itemsize, order):
    """Rows of 16 bytes in such an order that eight of them are read at once."""
    return tl.SwizzledSharedLayout(16 // itemsize, 1, 8, order)


@jit
def room(weight_hh, ROWS: tl.constexpr, P: tl.constexpr):
    """Shared memory for a tile."""
    dtype: tl.constexpr = weight_hh.dtype.element_ty
    return tl.allocate_shared_memory(dtype, [ROWS, P], swizzled(dtype.primitive_bitwidth // 8, [1, 0]))


@jit
def put(room, tile):
    """Put a tile where all warps can read it."""
    room.store(tile.to(room.dtype))
    return room


@jit
def get(room, piece: tl.constexpr, PIECES: tl.constexpr):
    """Read a piece of the tile as a left factor; a barrier waits until all warps have put their part."""
    width: tl.constexpr = room.shape[1] // PIECES
    layout: tl.constexpr = operand(0, result(tl.num_warps()), room.dtype.primitive_bitwidth // 8)
    return room.slice(piece * width, width, dim=1).load(layout)


@jit
def dot(h, W, plus, KEPT: tl.constexpr, PRECISION: tl.constexpr):
    """plus + h W, with sums in float32. "tf32x3": three products of TF32, as precise as one of float32, nearly."""
    if not KEPT:
        W = W.load(operand(1, plus.type.layout, W.dtype.primitive_bitwidth // 8))
    if PRECISION == "tf32x3":
        if KEPT:
            W = in_this_step(W)
        high, W_high = rounded(h), rounded(W)
        plus = mma_v2(h - high, W_high, plus, input_precision="tf32")
        plus = mma_v2(high, W - W_high, plus, input_precision="tf32")
        return mma_v2(high, W_high, plus, input_precision="tf32")
    else:
        return mma_v2(h, W, plus, input_precision="tf32")


@jit
def in_this_step(W):
    """W, as if it were new in each step: else its two parts would be kept from step to step, in twice the registers."""
    return tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [W], dtype=W.dtype, is_pure=False, pack=1)


@jit
def rounded(x):
    """A float32 without the 13 bits that TF32 has not."""
    return (x.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)
