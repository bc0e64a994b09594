"""Gradients add up: modules used twice, tied weights, Siamese encoders and modules in lists, all as in torch."""

import numpy as np
import pytest
import torch

from course_rnn.numpy.layers import GRU, LSTM
from course_rnn.numpy.nn import Embedding, Linear, ManyToOne, Module, Sequential, Tanh, answering
from course_rnn.numpy.optim import SGD, Adam

TOLERANCE = {"rtol": 1e-12, "atol": 1e-14}
T, B, D, H, V = 5, 2, 3, 4, 7


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tensors(module):
    return {name: torch.tensor(array, requires_grad=True) for name, array in module.params.items()}


def check(module, theirs):
    for name, leaf in theirs.items():
        np.testing.assert_allclose(module.grads[name], leaf.grad, **TOLERANCE, err_msg=name)


def test_a_linear_map_used_twice(rng):
    layer, x, dy = Linear(D, D, rng=rng), rng.normal(size=(B, D)), rng.normal(size=(B, D))
    layer.forward(layer.forward(x))
    dx = layer.backward(layer.backward(dy))
    theirs, x = tensors(layer), torch.tensor(x, requires_grad=True)
    once = x @ theirs["weight"].T + theirs["bias"]
    (once @ theirs["weight"].T + theirs["bias"]).backward(torch.tensor(dy))
    check(layer, theirs)
    np.testing.assert_allclose(dx, x.grad, **TOLERANCE)


class Siamese(Module):
    """One encoder for two sequences; the answer is the product of what it makes of them."""

    def __init__(self, encoder):
        self.encoder = encoder

    def forward(self, one, other):
        u, v = self.encoder.forward(one), self.encoder.forward(other)
        self._keep(u, v)
        return u * v

    def backward(self, dy):
        u, v = self._kept_last()
        self.encoder.backward(dy * u)  # the last one forward is the first one back
        self.encoder.backward(dy * v)


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_a_siamese_encoder(rng, kind):
    encoder = ManyToOne(kind(D, H, 2, bidirectional=True, rng=rng), Linear(2 * H, V, rng=rng))
    model, dy = Siamese(encoder), rng.normal(size=(B, V))
    pair = [rng.normal(size=(steps, B, D)) for steps in (T, T + 2)]
    model.forward(*pair)
    model.backward(dy)

    theirs = getattr(torch.nn, kind.__name__)(D, H, 2, bidirectional=True, dtype=torch.float64)
    head = torch.nn.Linear(2 * H, V, dtype=torch.float64)
    theirs.load_state_dict({name: torch.tensor(p) for name, p in encoder.rnn.params.items()})
    head.load_state_dict({name: torch.tensor(p) for name, p in encoder.head.params.items()})

    def encode(x):
        final = theirs(torch.tensor(x))[1]
        return head(torch.cat(list((final[0] if kind is LSTM else final)[-2:]), dim=-1))

    (encode(pair[0]) * encode(pair[1])).backward(torch.tensor(dy))
    parts = {f"encoder.rnn.{name}": p for name, p in theirs.named_parameters()}
    check(model, parts | {f"encoder.head.{name}": p for name, p in head.named_parameters()})


class Tied(Module):
    """A language model whose head is its embedding's table."""

    def __init__(self, rng):
        self.embedding, self.rnn = Embedding(V, H, rng=rng), GRU(H, H, rng=rng)
        self.head = Linear(H, V, rng=rng)
        self.head.params["weight"] = self.embedding.params["weight"]

    def forward(self, ids):
        return self.head.forward(self.rnn.forward(self.embedding.forward(ids))[0])

    def backward(self, dy):
        self.embedding.backward(self.rnn.backward(self.head.backward(dy))[0])


