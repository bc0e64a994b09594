"""The Jordan network: what it feeds back, what it can remember, and that given outputs untie its steps."""

import numpy as np
import pytest
import torch
from test_numpy_nn import check_by_differences

from course_rnn.numpy import loop
from course_rnn.numpy.cells import softmax
from course_rnn.numpy.jordan import JordanRNN
from course_rnn.numpy.layers import RNN
from course_rnn.numpy.nn import cross_entropy
from course_rnn.numpy.optim import Adam
from course_rnn.numpy.train import fit

TO_TORCH = {"rtol": 1e-12, "atol": 1e-14}
T, B, D, H, O = 5, 2, 3, 4, 6  # all different
FEEDBACKS = ["output", "probabilities", "label"]
TORCH_FEEDBACKS = {
    "output": lambda o: o,
    "probabilities": lambda o: o.softmax(dim=-1),
    "label": lambda o: torch.nn.functional.one_hot(o.argmax(dim=-1), O).to(o.dtype),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def x(rng):
    return rng.standard_normal((T, B, D))


@pytest.fixture
def state(rng):
    return rng.standard_normal((B, O))


def torch_run(network, x, state, outputs=None):
    """The recurrence in torch; leaves to differentiate by, outputs, and what a next step would be fed."""
    leaves = {name: torch.tensor(array, requires_grad=True) for name, array in network.params.items()}
    p = {name.removeprefix("rnn.").removesuffix("_l0"): leaf for name, leaf in leaves.items()}
    x, state = torch.tensor(x, requires_grad=True), torch.tensor(state, requires_grad=True)
    fed, y = state, []
    for t, x_t in enumerate(x):
        a = x_t @ p["weight_ih"].T + fed @ p["weight_oh"].T
        if network.rnn.bias:
            a = a + p["bias_ih"] + p["bias_oh"]
        y.append(torch.tanh(a) @ p["weight_ho"].T + (p["bias_ho"] if network.rnn.bias else 0))
        fed = TORCH_FEEDBACKS[network.rnn.cell.feedback](y[-1]) if outputs is None else torch.tensor(outputs[t])
    return leaves | {"x": x, "state": state}, torch.stack(y), fed


def check_against_torch(network, x, state, outputs, rng):
    do, dstate = rng.standard_normal((T, B, O)), rng.standard_normal((B, O))
    o = network.forward(x, outputs, state)
    dx, dstate_0 = network.backward(do, dstate)
    leaves, their_o, their_state = torch_run(network, x, state, outputs)
    ((their_o * torch.tensor(do)).sum() + (their_state * torch.tensor(dstate)).sum()).backward()
    np.testing.assert_allclose(o, their_o.detach(), **TO_TORCH)
    np.testing.assert_allclose(network.state, their_state.detach(), **TO_TORCH)
    assert list(network.grads) == list(network.params)
    for name, gradient in {**network.grads, "x": dx, "state": dstate_0}.items():
        np.testing.assert_allclose(gradient, leaves[name].grad, **TO_TORCH, err_msg=name)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_a_network_that_hears_itself_matches_torch(rng, x, state, feedback, bias):
    check_against_torch(JordanRNN(D, H, O, feedback, bias, rng=rng), x, state, None, rng)


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_a_network_that_is_told_the_truth_matches_torch(rng, x, state, feedback):
    outputs = rng.standard_normal((T, B, O))
    check_against_torch(JordanRNN(D, H, O, feedback, rng=rng), x, state, outputs, rng)


@pytest.mark.parametrize("feedback", FEEDBACKS)
@pytest.mark.parametrize("forced", [False, True])
def test_gradients_match_finite_differences(rng, x, state, feedback, forced):
    network, do = JordanRNN(D, H, O, feedback, rng=rng), rng.standard_normal((T, B, O))
    outputs = rng.standard_normal((T, B, O)) if forced else None
    network.forward(x, outputs, state)
    dx, dstate = network.backward(do)
    check_by_differences(network, lambda: network.forward(x, outputs, state), do, x=(x, dx), state=(state, dstate))


# what comes back


def test_the_first_step_is_fed_zeros_unless_told_otherwise(rng, x):
    network = JordanRNN(D, H, O, rng=rng)
    np.testing.assert_array_equal(network.forward(x), network.forward(x, state=np.zeros((B, O))))
    assert not np.allclose(network.forward(x), network.forward(x, state=np.ones((B, O))))


@pytest.mark.parametrize(
    ("feedback", "f"),
    [("output", lambda o: o), ("probabilities", softmax), ("label", lambda o: np.eye(O)[o.argmax(axis=-1)])],
)
def test_the_state_is_what_was_said_last(rng, x, feedback, f):
    network = JordanRNN(D, H, O, feedback, rng=rng)
    o = network.forward(x)
    np.testing.assert_array_equal(network.state, f(o[-1]))


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_carrying_the_state_over_chunks_equals_the_full_run(rng, x, feedback):
    network = JordanRNN(D, H, O, feedback, rng=rng)
    do = rng.standard_normal((T, B, O))
    full = network.forward(x)
    dx, _ = network.backward(do)
    grads = network.grads
    network.zero_grad()
    first = network.forward(x[:2])
    np.testing.assert_array_equal(np.concatenate([first, network.forward(x[2:], state=network.state)]), full)
    late, dstate = network.backward(do[2:])
    late_grads = network.grads
    network.zero_grad()
    network.forward(x[:2])
    early, _ = network.backward(do[:2], dstate)
    np.testing.assert_allclose(np.concatenate([early, late]), dx, **TO_TORCH)
    for name, gradient in grads.items():
        np.testing.assert_allclose(network.grads[name] + late_grads[name], gradient, **TO_TORCH, err_msg=name)


def test_a_linear_feedback_is_an_elman_network_with_a_matrix_of_small_rank(rng, x):
    """h_t hears W_oh o_{t−1} + b_oh = (W_oh W_ho) h_{t−1} + (b_oh + W_oh b_ho): rank at most O, here 2 of 4."""
    network = JordanRNN(D, H, 2, rng=rng)
    p = network.rnn.weights()
    elman = RNN(D, H, rng=rng)
    elman.params["weight_ih_l0"][:] = p["weight_ih"]
    elman.params["weight_hh_l0"][:] = p["weight_oh"] @ p["weight_ho"]
    elman.params["bias_ih_l0"][:] = p["bias_ih"]
    elman.params["bias_hh_l0"][:] = p["bias_oh"] + p["weight_oh"] @ p["bias_ho"]
    h_0 = rng.standard_normal((B, H))
    h, _ = elman.forward(x, h_0[None])
    assert np.linalg.matrix_rank(elman.params["weight_hh_l0"]) == 2
    o = network.forward(x, state=h_0 @ p["weight_ho"].T + p["bias_ho"])
    np.testing.assert_allclose(o, h @ p["weight_ho"].T + p["bias_ho"], **TO_TORCH)


# teacher forcing


def test_with_the_outputs_given_each_step_stands_alone(rng, x, state):
    network, outputs = JordanRNN(D, H, O, rng=rng), rng.standard_normal((T, B, O))
    together = network.forward(x, outputs, state)
    for t in rng.permutation(T):  # in any order
        fed = state if t == 0 else outputs[t - 1]
        (alone, _), _ = loop.step(network.rnn.cell, x[t], [fed, fed], network.rnn.weights())
        np.testing.assert_allclose(together[t], alone, **TO_TORCH)


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_told_what_it_would_have_said_it_says_the_same(rng, x, state, feedback):
    network = JordanRNN(D, H, O, feedback, rng=rng)
    o = network.forward(x, state=state)
    fed = {"output": o, "probabilities": softmax(o), "label": o.argmax(axis=-1)}[feedback]
    np.testing.assert_allclose(network.forward(x, fed, state), o, **TO_TORCH)


def test_labels_are_one_hot_vectors(rng, x):
    network, labels = JordanRNN(D, H, O, "label", rng=rng), rng.integers(0, O, (T, B))
    np.testing.assert_array_equal(network.forward(x, labels), network.forward(x, np.eye(O)[labels]))


@pytest.mark.parametrize("feedback", FEEDBACKS)
@pytest.mark.parametrize("forced", [False, True])
def test_float32_stays_float32(rng, x, feedback, forced):
    network, x = JordanRNN(D, H, O, feedback, rng=rng, dtype=np.float32), x.astype(np.float32)
    o = network.forward(x, rng.integers(0, O, (T, B)) if forced else None)
    arrays = [*network.params.values(), o, network.state, *network.backward(o), *network.grads.values()]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


def test_parity_is_learnt_with_the_truth_given_and_kept_up_alone(rng):
    """Whether the number of ones so far is odd: the previous answer and the new bit are enough, at any length."""
    network = JordanRNN(1, 8, 2, "label", rng=rng)

    def bits(T, B):
        x = rng.integers(0, 2, (T, B))
        return x[..., None].astype(float), x.cumsum(axis=0) % 2

    def accuracy():
        x, parity = bits(100, 50)
        return (network.forward(x).argmax(axis=-1) == parity).mean()

    assert accuracy() < 0.7
    batches = ((x, parity, parity) for x, parity in (bits(12, 32) for _ in range(300)))
    fit(network, batches, cross_entropy, Adam(network.params, lr=2e-2))
    assert accuracy() == 1


# bad input


def test_an_unknown_feedback_is_refused():
    with pytest.raises(ValueError, match="feedback is 'hidden', expected one of output, probabilities, label"):
        JordanRNN(D, H, O, "hidden")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((T, B, 4))}, ValueError, "x has 4 features, this layer expects 3"),
        ({"x": np.ones((T, D))}, ValueError, "x has 2 axes, expected 3: time, batch, features"),
        ({"x": np.ones((0, B, D))}, ValueError, r"x has no time steps: its shape is \(0, 2, 3\)"),
        ({"x": np.ones((T, 0, D))}, ValueError, r"x has an empty batch: its shape is \(5, 0, 3\)"),
        ({"x": np.ones((T, B, D), np.float32)}, TypeError, "x is float32, this layer computes in float64"),
        ({"state": np.ones((1, O))}, ValueError, r"state has shape \(1, 6\), expected \(2, 6\)"),
        ({"state": np.ones((B, O), int)}, TypeError, "state is int64, this layer computes in float64"),
        ({"outputs": np.ones((T, B, 2))}, ValueError, r"outputs has shape \(5, 2, 2\), expected \(5, 2, 6\)"),
        ({"outputs": np.ones((T, 1), int)}, ValueError, r"outputs has shape \(5, 1\), expected \(5, 2\)"),
        ({"outputs": np.full((T, B), O)}, ValueError, "outputs run from 6 to 6, expected 0 to 5"),
        ({"outputs": np.full((T, B), -1)}, ValueError, "outputs run from -1 to -1, expected 0 to 5"),
        ({"outputs": np.ones((T, B, O), np.float32)}, TypeError, "outputs is float32, this layer computes in float64"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(change, error, message):
    with pytest.raises(error, match=message):
        JordanRNN(D, H, O).forward(**{"x": np.ones((T, B, D))} | change)
