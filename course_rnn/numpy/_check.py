"""Questions asked of an input at the public entrances; each answer is one sentence.

Shapes, dtypes, lengths and ids are looked at. Other values are not, on this side as on torch's: a NaN goes through and
shows in the result.
"""

import numbers

import numpy as np


def check_features(name, array, expected, owner):
    """Refuse an array whose last axis does not have the `expected` size."""
    if array.shape[-1] != expected:
        raise ValueError(f"{name} has {array.shape[-1]} features, this {owner} expects {expected}")


def check_sizes(**sizes):
    """Refuse sizes that are not positive whole numbers."""
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} is {size}, expected a positive whole number")


def check_float(dtype):
    """Return the dtype as NumPy's object; refuse what is neither float64 nor float32."""
    dtype = np.dtype(dtype)
    if dtype not in (np.float64, np.float32):
        raise TypeError(f"dtype is {dtype}, expected float64 or float32")
    return dtype


def check_array_type(name, array):
    """Refuse what is no plain NumPy array."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored: fill it, and say by lengths or mask")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, expected a NumPy array")


def check_dtype(name, array, dtype, owner="layer"):
    """Refuse what is no plain NumPy array, or one of another dtype than the owner's."""
    check_array_type(name, array)
    if array.dtype != dtype:
        raise TypeError(f"{name} is {array.dtype}, this {owner} computes in {dtype}")


def check_array(name, array, shape, dtype, owner="layer"):
    """Refuse what is no plain NumPy array of this shape and dtype."""
    check_dtype(name, array, dtype, owner)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")


def check_sequences(x, features, dtype):
    """Refuse an x that is not a batch of sequences (T, B, features), none of them empty."""
    check_dtype("x", x, dtype)
    if x.ndim != 3:
        raise ValueError(f"x has {x.ndim} axes, expected 3: time, batch, features")
    if len(x) == 0:
        raise ValueError(f"x has no time steps: its shape is {x.shape}")
    if x.shape[1] == 0:
        raise ValueError(f"x has an empty batch: its shape is {x.shape}")
    check_features("x", x, features, "layer")


def check_ids(name, ids, size):
    """Refuse what are not whole numbers from 0 to size − 1."""
    check_array_type(name, ids)
    if not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(f"{name} are {ids.dtype}, expected integers")
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(f"{name} run from {ids.min()} to {ids.max()}, expected 0 to {size - 1}")


def check_shape(name, array, expected):
    """Refuse an array of another shape."""
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected {expected}")


def check_mask(mask, expected):
    """Refuse what is no array of bool of this shape."""
    check_array_type("mask", mask)
    if mask.dtype != bool:
        raise TypeError(f"mask is {mask.dtype}, expected bool: True for a real step")
    check_shape("mask", mask, expected)


def check_lengths(lengths, T, B):
    """Return the lengths as an array (B,), all T if there are none; refuse what cannot be true lengths."""
    if lengths is None:
        return np.full(B, T)
    lengths = np.asarray(lengths)
    if not np.issubdtype(lengths.dtype, np.integer):
        raise TypeError(f"lengths is {lengths.dtype}, expected whole numbers")
    if lengths.shape != (B,):
        raise ValueError(f"lengths has shape {lengths.shape}, expected ({B},)")
    if lengths.min() < 1:
        raise ValueError(f"lengths has a {lengths.min()}, every sequence needs at least one step")
    if lengths.max() > T:
        raise ValueError(f"lengths has a {lengths.max()}, x has only {T} steps")
    return lengths


def check_real(lengths, mask, T, B):
    """Return where there are steps, (T, B) of bool, from lengths or a mask; refuse both, and a sequence without any."""
    if mask is None:
        return np.arange(T)[:, None] < check_lengths(lengths, T, B)
    if lengths is not None:
        raise ValueError("lengths and mask both say where the steps are: give one of them")
    check_mask(mask, (T, B))
    if not mask.any(axis=0).all():
        raise ValueError(f"mask leaves sequence {mask.any(axis=0).argmin()} without a step")
    return mask
