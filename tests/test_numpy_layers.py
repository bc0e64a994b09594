"""The layers: equal to torch.nn, to each sequence alone and to central differences, values and gradients."""

import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_numpy_cells import CELLS, assert_close, central_difference

from course_rnn.numpy import cells
from course_rnn.numpy.layers import GRU, LSTM, RNN, MinGRU, Recurrent
from course_rnn.numpy.loop import step, step_backward

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}  # relative to the largest number of an array
DIFFERENCES = 1e-6

T, B, D, H = 5, 3, 2, 4
RAGGED = np.array([3, 5, 2])
CASES = {
    "rnn tanh": RNN,
    "rnn relu": functools.partial(RNN, nonlinearity="relu"),
    "lstm": LSTM,
    "gru reset after": GRU,
    "gru reset before": functools.partial(GRU, reset_after=False),
    "mingru by a scan": functools.partial(MinGRU, parallel=True),
} | {f"cell {name}": functools.partial(Recurrent, cell) for name, cell in CELLS.items()}
IN_TORCH = {
    "rnn tanh": torch.nn.RNN,
    "rnn relu": lambda *args, **kwargs: torch.nn.RNN(*args, nonlinearity="relu", **kwargs),
    "lstm": torch.nn.LSTM,
    "gru reset after": torch.nn.GRU,
}
every_case = pytest.mark.parametrize("case", CASES)
named_case = pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("cell ")])
in_torch = pytest.mark.parametrize("case", IN_TORCH)
every_shape = pytest.mark.parametrize(
    ("num_layers", "bidirectional", "bias", "with_state", "lengths"),
    list(itertools.product([1, 2], [False, True], [True, False], [True, False], [None, RAGGED])),
)
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def pair(state):
    """Return the parts of a state: (h_n,) or (h_n, c_n)."""
    return state if isinstance(state, tuple) else (state,)


def joined(parts):
    """Return the state with these parts."""
    return tuple(parts) if len(parts) > 1 else parts[0]


def build(case, num_layers=1, bidirectional=False, bias=True, dtype=np.float64, sizes=(D, H)):
    """Return a layer with random parameters."""
    kwargs = {"num_layers": num_layers, "bias": bias, "bidirectional": bidirectional, "dtype": dtype}
    return CASES[case](*sizes, **kwargs, rng=np.random.default_rng(0))


def random_case(layer, with_state=True, shape=(T, B), seed=1):
    """Return x, a state (or None), dy and dstate that fit the layer."""
    rng = np.random.default_rng(seed)
    dtype, directions = layer.params["weight_ih_l0"].dtype, 2 if layer.bidirectional else 1
    parts = [(layer.num_layers * directions, shape[1], size) for size in layer.cell.sizes(layer.hidden_size)]
    x = rng.normal(size=(*shape, layer.input_size)).astype(dtype)
    state, dstate = (joined([rng.normal(size=part).astype(dtype) for part in parts]) for _ in range(2))
    dy = rng.normal(size=(*shape, layer.output_size)).astype(dtype)
    return x, state if with_state else None, dy, dstate


def gradients(layer, dy, dstate=None):
    """Return all gradients of a layer by name; those of the initial states are "0", "1"."""
    layer.grads.clear()
    dx, dstate0 = layer.backward(dy, dstate)
    return {"x": dx} | {str(k): part for k, part in enumerate(pair(dstate0))} | layer.grads


def alone(layer, x, state, real, dy, dstate):
    """Run each sequence alone, without its padding and holes; return y, the state and all gradients."""
    parts, dparts = pair(state), pair(dstate)
    y, final = np.zeros_like(dy), [np.zeros_like(part) for part in parts]
    grads = {"x": np.zeros_like(x)} | {str(k): np.zeros_like(part) for k, part in enumerate(parts)}
    grads |= {name: np.zeros_like(param) for name, param in layer.params.items()}
    for b in range(x.shape[1]):
        steps = np.flatnonzero(real[:, b])
        y[steps, b : b + 1], end = layer.forward(x[steps, b : b + 1], joined([part[:, b : b + 1] for part in parts]))
        of_b = gradients(layer, dy[steps, b : b + 1], joined([part[:, b : b + 1] for part in dparts]))
        grads["x"][steps, b] = of_b.pop("x")[:, 0]
        for k, part in enumerate(pair(end)):
            final[k][:, b] = part[:, 0]
            grads[str(k)][:, b] = of_b.pop(str(k))[:, 0]
        for name, grad in of_b.items():
            grads[name] += grad
    return y, final, grads


