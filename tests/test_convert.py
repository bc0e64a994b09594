"""convert: each library's own forward pass, written as a plain loop from its documentation, is the oracle."""

import re
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_rnn.convert import ROSETTA, convert, identify, rosetta
from course_rnn.numpy import cells, loop

TOLERANCE = dict(rtol=0, atol=1e-12)
T, B, D, H = 5, 2, 3, 4

tanh = np.tanh


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# ---- Keras 3: SimpleRNNCell.call, LSTMCell.call, GRUCell.call ----


def keras_rnn(x, kernel, recurrent_kernel, bias=0):
    h, y = np.zeros((x.shape[1], len(recurrent_kernel))), []
    for x_t in x:
        h = tanh(x_t @ kernel + bias + h @ recurrent_kernel)
        y.append(h)
    return np.array(y)


def keras_lstm(x, kernel, recurrent_kernel, bias=0):
    h, y = np.zeros((x.shape[1], len(recurrent_kernel))), []
    c = h
    for x_t in x:
        z0, z1, z2, z3 = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        i, f = sigmoid(z0), sigmoid(z1)
        c = f * c + i * tanh(z2)
        h = sigmoid(z3) * tanh(c)
        y.append(h)
    return np.array(y)


def keras_gru(x, kernel, recurrent_kernel, bias=None):
    input_bias, recurrent_bias = (0, 0) if bias is None else bias
    h, y = np.zeros((x.shape[1], len(recurrent_kernel))), []
    for x_t in x:
        x_z, x_r, x_h = np.split(x_t @ kernel + input_bias, 3, axis=1)
        h_z, h_r, h_h = np.split(h @ recurrent_kernel + recurrent_bias, 3, axis=1)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        h = z * h + (1 - z) * tanh(x_h + r * h_h)
        y.append(h)
    return np.array(y)


def keras_gru_reset_before(x, kernel, recurrent_kernel, bias=0):
    h, y = np.zeros((x.shape[1], len(recurrent_kernel))), []
    R_z, R_r, R_h = np.split(recurrent_kernel, 3, axis=1)
    for x_t in x:
        x_z, x_r, x_h = np.split(x_t @ kernel + bias, 3, axis=1)
        z, r = sigmoid(x_z + h @ R_z), sigmoid(x_r + h @ R_r)
        h = z * h + (1 - z) * tanh(x_h + (r * h) @ R_h)
        y.append(h)
    return np.array(y)


# ---- ONNX: the equations of the operators; one direction, its W, R and B ----


def onnx_rnn(x, W, R, B=None):
    Wb, Rb = (0, 0) if B is None else np.split(B, 2)
    H_t, y = np.zeros((x.shape[1], R.shape[1])), []
    for X_t in x:
        H_t = tanh(X_t @ W.T + H_t @ R.T + Wb + Rb)
        y.append(H_t)
    return np.array(y)


def onnx_lstm(x, W, R, B=None):
    B = np.zeros(2 * len(W)) if B is None else B
    Wi, Wo, Wf, Wc = np.split(W, 4)
    Ri, Ro, Rf, Rc = np.split(R, 4)
    Wbi, Wbo, Wbf, Wbc, Rbi, Rbo, Rbf, Rbc = np.split(B, 8)
    H_t, y = np.zeros((x.shape[1], R.shape[1])), []
    C_t = H_t
    for X_t in x:
        it = sigmoid(X_t @ Wi.T + H_t @ Ri.T + Wbi + Rbi)
        ft = sigmoid(X_t @ Wf.T + H_t @ Rf.T + Wbf + Rbf)
        ct = tanh(X_t @ Wc.T + H_t @ Rc.T + Wbc + Rbc)
        C_t = ft * C_t + it * ct
        ot = sigmoid(X_t @ Wo.T + H_t @ Ro.T + Wbo + Rbo)
        H_t = ot * tanh(C_t)
        y.append(H_t)
    return np.array(y)