def test_tied_weights_have_one_name_one_gradient_and_one_step(rng):
    model, ids, dy = Tied(rng), rng.integers(0, V, (T, B)), rng.normal(size=(T, B, V))
    assert "embedding.weight" in model.params and "head.weight" not in model.params
    before = model.params["embedding.weight"].copy()
    for optimizer in (SGD(model.params, lr=0.1, momentum=0.9), Adam(model.params)):
        model.zero_grad()
        model.forward(ids)
        model.backward(dy)
        theirs = tensors(model)
        rnn = torch.nn.GRU(H, H, dtype=torch.float64)
        weights = {name.removeprefix("rnn."): p for name, p in theirs.items() if name.startswith("rnn.")}
        y, _ = torch.func.functional_call(rnn, weights, (theirs["embedding.weight"][torch.tensor(ids)],))
        (y @ theirs["embedding.weight"].T + theirs["head.bias"]).backward(torch.tensor(dy))
        check(model, theirs)
        check(model, theirs)  # to look at gradients does not change them
        model.grads["embedding.weight"][:] = 1  # what clipping does: the arrays are the model's own
        optimizer.step(model.grads)
        assert model.embedding.params["weight"] is model.head.params["weight"]
    np.testing.assert_allclose(before - model.params["embedding.weight"], 0.1 + 1e-3, rtol=1e-6)


class Stack(Module):
    def __init__(self, rng):
        self.layers = [Linear(D, H, rng=rng), Tanh(), Linear(H, D, rng=rng)]
        self.heads = {"mean": Linear(D, 1, rng=rng)}
        self.again = self.layers[0]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return self.heads["mean"].forward(x)

    def backward(self, dy):
        dy = self.heads["mean"].backward(dy)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


def test_modules_in_lists_and_dicts_are_found_and_each_array_once(rng):
    model = Stack(rng)
    names = [f"layers.{k}.{name}" for k in (0, 2) for name in ("weight", "bias")]
    assert list(model.params) == [*names, "heads.mean.weight", "heads.mean.bias"]
    model.forward(rng.normal(size=(B, D)))
    model.backward(np.ones((B, 1)))
    assert list(model.grads) == list(model.params)
    model.zero_grad()
    assert model.grads == {}
    assert sum(1 for _ in model.modules()) == 5


def test_a_sequential_may_have_other_attributes(rng):
    model = Sequential(Linear(D, H, rng=rng), Tanh())
    model.note = "mine"
    model.backward(model.forward(np.ones((B, D))))
    assert list(model.params) == ["0.weight", "0.bias"]


def test_after_eval_nothing_is_kept(rng):
    layer, x = Linear(D, H, rng=rng), np.ones((B, D))
    layer.eval().forward(x)
    with pytest.raises(RuntimeError, match=r"^backward needs .*, and after eval\(\) none is kept: call train"):
        layer.backward(np.ones((B, H)))
    layer.train().forward(x)
    layer.backward(np.ones((B, H)))
    with pytest.raises(RuntimeError, match=r"^backward needs a forward before it, one for each backward$"):
        layer.backward(np.ones((B, H)))


def test_answering_leaves_every_module_as_it_was(rng):
    model = Stack(rng)
    model.layers[2].eval()
    with answering(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, True, False, True]


# state_dict


def test_a_model_is_loaded_from_the_state_of_another(rng):
    one, other = Stack(rng), Stack(rng)
    arrays = {name: id(array) for name, array in other.params.items()}
    other.load_state_dict(one.state_dict())
    assert all(np.array_equal(one.params[name], other.params[name]) for name in arrays)
    assert {name: id(array) for name, array in other.params.items()} == arrays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.ones((1, D))}, r"weight has shape \(1, 3\), this model expects \(4, 3\)"),
        ({"weight": 1.0}, r"weight has shape \(\), this model expects \(4, 3\)"),
        ({"wieght": np.ones((H, D))}, "unexpected wieght: this model has weight, bias"),
        ({"bias": None}, "missing bias"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed(rng, change, message):
    layer = Linear(D, H, rng=rng)
    before = {name: array.copy() for name, array in layer.params.items()}
    state = {name: array + 1 for name, array in before.items()} | change
    with pytest.raises(ValueError, match=f"^{message}$"):
        layer.load_state_dict({name: array for name, array in state.items() if array is not None})
    assert all(np.array_equal(layer.params[name], before[name]) for name in before)