def compare_with_each_alone(layer, x, state, real, dy, dstate, **where):
    """Assert that a batch is each of its sequences alone."""
    y, final = layer.forward(x, state, **where)
    ours = gradients(layer, dy, dstate)
    zeros = joined([np.zeros_like(part) for part in pair(dstate)])
    expected = alone(layer, x, zeros if state is None else state, real, dy, dstate)
    assert_close(y, expected[0], TOLERANCE[np.float64])
    for part, e in zip(pair(final), expected[1], strict=True):
        assert_close(part, e, TOLERANCE[np.float64])
    assert list(ours) == list(expected[2])
    for name, grad in ours.items():
        assert_close(grad, expected[2][name], TOLERANCE[np.float64])


def before(lengths, T):
    return np.arange(T)[:, None] < np.asarray(lengths)


@pytest.mark.parametrize("bidirectional", [False, True])
@every_case
def test_a_batch_with_lengths_is_each_sequence_alone(case, bidirectional):
    layer = build(case, 2, bidirectional)
    x, state, dy, dstate = random_case(layer, bidirectional)
    compare_with_each_alone(layer, x, state, before(RAGGED, T), dy, dstate, lengths=RAGGED)


@every_case
def test_over_a_hole_in_the_mask_the_state_waits(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    mask = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0]], bool)
    compare_with_each_alone(layer, x, state, mask, dy, dstate, mask=mask)
    y, _ = layer.forward(x, state, mask=mask)
    assert (y[~mask] == 0).all()


@every_case
def test_a_mask_without_holes_is_lengths(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    y, final = layer.forward(x, state, lengths=RAGGED)
    ours = [y, *pair(final), *gradients(layer, dy, dstate).values()]
    y, final = layer.forward(x, state, mask=before(RAGGED, T))
    again = [y, *pair(final), *gradients(layer, dy, dstate).values()]
    assert all((one == other).all() for one, other in zip(ours, again, strict=True))


def compare_with_torch(case, layer, with_state, lengths, shape=(T, B)):
    """Assert that torch.nn, given the same parameters, computes the same values and gradients."""
    dtype, options = layer.params["weight_ih_l0"].dtype.type, {"bias": layer.bias, "bidirectional": layer.bidirectional}
    theirs = IN_TORCH[case](layer.input_size, layer.hidden_size, layer.num_layers, **options)
    theirs.to(torch.tensor(dtype()).dtype)
    assert list(layer.params) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(param) for name, param in layer.params.items()})

    x, state, dy, dstate = random_case(layer, with_state, shape)
    y, final = layer.forward(x, state, lengths)
    ours = gradients(layer, dy, dstate)

    leaves = {"x": torch.tensor(x, requires_grad=True)}
    if with_state:
        leaves |= {str(k): torch.tensor(part, requires_grad=True) for k, part in enumerate(pair(state))}
    inputs = leaves["x"]
    if lengths is not None:
        inputs = torch.nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor(lengths), enforce_sorted=False)
    their_y, their_final = theirs(inputs, joined(list(leaves.values())[1:]) if with_state else None)
    if lengths is not None:
        their_y, _ = torch.nn.utils.rnn.pad_packed_sequence(their_y, total_length=len(x))
    outputs, douts = [their_y, *pair(their_final)], [dy, *pair(dstate)]
    torch.autograd.backward(outputs, [torch.tensor(dout) for dout in douts])

    for array, tensor in zip([y, *pair(final)], outputs, strict=True):
        assert array.dtype == dtype
        assert_close(array, tensor.detach().numpy(), TOLERANCE[dtype])
    for name, leaf in [*leaves.items(), *theirs.named_parameters()]:
        assert ours[name].dtype == dtype
        assert_close(ours[name], leaf.grad.numpy(), TOLERANCE[dtype])


@dtypes
@every_shape
@in_torch
def test_layer_matches_torch(case, num_layers, bidirectional, bias, with_state, lengths, dtype):
    compare_with_torch(case, build(case, num_layers, bidirectional, bias, dtype), with_state, lengths)


