"""Random arguments for the cases of questions: small, all sizes different, nothing zero."""

import numpy as np


def sizes(rng, count, low=2, high=7):
    """Distinct sizes from low to high, so that no transposed axis can hide."""
    return tuple(int(size) for size in rng.choice(np.arange(low, high + 1), size=count, replace=False))


def rnn_weights(rng, D, H, gates=1):
    """The weights of one recurrent layer under torch's names, ``gates`` blocks of H rows each."""
    rows = gates * H
    shapes = {"weight_ih": (rows, D), "weight_hh": (rows, H), "bias_ih": rows, "bias_hh": rows}
    return {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}
