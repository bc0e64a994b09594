"""course_rnn.torch.RNN, LSTM and GRU against torch.nn and against the NumPy reference."""

import copy
import itertools
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import course_rnn.numpy.layers as rnp
import course_rnn.torch as rt
from course_rnn.torch import cpu, fused, loop
from course_rnn.torch.cells import MODES

T, B, D, H = 5, 3, 2, 4
LENGTHS = [3, 5, 1]
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
OURS = ["loop", "fused"]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 5e-2}
REFERENCE_TOLERANCE = 1e-10

CELLS = {
    "RNN": (rt.RNN, torch.nn.RNN, {}),
    "relu": (rt.RNN, torch.nn.RNN, {"nonlinearity": "relu"}),
    "LSTM": (rt.LSTM, torch.nn.LSTM, {}),
    "GRU": (rt.GRU, torch.nn.GRU, {}),
}


@pytest.fixture(params=DEVICES)
def device(request):
    """A test that takes it runs on the CPU, and on a GPU where there is one."""
    return request.param


@pytest.fixture(autouse=True)
def same_numbers_each_time(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def dtype_of(implementation, device):
    return torch.float32 if (implementation, device) == ("fused", "cuda") else torch.float64


def pair(cell, implementation="auto", device="cpu", dtype=torch.float64, **arguments):
    """Our layer and torch's, with the same weights."""
    ours, theirs, more = CELLS[cell]
    theirs = theirs(D, H, **more, **arguments).to(device, dtype)
    ours = ours(D, H, implementation=implementation, **more, **arguments).to(device, dtype)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def random(*shape, device="cpu", dtype=torch.float64):
    return torch.randn(*shape, device=device, dtype=dtype, requires_grad=True)


def random_state(cell, *shape, **where):
    return (random(*shape, **where), random(*shape, **where)) if cell == "LSTM" else random(*shape, **where)


def tensors(thing):
    """All tensors in an output, a state, or a PackedSequence."""
    if isinstance(thing, PackedSequence):
        return [thing.data]
    if isinstance(thing, torch.Tensor):
        return [thing]
    return [t for part in thing or () for t in tensors(part)]


def run(layer, x, hx=None, *more):
    """Outputs, final states, and the gradients of a weighted sum of them by input, state and parameters."""
    outputs = tensors(layer(x, hx, *more))
    generator = torch.Generator().manual_seed(1)
    loss = sum((o * torch.randn(o.shape, generator=generator).to(o)).sum() for o in outputs)
    return *outputs, *torch.autograd.grad(loss, [*tensors(x), *tensors(hx), *layer.parameters()])


def assert_close(ours, theirs, tolerance=None):
    ours, theirs = tensors(ours), tensors(theirs)
    assert [(t.shape, t.dtype) for t in ours] == [(t.shape, t.dtype) for t in theirs]
    for a, b in zip(ours, theirs, strict=True):
        limit = (tolerance or TOLERANCE[a.dtype]) * max([1, *b.detach().abs().flatten().tolist()])
        torch.testing.assert_close(a, b, rtol=0, atol=limit)


# The same numbers


@pytest.mark.parametrize("implementation", [*OURS, "library"])
@pytest.mark.parametrize("form", ["batch", "one sequence", "packed", "packed, longest first"])
@pytest.mark.parametrize("cell", CELLS)
def test_values_and_gradients_are_those_of_torch_nn(cell, form, implementation, device):
    where = {"device": device, "dtype": dtype_of(implementation, device)}
    for layers, bias, batch_first, bidirectional, with_state in itertools.product((1, 2), *[(True, False)] * 4):
        arguments = {"num_layers": layers, "bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
        ours, theirs = pair(cell, implementation, **where, **arguments)
        x, batch = random(*(B, T, D) if batch_first else (T, B, D), **where), (B,)
        if form == "one sequence":
            x, batch = random(T, D, **where), ()
        if form.startswith("packed"):
            lengths = torch.tensor(sorted(LENGTHS, reverse=True) if "longest" in form else LENGTHS)
            x = pack_padded_sequence(x.detach(), lengths, batch_first, enforce_sorted="longest" in form)
            x = x._replace(data=x.data.requires_grad_())
        hx = random_state(cell, layers * (1 + bidirectional), *batch, H, **where) if with_state else None
        assert_close(run(ours, x, hx), run(theirs, x, hx))


@pytest.mark.parametrize("implementation", OURS)
@pytest.mark.parametrize("in_order", [True, False])
def test_a_packed_sequence_comes_back_packed_in_the_same_way(implementation, in_order):
    ours, theirs = pair("GRU", implementation)
    lengths = torch.tensor(sorted(LENGTHS, reverse=True) if in_order else LENGTHS)
    x = pack_padded_sequence(random(T, B, D), lengths, enforce_sorted=in_order)
    for a, b in zip(ours(x)[0][1:], theirs(x)[0][1:], strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize("implementation", [*OURS, "library"])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_lengths_do_what_packing_does(cell, batch_first, implementation, device):
    where = {"device": device, "dtype": dtype_of(implementation, device)}
    ours, theirs = pair(cell, implementation, num_layers=2, bidirectional=True, batch_first=batch_first, **where)
    x = random(*(B, T + 1, D) if batch_first else (T + 1, B, D), **where)  # one step more than the longest has
    hx = random_state(cell, 4, B, H, **where)

    def packed(x, hx):
        y, h_n = theirs(pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first, enforce_sorted=False), hx)
        return pad_packed_sequence(y, batch_first, total_length=T + 1)[0], h_n

    packed.parameters = theirs.parameters
    expected = run(packed, x, hx)
    for lengths in (LENGTHS, torch.tensor(LENGTHS), torch.tensor(LENGTHS, device=device, dtype=torch.int32)):
        assert_close(run(ours, x, hx, lengths), expected)


@pytest.mark.parametrize("implementation", OURS)
@pytest.mark.parametrize("cell", CELLS)
def test_what_stands_in_the_padding_does_not_matter(cell, implementation, device):
    where = {"device": device, "dtype": dtype_of(implementation, device)}
    ours, _ = pair(cell, implementation, bidirectional=True, **where)
    clean, dirty = random(T, B, D, **where), random(T, B, D, **where)
    with torch.no_grad():
        dirty.copy_(clean)
        dirty[LENGTHS[0] :, 0] = float("nan")
        dirty[LENGTHS[2] :, 2] = float("inf")
    assert_close(run(ours, dirty, None, LENGTHS), run(ours, clean, None, LENGTHS))


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_automatic_choice_computes_the_same_on_long_sequences(cell, ragged):
    ours, theirs = pair(cell, num_layers=2, bidirectional=True)
    x = random(70, B, D)
    if ragged:
        x = pack_padded_sequence(x.detach(), torch.tensor([70, 33, 64]), enforce_sorted=False)
        x = x._replace(data=x.data.requires_grad_())
    assert ours.plan(x).startswith("fused")
    assert_close(run(ours, x), run(theirs, x), tolerance=1e-11)  # a sum over 210 steps


@pytest.mark.parametrize("budget", [1, 500])
@pytest.mark.parametrize("cell", MODES.values(), ids=MODES)
def test_the_size_of_the_pieces_does_not_matter(cell, budget, monkeypatch):
    x, state = random(T, B, D), tuple(random(2, B, H) for _ in cell.states)
    weights = [{name: random(*shape) for name, shape in cell.shapes(D, H).items()} for _ in range(2)]
    lengths = torch.tensor([5, 4, 4])
    expected = tensors(loop.layer(cell, x, state, weights, lengths))
    monkeypatch.setattr(cpu, "PIECE", budget)
    found = tensors(fused.layer(cpu)(cell, x, state, weights, lengths))
    assert_close(found, expected)
    inputs = [x, *state, *(w for of_direction in weights for w in of_direction.values())]
    d = [torch.randn_like(t) for t in expected]
    assert_close(torch.autograd.grad(found, inputs, d), torch.autograd.grad(expected, inputs, d))


@pytest.mark.parametrize("implementation", OURS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", ["RNN", "relu", "LSTM", "GRU", "GRU, reset before"])
def test_values_and_gradients_are_those_of_the_numpy_reference(cell, ragged, bidirectional, bias, implementation):
    name, more = {"relu": ("RNN", {"nonlinearity": "relu"}), "GRU, reset before": ("GRU", {"reset_after": False})}.get(
        cell, (cell, {})
    )
    arguments = {"num_layers": 2, "bias": bias, "bidirectional": bidirectional, **more}
    reference = getattr(rnp, name)(D, H, rng=np.random.default_rng(0), **arguments)
    ours = getattr(rt, name)(D, H, implementation=implementation, dtype=torch.float64, **arguments)
    ours.load_state_dict({name: torch.from_numpy(value) for name, value in reference.params.items()})
    lengths = np.array(LENGTHS) if ragged else None
    x, hx = random(T, B, D), random_state(name, 2 * (1 + bidirectional), B, H)
    y, h_n = ours(x, hx, lengths)
    dy, dh_n = torch.randn_like(y), [torch.randn_like(s) for s in tensors(h_n)]
    grads = torch.autograd.grad([y, *tensors(h_n)], [x, *tensors(hx), *ours.parameters()], [dy, *dh_n])

    as_numpy = [s.detach().numpy() for s in tensors(hx)]
    y_ref, h_n_ref = reference.forward(x.detach().numpy(), tuple(as_numpy) if name == "LSTM" else as_numpy[0], lengths)
    dh_n = [s.numpy() for s in dh_n]
    dx_ref, dh_ref = reference.backward(dy.numpy(), tuple(dh_n) if name == "LSTM" else dh_n[0])
    states = [h_n_ref, dh_ref] if name != "LSTM" else [*h_n_ref, *dh_ref]
    count = len(states) // 2
    expected = [y_ref, *states[:count], dx_ref, *states[count:], *(reference.grads[name] for name in reference.params)]
    assert_close([y, *tensors(h_n), *grads], [torch.from_numpy(e) for e in expected], REFERENCE_TOLERANCE)


def test_the_two_grus_agree_exactly_when_the_reset_cannot_matter():
    """With a diagonal W_hn and no b_hn, r ⊙ (W_hn h) = W_hn (r ⊙ h); otherwise they differ."""
    after, before = rt.GRU(D, H, dtype=torch.float64), rt.GRU(D, H, reset_after=False, dtype=torch.float64)
    x = random(T, B, D)
    before.load_state_dict(after.state_dict())
    assert (after(x)[0] - before(x)[0]).abs().max() > 1e-3
    with torch.no_grad():
        for layer in (after, before):
            layer.weight_hh_l0[2 * H :] *= torch.eye(H)
            layer.bias_hh_l0[2 * H :] = 0
    assert_close(after(x)[0], before(x)[0])


# Autograd


@pytest.mark.parametrize("implementation", OURS)
@pytest.mark.parametrize("lengths", [None, [2, 3]])
@pytest.mark.parametrize("cell", [*CELLS, "GRU, reset before"])
def test_first_and_second_derivatives_by_finite_differences(cell, lengths, implementation):
    if cell == "GRU, reset before":
        layer = rt.GRU(2, 3, bidirectional=True, reset_after=False, implementation=implementation, dtype=torch.float64)
    else:
        ours, _, more = CELLS[cell]
        layer = ours(2, 3, bidirectional=True, implementation=implementation, dtype=torch.float64, **more)
    names = [name for name, _ in layer.named_parameters()]

    def f(x, *weights):
        h_0 = x[0, 0, 0].expand(2, 2, 3)  # the state depends on the input
        hx = (h_0, 2 * h_0) if layer.mode == "LSTM" else h_0
        parameters = dict(zip(names, weights, strict=True))
        return tensors(torch.func.functional_call(layer, parameters, (x, hx, lengths)))[0]

    inputs = (random(3, 2, 2), *(p.detach().clone().requires_grad_() for p in layer.parameters()))
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs, fast_mode=True)
    once, to_be_differentiated = (torch.autograd.grad(f(*inputs).sum(), inputs, create_graph=c) for c in (False, True))
    assert_close(to_be_differentiated, once)


@pytest.mark.parametrize("cell", CELLS)
def test_backward_can_be_run_twice_and_only_for_what_is_asked(cell, device):
    ours, theirs = pair(cell, "fused", device, dtype_of("fused", device))
    x = random(T, B, D, device=device, dtype=dtype_of("fused", device)).detach()
    ours.weight_hh_l0.requires_grad_(False)
    theirs.weight_hh_l0.requires_grad_(False)
    for layer in (ours, theirs):
        loss = layer(x)[0].square().sum()
        loss.backward(retain_graph=True)
        loss.backward()
    assert ours.weight_hh_l0.grad is None
    for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
        assert_close(getattr(ours, name).grad, getattr(theirs, name).grad)


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradients_of_the_two_biases_are_two_tensors(cell):
    ours, _ = pair(cell, "fused")
    ours(random(T, B, D))[0].sum().backward()
    assert ours.bias_ih_l0.grad.data_ptr() != ours.bias_hh_l0.grad.data_ptr()


@pytest.mark.parametrize("implementation", OURS)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("cell", CELLS)
def test_an_output_may_be_changed_in_place(cell, lengths, implementation):
    ours, _ = pair(cell, implementation)
    x = random(T, B, D)

    def changed(x, hx, layer):
        y, h_n = layer(x, hx, lengths)
        return y.mul_(2), [s.mul_(3) for s in tensors(h_n)]

    def apart(x, hx, layer):
        y, h_n = layer(x, hx, lengths)
        return y * 2, [s * 3 for s in tensors(h_n)]

    changed.parameters = apart.parameters = ours.parameters
    assert_close(run(changed, x, None, ours), run(apart, x, None, ours))


@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
def test_torch_func_works_where_it_works_for_torch_nn(cell):
    ours, theirs = pair(cell)
    x, v = torch.randn(2, 20, B, D, dtype=torch.float64)

    def gradient(layer):
        def loss(parameters):
            return torch.func.functional_call(layer, parameters, (x,))[0].square().sum()

        return list(torch.func.grad(loss)(dict(layer.named_parameters())).values())

    assert_close(gradient(ours), gradient(theirs))
    assert_close(*(torch.func.jvp(lambda x, layer=layer: layer(x)[0], (x,), (v,)) for layer in (ours, theirs)))


# A drop-in


@pytest.mark.parametrize("cell", CELLS)
def test_constructor_initial_values_and_attributes_are_those_of_torch_nn(cell):
    ours, theirs, more = CELLS[cell]
    arguments = (D, H, 2, *more.values(), True, True, 0.5, True) if more else (D, H, 2)
    layers = []
    for make in (ours, theirs):
        torch.manual_seed(0)
        layers.append(make(*arguments))
    ours, theirs = layers
    assert isinstance(ours, type(theirs))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    for name in ("mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert len(ours.all_weights) == len(theirs.all_weights)
    ours.flatten_parameters()
    theirs.load_state_dict(ours.state_dict())


def test_a_training_script_goes_the_same_way():
    """Clipping, Adam, dropout, a head, evaluation: the losses of 10 steps are those of torch.nn."""

    def train(make):
        torch.manual_seed(0)
        layer, head = make(D, H, num_layers=2, dropout=0.3, batch_first=True), torch.nn.Linear(H, 1)
        parameters = [*layer.parameters(), *head.parameters()]
        optimiser, losses = torch.optim.Adam(parameters, 0.01), []
        x, target = torch.randn(B, 20, D), torch.randn(B, 1)
        for _ in range(10):
            optimiser.zero_grad()
            y, _ = layer(x)
            loss = torch.nn.functional.mse_loss(head(y[:, -1]), target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 0.5)
            optimiser.step()
            losses.append(loss.detach())
        layer.eval()
        with torch.no_grad():
            return torch.stack([*losses, head(layer(x)[0][:, -1]).sum()])

    for cell in ("RNN", "GRU", "LSTM"):
        ours, theirs, _ = CELLS[cell]
        assert_close(train(ours), train(theirs))


@pytest.mark.parametrize("implementation", OURS)
def test_dropout_between_layers_follows_the_seed_and_the_mode(implementation):
    ours, theirs = pair("GRU", implementation, num_layers=3, dropout=0.5)
    x = random(T, B, D)
    for training in (True, False):
        outputs = []
        for layer in (ours, theirs):
            torch.manual_seed(3)
            outputs.append(layer.train(training)(x))
        assert_close(*outputs)


def test_copies_and_pickles_keep_everything():
    layer = rt.GRU(D, H, 2, bidirectional=True, reset_after=False, implementation="loop")
    x = torch.randn(T, B, D)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert (twin.reset_after, twin.implementation) == (False, "loop")
        assert torch.equal(twin(x)[0], layer(x)[0])
        with torch.no_grad():
            twin.weight_hh_l0 += 1
        assert not torch.equal(twin(x)[0], layer(x)[0])


@pytest.mark.parametrize("implementation", [*OURS, "library", "auto"])
@pytest.mark.parametrize("cell", CELLS)
def test_another_dtype_by_to(cell, implementation, device):
    ours, theirs = pair(cell, implementation, device, torch.float32)
    ours, theirs = ours.to(torch.bfloat16), theirs.to(torch.bfloat16)
    x = random(T, B, D, device=device, dtype=torch.bfloat16)
    assert_close(run(ours, x), run(theirs, x))


@pytest.mark.parametrize("implementation", [*OURS, "auto"])
@pytest.mark.parametrize("cell", CELLS)
def test_autocast_computes_in_the_lower_precision_and_keeps_float32_gradients(cell, implementation, device):
    ours, theirs = pair(cell, implementation, device, torch.float32)
    x = random(20, B, D, device=device, dtype=torch.float32)
    exact = theirs(x)[0]
    with torch.autocast(device, dtype=torch.bfloat16):
        y, _ = ours(x)
        try:
            expected = theirs(x)[0].dtype if implementation == "auto" else torch.bfloat16
        except RuntimeError as error:  # without AVX-512 torch.nn has no such LSTM: ours runs all the same
            assert cell == "LSTM" and "primitive descriptor" in str(error)
            expected = torch.bfloat16
    assert y.dtype == expected
    assert_close(y.float(), exact, TOLERANCE[torch.bfloat16])
    y.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 for p in ours.parameters())


@pytest.mark.parametrize("implementation", [*OURS, "auto"])
def test_a_compiled_model_gives_the_same_and_does_not_unroll_time(implementation):
    ours, theirs = pair("LSTM", implementation)
    nodes = []

    class Model(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def forward(self, x, hx):
            y, state = self.layer(torch.tanh(x), hx)
            return y * 2, state

    def count_nodes(graph, _):
        nodes.append(len(graph.graph.nodes))
        return graph.forward

    x, hx = random(20, B, D), random_state("LSTM", 1, B, H)
    assert_close(run(torch.compile(Model(ours), backend=count_nodes), x, hx), run(Model(theirs), x, hx))
    assert max([0, *nodes]) < 10


def test_a_reparametrised_weight_is_used():
    outputs = []
    for layer in pair("RNN", "fused"):
        torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
        with torch.no_grad():
            layer.parametrizations.weight_hh_l0.original0.mul_(2)
        outputs.append(layer(random(T, B, D).detach().fill_(0.5))[0])
    assert_close(*outputs)


@pytest.mark.parametrize("implementation", OURS)
@pytest.mark.parametrize("cell", CELLS)
def test_an_empty_batch_and_a_single_step(cell, implementation):
    ours, theirs = pair(cell, implementation, bidirectional=True)
    assert_close(ours(torch.zeros(T, 0, D).double()), theirs(torch.zeros(T, 0, D).double()))
    x = random(1, B, D)
    assert_close(run(ours, x), run(theirs, x))


@pytest.mark.parametrize("implementation", OURS)
def test_inputs_need_not_be_contiguous(implementation):
    ours, theirs = pair("LSTM", implementation)
    x, h = random(D, B, T).permute(2, 1, 0), random(1, H, B).transpose(1, 2)
    assert_close(ours(x, [h, h * 2]), theirs(x, (h.contiguous(), h.contiguous() * 2)))


# Choosing, and saying so


def test_the_plan_says_what_runs_and_why():
    x = torch.zeros(100, B, D)
    gru = rt.GRU(D, H)
    assert gru.plan(x) == "fused: its hand-written backward was measured to be faster than torch.nn"
    assert gru.plan(x[:3]) == "library: so few steps do not repay the preparation of the fused layer"
    assert gru.plan(x[:40]).startswith("fused") and gru.plan(x[:40], LENGTHS).startswith("library: 40 steps")
    assert gru.plan(x.half()).startswith("library") and gru.plan(x.double()).startswith("fused")
    assert rt.LSTM(D, H).plan(x).startswith("library") and rt.LSTM(D, H).plan(x, LENGTHS).startswith("fused")
    assert rt.LSTM(D, H, batch_first=True).plan(x.transpose(0, 1).double()).startswith("fused")
    assert rt.RNN(D, H).to("meta").plan(x.to("meta")).startswith("library: nothing of ours has been measured on meta")
    assert rt.GRU(D, H, reset_after=False).plan(x).startswith("fused: torch has no GRU with reset_after=False")
    assert rt.GRU(D, H, reset_after=False).to("meta").plan(x.to("meta")).startswith("loop: torch has no GRU")
    with torch.no_grad():
        assert gru.plan(x).startswith("library: no gradient is needed")
    with torch.autocast("cpu"):
        assert gru.plan(x).startswith("library: autocast")
    for implementation in (*OURS, "library"):
        assert rt.RNN(D, H, implementation=implementation).plan(x) == f"{implementation}: it was asked for"


def test_the_choice_on_a_cpu_is_what_the_committed_benchmark_found():
    """Where the fused layer is chosen, it was measured at no less than 0.95 times the speed of torch.nn."""
    result = json.loads((Path(__file__).parents[1] / "course_rnn" / "data" / "results" / "torch_cpu.json").read_text())
    chosen = 0
    for row in result["rows"]:
        cell, reset, _ = row["cell"].partition(", reset before")
        (T, B, D, H), dtype = row["shape"], getattr(torch, row["dtype"])
        more = {"reset_after": False} if reset else {}
        layer = getattr(rt, cell)(D, H, dtype=dtype, **row["arguments"], **more)
        x = torch.empty(T, B, D, dtype=dtype)
        if row["task"].endswith("packed"):
            x = pack_padded_sequence(x, torch.full((B,), T))
        with torch.set_grad_enabled(row["task"] != "infer"):
            if layer.plan(x).startswith("fused"):
                chosen += 1
                assert row["ratios"]["fused"] >= 0.95, row
    assert chosen > 20


@pytest.mark.parametrize("implementation", ["loop", "fused"])
def test_the_implementation_that_was_asked_for_runs(implementation, monkeypatch):
    class Ran(Exception):
        pass

    def stop(*_):
        raise Ran

    monkeypatch.setattr(*(loop, "layer") if implementation == "loop" else (cpu, "forward"), stop)
    with pytest.raises(Ran):
        rt.RNN(D, H, implementation=implementation)(torch.zeros(T, B, D))


# Bad input


@pytest.mark.parametrize("implementation", [*OURS, "auto"])
@pytest.mark.parametrize(
    ("bad", "error", "sentence"),
    [
        ({"input": torch.zeros(T, B, 7)}, ValueError, "input has 7 features, this layer expects 2"),
        ({"input": torch.zeros(D)}, ValueError, "input has 1 dimensions, this layer expects 3, or 2 for one sequence"),
        ({"input": torch.zeros(0, B, D)}, ValueError, "input has no time steps, this layer expects at least one"),
        (
            {"input": torch.zeros(T, B, D).double()},
            TypeError,
            r"input dtype \(torch.float64\) does not match .* Convert",
        ),
        ({"input": torch.zeros(T, B, D, device="meta")}, ValueError, "input is on meta, this layer on cpu"),
        ({"hx": torch.zeros(1, B, H)}, TypeError, r"hx has to be a tuple \(h_0, c_0\)"),
        ({"hx": (torch.zeros(1, B, H),) * 3}, TypeError, r"hx has to be a tuple \(h_0, c_0\)"),
        (
            {"hx": (torch.zeros(1, B, H), torch.zeros(2, B, H))},
            ValueError,
            r"c_0 has shape \(2, 3, 4\), this input needs",
        ),
        ({"hx": (torch.zeros(1, B, H).double(),) * 2}, TypeError, "h_0 is torch.float64, the input torch.float32"),
        ({"input": torch.zeros(T, D), "hx": (torch.zeros(1, 1, H),) * 2}, ValueError, r"this input needs \(1, 4\)"),
        ({"lengths": [1, 2]}, ValueError, r"lengths have shape \(2,\), the batch needs \(3,\)"),
        ({"lengths": [0, 2, 3]}, ValueError, "lengths go from 0 to 3, they have to lie between 1 and 5"),
        ({"lengths": [1, 2, 6]}, ValueError, "lengths go from 1 to 6, they have to lie between 1 and 5"),
        ({"lengths": [1.0, 2.0, 3.0]}, TypeError, "lengths are torch.float32, they have to be integers"),
        ({"input": torch.zeros(T, D), "lengths": [5]}, ValueError, "lengths go with a padded batch"),
    ],
)
def test_bad_input_gets_one_sentence(bad, error, sentence, implementation):
    layer = rt.LSTM(D, H, implementation=implementation)
    with pytest.raises(error, match=sentence):
        layer(**{"input": torch.zeros(T, B, D)} | bad)


def test_what_is_not_supported_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"only torch\.nn has proj_size, take implementation='auto' or 'library'"):
        rt.LSTM(D, H, proj_size=2, implementation="fused")
    with pytest.raises(ValueError, match="implementation is 'fast', it can be one of auto, loop, fused, library"):
        rt.RNN(D, H, implementation="fast")
    with pytest.raises(ValueError, match="torch has no GRU with reset_after=False, take implementation='loop'"):
        rt.GRU(D, H, reset_after=False, implementation="library")(torch.zeros(T, B, D))
    with pytest.raises(ValueError, match="the fused layer runs on a CPU or an NVIDIA GPU, not on meta"):
        rt.RNN(D, H, implementation="fused").to("meta")(torch.zeros(T, B, D, device="meta"))
    with pytest.raises(TypeError, match="hx has to be one tensor, h_0"):
        rt.RNN(D, H)(torch.zeros(T, B, D), (torch.zeros(1, B, H),))


@pytest.mark.parametrize(
    ("missing", "module", "sentence"),
    [
        ("torch", "course_rnn.torch", 'course_rnn.torch needs torch; install it with: pip install "course-rnn[torch]"'),
        ("triton", "course_rnn.torch.kernels", "the fused kernels need Triton, which exists for Linux"),
    ],
)
def test_a_missing_library_is_named_with_its_remedy(missing, module, sentence):
    script = f"import sys; sys.modules[{missing!r}] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and sentence in done.stderr.splitlines()[-1]