@pytest.mark.parametrize("lengths", [None, np.arange(48) % 3 + 1])
@in_torch
def test_layer_with_products_large_enough_to_be_cut_matches_torch(case, lengths):
    layer = build(case, sizes=(D, 160))
    compare_with_torch(case, layer, True, lengths, shape=(3, 48))


@every_shape
@named_case
def test_backward_matches_central_differences_along_a_direction(
    case, num_layers, bidirectional, bias, with_state, lengths
):
    layer = build(case, num_layers, bidirectional, bias)
    x, state, dy, dstate = random_case(layer, with_state)

    def outputs():
        y, final = layer.forward(x, state, lengths)
        return [y, *pair(final)]

    outputs()
    ours = gradients(layer, dy, dstate)
    leaves = {"x": x} | layer.params | ({str(k): part for k, part in enumerate(pair(state))} if with_state else {})
    rng = np.random.default_rng(2)
    for name, array in leaves.items():
        direction, start = rng.normal(size=array.shape), array.copy()
        amount = np.zeros(1)

        def moved(array=array, start=start, direction=direction, amount=amount):
            array[...] = start + amount * direction
            return outputs()

        numerical = central_difference(moved, amount, [dy, *pair(dstate)])
        array[...] = start
        assert_close(np.array([(ours[name] * direction).sum()]), numerical, DIFFERENCES)


@every_case
def test_every_entry_of_every_gradient_matches_central_differences(case):
    layer = build(case, sizes=(2, 3))
    x, state, dy, dstate = random_case(layer, shape=(4, 2))

    def outputs():
        y, final = layer.forward(x, state, [4, 3])
        return [y, *pair(final)]

    outputs()
    ours = gradients(layer, dy, dstate)
    for name, array in ({"x": x} | {str(k): part for k, part in enumerate(pair(state))} | layer.params).items():
        assert_close(ours[name], central_difference(outputs, array, [dy, *pair(dstate)]), DIFFERENCES)


@st.composite
def problems(draw):
    """Draw a layer of any kind and shape, lengths for its batch (or none), and a seed for the numbers."""
    size = st.integers(1, 7)
    steps, batch, features, hidden = (draw(size) for _ in range(4))
    case, num_layers, bidirectional = draw(st.sampled_from(list(CASES))), draw(st.integers(1, 3)), draw(st.booleans())
    layer = build(case, num_layers, bidirectional, draw(st.booleans()), sizes=(features, hidden))
    lengths = draw(st.none() | st.lists(st.integers(1, steps), min_size=batch, max_size=batch))
    return case, layer, (steps, batch), lengths, draw(st.integers(0, 99))


@settings(deadline=None, max_examples=60)
@given(problems())
def test_a_batch_is_each_sequence_alone_for_any_shape(problem):
    _, layer, shape, lengths, seed = problem
    x, state, dy, dstate = random_case(layer, shape=shape, seed=seed)
    real = before(lengths or [shape[0]] * shape[1], shape[0])
    compare_with_each_alone(layer, x, state, real, dy, dstate, lengths=lengths)


@settings(deadline=None, max_examples=40)
@given(problems(), st.integers(0, 6))
def test_carrying_the_state_over_chunks_equals_the_full_run(problem, cut):
    case, layer, shape, _, seed = problem
    layer = build(case, layer.num_layers, False, layer.bias, sizes=(layer.input_size, layer.hidden_size))
    shape = (shape[0] + 1, shape[1])
    cut = min(max(cut, 1), shape[0] - 1)
    x, state, dy, dstate = random_case(layer, shape=shape, seed=seed)
    y, final = layer.forward(x, state)
    full = gradients(layer, dy, dstate)

    first, middle = layer.forward(x[:cut], state)
    second, end = layer.forward(x[cut:], middle)
    assert_close(np.concatenate([first, second]), y, TOLERANCE[np.float64])
    for part, e in zip(pair(end), pair(final), strict=True):
        assert_close(part, e, TOLERANCE[np.float64])
    late = gradients(layer, dy[cut:], dstate)
    layer.forward(x[:cut], state)
    early = gradients(layer, dy[:cut], joined([late.pop(str(k)) for k in range(len(pair(state)))]))
    assert_close(np.concatenate([early.pop("x"), late.pop("x")]), full.pop("x"), TOLERANCE[np.float64])
    for name, grad in full.items():
        assert_close(early[name] + late.get(name, 0), grad, TOLERANCE[np.float64])


