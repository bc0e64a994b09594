"""The recursive network: the same step joins two children into a parent, so a tree takes the place of the chain."""

import numpy as np

from course_rnn.numpy._check import check_array_type, check_dtype, check_features, check_float, check_sizes
from course_rnn.numpy.nn import Module


class TreeRNN(Module):
    """Fold a binary tree into one vector: a recurrent network is the case in which every right child is a leaf.

    h_leaf = x,   h_parent = tanh(W_l h_left + b + W_r h_right)

    With W_l = W_hh, W_r = W_ih and the tree ((((h_0, x_1), x_2), …), x_T) it is a simple RNN.

    Parameters
    ----------
    hidden_size : int
        The size of leaves and nodes alike.
    rng : numpy.random.Generator, optional
        Initial values are uniform in ±1/√hidden_size.
    dtype : numpy.float64 or numpy.float32

    Raises
    ------
    ValueError, TypeError
        If the size is not a positive whole number or the dtype is unknown.

    References
    ----------
    Goller and Küchler, "Learning task-dependent distributed representations by backpropagation through structure",
    ICNN 1996; Socher et al., "Parsing natural scenes and natural language with recursive neural networks", ICML 2011.

    Examples
    --------
    The first two leaves make a phrase, which the third one joins.

    >>> TreeRNN(4).forward(np.ones((3, 4)), ((0, 1), 2)).shape
    (4,)
    """

    def __init__(self, hidden_size, *, rng=None, dtype=np.float64):
        check_sizes(hidden_size=hidden_size)
        self.hidden_size, self.dtype = hidden_size, check_float(dtype)
        rng, bound, H = np.random.default_rng() if rng is None else rng, hidden_size**-0.5, hidden_size
        shapes = {"weight_left": (H, H), "weight_right": (H, H), "bias": (H,)}
        self.params = {name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()}
        self.grads = {}

    def forward(self, leaves, tree):
        """Fold a tree.

        Parameters
        ----------
        leaves : (N, H) ndarray
        tree : int, or a pair of trees
            A leaf's number, or what is joined: ((0, 1), 2).

        Returns
        -------
        (H,) ndarray
            The vector of the root.

        Raises
        ------
        ValueError
            If the leaves do not fit, a leaf is not there, or a node has not two children.
        TypeError
            If the leaves are no array of the layer's dtype, or the tree is made of something else.
        """
        check_array_type("leaves", leaves)
        check_dtype("leaves", leaves, self.dtype)
        check_features("leaves", leaves, self.hidden_size, "network")
        nodes = {}  # each subtree's place in the tree: its vector
        root = self._fold(leaves, tree, nodes, "")
        self._keep(leaves, tree, nodes)
        return root

    def backward(self, droot):
        """Carry ∂L/∂root (H,) down to every leaf, and add to `grads`; returns dleaves (N, H)."""
        leaves, tree, nodes = self._kept_last()
        dleaves, grads = np.zeros_like(leaves), {name: np.zeros_like(p) for name, p in self.params.items()}
        self._unfold(droot, tree, nodes, "", dleaves, grads)
        self._add(grads)
        return dleaves

    def _fold(self, leaves, tree, nodes, place):
        if isinstance(tree, tuple):
            if len(tree) != 2:
                raise ValueError(f"a node of the tree has {len(tree)} children, expected 2")
            left, right = (self._fold(leaves, child, nodes, f"{place}{k}") for k, child in enumerate(tree))
            W_l, W_r, b = self.params.values()
            nodes[place] = np.tanh(W_l @ left + W_r @ right + b)
        elif isinstance(tree, int | np.integer):
            if not 0 <= tree < len(leaves):
                raise ValueError(f"the tree names leaf {tree}, there are {len(leaves)}")
            nodes[place] = leaves[tree]
        else:
            raise TypeError(f"the tree holds a {type(tree).__name__}, expected numbers of leaves and pairs")
        return nodes[place]

    def _unfold(self, dh, tree, nodes, place, dleaves, grads):
        if not isinstance(tree, tuple):
            dleaves[tree] += dh
            return
        da = dh * (1 - nodes[place] * nodes[place])
        grads["bias"] += da
        for k, side in enumerate(("weight_left", "weight_right")):
            grads[side] += np.outer(da, nodes[f"{place}{k}"])
            self._unfold(self.params[side].T @ da, tree[k], nodes, f"{place}{k}", dleaves, grads)
