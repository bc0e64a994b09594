"""fit trains, truncation cuts where it says, and the Jacobians are autograd's."""

import io

import numpy as np
import pytest
import torch
from test_numpy_nn import Twin

from course_rnn.numpy import init
from course_rnn.numpy.layers import GRU, LSTM, RNN, SCRN, MinGRU
from course_rnn.numpy.nn import Embedding, Linear, ManyToMany, ManyToOne, cross_entropy, mse
from course_rnn.numpy.optim import SGD, Adam, clip_grad_norm
from course_rnn.numpy.train import fit, jacobians, step_jacobians, truncated_bptt

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
TO_DIFFERENCES = {"rtol": 1e-6, "atol": 1e-9}
T, B, D, H, V, E, O = 5, 2, 3, 4, 7, 6, 8
LAYERS = [RNN, LSTM, GRU]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# fit


def regression(seed, steps=6):
    """A small model and some batches for it, the same for the same seed."""
    rng = np.random.default_rng(seed)
    model = ManyToOne(GRU(D, H, rng=rng), Linear(H, O, rng=rng))
    lengths = np.array([3, 5])
    return model, [(rng.standard_normal((T, B, D)), lengths, rng.standard_normal((B, O))) for _ in range(steps)]


@pytest.mark.parametrize("clip", [None, 0.05])
def test_fit_is_forward_loss_backward_clip_update(clip):
    model, batches = regression(seed=1)
    history = fit(model, batches, mse, Adam(model.params, lr=0.01), clip)

    twin, batches = regression(seed=1)
    optimizer, losses, norms = Adam(twin.params, lr=0.01), [], []
    for x, lengths, target in batches:
        twin.zero_grad()
        loss, dy = mse(twin.forward(x, lengths), target)
        twin.backward(dy)
        losses.append(loss)
        norms.append(clip_grad_norm(twin.grads, np.inf if clip is None else clip))
        optimizer.step(twin.grads)
    assert history.loss == losses
    assert history.grad_norm == norms
    assert all(np.array_equal(model.params[name], twin.params[name]) for name in twin.params)


def test_clipping_bounds_the_update_and_the_history_tells_the_norm_before():
    model, batches = regression(seed=1, steps=1)
    before = np.concatenate([p.ravel() for p in model.params.values()])
    history = fit(model, batches, mse, SGD(model.params, lr=1.0), clip=0.01)
    after = np.concatenate([p.ravel() for p in model.params.values()])
    assert history.grad_norm[0] > 0.1
    np.testing.assert_allclose(np.linalg.norm(after - before), 0.01, rtol=1e-4)


@pytest.mark.parametrize("kind", [*LAYERS, MinGRU])
def test_fit_learns_to_recall_the_first_token(kind):
    """One of 7 tokens, then 4 of another alphabet. Chance costs log 7 = 1.95 nats and is right once in 7."""
    rng = np.random.default_rng(3)
    model = ManyToOne(kind(E, 16, rng=rng), Linear(16, V, rng=rng), Embedding(V + 3, E, rng=rng))

    def batch(n):
        first, rest = rng.integers(0, V, (1, n)), rng.integers(V, V + 3, (T - 1, n))
        return np.concatenate([first, rest]), first[0]

    def accuracy():
        tokens, first = batch(500)
        return np.mean(model.forward(tokens).argmax(axis=-1) == first)

    assert accuracy() < 0.3
    history = fit(model, (batch(64) for _ in range(300)), cross_entropy, Adam(model.params, lr=0.02), clip=1.0)
    assert history.loss[0] > 1.7
    assert np.mean(history.loss[-20:]) < 0.1
    assert accuracy() > 0.98


def test_fit_learns_a_label_at_every_step():
    """Parity of the bits so far: a coin's flip, 0.69, for whoever does not carry a state."""
    rng = np.random.default_rng(0)
    model = ManyToMany(GRU(1, 8, rng=rng), Linear(8, 2, rng=rng))

    def batch(n):
        bits = rng.integers(0, 2, (6, n))
        return bits[..., None].astype(float), bits.cumsum(axis=0) % 2

    history = fit(model, (batch(64) for _ in range(600)), cross_entropy, Adam(model.params, lr=0.02), clip=1.0)
    x, parity = batch(500)
    assert history.loss[0] > 0.6
    assert np.mean(model.forward(x).argmax(axis=-1) == parity) > 0.98


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("progress", [True, False, None])
def test_the_progress_bar_can_be_turned_on_and_off_and_else_is_for_terminals(monkeypatch, progress, terminal):
    stderr = Stream(terminal)
    monkeypatch.setattr("sys.stderr", stderr)
    model, batches = regression(seed=1)
    fit(model, batches, mse, SGD(model.params, lr=0.1), progress=progress)
    shown = terminal if progress is None else progress
    assert ("6/6" in stderr.getvalue()) == shown
    assert bool(stderr.getvalue()) == shown


