"""The questions of chapter 02, Simple RNN."""

import numpy as np

from course_rnn.questions.cases import rnn_weights, sizes
from course_rnn.questions.question import Chapter

chapter = Chapter("02_simple_rnn")
progress = chapter.progress


# ---------------------------------------------------------------------- one step


def a_step(rng):
    """Arguments of one step."""
    B, D, H = sizes(rng, 3)
    return {"x": rng.normal(size=(B, D)), "h": rng.normal(size=(B, H)), **rnn_weights(rng, D, H)}


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


rnn_step.mistake(
    "without_recurrence",
    "+ h @ weight_hh.T ",
    "",
    "the term of h is missing. Without W_hh h the step cannot remember: it is a feed-forward layer.",
)
rnn_step.mistake(
    "weight_hh_not_transposed",
    "h @ weight_hh.T",
    "h @ weight_hh",
    "weight_hh is not transposed. In row form every matrix stands on the right, transposed: h @ weight_hh.T.",
)
rnn_step.mistake(
    "without_tanh",
    "np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)",
    "x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh",
    "the tanh is missing. Without it the state is linear in the inputs and can grow without bound.",
)
rnn_step.mistake(
    "without_bias_hh",
    "weight_hh.T + bias_hh)",
    "weight_hh.T)",
    "bias_hh is missing. torch keeps two biases; their sum is what counts, so both must be added.",
)
rnn_step.mistake(
    "without_biases",
    "x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh",
    "x @ weight_ih.T + h @ weight_hh.T",
    "both biases are missing.",
)
rnn_step.mistake(
    "tanh_of_each_term",
    "bias_ih + h @ weight_hh.T",
    "bias_ih) + np.tanh(h @ weight_hh.T",
    "the tanh is applied to each term alone. It belongs around the sum, else the state can leave the range -1 to 1.",
)
rnn_step.mistake(
    "sigmoid_for_tanh",
    "np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)",
    "1 / (1 + np.exp(-(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)))",
    "this is the logistic sigmoid, with values between 0 and 1. The simple RNN of this course uses tanh.",
)
rnn_step.mistake(
    "column_form",
    "np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)",
    "np.tanh(weight_ih @ x.T + weight_hh @ h.T + (bias_ih + bias_hh)[:, None])",
    "the result is transposed: the batch is the first axis, (B, H). Write x @ weight_ih.T, not weight_ih @ x.T.",
)
rnn_step.mistake(
    "weight_ih_not_transposed",
    "x @ weight_ih.T",
    "x @ weight_ih",
    "weight_ih is not transposed: it has the shape (H, D), so x @ weight_ih.T gives (B, H).",
)


# ---------------------------------------------------------------------- the sequence


def a_sequence(rng):
    """Arguments of a whole sequence."""
    T, B, D, H = sizes(rng, 4)
    return {"x": rng.normal(size=(T, B, D)), "h0": rng.normal(size=(B, H)), **rnn_weights(rng, D, H)}


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


rnn_forward.mistake(
    "state_not_carried",
    "+ h @ weight_hh.T",
    "+ h0 @ weight_hh.T",
    "the state is not carried: every step starts from h0 again. Assign the new state to h inside the loop.",
)
rnn_forward.mistake(
    "zeros_for_h0",
    "h, states = h0, []",
    "h, states = np.zeros_like(h0), []",
    "the initial state h0 is not used: the loop starts from zeros. Start from h = h0.",
)
rnn_forward.mistake(
    "reversed_in_time",
    "for x_t in x:",
    "for x_t in x[::-1]:",
    "the loop runs from the last step to the first. A recurrence reads x[0] first.",
)
rnn_forward.mistake(
    "y_one_step_late",
    "np.stack(states), h",
    "np.stack([h0, *states[:-1]]), h",
    "y begins with h0, so every state stands one step late and the last is lost. y[0] is the state after x[0].",
)
rnn_forward.mistake(
    "h0_for_h_n",
    "return np.stack(states), h",
    "return np.stack(states), h0",
    "h_n is the initial state. The final state is the one after the last step, y[-1].",
)
rnn_forward.mistake(
    "outputs_swapped",
    "return np.stack(states), h",
    "return h, np.stack(states)",
    "y and h_n are returned in the wrong order: y, all states, comes first.",
)
rnn_forward.mistake(
    "batch_first",
    "np.stack(states)",
    "np.stack(states, axis=1)",
    "the states are stacked along the second axis. Time comes first: (T, B, H).",
)