def onnx_gru(x, W, R, B=None, linear_before_reset=0):
    B = np.zeros(2 * len(W)) if B is None else B
    Wz, Wr, Wh = np.split(W, 3)
    Rz, Rr, Rh = np.split(R, 3)
    Wbz, Wbr, Wbh, Rbz, Rbr, Rbh = np.split(B, 6)
    H_t, y = np.zeros((x.shape[1], R.shape[1])), []
    for X_t in x:
        zt = sigmoid(X_t @ Wz.T + H_t @ Rz.T + Wbz + Rbz)
        rt = sigmoid(X_t @ Wr.T + H_t @ Rr.T + Wbr + Rbr)
        if linear_before_reset:
            ht = tanh(X_t @ Wh.T + rt * (H_t @ Rh.T + Rbh) + Wbh)
        else:
            ht = tanh(X_t @ Wh.T + (rt * H_t) @ Rh.T + Rbh + Wbh)
        H_t = (1 - zt) * ht + zt * H_t
        y.append(H_t)
    return np.array(y)


def onnx_gru_reset_after(x, W, R, B=None):
    return onnx_gru(x, W, R, B, linear_before_reset=1)


# ---- CS231n: rnn_step_forward and lstm_step_forward, over time ----


def cs231n_rnn(x, Wx, Wh, b=0):
    h, y = np.zeros((x.shape[1], len(Wh))), []
    for x_t in x:
        h = tanh(x_t @ Wx + h @ Wh + b)
        y.append(h)
    return np.array(y)


def cs231n_lstm(x, Wx, Wh, b=0):
    h, y = np.zeros((x.shape[1], len(Wh))), []
    c, n = h, len(Wh)
    for x_t in x:
        a = x_t @ Wx + h @ Wh + b
        i, f, o, g = sigmoid(a[:, :n]), sigmoid(a[:, n : 2 * n]), sigmoid(a[:, 2 * n : 3 * n]), tanh(a[:, 3 * n :])
        c = f * c + i * g
        h = o * tanh(c)
        y.append(h)
    return np.array(y)


# ---- The slides: column vectors, one sequence at a time ----


def slides(step):
    def forward(x, **weights):
        y = []
        for sequence in x.swapaxes(0, 1):
            h = C = np.zeros(len(next(iter(weights.values()))))
            y.append([])
            for x_t in sequence:
                h, C = step(x_t, h, C, **weights)
                y[-1].append(h)
        return np.array(y).swapaxes(0, 1)

    return forward


@slides
def slides_rnn(x, h, _, W_x, W_h, b_h=0):
    return tanh(W_h @ h + W_x @ x + b_h), None


@slides
def slides_lstm(x, h, C, W_c, W_f, W_i, W_o, b_c=0, b_f=0, b_i=0, b_o=0):
    hx = np.concatenate([h, x])
    C_tilde = tanh(W_c @ hx + b_c)
    f, i = sigmoid(W_f @ hx + b_f), sigmoid(W_i @ hx + b_i)
    C = f * C + i * C_tilde
    return sigmoid(W_o @ hx + b_o) * tanh(C), C


@slides
def slides_gru(x, h, _, W_z, W_r, W):
    hx = np.concatenate([h, x])
    z, r = sigmoid(W_z @ hx), sigmoid(W_r @ hx)
    h_tilde = tanh(W @ np.concatenate([r * h, x]))
    return (1 - z) * h + z * h_tilde, None


# ---- torch: torch.nn itself; with the reset before the matrix, the reference's step ----


def torch_forward(cell, x, weights, num_layers=1, bidirectional=False):
    bias, hidden_size = "bias_ih_l0" in weights, weights["weight_hh_l0"].shape[1]
    layer = getattr(torch.nn, cell)(x.shape[-1], hidden_size, num_layers, bias=bias, bidirectional=bidirectional)
    layer.double().load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    with torch.no_grad():
        return layer(torch.tensor(x))[0].numpy()


def torch_gru_reset_before(x, **weights):
    h, y = np.zeros((x.shape[1], weights["weight_hh_l0"].shape[1])), []
    weights = {name.removesuffix("_l0"): array for name, array in weights.items()}
    for x_t in x:
        (h,), _ = loop.step(cells.GRUResetBefore(), x_t, [h], weights)
        y.append(h)
    return np.array(y)