# truncated backpropagation through time


class Recorder:
    """Stands in for an optimiser: changes nothing, keeps the gradients it is shown."""

    def __init__(self):
        self.seen = []

    def step(self, grads):
        self.seen.append({name: g.copy() for name, g in grads.items()})


@pytest.mark.parametrize("kind", LAYERS)
def test_truncation_carries_the_state_and_cuts_the_gradient(rng, kind):
    """The same as torch with the state detached at each border; the last chunk may be shorter."""
    model = ManyToMany(kind(D, H, num_layers=2, rng=rng), Linear(H, O, rng=rng))
    x, target = rng.standard_normal((7, B, D)), rng.standard_normal((7, B, O))
    recorder = Recorder()
    history = truncated_bptt(model, x, target, 3, mse, recorder)

    theirs, state = Twin(model), None
    assert len(recorder.seen) == 3
    for i, part in enumerate([slice(0, 3), slice(3, 6), slice(6, 7)]):
        theirs.zero_grad()
        y, state = theirs.rnn(torch.tensor(x[part]), state)
        loss = torch.nn.functional.mse_loss(theirs.head(y), torch.tensor(target[part]))
        loss.backward()
        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        np.testing.assert_allclose(history.loss[i], loss.item(), **TO_TORCH)
        for name, p in theirs.named_parameters():
            np.testing.assert_allclose(recorder.seen[i][name], p.grad, **TO_TORCH, err_msg=name)


def test_one_chunk_is_full_backpropagation(rng):
    model = ManyToMany(LSTM(D, H, rng=rng), Linear(H, O, rng=rng))
    x, target = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, O))
    recorder = Recorder()
    truncated_bptt(model, x, target, T, mse, recorder)
    model.zero_grad()
    model.backward(mse(model.forward(x), target)[1])
    for name, g in model.grads.items():
        np.testing.assert_allclose(recorder.seen[0][name], g, **TO_TORCH, err_msg=name)


def test_truncated_training_learns_a_long_sequence(rng):
    """Say again what came two steps ago, in one sequence of 4,000 random bits cut into chunks of 10."""
    bits = rng.integers(0, 2, (4002, 1))
    model = ManyToMany(RNN(1, 8, rng=rng), Linear(8, 2, rng=rng))
    optimizer = Adam(model.params, lr=0.01)
    history = truncated_bptt(model, bits[2:, :, None] * 2.0 - 1, bits[:-2], 10, cross_entropy, optimizer, clip=1.0)
    assert history.loss[0] > 0.6
    assert np.mean(history.loss[-40:]) < 0.1


# Jacobians


def torch_jacobian(layer, x, state):
    """∂s_T/∂s_0 of one sequence by autograd, the state being all layers' h, then all layers' c."""
    theirs = getattr(torch.nn, type(layer).__name__)(D, H, layer.num_layers)
    if isinstance(layer, RNN):
        theirs = torch.nn.RNN(D, H, layer.num_layers, nonlinearity=layer.nonlinearity)
    theirs = theirs.double()
    theirs.load_state_dict({name: torch.tensor(p) for name, p in layer.params.items()})

    def run(flat):
        parts = flat.reshape(-1, layer.num_layers, 1, H)
        _, final = theirs(torch.tensor(x), tuple(parts) if len(parts) == 2 else parts[0])
        return torch.cat([part.reshape(-1) for part in (final if isinstance(final, tuple) else (final,))])

    parts = state if isinstance(state, tuple) else (state,)
    return torch.autograd.functional.jacobian(run, torch.tensor(np.concatenate([part.ravel() for part in parts])))


def state_of(layer, rng, B=B):
    parts = tuple(rng.standard_normal((layer.num_layers, B, H)) for _ in range(1 + isinstance(layer, LSTM)))
    return parts if len(parts) == 2 else parts[0]


def one_sequence(state, b):
    return tuple(s[:, b : b + 1] for s in state) if isinstance(state, tuple) else state[:, b : b + 1]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("kind", LAYERS)
def test_jacobians_match_autograd(rng, kind, num_layers):
    layer = kind(D, H, num_layers, rng=rng)
    x, state = rng.standard_normal((T, B, D)), state_of(layer, rng)
    J = jacobians(layer, x, state)
    N = num_layers * H * (2 if kind is LSTM else 1)
    assert J.shape == (T + 1, B, N, N)
    for t in range(T + 1):
        for b in range(B):
            if t == T:
                expected = np.eye(N)
            else:
                here = layer.forward(x[:t], state)[1] if t else state
                expected = torch_jacobian(layer, x[t:, b : b + 1], one_sequence(here, b))
            np.testing.assert_allclose(J[t, b], expected, **TO_TORCH)