@settings(deadline=None, max_examples=40)
@given(problems())
def test_bidirectional_layer_with_tied_weights_commutes_with_reversal(problem):
    case, layer, shape, _, seed = problem
    layer = build(case, 1, True, layer.bias, sizes=(layer.input_size, layer.hidden_size))
    for name in layer.params:
        layer.params[name][...] = layer.params[name.removesuffix("_reverse")]
    x, state, _, _ = random_case(layer, shape=shape, seed=seed)
    swapped = joined([part[::-1] for part in pair(state)])
    y, final = layer.forward(x, state)
    reversed_y, reversed_final = layer.forward(x[::-1], swapped)
    forwards, backwards = np.split(reversed_y[::-1], 2, axis=-1)
    assert_close(np.concatenate([backwards, forwards], axis=-1), y, TOLERANCE[np.float64])
    for part, e in zip(pair(reversed_final), pair(final), strict=True):
        assert_close(part[::-1], e, TOLERANCE[np.float64])


@every_case
def test_the_default_state_is_zero(case):
    layer = build(case, 2, True)
    x, state, _, _ = random_case(layer)
    zeros = joined([np.zeros_like(part) for part in pair(state)])
    assert (layer.forward(x)[0] == layer.forward(x, zeros)[0]).all()


@every_case
def test_one_layer_runs_over_sequences_of_any_length(case):
    layer = build(case)
    x, *_ = random_case(layer, shape=(50, B))
    y = layer.forward(x)[0]
    for steps in (1, 5, 50):
        assert_close(layer.forward(x[:steps])[0], y[:steps], TOLERANCE[np.float64])


def test_recursion_equals_the_layer():
    layer = build("rnn tanh")
    x, h_0, _, _ = random_case(layer)

    def recursive(t):
        return h_0[0] if t == 0 else step(layer.cell, x[t - 1], [recursive(t - 1)], layer.weights())[0][0]

    assert_close(layer.forward(x, h_0)[1][0], recursive(T), TOLERANCE[np.float64])


@every_case
def test_gradients_of_the_copies_of_theta_add_up(case):
    layer = build(case)
    x, state, dy, dstate = random_case(layer)
    copies = [{name: param.copy() for name, param in layer.weights().items()} for _ in range(T)]
    states, caches = [part[0] for part in pair(state)], []
    for x_t, copy in zip(x, copies, strict=True):
        states, cache = step(layer.cell, x_t, states, copy)
        caches.append(cache)
    dstates, total = [part[0] for part in pair(dstate)], dict.fromkeys(layer.params, 0)
    shown = [k for k, name in enumerate(layer.cell.states) if name in layer.cell.shown]
    sizes = layer.cell.sizes(H)
    for dy_t, copy, cache in zip(dy[::-1], copies, caches[::-1], strict=True):
        for k, part in zip(shown, np.split(dy_t, np.cumsum([sizes[k] for k in shown])[:-1], axis=-1), strict=True):
            dstates[k] = dstates[k] + part
        _, dstates, grads = step_backward(layer.cell, dstates, cache, copy)
        total = {name: total[name] + grads[name.removesuffix("_l0")] for name in total}
    layer.forward(x, state)
    layer.backward(dy, dstate)
    for name, grad in layer.grads.items():
        assert_close(grad, total[name], TOLERANCE[np.float64])


def test_constant_error_carousel_is_the_identity_bit_for_bit():
    layer = build("lstm")
    layer.params["bias_ih_l0"][:H], layer.params["bias_ih_l0"][H : 2 * H] = -1000, 1000
    x, state, _, _ = random_case(layer, shape=(100, B))
    _, (_, c_n) = layer.forward(x, state)
    assert (c_n == state[1]).all()
    for unit in np.eye(H):
        layer.forward(x, state)
        dstate = np.zeros((1, B, H)), np.tile(unit, (1, B, 1))
        assert (layer.backward(None, dstate)[1][1] == unit).all()