FORWARD = {
    ("RNN", "torch"): lambda x, **weights: torch_forward("RNN", x, weights),
    ("RNN", "keras"): keras_rnn,
    ("RNN", "onnx"): onnx_rnn,
    ("RNN", "cs231n"): cs231n_rnn,
    ("RNN", "slides"): slides_rnn,
    ("LSTM", "torch"): lambda x, **weights: torch_forward("LSTM", x, weights),
    ("LSTM", "keras"): keras_lstm,
    ("LSTM", "onnx"): onnx_lstm,
    ("LSTM", "cs231n"): cs231n_lstm,
    ("LSTM", "slides"): slides_lstm,
    ("GRU", "torch"): lambda x, **weights: torch_forward("GRU", x, weights),
    ("GRU", "torch_reset_before"): torch_gru_reset_before,
    ("GRU", "keras"): keras_gru,
    ("GRU", "keras_reset_before"): keras_gru_reset_before,
    ("GRU", "onnx"): onnx_gru,
    ("GRU", "onnx_reset_after"): onnx_gru_reset_after,
    ("GRU", "slides"): slides_gru,
}
EVERY = pytest.mark.parametrize("cell, name", FORWARD)


def shapes(cell, name, D=D, H=H):
    """The arrays of one layer in one direction, from each library's documentation."""
    GH = {"RNN": 1, "GRU": 3, "LSTM": 4}[cell] * H
    if name == "slides":
        return {
            "RNN": {"W_x": (H, D), "W_h": (H, H), "b_h": (H,)},
            "LSTM": {f"W_{gate}": (H, H + D) for gate in "cfio"} | {f"b_{gate}": (H,) for gate in "cfio"},
            "GRU": {"W_z": (H, H + D), "W_r": (H, H + D), "W": (H, H + D)},
        }[cell]
    keras_bias = (2, GH) if cell == "GRU" and name == "keras" else (GH,)
    torch_shapes = {"weight_ih_l0": (GH, D), "weight_hh_l0": (GH, H), "bias_ih_l0": (GH,), "bias_hh_l0": (GH,)}
    return {
        "torch": torch_shapes,
        "keras": {"kernel": (D, GH), "recurrent_kernel": (H, GH), "bias": keras_bias},
        "onnx": {"W": (1, GH, D), "R": (1, GH, H), "B": (1, 2 * GH)},
        "cs231n": {"Wx": (D, GH), "Wh": (H, GH), "b": (GH,)},
    }[name.split("_")[0]]


def draw(cell, name, rng, D=D, H=H, bias=True):
    drawn = {n: rng.normal(size=shape) for n, shape in shapes(cell, name, D, H).items()}
    return {n: array for n, array in drawn.items() if bias or n[0] not in "bB"}


def draw_stack(cell, name, rng, D=D, H=H, num_layers=2, bidirectional=True, bias=True):
    """Two layers, two directions: the suffixes are torch's, ONNX has an axis."""
    stack = {}
    for layer in range(num_layers):
        parts = [draw(cell, name, rng, D, H, bias) for _ in range(1 + bidirectional)]
        for n in parts[0]:
            base = n.removesuffix("_l0")
            number = f"_l{layer}" if layer or n != base else ""
            if "onnx" in name:
                stack[base + number] = np.concatenate([part[n] for part in parts])
            else:
                stack |= {base + number + "_reverse" * d: part[n] for d, part in enumerate(parts)}
        D = H * (1 + bidirectional)
    return stack


def forward(cell, name, x, weights, num_layers=1, bidirectional=False):
    """Run all layers and directions of a library that knows only one of each."""
    for layer in range(num_layers):
        number, outputs = f"_l{layer}" if layer else "", []
        for d, turn in enumerate([slice(None), slice(None, None, -1)][: 1 + bidirectional]):
            suffix, part = (number, d) if "onnx" in name else (number + "_reverse" * d, ...)
            one = {n: weights[n + suffix][part] for n in shapes(cell, name) if n + suffix in weights}
            outputs.append(FORWARD[cell, name](x[turn], **one)[turn])
        x = np.concatenate(outputs, axis=-1)
    return x


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
        assert ours[name].dtype == theirs[name].dtype


def torch_side(cell, name):
    """The row of torch's layout whose reset is on the same side."""
    return "torch_reset_before" if ROSETTA[cell][name].reset == "before" else "torch"


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def x(rng):
    return rng.normal(size=(T, B, D))


# ---- convert ----


def test_every_row_of_the_table_has_an_oracle_here():
    assert {(cell, name) for cell, rows in ROSETTA.items() for name in rows} == set(FORWARD)


