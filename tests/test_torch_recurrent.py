"""Any cell on torch tensors gives the values and gradients of its NumPy twin, in every public function."""

import numpy as np
import pytest
import torch
from test_numpy_cells import CELLS
from test_numpy_layers import joined, pair
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import course_rnn.numpy as rnp
import course_rnn.torch as rt

T, B, D, H = 5, 3, 2, 4
LENGTHS = [3, 5, 1]
HOLES = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0]], bool)
every_cell = pytest.mark.parametrize("name", CELLS)


def twin(cell):
    """The torch cell of the same name and settings."""
    name = type(cell).__name__
    assert hasattr(rt.cells, name), f"{name} of course_rnn/numpy/cells.py has no twin in course_rnn/torch/cells.py"
    ours = getattr(rt.cells, name)
    return ours(**{name: value for name, value in vars(cell).items() if name != "states"})


def both(name, num_layers=2, bidirectional=True, bias=True):
    """A layer of each side with the same weights."""
    options = {"num_layers": num_layers, "bidirectional": bidirectional, "bias": bias}
    layer = rnp.Recurrent(CELLS[name], D, H, **options, rng=np.random.default_rng(0))
    module = rt.Recurrent(twin(CELLS[name]), D, H, **options, dtype=torch.float64)
    module.load_state_dict({key: torch.tensor(p) for key, p in layer.params.items()})
    return layer, module


def case(layer, seed=1):
    """x, an initial state, dy and dstate."""
    rng = np.random.default_rng(seed)
    L = layer.num_layers * len(layer.directions)
    state, dstate = (joined([rng.normal(size=(L, B, size)) for size in layer.cell.sizes(H)]) for _ in range(2))
    return rng.normal(size=(T, B, D)), state, rng.normal(size=(T, B, layer.output_size)), dstate


def tensors(state, grad=True):
    return joined([torch.tensor(part, requires_grad=grad) for part in pair(state)])


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("where", ["everywhere", "lengths", "mask"])
@pytest.mark.parametrize("bias", [True, False])
@every_cell
def test_values_and_gradients_are_those_of_the_reference(name, bias, where):
    layer, module = both(name, bias=bias)
    x, state, dy, dstate = case(layer)
    given = {"everywhere": {}, "lengths": {"lengths": LENGTHS}, "mask": {"mask": HOLES}}[where]
    y, final = layer.forward(x, state, **given)
    dx, dstate_0 = layer.backward(dy, dstate)

    x_t, state_t = torch.tensor(x, requires_grad=True), tensors(state)
    given = {key: torch.tensor(value) for key, value in given.items()}
    y_t, final_t = module(x_t, state_t, **given)
    torch.autograd.backward([y_t, *pair(final_t)], [torch.tensor(d) for d in (dy, *pair(dstate))])
    assert_close(y_t, y)
    assert_close(x_t.grad, dx)
    for ours, theirs in zip(pair(final_t), pair(final), strict=True):
        assert_close(ours, theirs)
    for part, d in zip(pair(state_t), pair(dstate_0), strict=True):
        assert_close(torch.zeros_like(part) if part.grad is None else part.grad, d)
    assert [key for key, _ in module.named_parameters()] == list(layer.params)
    for key, p in module.named_parameters():
        assert_close(p.grad, layer.grads[key])


@every_cell
def test_what_stands_at_padding_is_never_looked_at(name):
    _, module = both(name)
    x, dy = torch.randn(T, B, D, dtype=torch.float64), torch.randn(T, B, module.output_size, dtype=torch.float64)
    padding = torch.arange(T)[:, None] >= torch.tensor(LENGTHS)
    results = []
    for filler in (0.0, float("nan")):
        inputs = x.masked_fill(padding[..., None], filler).requires_grad_()
        module.zero_grad()
        y, _ = module(inputs, lengths=torch.tensor(LENGTHS))
        y.backward(dy)
        results.append([y, inputs.grad, *(p.grad for p in module.parameters())])
    for clean, dirty in zip(*results, strict=True):
        assert torch.equal(clean, dirty)


@every_cell
def test_every_form_of_a_batch_gives_the_same(name):
    layer, module = both(name)
    x, state, _, _ = case(layer)
    x, state = torch.tensor(x), tensors(state, grad=False)
    y, final = module(x, state, lengths=torch.tensor(LENGTHS))
    packed, end = module(pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False), state)
    torch.testing.assert_close(pad_packed_sequence(packed)[0], y)
    torch.testing.assert_close(end, final)
    alone, end = module(x[:, 1], joined([part[:, 1] for part in pair(state)]))
    torch.testing.assert_close(alone, y[:, 1])
    torch.testing.assert_close(end, joined([part[:, 1] for part in pair(final)]))
    module.batch_first = True
    first, _ = module(x.transpose(0, 1), state, lengths=torch.tensor(LENGTHS))
    torch.testing.assert_close(first.transpose(0, 1), y)