def test_jacobian_over_time_is_bounded_by_the_largest_singular_value():
    layer = build("rnn tanh", sizes=(D, 6))
    sigma = np.linalg.norm(layer.params["weight_hh_l0"], 2)
    x, h_0, _, _ = random_case(layer, shape=(8, 1))
    for steps in range(1, 9):
        rows = []  # of ∂h_T/∂h_0
        for unit in np.eye(6):
            layer.forward(x[:steps], h_0)
            rows.append(layer.backward(None, unit.reshape(1, 1, 6))[1][0, 0])
        assert 0 < np.linalg.norm(rows, 2) <= sigma**steps * (1 + TOLERANCE[np.float64])


def test_gru_forms_are_equal_when_the_matrix_after_the_reset_is_diagonal_and_its_bias_zero():
    after, before = build("gru reset after"), build("gru reset before")
    x, state, dy, dstate = random_case(after)
    assert np.abs(after.forward(x, state)[0] - before.forward(x, state)[0]).max() > 0.01
    for layer in (after, before):
        layer.params["weight_hh_l0"][2 * H :] *= np.eye(H)
        layer.params["bias_hh_l0"][2 * H :] = 0
    assert_close(after.forward(x, state)[0], before.forward(x, state)[0], TOLERANCE[np.float64])
    after.forward(x, state), before.forward(x, state)
    ours, theirs = gradients(after, dy, dstate), gradients(before, dy, dstate)
    for name in ("x", "0", "weight_ih_l0", "bias_ih_l0"):
        assert_close(ours[name], theirs[name], TOLERANCE[np.float64])


TINY = {  # recurrent weight: for L steps the gradients with respect to h_init, wh, wy, as printed with 6.6f
    0.1: {
        1: "0.200000 2.000000 0.200000",
        2: "0.020000 0.400000 0.020000",
        3: "0.002000 0.060000 0.002000",
        4: "0.000200 0.008000 0.000200",
        5: "0.000020 0.001000 0.000020",
        10: "0.000000 0.000000 0.000000",
    },
    1.0: {L: f"2.000000 {2 * L}.000000 2.000000" for L in (1, 2, 3, 4, 5, 10)},
    10.0: {
        1: "20.000000 2.000000 20.000000",
        2: "200.000000 40.000000 200.000000",
        3: "2000.000000 600.000000 2000.000000",
        4: "20000.000000 8000.000000 20000.000000",
        5: "200000.000000 100000.000000 200000.000000",
        10: "0.000000 0.000000 0.000000",  # y - 1 is y in float32 from 1e8 on, so the loss and its gradient are zero
    },
}


@pytest.mark.parametrize("wh", TINY)
def test_tiny_rnn_prints_the_tables_of_the_lecture(wh):
    layer = RNN(1, 1, bias=False, nonlinearity="relu", dtype=np.float32)
    layer.params["weight_ih_l0"][...], layer.params["weight_hh_l0"][...] = 0, wh
    wy, h_init = np.float32(1), np.ones((1, 1, 1), np.float32)
    for L, printed in TINY[wh].items():
        layer.zero_grad()
        h, _ = layer.forward(np.ones((L, 1, 1), np.float32), h_init)
        y = wy * h[-1, 0, 0]
        dy = 2 * (y - (y - wy))  # the loss is (y - y_true)² with y_true = y - 1
        _, dh_init = layer.backward(None, np.full((1, 1, 1), wy * dy))
        dwh, dwy = layer.grads["weight_hh_l0"].item(), dy * h[-1].item()
        assert " ".join(f"{grad:6.6f}" for grad in (dh_init.item(), dwh, dwy)) == printed