@EVERY
@pytest.mark.parametrize("bias", [True, False])
def test_every_librarys_weights_give_its_outputs_in_torch(cell, name, bias, rng, x):
    weights = draw(cell, name, rng, bias=bias)
    ours = torch_side(cell, name)
    converted = convert(weights, cell, name, ours)
    expected = forward(cell, name, x, weights)
    np.testing.assert_allclose(FORWARD[cell, ours](x, **converted), expected, **TOLERANCE)


@pytest.mark.parametrize("cell, name", [key for key in FORWARD if torch_side(*key) == "torch" and key[1] != "torch"])
@pytest.mark.parametrize("num_layers, bidirectional", [(1, False), (2, False), (1, True), (2, True)])
def test_torch_layers_give_the_same_outputs_in_every_library(cell, name, num_layers, bidirectional, rng, x):
    weights = draw_stack(cell, "torch", rng, num_layers=num_layers, bidirectional=bidirectional)
    y = forward(cell, name, x, convert(weights, cell, "torch", name), num_layers, bidirectional)
    np.testing.assert_allclose(y, torch_forward(cell, x, weights, num_layers, bidirectional), **TOLERANCE)


@pytest.mark.parametrize("source, target", [("onnx", "keras_reset_before"), ("keras_reset_before", "onnx")])
def test_stacks_with_the_reset_before_the_matrix_give_the_same_outputs(source, target, rng, x):
    weights = draw_stack("GRU", source, rng)
    expected = forward("GRU", source, x, weights, 2, True)
    y = forward("GRU", target, x, convert(weights, "GRU", source, target), 2, True)
    np.testing.assert_allclose(y, expected, **TOLERANCE)


