"""The questions of chapter 02, Simple RNN."""

import numpy as np

from course_rnn.questions.question import Chapter

chapter = Chapter("02_simple_rnn")
progress = chapter.progress


def _sizes(rng):
    """Sizes of one case, all different, so that no transposed axis can hide."""
    T, B, D, H = (int(size) for size in rng.choice(np.arange(2, 8), size=4, replace=False))
    return T, B, D, H


def _weights(rng, D, H):
    draw = lambda *shape: rng.normal(scale=0.7, size=shape)  # noqa: E731
    return {"weight_ih": draw(H, D), "weight_hh": draw(H, H), "bias_ih": draw(H), "bias_hh": draw(H)}


def a_step(rng):
    """Arguments of one step."""
    _, B, D, H = _sizes(rng)
    return {"x": rng.normal(size=(B, D)), "h": rng.normal(size=(B, H)), **_weights(rng, D, H)}


def a_sequence(rng):
    """Arguments of a whole sequence."""
    T, B, D, H = _sizes(rng)
    return {"x": rng.normal(size=(T, B, D)), "h0": rng.normal(size=(B, H)), **_weights(rng, D, H)}


# ---------------------------------------------------------------------- one step


@chapter.question(
    points=2,
    returns=("h_next",),
    cases=a_step,
    hints=(
        "Write down the shapes: x is (B, D) and weight_ih is (H, D). Which product gives (B, H)?",
        "Four terms stand inside the tanh: one from x, one from h, and two biases.",
        "x @ weight_ih.T is (B, H). The term of h is built in the same way from weight_hh.",
    ),
)
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The rows of x are the samples of a batch, so the column form W x becomes x W^T.

    Both products and both biases have the shape (B, H) after broadcasting; their sum goes through the tanh.
    """
    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)


@rnn_step.wrong("the term of h is missing. Without W_hh h the step cannot remember: it is a feed-forward layer.")
def without_recurrence(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + bias_hh)


@rnn_step.wrong(
    "weight_hh is not transposed. In row form every matrix stands on the right, transposed: h @ weight_hh.T."
)
def weight_hh_not_transposed(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh + bias_hh)


@rnn_step.wrong("the tanh is missing. Without it the state is linear in the inputs and can grow without bound.")
def without_tanh(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh


@rnn_step.wrong("bias_hh is missing. torch keeps two biases; their sum is what counts, so both must be added.")
def without_bias_hh(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T)


@rnn_step.wrong("both biases are missing.")
def without_biases(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + h @ weight_hh.T)


@rnn_step.wrong(
    "the tanh is applied to each term alone. It belongs around the sum, else the state can leave the range -1 to 1."
)
def tanh_of_each_term(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih) + np.tanh(h @ weight_hh.T + bias_hh)


@rnn_step.wrong("this is the logistic sigmoid, with values between 0 and 1. The simple RNN of this course uses tanh.")
def sigmoid_for_tanh(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return 1 / (1 + np.exp(-(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)))


@rnn_step.wrong(
    "the result is transposed: the batch is the first axis, (B, H). Write x @ weight_ih.T, not weight_ih @ x.T."
)
def column_form(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(weight_ih @ x.T + weight_hh @ h.T + (bias_ih + bias_hh)[:, None])


@rnn_step.wrong("weight_ih is not transposed: it has the shape (H, D), so x @ weight_ih.T gives (B, H).")
def weight_ih_not_transposed(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih + bias_ih + h @ weight_hh.T + bias_hh)


# ---------------------------------------------------------------------- the sequence


@chapter.question(
    points=3,
    returns=("y", "h_n"),
    cases=a_sequence,
    hints=(
        "The state goes in a loop over the first axis of x: x[t] is (B, D), what one step takes.",
        "Start from h = h0. In each turn h becomes the next state; keep it in a list.",
        "np.stack(states) makes (T, B, H) of T states (B, H). The final state is the last h.",
    ),
)
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step for each x[t]; the state that comes out of one step goes into the next.

    All states stacked along a new first axis are y, (T, B, H); the last of them is h_n, (B, H).
    """
    h, states = h0, []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        states.append(h)
    return np.stack(states), h


def _forward(x, h0, step):
    h, states = h0, []
    for t, x_t in enumerate(x):
        h = step(t, x_t, h)
        states.append(h)
    return np.stack(states), h


def _step(weight_ih, weight_hh, bias_ih, bias_hh):
    return lambda x, h: np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)


@rnn_forward.wrong(
    "the state is not carried: every step starts from h0 again. Assign the new state to h inside the loop."
)
def state_not_carried(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    return _forward(x, h0, lambda t, x_t, h: step(x_t, h0))


@rnn_forward.wrong("the initial state h0 is not used: the loop starts from zeros. Start from h = h0.")
def zeros_for_h0(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    return _forward(x, np.zeros_like(h0), lambda t, x_t, h: step(x_t, h))


@rnn_forward.wrong("the loop runs from the last step to the first. A recurrence reads x[0] first.")
def reversed_in_time(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    return _forward(x[::-1], h0, lambda t, x_t, h: step(x_t, h))


@rnn_forward.wrong(
    "y begins with h0, so every state stands one step late and the last is lost. y[0] is the state after x[0]."
)
def y_one_step_late(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    y, h_n = _forward(x, h0, lambda t, x_t, h: step(x_t, h))
    return np.concatenate([h0[None], y[:-1]]), h_n


@rnn_forward.wrong("h_n is the initial state. The final state is the one after the last step, y[-1].")
def h0_for_h_n(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    return _forward(x, h0, lambda t, x_t, h: step(x_t, h))[0], h0


@rnn_forward.wrong("y and h_n are returned in the wrong order: y, all states, comes first.")
def outputs_swapped(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    return _forward(x, h0, lambda t, x_t, h: step(x_t, h))[::-1]


@rnn_forward.wrong("the states are stacked along the second axis. Time comes first: (T, B, H).")
def batch_first(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    step = _step(weight_ih, weight_hh, bias_ih, bias_hh)
    y, h_n = _forward(x, h0, lambda t, x_t, h: step(x_t, h))
    return y.swapaxes(0, 1), h_n
