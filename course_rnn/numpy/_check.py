"""Questions asked of an input at the public entrances; each answer is one sentence."""

import numbers

import numpy as np


def check_features(name, array, expected, owner):
    """Refuse an array whose last axis does not have the `expected` size."""
    if array.shape[-1] != expected:
        raise ValueError(f"{name} has {array.shape[-1]} features, this {owner} expects {expected}")


def check_sizes(**sizes):
    """Refuse sizes that are not positive whole numbers."""
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or size < 1:
            raise ValueError(f"{name} is {size}, expected a positive whole number")


def check_dtype(name, array, dtype):
    """Refuse what is no NumPy array, or one of another dtype than the layer's."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, expected a NumPy array")
    if array.dtype != dtype:
        raise TypeError(f"{name} is {array.dtype}, this layer computes in {dtype}")


def check_array(name, array, shape, dtype):
    """Refuse what is no NumPy array of this shape and dtype."""
    check_dtype(name, array, dtype)
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


def check_state(names, parts, shape, dtype):
    """Refuse the parts of a state that do not have this shape and dtype, or hold a NaN."""
    for name, part in zip(names, parts, strict=True):
        check_array(name, part, shape, dtype)
        if np.isnan(part).any():
            raise ValueError(f"{name} has a NaN")