@pytest.mark.parametrize("make", [GRU, MinGRU, lambda D, H, rng: SCRN(D, H, 6, rng=rng)], ids=["GRU", "MinGRU", "SCRN"])
def test_jacobians_match_finite_differences_for_every_layer(rng, make):
    layer, x = make(D, H, rng=rng), rng.standard_normal((T, 1, D))
    _, state = layer.forward(rng.standard_normal((2, 1, D)))  # some state that is not zero

    def final(state):
        _, after = layer.forward(x, state)
        return np.concatenate([part.ravel() for part in (after if isinstance(after, tuple) else (after,))])

    columns, nudge = [], 1e-5
    for part in state if isinstance(state, tuple) else (state,):
        for index in np.ndindex(part.shape):
            kept = part[index]
            part[index] = kept + nudge
            above = final(state)
            part[index] = kept - nudge
            columns.append((above - final(state)) / (2 * nudge))
            part[index] = kept
    np.testing.assert_allclose(jacobians(layer, x, state)[0, 0], np.stack(columns, axis=1), **TO_DIFFERENCES)


def test_a_step_of_a_tanh_rnn_is_its_matrix_times_one_minus_h_squared(rng):
    layer, x = RNN(D, H, rng=rng), rng.standard_normal((T, B, D))
    y, _ = layer.forward(x)
    expected = (1 - y**2)[..., None] * layer.params["weight_hh_l0"]  # diag(1 − h²) W_hh
    np.testing.assert_allclose(step_jacobians(layer, x), expected, **TO_TORCH)


@pytest.mark.parametrize("kind", LAYERS)
def test_jacobians_are_products_of_steps(rng, kind):
    layer, x = kind(D, H, rng=rng), rng.standard_normal((T, B, D))
    steps, J = step_jacobians(layer, x), jacobians(layer, x)
    for t in range(T):
        np.testing.assert_allclose(J[t], J[t + 1] @ steps[t], **TO_TORCH)
    _, halfway = layer.forward(x[:2])
    np.testing.assert_allclose(J[0], jacobians(layer, x[2:], halfway)[0] @ jacobians(layer, x[:2])[0], **TO_TORCH)


def test_no_jacobian_is_larger_than_the_largest_singular_value_allows(rng):
    layer, T = RNN(D, H, rng=rng), 12
    norms = np.linalg.norm(jacobians(layer, rng.standard_normal((T, B, D))), ord=2, axis=(-2, -1))
    sigma_max = np.linalg.norm(layer.params["weight_hh_l0"], ord=2)
    assert np.all(norms <= sigma_max ** (T - np.arange(T + 1))[:, None] * (1 + 1e-12))


def test_with_the_forget_gate_open_and_the_input_gate_shut_the_memory_is_kept_bit_for_bit(rng):
    layer = LSTM(D, H, rng=rng)
    init.set_forget_bias(layer, 1000.0)
    layer.params["bias_ih_l0"][:H] = -1000.0
    J = jacobians(layer, rng.standard_normal((50, B, D)), state_of(layer, rng))
    assert np.array_equal(J[0, :, H:, H:], np.broadcast_to(np.eye(H), (B, H, H)))


def test_looking_at_the_jacobians_leaves_the_layer_as_it_was(rng):
    layer, x, dy = GRU(D, H, rng=rng), rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    layer.forward(x)
    dx, _ = layer.backward(dy)
    kept = {name: array.copy() for name, array in (layer.params | layer.grads).items()}
    layer.forward(x)
    jacobians(layer, x[:3])
    assert all(np.array_equal(array, kept[name]) for name, array in (layer.params | layer.grads).items())
    assert np.array_equal(layer.backward(dy)[0], dx)


@pytest.mark.parametrize("kind", LAYERS)
def test_jacobians_keep_float32(rng, kind):
    layer = kind(D, H, rng=rng, dtype=np.float32)
    assert jacobians(layer, rng.standard_normal((T, B, D)).astype(np.float32)).dtype == np.float32


# bad input


def test_an_exhausted_generator_is_refused():
    model, batches = regression(seed=1)
    batches, optimizer = iter(batches), SGD(model.params, lr=0.1)
    fit(model, batches, mse, optimizer)
    with pytest.raises(ValueError, match="there is no batch: a generator gives its batches only once"):
        fit(model, batches, mse, optimizer)


def test_a_chunk_of_nothing_and_a_target_of_another_length_are_refused(rng):
    model = ManyToMany(RNN(D, H, rng=rng), Linear(H, O, rng=rng))
    x, target = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, O))
    with pytest.raises(ValueError, match="chunk is 0, expected at least 1"):
        truncated_bptt(model, x, target, 0, mse, SGD(model.params, 0.1))
    with pytest.raises(ValueError, match="x has 5 steps, target has 4"):
        truncated_bptt(model, x, target[1:], 2, mse, SGD(model.params, 0.1))


def test_a_bidirectional_layer_has_no_jacobian_from_step_to_step(rng):
    with pytest.raises(ValueError, match="a bidirectional layer has no state that goes one way only"):
        jacobians(RNN(D, H, bidirectional=True), rng.standard_normal((T, B, D)))