@every_case
def test_padding_is_neither_read_nor_written(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    y, final = layer.forward(x, state, RAGGED)
    clean = [y, *pair(final), *gradients(layer, dy, dstate).values()]
    padding = np.arange(T)[:, None] >= RAGGED
    x[padding] = dy[padding] = np.nan
    y, final = layer.forward(x, state, RAGGED)
    grads = gradients(layer, dy, dstate)
    for array, e in zip([y, *pair(final), *grads.values()], clean, strict=True):
        assert (array == e).all()
    assert (y[padding] == 0).all()
    assert (grads["x"][padding] == 0).all()


@every_case
def test_final_states_stand_at_the_true_ends(case):
    layer = build(case, bidirectional=True)
    x, state, _, _ = random_case(layer)
    y, final = layer.forward(x, state, RAGGED)
    forwards, backwards = np.split(layer.final(final), 2, axis=-1)
    half = layer.output_size // 2
    assert (forwards == y[RAGGED - 1, np.arange(B), :half]).all()
    assert (backwards == y[0, :, half:]).all()


@every_case
def test_only_a_bidirectional_layer_looks_ahead(case):
    for bidirectional in (False, True):
        layer = build(case, bidirectional=bidirectional)
        x, *_ = random_case(layer)
        for name, bias in layer.params.items():
            bias += 2 * ("relu" in case and name.startswith("bias"))  # a relu that is never on sees nothing
        before = layer.forward(x)[0]
        x[-1] += 1
        assert (before[0] != layer.forward(x)[0][0]).any() == bidirectional


@every_case
def test_results_and_inputs_belong_to_the_caller(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    parameters = list(map(id, layer.params.values()))
    layer.forward(x, state)
    first = {name: grad.copy() for name, grad in gradients(layer, dy, dstate).items()}
    given = [part.copy() for part in (dy, *pair(dstate))]
    y, final = layer.forward(x, state)
    for array in (x, y, *pair(state), *pair(final)):
        array[...] = np.nan
    again = gradients(layer, dy, dstate)
    for name, grad in first.items():
        assert (grad == again[name]).all()
    for array, e in zip((dy, *pair(dstate)), given, strict=True):
        assert (array == e).all()
    assert list(layer.grads) == list(layer.params)
    assert list(map(id, layer.params.values())) == parameters


@every_case
def test_results_survive_the_next_forward(case):
    layer = build(case, 2)
    x, state, dy, dstate = random_case(layer)
    y, final = layer.forward(x, state)
    grads = gradients(layer, dy, dstate)
    results = [y, *pair(final), *grads.values()]
    copies = [array.copy() for array in results]
    layer.forward(x + 1, state)
    layer.backward(dy + 1, dstate)
    for array, copy in zip(results, copies, strict=True):
        assert (array == copy).all()


@every_case
def test_backward_takes_either_gradient_alone(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    found = []
    for douts in ((dy, dstate), (dy, None), (None, dstate)):
        layer.forward(x, state)
        found.append(gradients(layer, *douts))
    both, of_y, of_state = found
    for name, grad in both.items():
        assert_close(of_y[name] + of_state[name], grad, TOLERANCE[np.float64])


@every_case
def test_strides_do_not_matter(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    y, _ = layer.forward(x, state)
    grads = gradients(layer, dy, dstate)
    assert (layer.forward(np.asfortranarray(x), state)[0] == y).all()
    for name, grad in gradients(layer, np.asfortranarray(dy), dstate).items():
        assert (grad == grads[name]).all()


def test_initial_parameters_are_uniform_within_one_over_the_square_root_of_the_hidden_size():
    for dtype in (np.float64, np.float32):
        layer = LSTM(D, 25, 2, bidirectional=True, rng=np.random.default_rng(0), dtype=dtype)
        same = LSTM(D, 25, 2, bidirectional=True, rng=np.random.default_rng(0), dtype=dtype)
        for name, param in layer.params.items():
            assert param.dtype == dtype
            assert 0.15 < np.abs(param).max() <= 0.2
            assert (param == same.params[name]).all()
    assert (LSTM(D, H).params["weight_ih_l0"] != LSTM(D, H).params["weight_ih_l0"]).any()


def call(**wrong):
    """Return a function that calls forward with one argument replaced."""

    def run(layer, x, state, dy, dstate):
        layer.forward(**{"x": x, "state": state} | {k: v(x, state) if callable(v) else v for k, v in wrong.items()})

    return run


def back(**wrong):
    """Return a function that calls backward with one argument replaced."""

    def run(layer, x, state, dy, dstate):
        layer.forward(x, state)
        layer.backward(**{"dy": dy, "dstate": dstate} | {k: v(dy, dstate) for k, v in wrong.items()})

    return run


BAD_INPUT = [
    (call(x=lambda x, _: x[:, :, :1]), ValueError, "x has 1 features, this layer expects 2"),
    (call(x=lambda x, _: x[0]), ValueError, "x has 2 axes, expected 3: time, batch, features"),
    (call(x=lambda x, _: x[:0]), ValueError, "x has no time steps: its shape is (0, 3, 2)"),
    (call(x=lambda x, _: x[:, :0]), ValueError, "x has an empty batch: its shape is (5, 0, 2)"),
    (call(x=lambda x, _: x.astype(np.float32)), TypeError, "x is float32, this layer computes in float64"),
    (call(x=lambda x, _: x.astype(int)), TypeError, "x is int64, this layer computes in float64"),
    (call(x=lambda x, _: x.tolist()), TypeError, "x is a list, expected a NumPy array"),
    (call(lengths=[5, 0, 2]), ValueError, "lengths has a 0, every sequence needs at least one step"),
    (call(lengths=[5, -1, 2]), ValueError, "lengths has a -1, every sequence needs at least one step"),
    (call(lengths=[5, 6, 2]), ValueError, "lengths has a 6, x has only 5 steps"),
    (call(lengths=[5, 2]), ValueError, "lengths has shape (2,), expected (3,)"),
    (call(lengths=[5.0, 3.0, 2.0]), TypeError, "lengths is float64, expected whole numbers"),
    (call(state=lambda _, h: h[:, :, :3]), ValueError, "h_0 has shape (1, 3, 3), expected (1, 3, 4)"),
    (call(state=lambda _, h: h[0]), ValueError, "h_0 has shape (3, 4), expected (1, 3, 4)"),
    (
        call(x=lambda x, _: np.ma.masked_less(x, 0)),
        TypeError,
        "x is a masked array, whose mask would be ignored: fill it, and say by lengths or mask",
    ),
    (call(mask=lambda x, _: np.ones(x.shape[:2])), TypeError, "mask is float64, expected bool: True for a real step"),
    (call(mask=lambda x, _: np.ones(B, bool)), ValueError, "mask has shape (3,), expected (5, 3)"),
    (call(mask=lambda x, _: np.eye(T, B, k=-9, dtype=bool)), ValueError, "mask leaves sequence 0 without a step"),
    (
        call(mask=lambda x, _: np.ones(x.shape[:2], bool), lengths=RAGGED),
        ValueError,
        "lengths and mask both say where the steps are: give one of them",
    ),
    (call(state=lambda _, h: h.astype(np.float32)), TypeError, "h_0 is float32, this layer computes in float64"),
    (call(state=lambda _, h: (h, h)), TypeError, "h_0 is a tuple, expected a NumPy array"),
    (back(dy=lambda dy, _: dy[1:]), ValueError, "dy has shape (4, 3, 4), expected (5, 3, 4)"),
    (back(dy=lambda dy, _: dy.astype(np.float32)), TypeError, "dy is float32, this layer computes in float64"),
    (back(dstate=lambda _, dh: dh[0]), ValueError, "dh_n has shape (3, 4), expected (1, 3, 4)"),
    (back(dy=lambda *_: None, dstate=lambda *_: None), ValueError, "backward needs dy, dstate or both"),
    (
        lambda layer, x, state, dy, dstate: layer.backward(dy),
        RuntimeError,
        "backward needs a forward before it, one for each backward",
    ),
]


@pytest.mark.parametrize(("run", "error", "message"), BAD_INPUT, ids=[message for *_, message in BAD_INPUT])
def test_bad_input_is_named(run, error, message):
    layer = build("gru reset after")
    with pytest.raises(error) as caught:
        run(layer, *random_case(layer))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda h, c: h, TypeError, "the state of LSTM is a tuple: h_0, c_0"),
        (lambda h, c: (h,), TypeError, "the state of LSTM is a tuple: h_0, c_0"),
        (lambda h, c: (h, c[:, :2]), ValueError, "c_0 has shape (1, 2, 4), expected (1, 3, 4)"),
    ],
)
def test_bad_state_of_an_lstm_is_named(wrong, error, message):
    layer = build("lstm")
    x, state, _, _ = random_case(layer)
    with pytest.raises(error) as caught:
        layer.forward(x, wrong(*state))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input_size": 0}, ValueError, "input_size is 0, expected a positive whole number"),
        ({"hidden_size": -4}, ValueError, "hidden_size is -4, expected a positive whole number"),
        ({"num_layers": 1.5}, ValueError, "num_layers is 1.5, expected a positive whole number"),
        ({"hidden_size": True}, ValueError, "hidden_size is True, expected a positive whole number"),
        ({"dropout": 1.0}, ValueError, "dropout is 1.0, expected a probability below 1"),
        ({"dtype": int}, TypeError, "dtype is int64, expected float64 or float32"),
        ({"nonlinearity": "gelu"}, ValueError, "nonlinearity is 'gelu', expected one of tanh, relu, identity"),
    ],
)
def test_bad_construction_is_named(arguments, error, message):
    with pytest.raises(error) as caught:
        RNN(**{"input_size": D, "hidden_size": H} | arguments)
    assert str(caught.value) == message