def test_dropout_stands_between_layers_and_only_in_training():
    module = rt.Recurrent(rt.cells.UGRNN(), D, 50, num_layers=2, dropout=0.9)
    x = torch.ones(T, B, D)
    assert not torch.equal(module(x)[0], module(x)[0])
    module.eval()
    assert torch.equal(module(x)[0], module(x)[0])


# a cell of one's own behaves like GRU in every public function of both sides


class OwnNumpy(rnp.Cell):
    gates, states = 2, ("h",)

    def pointwise(self, a, u, h):
        s_g, s_c = np.split(a + u, 2, axis=-1)
        g, c = rnp.sigmoid(s_g), np.tanh(s_c)
        return g * h + (1 - g) * c, (g, c, h)

    def pointwise_backward(self, dh, cache):
        g, c, h = cache
        d = np.concatenate([dh * (h - c) * g * (1 - g), dh * (1 - g) * (1 - c * c)], axis=-1)
        return d, d, dh * g


class OwnTorch(rt.Cell):
    gates, states = 2, ("h",)

    def pointwise(self, a, u, h):
        s_g, s_c = (a + u).chunk(2, dim=-1)
        g, c = torch.sigmoid(s_g), torch.tanh(s_c)
        return (g * h + (1 - g) * c,)


def test_a_cell_of_ones_own_has_checked_gradients():
    assert rnp.check_gradients(OwnNumpy())


def test_a_cell_of_ones_own_learns_in_both_packages_alike():
    """The same weights, batches and steps of Adam: the same losses."""
    rng = np.random.default_rng(0)
    model = rnp.ManyToOne(rnp.Recurrent(OwnNumpy(), 4, 8, rng=rng), rnp.Linear(8, 3, rng=rng))
    module = rt.ManyToOne(rt.Recurrent(OwnTorch(), 4, 8), torch.nn.Linear(8, 3)).double()
    module.load_state_dict({name: torch.tensor(p) for name, p in model.params.items()})
    batches = [(rng.normal(size=(6, 16, 4)), np.array([6] * 8 + [3] * 8), rng.integers(0, 3, 16)) for _ in range(20)]
    ours = rnp.fit(model, batches, rnp.cross_entropy, rnp.Adam(model.params, lr=1e-2), clip=0.5)
    batches = [tuple(map(torch.tensor, batch)) for batch in batches]
    theirs = rt.fit(module, batches, rt.cross_entropy, torch.optim.Adam(module.parameters(), lr=1e-2), clip=0.5)
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-8)
    np.testing.assert_allclose(ours.grad_norm, theirs.grad_norm, rtol=1e-8)


def test_jacobians_of_a_cell_of_ones_own():
    layer, rng = rnp.Recurrent(OwnNumpy(), D, H, 2, rng=np.random.default_rng(0)), np.random.default_rng(1)
    module = rt.Recurrent(OwnTorch(), D, H, 2, dtype=torch.float64)
    module.load_state_dict({name: torch.tensor(p) for name, p in layer.params.items()})
    x = rng.normal(size=(T, B, D))
    assert_close(rt.jacobians(module, torch.tensor(x)), rnp.jacobians(layer, x))


@pytest.mark.parametrize("context", ["init", "every_step", "both"])
@pytest.mark.parametrize("attention", [None, "dot", "additive"])
def test_a_cell_of_ones_own_reads_and_writes(context, attention):
    """Encoder, decoder, teacher forcing, greedy and beam search, scheduled sampling: the same in both packages."""
    rng, options = np.random.default_rng(0), {"context": context, "attention": attention}
    encoder = rnp.Encoder(9, 5, 4, bidirectional=True, cell=OwnNumpy(), rng=rng)
    model = rnp.Seq2Seq(encoder, rnp.Decoder(7, 5, 8, 8, num_layers=2, cell=OwnNumpy(), rng=rng, **options))
    encoder = rt.Encoder(9, 5, 4, bidirectional=True, cell=OwnTorch())
    module = rt.Seq2Seq(encoder, rt.Decoder(7, 5, 8, 8, num_layers=2, cell=OwnTorch(), **options)).double()
    module.load_state_dict({name: torch.tensor(p) for name, p in model.params.items()})
    source, target, lengths = rng.integers(0, 9, (6, B)), rng.integers(0, 7, (5, B)), np.array([6, 2, 4])
    logits = model.forward(source, target, lengths)
    model.backward(np.ones_like(logits))
    theirs = module(*map(torch.tensor, (source, target, lengths)))
    theirs.sum().backward()
    assert_close(theirs, logits)
    for name, p in module.named_parameters():
        np.testing.assert_allclose(p.grad, model.grads[name], rtol=1e-9, atol=1e-10)
    inputs, stop = (torch.tensor(source), torch.tensor(lengths)), {"bos": 1, "eos": 2, "max_length": 6}
    assert rnp.greedy_decode(model, source, lengths, **stop) == rt.greedy_decode(module, *inputs, **stop)
    ours, scores = rnp.beam_search(model, source, lengths, width=3, **stop)
    found, their_scores = rt.beam_search(module, *inputs, width=3, **stop)
    assert ours == found
    assert_close(their_scores, scores)
    sampled = rnp.scheduled_sampling(model, source, target, lengths, teacher_prob=0.5, rng=np.random.default_rng(2))
    again = rt.scheduled_sampling(
        module, inputs[0], torch.tensor(target), inputs[1], teacher_prob=0.5, rng=np.random.default_rng(2)
    )
    assert (again.numpy() == sampled).all()


