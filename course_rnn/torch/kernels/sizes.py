"""How many warps a kernel gets, in how many pieces it multiplies, and how many of its weights lie in registers."""

from typing import NamedTuple

ROWS = 16  # of the batch for one program: the smallest tile that a matrix unit takes
LINE = 128  # bytes of a row of h that a piece of a product takes: as much as shared memory serves at once
REGISTERS, FOR_THE_REST = 255, 45  # of a thread; and how many go to addresses, masks and what is underway


MOST_IN_REGISTERS = 0.6  # of a thread's registers: the share that may hold weights


class Size(NamedTuple):
    """Warps of 32 threads, pieces of a product, and how many pieces of weights lie in registers.

    The others lie in shared memory. All gates have as many pieces; those of the first gates are kept first.
    """

    warps: int
    pieces: int
    kept: int


def padded(hidden_size):
    """H rounded up to a power of two, as tiles are."""
    return max(16, 1 << (hidden_size - 1).bit_length())


def size(kernels, way, hidden_size, itemsize, limit):
    """Choose by counting what a step holds in registers; `compiled` says whether the count was right.

    Weights that have no room there go to shared memory, as long as it is within its limit in bytes.
    """
    P, G, S = padded(hidden_size), kernels.G, kernels.S
    warps = min(16 if P > 128 else 8, P // 8)
    pieces = max(1, P * itemsize // LINE)
    tiles = G + len(kernels.apart) + 2 * S + 1
    if way == "backward":
        tiles += (G + len(kernels.apart) + S + 1) * itemsize / 4 + kernels.vectors
    tile = P / (2 * warps)  # registers of a thread for its part of a tile in float32
    free = min(REGISTERS, 2**16 // (32 * warps)) - FOR_THE_REST - tiles * tile
    piece = itemsize * P * P // pieces
    kept = int(free / (piece / (128 * warps)))  # registers of a thread for its part of a piece of weights
    kept = max(kept, G * pieces - (limit - _rooms(kernels, way, P, itemsize)) // piece)
    return Size(warps, pieces, max(0, min(G * pieces, kept)))


def shared_memory(kernels, way, hidden_size, itemsize, size):
    """Bytes that a program needs in shared memory: the weights that are not in registers, and room for tiles."""
    P = padded(hidden_size)
    return itemsize * (kernels.G * size.pieces - size.kept) * P * P // size.pieces + _rooms(kernels, way, P, itemsize)


def _rooms(kernels, way, P, itemsize):
    return itemsize * ROWS * P * (1 + bool(kernels.late) if way == "forward" else kernels.G)


def in_registers(hidden_size, itemsize, size):
    """The share of a thread's registers that hold weights."""
    P, threads = padded(hidden_size), 32 * size.warps
    return itemsize * size.kept * P * P / size.pieces / 4 / threads / min(REGISTERS, 2**16 // threads)