def test_a_dtype_may_be_a_name():
    assert RNN(D, H, dtype="float32").params["weight_ih_l0"].dtype == np.float32


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (cells.UGRNN, "cell is the class UGRNN, expected a cell: UGRNN()"),
        ("GRU", "cell is a str, expected a Cell of course_rnn.numpy"),
    ],
)
def test_what_is_no_cell_is_refused(cell, message):
    with pytest.raises(TypeError) as caught:
        Recurrent(cell, D, H)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"weight_hh_l0": np.ones((1, H))}, ValueError, "weight_hh_l0 has shape (1, 4), expected (4, 4)"),
        ({"weight_hh_l0": np.ones((H, H), int)}, TypeError, "weight_hh_l0 is int64, this layer computes in float64"),
        ({"bias_ih_l0": None}, ValueError, "bias_ih_l0 is missing from params"),
    ],
)
def test_a_parameter_replaced_by_one_that_does_not_fit_is_named(change, error, message):
    layer = build("rnn tanh")
    x, *_ = random_case(layer)
    for name, array in change.items():
        layer.params[name] = array
        if array is None:
            del layer.params[name]
    with pytest.raises(error) as caught:
        layer.forward(x)
    assert str(caught.value) == message


@every_case
def test_batch_first_swaps_the_first_two_axes(case):
    layer = build(case, 2, True)
    x, state, dy, dstate = random_case(layer)
    y, final = layer.forward(x, state, RAGGED)
    ours = gradients(layer, dy, dstate)
    layer.batch_first = True
    y_first, final_first = layer.forward(x.swapaxes(0, 1), state, RAGGED)
    first = gradients(layer, dy.swapaxes(0, 1), dstate)
    assert (y_first.swapaxes(0, 1) == y).all() and (pair(final_first)[0] == pair(final)[0]).all()
    assert (first.pop("x").swapaxes(0, 1) == ours.pop("x")).all()
    assert all((first[name] == ours[name]).all() for name in ours)


