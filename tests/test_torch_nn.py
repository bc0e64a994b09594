"""The models on torch: with the same weights, the same outputs and gradients as the reference; and so the losses."""

import copy

import numpy as np
import pytest
import torch

import course_rnn.numpy.jordan
import course_rnn.numpy.layers
import course_rnn.numpy.nn as rnp
import course_rnn.torch.jordan
import course_rnn.torch.layers
import course_rnn.torch.nn as rt

TO_NUMPY = {"rtol": 1e-10, "atol": 1e-12}
BFLOAT16 = {"rtol": 0.05, "atol": 0.05}
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
T, B, D, H, V, E, C, O = 5, 2, 3, 4, 7, 6, 2, 8  # all that meet are different
LENGTHS = np.array([3, 5])
MASK = np.arange(T)[:, None] < LENGTHS
FEEDBACKS = ["output", "probabilities", "label"]
CELLS = {
    "tanh": ("RNN", {"nonlinearity": "tanh"}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "GRU of the paper": ("GRU", {"reset_after": False}),
}


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def load(module, model, device):
    """Give a torch module the parameters of the reference, which have the same names in the same order."""
    assert list(module.state_dict()) == list(model.params)
    module = module.double()
    module.load_state_dict({name: torch.tensor(p) for name, p in model.params.items()})
    return module.to(device)


def to(device, array):
    """A tensor of the same values, or a tuple of them; None stays None."""
    if isinstance(array, tuple):
        return tuple(to(device, part) for part in array)
    return None if array is None else torch.tensor(array, device=device)


def assert_close(ours, reference, name="", tolerance=TO_NUMPY):
    np.testing.assert_allclose(ours.detach().cpu(), reference, **tolerance, err_msg=name)


def check_grads(module, model):
    """Compare every parameter's gradient with the one that the reference's backward has just given."""
    assert list(model.grads) == [name for name, _ in module.named_parameters()]
    for name, p in module.named_parameters():
        assert_close(p.grad, model.grads[name], name)


def check(module, model, rng, device, *inputs, **options):
    """Run both on the same inputs, and a random gradient back through both; compare all that comes out."""
    tensors = [torch.tensor(a, device=device, requires_grad=a.dtype == float) for a in inputs]
    module = load(module, model, device)
    y, y_t = model.forward(*inputs, **options), module(*tensors, **{k: torch.tensor(v) for k, v in options.items()})
    assert_close(y_t, y)
    dy = rng.standard_normal(y.shape)
    y_t.backward(to(device, dy))
    gradients = model.backward(dy)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for tensor, gradient in zip(tensors, gradients, strict=False):
        assert (tensor.grad is None) == (gradient is None)
        if gradient is not None:
            assert_close(tensor.grad, gradient)
    check_grads(module, model)


def layers(cell, *sizes, rng, **options):
    """The same layer in both packages."""
    kind, extra = CELLS[cell]
    options |= extra
    return (
        getattr(course_rnn.numpy.layers, kind)(*sizes, rng=rng, **options),
        getattr(course_rnn.torch.layers, kind)(*sizes, **options),
    )


def models(mode, cell, sizes=(D, H), rng=None, embedding=False, **options):
    """The same model in both packages, (reference, module)."""
    ours, theirs = layers(cell, *sizes, rng=rng, **options)
    width = (1 + ours.bidirectional) * H
    tables = (rnp.Embedding(V, E, rng=rng), torch.nn.Embedding(V, E)) if embedding else (None, None)
    return (
        getattr(rnp, mode)(ours, rnp.Linear(width, O, rng=rng), tables[0]),
        getattr(rt, mode)(theirs, torch.nn.Linear(width, O), tables[1]),
    )


# the modes


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "ragged"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("mode", ["ManyToOne", "ManyToMany"])
def test_reading_a_sequence_matches_the_reference(rng, device, mode, cell, num_layers, bidirectional, lengths):
    model, module = models(mode, cell, rng=rng, num_layers=num_layers, bidirectional=bidirectional)
    options = {} if lengths is None else {"lengths": lengths}
    check(module, model, rng, device, rng.standard_normal((T, B, D)), **options)


@pytest.mark.parametrize("mode", ["ManyToOne", "ManyToMany"])
def test_reading_tokens_matches_the_reference(rng, device, mode):
    model, module = models(mode, "LSTM", (E, H), rng, embedding=True)
    check(module, model, rng, device, rng.integers(0, V, (T, B)), lengths=LENGTHS)


@pytest.mark.parametrize("cell", CELLS)
def test_a_vector_to_a_sequence_matches_the_reference(rng, device, cell):
    model, module = models("VectorToSequence", cell, (E + C, H), rng, embedding=True)
    check(module, model, rng, device, rng.standard_normal((B, C)), rng.integers(0, V, (T, B)), lengths=LENGTHS)


def test_a_vector_to_a_sequence_of_vectors_matches_the_reference(rng, device):
    model, module = models("VectorToSequence", "tanh", (O + C, H), rng)
    check(module, model, rng, device, rng.standard_normal((B, C)), rng.standard_normal((T, B, O)))


@pytest.mark.parametrize("implementation", ["loop", "fused", "library"])
def test_a_model_does_not_care_how_its_layer_runs(rng, implementation):
    model, module = models("ManyToOne", "GRU", rng=rng, num_layers=2, bidirectional=True)
    module.rnn.implementation = implementation
    check(module, model, rng, "cpu", rng.standard_normal((20, B, D)), lengths=np.array([20, 7]))


def test_a_head_of_several_layers_has_the_names_of_the_reference(rng, device):
    ours, theirs = layers("GRU", D, H, rng=rng)
    head = rnp.Sequential(rnp.Linear(H, E, rng=rng), rnp.Tanh(), rnp.Linear(E, O, rng=rng))
    their_head = torch.nn.Sequential(torch.nn.Linear(H, E), torch.nn.Tanh(), torch.nn.Linear(E, O))
    model, module = rnp.ManyToOne(ours, head), rt.ManyToOne(theirs, their_head)
    check(module, model, rng, device, rng.standard_normal((T, B, D)))


# the state


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_the_state_continues_a_sequence_and_no_gradient_comes_back_through_it(rng, device, cell):
    _, module = models("ManyToMany", cell, rng=rng)
    module = module.double().to(device)
    x = torch.tensor(rng.standard_normal((T, B, D)), device=device, requires_grad=True)
    first = module(x[:2])
    second = module(x[2:], state=module.state)
    assert_close(torch.cat([first, second]), module(x).detach().cpu())
    second.sum().backward()
    assert not x.grad[:2].any() and x.grad[2:].all()


@pytest.mark.parametrize("mode", ["ManyToMany", "VectorToSequence"])
def test_a_model_that_has_run_can_be_copied(rng, device, mode):
    """A state that still hung on its graph could not be; nor may it keep the memory of the graph."""
    _, module = models(mode, "LSTM", (D + C * (mode == "VectorToSequence"), H), rng)
    own = {"dtype": torch.float64, "device": device}
    inputs = (torch.ones(B, C, **own), torch.ones(T, B, D, **own))[mode == "ManyToMany" :]
    y = module.to(**own)(*inputs)
    assert not any(part.requires_grad for part in module.state)
    assert_close(copy.deepcopy(module)(*inputs), y.detach().cpu())


# the network whose memory is its output


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("forced", [None, "vectors", "labels"])
@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_the_jordan_network_matches_the_reference(rng, device, feedback, forced, bias):
    model = course_rnn.numpy.jordan.JordanRNN(D, H, O, feedback, bias, rng=rng)
    module = load(course_rnn.torch.jordan.JordanRNN(D, H, O, feedback, bias), model, device)
    given = {None: None, "vectors": rng.standard_normal((T, B, O)), "labels": rng.integers(0, O, (T, B))}[forced]
    x, state, do = (rng.standard_normal(shape) for shape in [(T, B, D), (B, O), (T, B, O)])
    x_t, state_t = (torch.tensor(a, device=device, requires_grad=True) for a in (x, state))
    o_t = module(x_t, to(device, given), state_t)
    o_t.backward(to(device, do))
    o, (dx, dstate) = model.forward(x, given, state), model.backward(do)
    for ours, reference in [(o_t, o), (x_t.grad, dx), (state_t.grad, dstate)]:
        assert_close(ours, reference)
    check_grads(module, model)
    module(x_t, to(device, given))  # from zeros
    model.forward(x, given)
    assert_close(module.state, model.state)
    assert not module.state.requires_grad


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_a_jordan_network_that_carries_its_state_writes_on(rng, device, feedback):
    module = course_rnn.torch.jordan.JordanRNN(D, H, O, feedback, dtype=torch.float64, device=device)
    x = torch.tensor(rng.standard_normal((T, B, D)), device=device)
    full, first = module(x), module(x[:2])
    assert_close(torch.cat([first, module(x[2:], state=module.state)]), full.detach().cpu())


# sampling


def test_the_same_seed_draws_what_the_reference_draws(rng, device):
    logits = rng.standard_normal((T, B, V))
    for temperature, seed in [(1.0, 1), (0.3, 2), (5.0, None)]:
        ours, reference = (None if seed is None else np.random.default_rng(seed) for _ in range(2))
        drawn = rt.sample(to(device, logits), temperature, ours)
        assert drawn.device.type == device
        assert np.array_equal(drawn.cpu(), rnp.sample(logits, temperature, reference))


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("mode", ["ManyToMany", "VectorToSequence"])
def test_generating_writes_what_the_reference_writes(rng, device, mode, seed):
    one_to_many = mode == "VectorToSequence"
    model, module = models(mode, "LSTM", (E + C * one_to_many, H), rng, embedding=True)
    model.head, module.head = rnp.Linear(H, V, rng=rng), torch.nn.Linear(H, V)
    model.head.params["weight"] *= 6  # so that the answers differ from step to step
    module, prefix = load(module, model, device), rng.integers(0, V, (2, B))
    context = rng.standard_normal((B, C)) if one_to_many else None
    ours, reference = (None if seed is None else np.random.default_rng(seed) for _ in range(2))
    written = rt.generate(module, to(device, prefix), 20, to(device, context), 0.7, ours)
    assert np.array_equal(written.cpu(), rnp.generate(model, prefix, 20, context, 0.7, reference))
    assert len(written.unique()) > 1
    assert not any(part.requires_grad for part in module.state)


# losses


@pytest.mark.parametrize("ignore_index", [None, 2])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_cross_entropy_matches_the_reference(rng, device, mask, ignore_index):
    logits, targets = 3 * rng.standard_normal((T, B, V)), rng.integers(0, V, (T, B))
    targets[0, 0] = 2
    options = {} if ignore_index is None else {"ignore_index": ignore_index}
    loss, dlogits = rnp.cross_entropy(logits, targets, mask, **options)
    logits_t = torch.tensor(logits, device=device, requires_grad=True)
    loss_t = rt.cross_entropy(logits_t, to(device, targets), to(device, mask), **options)
    loss_t.backward()
    assert_close(loss_t, loss)
    assert_close(logits_t.grad, dlogits)


def test_one_answer_for_each_sequence_has_a_cross_entropy_as_well(rng, device):
    logits, targets = rng.standard_normal((B, V)), np.array([6, 1], np.int32)
    loss = rt.cross_entropy(to(device, logits), to(device, targets))
    assert_close(loss, rnp.cross_entropy(logits, targets)[0])


@pytest.mark.parametrize("mask", [None, MASK, np.array([True, False, True, True, False])], ids=["all", "TB", "T"])
def test_mse_matches_the_reference(rng, device, mask):
    y, target = rng.standard_normal((T, B, O)), rng.standard_normal((T, B, O))
    loss, dy = rnp.mse(y, target, mask)
    y_t = torch.tensor(y, device=device, requires_grad=True)
    loss_t = rt.mse(y_t, to(device, target), to(device, mask))
    loss_t.backward()
    assert_close(loss_t, loss)
    assert_close(y_t.grad, dy)


def test_nothing_in_the_padding_is_seen(rng, device):
    mask = torch.tensor(MASK, device=device)
    y = torch.tensor(rng.standard_normal((T, B, O)), device=device).masked_fill(~mask[..., None], torch.nan)
    y.requires_grad_()
    loss = rt.mse(y, torch.zeros_like(y), mask)
    loss.backward()
    assert loss.isfinite() and y.grad.isfinite().all() and not y.grad[~mask].any()
    targets = torch.full((T, B), -1, device=device).masked_fill(mask, 1)  # not a class, and never looked at
    assert rt.cross_entropy(torch.ones(T, B, V, device=device), targets, mask).isfinite()


# dtype and device


def every_model():
    """One of each, with inputs, made from a dtype and a device."""
    layer = course_rnn.torch.layers.GRU
    table, head = torch.nn.Embedding(V, E), torch.nn.Linear(H, V)

    def ids(own):
        return torch.ones(T, B, dtype=torch.long, device=own["device"])

    return {
        "ManyToOne": (rt.ManyToOne(layer(E, H), head, table), lambda own: (ids(own),)),
        "ManyToMany": (rt.ManyToMany(layer(E, H), head, table), lambda own: (ids(own),)),
        "VectorToSequence": (
            rt.VectorToSequence(layer(E + C, H), head, table),
            lambda own: (torch.ones(B, C, **own), ids(own)),
        ),
        "JordanRNN": (
            course_rnn.torch.jordan.JordanRNN(D, H, V, "probabilities"),
            lambda own: (torch.ones(T, B, D, **own),),
        ),
        "forced JordanRNN": (
            course_rnn.torch.jordan.JordanRNN(D, H, V),
            lambda own: (torch.ones(T, B, D, **own), ids(own)),
        ),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", every_model())
def test_a_model_moves_as_a_whole_and_stays_where_it_is(device, kind, dtype):
    module, inputs = every_model()[kind]
    own = {"dtype": dtype, "device": device}
    y = module.to(**own)(*inputs(own))
    rt.cross_entropy(y, torch.zeros(y.shape[:-1], dtype=torch.long, device=device)).backward()
    for tensor in (y, *(p.grad for p in module.parameters())):
        assert (tensor.dtype, tensor.device.type) == (dtype, device)


@pytest.mark.parametrize("kind", every_model())
def test_a_model_runs_under_autocast(device, kind):
    module, inputs = every_model()[kind]
    own = {"dtype": torch.float32, "device": device}
    y = module.to(device)(*inputs(own))
    with torch.autocast(device, dtype=torch.bfloat16):
        low = module(*inputs(own))
    assert low.dtype == (torch.float32 if "Jordan" in kind else torch.bfloat16)  # the state of a loop stays as it is
    assert_close(low.float(), y.detach().cpu(), tolerance=BFLOAT16)
    low.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in module.parameters())


def test_a_jordan_network_starts_as_the_reference_does():
    torch.manual_seed(0)
    jordan = course_rnn.torch.jordan.JordanRNN(300, 16, 200, dtype=torch.float64)
    for p in jordan.parameters():
        assert 0.2 < p.abs().max() <= 0.25
    assert abs(jordan.rnn.weight_ih_l0.std().item() - 0.25 / 3**0.5) < 0.01  # of uniform(-1/4, 1/4)


# bad input

ONES = torch.ones(T, B, D)


@pytest.mark.parametrize(
    "error, message, call",
    [
        (TypeError, "ids are torch.float32, expected integers", lambda m: m["ManyToOne"][0](torch.ones(T, B))),
        (TypeError, "ids are torch.bool, expected integers", lambda m: m["ManyToOne"][0](torch.ones(T, B).bool())),
        (
            ValueError,
            "ids are on meta, this embedding is on cpu",
            lambda m: m["ManyToMany"][0](torch.ones(T, B, dtype=torch.long, device="meta")),
        ),
        (
            ValueError,
            r"context has shape \(3, 2\), expected \(2, features\): one row for each sequence",
            lambda m: m["VectorToSequence"][0](torch.ones(3, C), torch.ones(T, B, dtype=torch.long)),
        ),
        (
            TypeError,
            "context is torch.float64, y_prev",
            lambda m: m["VectorToSequence"][0](torch.ones(B, C).double(), torch.ones(T, B, dtype=torch.long)),
        ),
        (ValueError, "temperature is 0, expected a number above 0", lambda m: rt.sample(ONES, 0)),
        (
            ValueError,
            r"targets has shape \(4,\), expected \(5,\)",
            lambda m: rt.cross_entropy(ONES[:, 0], torch.ones(4).int()),
        ),
        (TypeError, "targets are torch.float32, expected integers", lambda m: rt.cross_entropy(ONES, ONES[..., 0])),
        (
            TypeError,
            "mask is torch.float32, expected bool: True for a real step",
            lambda m: rt.cross_entropy(ONES, ONES[..., 0].long(), ONES[..., 0]),
        ),
        (
            ValueError,
            r"mask has shape \(2, 5\), expected \(5, 2\)",
            lambda m: rt.mse(ONES, ONES, torch.ones(B, T, dtype=torch.bool)),
        ),
        (ValueError, r"target has shape \(5, 2\), expected \(5, 2, 3\)", lambda m: rt.mse(ONES, ONES[..., 0])),
        (TypeError, "target is torch.float64, y", lambda m: rt.mse(ONES, ONES.double())),
    ],
)
def test_bad_input_is_refused_in_one_sentence(error, message, call):
    with pytest.raises(error, match=message):
        call(every_model())


def test_an_unknown_feedback_is_refused():
    with pytest.raises(ValueError, match="feedback is 'hidden', expected one of output, probabilities, label"):
        course_rnn.torch.jordan.JordanRNN(D, H, O, "hidden")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": torch.ones(T, B, 4)}, ValueError, "x has 4 features, this network expects 3"),
        ({"x": torch.ones(T, D)}, ValueError, r"x has shape \(5, 3\), expected \(T, B, 3\)"),
        ({"x": torch.ones(0, B, D)}, ValueError, r"x has shape \(0, 2, 3\), expected \(T, B, 3\) with none of them 0"),
        ({"x": torch.ones(T, 0, D)}, ValueError, r"x has shape \(5, 0, 3\), expected"),
        ({"x": ONES.double()}, TypeError, "x is torch.float64, this network"),
        ({"x": ONES.to("meta")}, ValueError, "x is on meta, this network"),
        ({"state": torch.ones(1, O)}, ValueError, r"state has shape \(1, 8\), expected \(2, 8\)"),
        ({"state": torch.ones(B, O).double()}, TypeError, "state is torch.float64, this network"),
        ({"outputs": torch.ones(T, B, 2)}, ValueError, r"outputs has shape \(5, 2, 2\), expected \(5, 2, 8\)"),
        ({"outputs": torch.ones(T, 1).long()}, ValueError, r"outputs has shape \(5, 1\), expected \(5, 2\): one label"),
        ({"outputs": torch.ones(T, B).bool()}, TypeError, "outputs are torch.bool, expected integers"),
        ({"outputs": torch.ones(T, B, O).double()}, TypeError, "outputs is torch.float64, this network"),
    ],
)
def test_a_jordan_network_refuses_bad_input_in_one_sentence(change, error, message):
    with pytest.raises(error, match=message):
        course_rnn.torch.jordan.JordanRNN(D, H, O)(**{"x": ONES} | change)