@given(st.data(), st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_there_and_back_is_exact(data, D, H, seed):
    cell, source = data.draw(st.sampled_from(list(FORWARD)))
    rows = ROSETTA[cell]
    target = data.draw(st.sampled_from([name for name in rows if rows[name].reset == rows[source].reset]))
    form = dict(num_layers=data.draw(st.integers(1, 2)), bidirectional=data.draw(st.booleans()))
    bias = data.draw(st.booleans()) and rows[target].biases > 0
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    weights = draw_stack(cell, source, np.random.default_rng(seed), D, H, **form, bias=bias)
    weights = {name: array.astype(dtype) for name, array in weights.items()}

    there = convert(weights, cell, source, target)
    back = convert(there, cell, target, source)
    if rows[source].biases <= rows[target].biases or not bias:
        assert_same(back, weights)
    else:  # the target keeps the sum of the two biases: it must come back, and from then on nothing changes
        assert_same(convert(back, cell, source, target), there)


def test_two_biases_become_their_sum_and_the_sum_comes_back_as_the_first(rng):
    weights = draw("LSTM", "torch", rng)
    keras = convert(weights, "LSTM", "torch", "keras")
    back = convert(keras, "LSTM", "keras", "torch")
    total = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    i, f, g, o = np.split(total, 4)
    np.testing.assert_array_equal(keras["bias"], np.concatenate([i, f, g, o]))
    np.testing.assert_array_equal(back["bias_ih_l0"], total)
    np.testing.assert_array_equal(back["bias_hh_l0"], np.zeros(4 * H))


def test_a_gru_that_resets_after_the_matrix_keeps_both_biases(rng):
    weights = draw("GRU", "torch", rng)
    r, z, n = (slice(g * H, (g + 1) * H) for g in range(3))
    for name, halves in [("keras", lambda w: w["bias"]), ("onnx_reset_after", lambda w: np.split(w["B"][0], 2))]:
        for half, bias in zip(
            halves(convert(weights, "GRU", "torch", name)), ["bias_ih_l0", "bias_hh_l0"], strict=True
        ):
            np.testing.assert_array_equal(half, np.concatenate([weights[bias][gate] for gate in (z, r, n)]))


def test_the_two_meanings_of_z_differ_in_the_sign_of_its_rows_and_nothing_else(rng):
    weights = draw("GRU", "torch", rng, bias=False)
    r, z, n = (
        np.concatenate([R, W], axis=1)
        for R, W in zip(np.split(weights["weight_hh_l0"], 3), np.split(weights["weight_ih_l0"], 3), strict=True)
    )
    assert_same(convert(weights, "GRU", "torch_reset_before", "slides"), {"W_z": -z, "W_r": r, "W": n})


def test_one_layers_arrays_may_carry_the_suffix_of_layer_0_or_not(rng):
    keras = draw("LSTM", "keras", rng)
    suffixed = {f"{name}_l0": array for name, array in keras.items()}
    assert_same(convert(suffixed, "LSTM", "keras", "torch"), convert(keras, "LSTM", "keras", "torch"))


@EVERY
def test_the_converted_arrays_are_new(cell, name, rng):
    weights = draw(cell, name, rng)
    kept = {n: array.copy() for n, array in weights.items()}
    for array in convert(weights, cell, name, name).values():
        array[...] = 0
    assert_same(weights, kept)


# ---- the side of the reset gate ----

AFTER, BEFORE = ["torch", "keras", "onnx_reset_after"], ["torch_reset_before", "keras_reset_before", "onnx", "slides"]


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("before", BEFORE)
def test_the_reset_cannot_change_sides(after, before, rng):
    reason = r"no W and b make r ⊙ \(W_hn h \+ b_hn\) = W \(r ⊙ h\) \+ b unless W_hn is diagonal and b_hn = 0"
    with pytest.raises(
        ValueError, match=f"resets after the matrix, the target before it.*{reason}.* torch, keras, onnx_"
    ):
        convert(draw("GRU", after, rng), "GRU", after, before)
    with pytest.raises(
        ValueError, match=f"resets before the matrix, the target after it.*{reason}.*_before, onnx, slides"
    ):
        convert(draw("GRU", before, rng), "GRU", before, after)


def test_the_same_weights_on_the_other_side_are_another_function(rng, x):
    weights = draw("GRU", "torch", rng)
    difference = torch_forward("GRU", x, weights) - torch_gru_reset_before(x, **weights)
    assert abs(difference).max() > 0.01


def diagonal_candidate(rng, H=H):
    """A torch GRU with a diagonal W_hn and without b_hn."""
    weights = draw("GRU", "torch", rng, H=H)
    weights["weight_hh_l0"][2 * H :] *= np.eye(H)
    weights["bias_hh_l0"][2 * H :] = 0
    return weights


@pytest.mark.parametrize("before", ["torch_reset_before", "keras_reset_before", "onnx"])
def test_a_diagonal_candidate_without_b_hn_has_no_side(before, rng, x):
    weights = diagonal_candidate(rng)
    converted = convert(weights, "GRU", "torch", before)
    expected = torch_forward("GRU", x, weights)
    np.testing.assert_allclose(forward("GRU", before, x, converted), expected, **TOLERANCE)
    back = convert(converted, "GRU", before, "torch")
    np.testing.assert_allclose(torch_forward("GRU", x, back), expected, **TOLERANCE)


def test_b_hn_leaves_the_reset_only_in_one_direction(rng, x):
    weights = diagonal_candidate(rng)
    weights["bias_hh_l0"][-1] = 0.5
    with pytest.raises(ValueError, match="b_hn = 0"):
        convert(weights, "GRU", "torch", "torch_reset_before")  # under the reset
    expected = torch_gru_reset_before(x, **weights)
    converted = convert(weights, "GRU", "torch_reset_before", "torch")  # beside b_in: a plain sum
    np.testing.assert_allclose(torch_forward("GRU", x, converted), expected, **TOLERANCE)


def test_one_unit_has_a_diagonal_matrix(rng, x):
    weights = diagonal_candidate(rng, H=1)
    onnx = convert(weights, "GRU", "torch", "onnx")
    np.testing.assert_allclose(forward("GRU", "onnx", x, onnx), torch_forward("GRU", x, weights), **TOLERANCE)


# ---- what does not fit ----


def without(*names):
    return lambda weights: {n: array for n, array in weights.items() if n not in names}


def but(**arrays):
    return lambda weights: weights | arrays


ones = np.ones


@pytest.mark.parametrize(
    "cell, name, change, message",
    [
        ("LSTM", "keras", without("recurrent_kernel"), "missing recurrent_kernel; found kernel, bias"),
        ("LSTM", "torch", without("bias_hh_l0"), "missing bias_hh_l0; found weight_ih_l0, weight_hh_l0, bias_ih_l0"),
        ("GRU", "onnx", lambda weights: {}, "missing W, R; found nothing"),
        ("RNN", "torch", but(weight_ih_l1=ones((4, 4))), "missing weight_hh_l1; found weight_ih_l1"),
        ("RNN", "cs231n", lambda w: w | {f"{n}_l2": w[n] for n in w}, "missing Wx_l1, Wh_l1; found nothing"),
        (
            "LSTM",
            "torch",
            but(weight_hr_l0=ones((2, 4))),
            "unexpected name 'weight_hr_l0', this convention has weight_ih",
        ),
        ("LSTM", "onnx", but(W_reverse=ones((1, 16, 3))), "unexpected name 'W_reverse', this convention has W, R, B"),
        (
            "LSTM",
            "keras",
            but(kernel=ones((3, 15))),
            r"kernel has shape \(3, 15\), expected \(D, 4H\) with H = 4, D = 3$",
        ),
        ("LSTM", "keras", but(recurrent_kernel=ones(16)), r"recurrent_kernel has shape \(16,\), expected \(H, 4H\)$"),
        ("GRU", "keras", but(bias=ones(12)), r"bias has shape \(12,\), expected \(2, 3H\)$"),
        ("RNN", "torch", but(bias_hh_l0=ones(3)), r"bias_hh_l0 has shape \(3,\), expected \(H,\) with H = 4, D = 3$"),
        ("LSTM", "slides", but(W_f=ones((4, 6))), r"W_f has shape \(4, 6\), expected \(H, H\+D\) with H = 4, D = 3$"),
        ("LSTM", "onnx", but(B=ones((2, 32))), r"W has shape \(1, 16, 3\), expected \(dirs, 4H, D\)"),
        ("GRU", "slides", lambda w: {n: ones((4, 3)) for n in w}, r"W_z has shape \(4, 3\), expected .* D = -1$"),
    ],
)
def test_an_error_names_the_array_that_does_not_fit(cell, name, change, message, rng):
    with pytest.raises(ValueError, match=message):
        convert(change(draw(cell, name, rng)), cell, name, "torch")


@pytest.mark.parametrize("given, expected", list(permutations(["RNN", "LSTM", "GRU"], 2)))
def test_an_error_names_the_cell_whose_gates_these_are(given, expected, rng):
    with pytest.raises(ValueError, match=f"weight_ih_l0 has shape .*; {given} weights have this shape"):
        convert(draw(given, "torch", rng), expected, "torch", "keras")


def test_an_error_names_what_is_unknown(rng):
    weights = draw("LSTM", "torch", rng)
    with pytest.raises(ValueError, match="cell is 'lstm', expected one of RNN, LSTM, GRU"):
        convert(weights, "lstm", "torch", "keras")
    with pytest.raises(
        ValueError, match="'cs231n' is no convention for GRU weights, expected one of torch, torch_reset_before"
    ):
        convert(weights, "GRU", "torch", "cs231n")


def test_a_target_without_biases_takes_none_but_zeros(rng):
    weights = draw("GRU", "onnx", rng)
    with pytest.raises(ValueError, match="the target's GRU has no biases, and the source's are not 0"):
        convert(weights, "GRU", "onnx", "slides")
    assert set(convert(weights | {"B": np.zeros((1, 6 * H))}, "GRU", "onnx", "slides")) == {"W_z", "W_r", "W"}


def test_weights_are_a_dict_of_floating_point_arrays(rng):
    weights = draw("RNN", "keras", rng)
    with pytest.raises(TypeError, match="weights is a list, expected a dict of arrays by name"):
        convert(list(weights.values()), "RNN", "keras", "torch")
    with pytest.raises(TypeError, match="bias has dtype int64, expected floating point"):
        convert(weights | {"bias": np.arange(H)}, "RNN", "keras", "torch")


# ---- identify ----


def twins(cell, name):
    """The rows that say the same as this one."""
    same = {"torch": "onnx", "onnx": "torch", "keras": "cs231n", "cs231n": "keras"}
    return {name, same.get(name, name)} if cell == "RNN" else {name}


@EVERY
@pytest.mark.parametrize("bias", [True, False])
def test_identify_finds_every_convention_from_numbers_alone(cell, name, bias, rng, x):
    weights = draw(cell, name, rng, bias=bias)
    y = forward(cell, name, x, weights)
    found = identify(list(weights.values()), x, y)
    (convention,) = found.conventions
    assert found.fits and found.error < TOLERANCE["atol"]
    assert convention.cell == cell
    if bias or cell == "GRU":
        assert set(convention.known) == twins(cell, name)
    else:
        assert name in convention.known
    article = "a" if cell == "GRU" else "an"
    assert str(found).startswith(f"This y was made by {article} {cell} with {ROSETTA[cell][name].vectors} vectors")


@given(st.sampled_from(list(FORWARD)), st.integers(1, 5), st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_identify_never_misses_the_convention_that_made_y(key, D, H, bias, seed):
    rng = np.random.default_rng(seed)
    weights, x = draw(*key, rng, D, H, bias), rng.normal(size=(T, B, D))
    y = forward(*key, x, weights)
    found = identify(weights, x, y)
    assert found.fits and any(key[1] in convention.known for convention in found.conventions)


@pytest.mark.parametrize("order", list(permutations("ifgo")))
def test_identify_tells_all_orders_of_the_lstms_gates_apart(order, rng, x):
    weights = draw("LSTM", "torch", rng)
    y = torch_forward("LSTM", x, weights)
    shuffled = [
        np.concatenate([np.split(array, 4)["ifgo".index(gate)] for gate in order]) for array in weights.values()
    ]
    (convention,) = identify(shuffled, x, y).conventions
    assert convention.gates == "".join(order)


@pytest.mark.parametrize("order", list(permutations("rzn")))
@pytest.mark.parametrize("z", ["keep", "write"])
@pytest.mark.parametrize("reset", ["after", "before"])
def test_identify_tells_all_grus_apart(order, z, reset, rng, x):
    weights = draw("GRU", "torch", rng)
    y = torch_forward("GRU", x, weights) if reset == "after" else torch_gru_reset_before(x, **weights)
    sign = {"r": 1, "z": 1 if z == "keep" else -1, "n": 1}
    shuffled = [
        np.concatenate([sign[gate] * np.split(array, 3)["rzn".index(gate)] for gate in order])
        for array in weights.values()
    ]
    (convention,) = identify(shuffled, x, y).conventions
    assert (convention.gates, convention.z, convention.reset) == ("".join(order), z, reset)


def test_identify_sees_a_forgotten_transpose(rng, x):
    W_ih, W_hh, *biases = draw("RNN", "torch", rng).values()
    y = onnx_rnn(x, W_ih, W_hh.T, np.concatenate(biases))
    found = identify([W_ih, W_hh, *biases], x, y)
    assert "an RNN with column (x) and row (h) vectors, two biases (in no row of the table)" in str(found)


@pytest.mark.parametrize("joined", ["hx", "xh"])
@pytest.mark.parametrize("vectors", ["column", "row"])
def test_identify_sees_which_of_h_and_x_comes_first(joined, vectors, rng, x):
    weights = draw("LSTM", "torch", rng)
    parts = {"x": weights["weight_ih_l0"], "h": weights["weight_hh_l0"]}
    matrix = np.concatenate([parts[part] for part in joined], axis=1)
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    found = identify([matrix.T if vectors == "row" else matrix, bias], x, torch_forward("LSTM", x, weights))
    (convention,) = found.conventions
    assert (convention.joined, convention.vectors, convention.biases) == (joined, vectors, 1)
    assert f"[{joined[0]}, {joined[1]}] joined" in str(found)


@pytest.mark.parametrize("seed", range(4))
def test_identify_says_so_if_several_conventions_fit(seed, x):
    weights = diagonal_candidate(np.random.default_rng(seed))
    found = identify(weights, x, torch_gru_reset_before(x, **weights))  # bit for bit on one side, rounded on the other
    assert {convention.reset for convention in found.conventions} == {"after", "before"}
    assert str(found).startswith("2 conventions make this y, largest error ")
    assert "(torch)" in str(found) and "(torch_reset_before)" in str(found)


def test_one_step_from_zero_does_not_show_the_recurrent_matrix(rng, x):
    weights = draw("RNN", "torch", rng)
    found = identify(weights, x[:1], torch_forward("RNN", x[:1], weights))
    assert [convention.vectors for convention in found.conventions] == ["column", "column (x) and row (h)"]


def test_identify_says_so_if_no_convention_fits_and_names_the_closest(rng, x):
    weights = draw("LSTM", "keras", rng)
    y = keras_lstm(x, **weights)
    found = identify(weights, x, y + 1e-3)
    assert not found.fits
    assert found.error == pytest.approx(1e-3)
    assert found.conventions[0].known == ["keras"]
    assert str(found).startswith(
        "No convention tried makes this y; the closest, largest error 1.0e-03, is an LSTM with"
    )
    assert not identify(weights, x, rng.uniform(-1, 1, size=y.shape)).fits


def test_identify_reads_float32_and_float64_that_was_float32(rng, x):
    weights = draw("GRU", "keras", rng)
    single = [array.astype(np.float32) for array in weights.values()]
    y = keras_gru(x.astype(np.float32), *single).astype(np.float32)
    for arrays, inputs, outputs in [(single, x.astype(np.float32), y), (weights, x, y.astype(np.float64))]:
        found = identify(arrays, inputs, outputs)
        assert found.fits and [convention.known for convention in found.conventions] == [["keras"]]


def test_identify_tells_the_sides_of_the_reset_apart_where_small_weights_make_them_close(rng, x):
    weights = {name: 0.01 * array for name, array in draw("GRU", "torch", rng, bias=False).items()}
    y = torch_forward("GRU", x, weights)
    assert abs(y - torch_gru_reset_before(x, **weights)).max() < 1e-4
    (convention,) = identify(weights, x, y).conventions
    assert convention.known == ["torch"]


def test_identify_says_what_it_cannot_read(rng, x):
    weights = draw("LSTM", "keras", rng)
    y = keras_lstm(x, **weights)
    with pytest.raises(
        ValueError, match=r"no RNN, GRU or LSTM from D = 3 to H = 4 has weights of the shapes \(3, 16\), \("
    ):
        identify([weights["kernel"], weights["recurrent_kernel"], np.ones(15)], x, y)
    with pytest.raises(ValueError, match="no RNN, GRU or LSTM from D = 3 to H = 4 has weights of the shapes "):
        identify([], x, y)
    with pytest.raises(
        ValueError, match=r"x has shape \(5, 2, 3\) and y \(2, 5, 4\), expected \(T, B, D\) and \(T, B, H\)"
    ):
        identify(weights, x, y.swapaxes(0, 1))
    with pytest.raises(ValueError, match=r"x has shape \(0, 2, 3\) and y \(0, 2, 4\), expected .*, not empty"):
        identify(weights, x[:0], y[:0])
    with pytest.raises(ValueError, match="x, y or the weights hold NaN or infinity"):
        identify(weights, x, np.full_like(y, np.nan))
    with pytest.raises(TypeError, match="y has dtype int64, expected floating point"):
        identify(weights, x, y.astype(int))
    with pytest.raises(TypeError, match="array 2 of the weights has dtype int64"):
        identify([weights["kernel"], weights["recurrent_kernel"], np.arange(16)], x, y)


# ---- the table in print ----


def test_the_printed_table_has_a_row_for_each_convention_and_the_shapes_of_its_arrays():
    rows = [[column.strip() for column in line.split("|")[1:-1]] for line in rosetta().splitlines()[2:]]
    assert [(cell, name) for cell, name, *_ in rows] == list(FORWARD)
    for cell, name, arrays, *_ in rows:
        sizes = {"D": D, "H": H, "H+D": H + D, "dirs": 1, "2": 2} | {f"{g}H": g * H for g in (2, 3, 4, 6, 8)}
        printed = {
            array: tuple(sizes[axis] for axis in re.findall(r"[\w+]+", axes))
            for array, axes in re.findall(r"`(\w+)` \((.*?)\)", arrays)
        }
        assert printed == {array.removesuffix("_l0"): shape for array, shape in shapes(cell, name).items()}


def test_the_gate_orders_are_the_libraries():
    lstm = {name: row.gates for name, row in ROSETTA["LSTM"].items()}
    assert lstm == {"torch": "ifgo", "keras": "ifco", "onnx": "iofc", "cs231n": "ifog", "slides": "cfio"}
    gru = {name: row.gates for name, row in ROSETTA["GRU"].items()}
    assert {gru.pop(name) for name in ("torch", "torch_reset_before")} == {"rzn"}
    assert set(gru.values()) == {"zrh"}