def test_dropout_stands_between_layers_and_only_in_training():
    layer = RNN(D, 50, 2, dropout=0.4, rng=np.random.default_rng(0))
    x, state, dy, _ = random_case(layer, shape=(T, 40))
    plain = RNN(D, 50, 2)
    plain.load_state_dict(layer.state_dict())
    layer.eval()
    assert (layer.forward(x, state)[0] == plain.forward(x, state)[0]).all()
    layer.train()
    y, _ = layer.forward(x, state)
    drop = layer._tape[-1][0][1][0]  # the factors between layer 0 and layer 1
    assert set(np.unique(drop)) == {0, 1 / 0.6} and abs((drop == 0).mean() - 0.4) < 0.03
    lower, upper = RNN(D, 50), RNN(50, 50)
    lower.load_state_dict({name: layer.params[name] for name in lower.params})
    upper.load_state_dict({name: layer.params[name.replace("_l0", "_l1")] for name in upper.params})
    below, _ = lower.forward(x, state[:1])
    assert_close(y, upper.forward(below * drop, state[1:])[0], TOLERANCE[np.float64])
    dx, _ = layer.backward(dy)
    dbelow, _ = upper.backward(dy)
    assert_close(dx, lower.backward(dbelow * drop)[0], TOLERANCE[np.float64])


def test_a_state_of_nan_goes_through():
    layer = build("rnn tanh")
    x, h_0, _, _ = random_case(layer)
    h_0[0, 1, 2] = np.nan
    y, _ = layer.forward(x, h_0)
    assert np.isnan(y[:, 1]).all() and not np.isnan(y[:, [0, 2]]).any()
