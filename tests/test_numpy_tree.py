"""The recursive network: a chain when the tree is one, and autograd's gradients on any tree."""

import numpy as np
import pytest
import torch

from course_rnn.numpy.layers import RNN
from course_rnn.numpy.tree import TreeRNN

TOLERANCE = {"rtol": 1e-12, "atol": 1e-14}
N, H = 5, 4
TREES = [0, (0, 1), ((0, 1), (2, (3, 4))), (((0, 1), 2), 1), (3, 3)]  # a leaf may stand in a tree twice


def in_torch(tree, leaves, p):
    if isinstance(tree, int):
        return leaves[tree]
    left, right = (in_torch(child, leaves, p) for child in tree)
    return torch.tanh(p["weight_left"] @ left + p["weight_right"] @ right + p["bias"])


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_tree_matches_torch(tree):
    rng = np.random.default_rng(0)
    layer, leaves, droot = TreeRNN(H, rng=rng), rng.normal(size=(N, H)), rng.normal(size=H)
    root = layer.forward(leaves, tree)
    dleaves = layer.backward(droot)
    theirs = {name: torch.tensor(p, requires_grad=True) for name, p in layer.params.items()}
    leaves = torch.tensor(leaves, requires_grad=True)
    expected = in_torch(tree, leaves, theirs)
    expected.backward(torch.tensor(droot))
    np.testing.assert_allclose(root, expected.detach(), **TOLERANCE)
    np.testing.assert_allclose(dleaves, leaves.grad, **TOLERANCE)
    for name, p in theirs.items():
        np.testing.assert_allclose(layer.grads[name], 0 if p.grad is None else p.grad, **TOLERANCE)


def test_a_tree_that_only_grows_to_one_side_is_a_simple_rnn():
    rng = np.random.default_rng(0)
    chain, rnn, x, h_0 = TreeRNN(H, rng=rng), RNN(H, H, rng=rng), rng.normal(size=(N, H)), rng.normal(size=H)
    for name, array in {"weight_ih_l0": "weight_right", "weight_hh_l0": "weight_left", "bias_ih_l0": "bias"}.items():
        rnn.params[name][:] = chain.params[array]
    rnn.params["bias_hh_l0"][:] = 0
    tree = 0
    for t in range(1, N + 1):
        tree = (tree, t)
    root = chain.forward(np.concatenate([h_0[None], x]), tree)
    np.testing.assert_allclose(root, rnn.forward(x[:, None], h_0[None, None])[1][0, 0], **TOLERANCE)


def test_gradients_of_two_trees_add_up():
    rng = np.random.default_rng(0)
    layer, leaves = TreeRNN(H, rng=rng), rng.normal(size=(N, H))
    single = []
    for tree in TREES[1:3]:
        layer.zero_grad()
        layer.forward(leaves, tree)
        layer.backward(np.ones(H))
        single.append(layer.grads["bias"].copy())
    layer.zero_grad()
    for tree in TREES[1:3]:
        layer.forward(leaves, tree)
    for _ in TREES[1:3]:
        layer.backward(np.ones(H))
    np.testing.assert_allclose(layer.grads["bias"], sum(single), **TOLERANCE)


@pytest.mark.parametrize(
    ("leaves", "tree", "error", "message"),
    [
        (np.ones((N, 3)), (0, 1), ValueError, "leaves has 3 features, this network expects 4"),
        (np.ones((N, H), np.float32), (0, 1), TypeError, "leaves is float32, this layer computes in float64"),
        (np.ones((N, H)), (0, 5), ValueError, "the tree names leaf 5, there are 5"),
        (np.ones((N, H)), (0, 1, 2), ValueError, "a node of the tree has 3 children, expected 2"),
        (np.ones((N, H)), [0, 1], TypeError, "the tree holds a list, expected numbers of leaves and pairs"),
    ],
)
def test_bad_input_is_named(leaves, tree, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        TreeRNN(H).forward(leaves, tree)