def test_a_cell_of_ones_own_writes_on():
    rng = np.random.default_rng(0)
    layer = rnp.Recurrent(OwnNumpy(), 5, 4, rng=rng)
    model = rnp.ManyToMany(layer, rnp.Linear(4, 9, rng=rng), rnp.Embedding(9, 5, rng=rng))
    module = rt.ManyToMany(rt.Recurrent(OwnTorch(), 5, 4), torch.nn.Linear(4, 9), torch.nn.Embedding(9, 5)).double()
    module.load_state_dict({name: torch.tensor(p) for name, p in model.params.items()})
    prefix = rng.integers(0, 9, (3, 2))
    ours = rnp.generate(model, prefix, 8, rng=np.random.default_rng(3))
    assert (rt.generate(module, torch.tensor(prefix), 8, rng=np.random.default_rng(3)).numpy() == ours).all()


def test_initial_values_of_a_cell_of_ones_own():
    layer = rnp.Recurrent(OwnNumpy(), D, H, rng=np.random.default_rng(0))
    rnp.init.orthogonal(layer, np.random.default_rng(0))
    block = layer.params["weight_hh_l0"][H:]
    np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)
    rnp.init.identity(layer)
    rnp.init.spectral_radius(layer, 0.5)
    rnp.init.uniform(layer, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^OwnNumpy has no gate that keeps the past"):
        rnp.init.chrono(layer, 20, np.random.default_rng(0))

    class Named(OwnNumpy):
        gates, keep = ("g", "c"), "g"

    layer = rnp.Recurrent(Named(), D, H)
    rnp.init.set_forget_bias(layer, 2.0)
    assert (layer.params["bias_ih_l0"][:H] == 2).all() and (layer.params["bias_hh_l0"][:H] == 0).all()


def test_what_only_named_cells_have_is_refused_in_one_sentence():
    from course_rnn.convert import convert

    layer = rnp.Recurrent(OwnNumpy(), D, H)
    with pytest.raises(ValueError, match=r"^OwnNumpy is a cell of ours: conventions are known for RNN, LSTM, GRU"):
        convert(layer.params, OwnNumpy(), "torch", "keras")
    said = rt.Recurrent(OwnTorch(), D, H).plan(torch.zeros(T, B, D))
    assert said == "loop: on cpu a OwnTorch has no fused layer, autograd follows its equations step by step"


# bad input


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (rt.cells.UGRNN, "cell is the class UGRNN, expected a cell: UGRNN()"),
        (OwnNumpy(), "OwnNumpy is written for the other library, this side needs its twin in course_rnn.torch"),
        ("GRU", "cell is a str, expected a Cell of course_rnn.torch"),
    ],
)
def test_what_is_no_cell_is_refused(cell, message):
    with pytest.raises(TypeError) as caught:
        rt.Recurrent(cell, D, H)
    assert str(caught.value) == message


X = torch.zeros(T, B, D)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"hx": torch.zeros(1, B, H)}, TypeError, "hx of LSTM has to be a tuple: h_0, c_0"),
        ({"hx": (torch.zeros(1, B, H),)}, TypeError, "hx of LSTM has to be a tuple: h_0, c_0"),
        (
            {"hx": (torch.zeros(1, B, H), torch.zeros(1, 1, H))},
            RuntimeError,
            "c_0 has shape (1, 1, 4), this input needs (1, 3, 4)",
        ),
        (
            {"lengths": torch.tensor(LENGTHS), "mask": torch.ones(T, B).bool()},
            ValueError,
            "lengths and mask both say where the steps are: give one of them",
        ),
        ({"mask": torch.ones(T, B)}, TypeError, "mask is torch.float32, expected bool: True for a real step"),
        ({"mask": torch.ones(B, T).bool()}, ValueError, "mask has shape (3, 5), expected (5, 3): time first"),
    ],
)
def test_bad_input_is_named(arguments, error, message):
    with pytest.raises(error) as caught:
        rt.Recurrent(rt.cells.LSTM(), D, H)(X, **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("size", ["input_size", "hidden_size", "num_layers"])
def test_sizes_are_positive_whole_numbers(size):
    with pytest.raises(ValueError, match=f"^{size} is 0, expected a whole number of at least 1$"):
        rt.Recurrent(rt.cells.UGRNN(), **({"input_size": D, "hidden_size": H} | {size: 0}))
