"""The questions of chapter 02, Simple RNN."""

import numpy as np

from course_rnn.checking.cases import rnn_weights, scores, sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.seeds import SEEDS
from course_rnn.questions.sequential_data import feed_forward

chapter = Chapter("02_simple_rnn", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- how many parameters


def some_sizes(rng):
    """Sizes of a network with an output layer."""
    return dict(zip("DHO", sizes(rng, 3, 2, 9), strict=True))


@chapter.question(
    points=1,
    returns=("recurrent", "output"),
    cases=some_sizes,
    hints=(
        "List the arrays: two weights and two biases of the recurrent layer, one weight and one bias of the output.",
        "weight_ih has H rows, one for each number of the state, and D columns. Which shape has weight_hh?",
        "The biases have H numbers each. The output layer makes O numbers of H: O * H weights and O biases.",
    ),
    see="the-same-weights-at-every-step",
)
def parameter_count(D, H, O):
    """weight_ih is (H, D), weight_hh (H, H), and each of torch's two biases has H numbers; T does not occur.

    The output layer maps H numbers to O of them: a weight (O, H) and a bias of O.
    """
    return H * D + H * H + 2 * H, O * H + O


parameter_count.mistake(
    "one_bias",
    "+ 2 * H",
    "+ H",
    "one of the two biases is missing. Only their sum matters, but torch keeps both, and so does the course.",
)
parameter_count.mistake(
    "without_biases",
    " + 2 * H, O * H + O",
    ", O * H",
    "the biases are missing: two of H numbers in the recurrent layer, one of O in the output layer.",
)
parameter_count.mistake(
    "feed_forward_only",
    "H * D + H * H + 2 * H",
    "H * D + H",
    "this is a feed-forward layer. The recurrence adds weight_hh, H by H, and a bias of its own.",
)
parameter_count.mistake(
    "without_output_bias",
    "O * H + O",
    "O * H",
    "the bias of the output layer is missing: O more numbers.",
)
parameter_count.mistake(
    "output_reads_the_input",
    "O * H + O",
    "O * (H + D) + O",
    "the output layer reads the state alone: what it needs of the input has passed through the state.",
)
parameter_count.mistake(
    "biases_per_weight",
    "+ 2 * H, O",
    "+ H + D, O",
    "the bias is added to the H numbers of the state, so bias_ih has H numbers, not D.",
)
parameter_count.mistake(
    "output_bias_of_the_state",
    "O * H + O",
    "O * H + H",
    "the bias of the output layer is added to its O outputs, so it has O numbers, not H.",
)


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
    see="one-step",
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
rnn_step.mistake(
    "blocks_exchanged",
    "np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)",
    "np.tanh(np.hstack([h, x]) @ np.hstack([weight_ih, weight_hh]).T + bias_ih + bias_hh)",
    "x and h were joined in one order, the weights in the other. The shapes fit, but x meets weight_hh.",
)

rnn_step.inherit(feed_forward)


# ---------------------------------------------------------------------- the first state, as an article has it


def a_first_input(rng):
    """Arguments of the first step."""
    B, D, H = sizes(rng, 3)
    return {"x": rng.normal(size=(B, D)), **rnn_weights(rng, D, H)}


@chapter.question(
    points=1,
    returns=("h_1",),
    cases=a_first_input,
    hints=(
        "Write the formula of one step down, and put zeros in place of the state before. What is left?",
        "Zeros times weight_hh are zeros. Is that the only term which came with the recurrence?",
        "bias_hh is added after the product, so it stays: three terms are left inside the tanh.",
    ),
    see="the-first-state",
)
def first_state(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """With h_0 = 0 the product with weight_hh is zero, whatever the weights are; the bias behind it is not."""
    return np.tanh(x @ weight_ih.T + bias_ih + bias_hh)


first_state.mistake(
    "as_the_article_has_it",
    " + bias_hh",
    "",
    "this is the article's formula, a layer without recurrence. W_hh 0 is zero, but W_hh 0 + b_hh leaves b_hh.",
)
first_state.mistake(
    "state_of_ones",
    "+ bias_hh",
    "+ bias_hh + weight_hh.sum(axis=1)",
    "the state before is taken to be ones. If nobody says otherwise h_0 is zero.",
)
first_state.mistake(
    "input_for_state",
    "bias_ih + bias_hh",
    "bias_ih + np.tanh(x @ weight_ih.T + bias_ih) @ weight_hh.T + bias_hh",
    "a state goes through weight_hh before there is one. The first step sees h_0 = 0 and x alone.",
)
first_state.mistake(
    "without_tanh_here",
    "np.tanh(x @ weight_ih.T + bias_ih + bias_hh)",
    "x @ weight_ih.T + bias_ih + bias_hh",
    "the tanh is missing: the first step is a step like any other.",
)

first_state.inherit(rnn_step, feed_forward)


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
    see="the-loop-unfolded",
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
rnn_forward.mistake(
    "last_step_left_out",
    "for x_t in x:",
    "for x_t in x[:-1]:",
    "the last input is never read. range(len(x)) already ends with the last step, len(x) - 1.",
)
rnn_forward.mistake(
    "h0_among_the_outputs",
    "np.stack(states), h",
    "np.stack([h0, *states]), h",
    "y has one state too many, because it begins with h0. There is one output for each input: T of them.",
)
rnn_forward.mistake(
    "loop_over_the_batch",
    "for x_t in x:",
    "for x_t in x.swapaxes(0, 1):",
    "the loop runs over the batch. The first axis of x is time: x[t] is what all samples read at step t.",
)

rnn_forward.inherit(rnn_step)


# ---------------------------------------------------------------------- a long sequence in pieces


def a_long_sequence(rng):
    """A sequence that is longer than two pieces and seldom a whole number of them."""
    B, D, H, size = sizes(rng, 4, 2, 5)
    T = 2 * size + int(rng.integers(1, size + 1))
    return {"x": rng.normal(size=(T, B, D)), "h0": rng.normal(size=(B, H)), "size": size, **rnn_weights(rng, D, H)}


@chapter.question(
    points=2,
    returns=("ends",),
    cases=a_long_sequence,
    hints=(
        "What must you keep of a piece so that the next one goes on as if nothing had been cut?",
        "The pieces are x[0:size], x[size:2*size], ...; a slice that reaches past the end is cut by NumPy.",
        "What must a piece begin with, so that nobody could tell that it was cut? And which state of it is kept?",
    ),
    see="the-state-is-all-that-counts",
)
def chunk_states(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    """The state is all that the future can see of the past, so it is all that goes from one piece to the next.

    The last state of each piece is kept and is the initial state of the next; the last piece may be shorter.
    """
    h, ends = h0, []
    for start in range(0, len(x), size):
        for x_t in x[start : start + size]:
            h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        ends.append(h)
    return np.stack(ends)


chunk_states.mistake(
    "each_piece_from_h0",
    "        for x_t in",
    "        h = h0\n        for x_t in",
    "every piece starts from h0 again, so nothing is remembered across a cut. Start it from the last state before.",
)
chunk_states.mistake(
    "each_piece_from_zeros",
    "        for x_t in",
    "        h = h0 if start == 0 else np.zeros_like(h0)\n        for x_t in",
    "from the second piece on the state starts from zeros. Carry the last state of the piece before over.",
)
chunk_states.mistake(
    "last_piece_lost",
    "range(0, len(x), size)",
    "range(0, len(x) - size, size)",
    "the last piece is left out. range(0, len(x), size) begins one there too; a slice may end early.",
)
chunk_states.mistake(
    "shorter_piece_dropped",
    "range(0, len(x), size)",
    "range(0, len(x) - size + 1, size)",
    "the piece at the end is dropped because it is shorter. The loop over its steps does not mind: keep it.",
)
chunk_states.mistake(
    "all_states",
    "        ends.append(h)",
    "            ends.append(h)",
    "these are the states after every step. Only the last state of each piece is asked for.",
)
chunk_states.mistake(
    "states_before_the_pieces",
    "        for x_t in x[start : start + size]:\n"
    "            h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)\n"
    "        ends.append(h)",
    "        ends.append(h)\n"
    "        for x_t in x[start : start + size]:\n"
    "            h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)",
    "these are the states with which the pieces begin, h0 first. Keep the state after the steps of a piece.",
)
chunk_states.mistake(
    "pieces_of_the_batch",
    "x[start : start + size]",
    "x[:, start : start + size]",
    "the batch is cut, not the time. Time is the first axis: x[start : start + size].",
)


@chunk_states.wrong(
    "these are the states after the first step of each piece: [::size] begins with the first. Keep the last of a piece."
)
def after_the_first_step(x, h0, size, weight_ih, weight_hh, bias_ih, bias_hh):
    h, states = h0, []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        states.append(h)
    return np.stack(states)[::size]


chunk_states.inherit(rnn_step, rnn_forward)


# ---------------------------------------------------------------------- output and loss


def some_scores(rng):
    """Scores of an output layer, at times in the hundreds, and the right classes."""
    T, B, V = sizes(rng, 3)
    return {"o": scores(rng, 2.0, (T, B, V)), "y": rng.integers(V, size=(T, B))}


@chapter.question(
    points=2,
    returns=("p", "loss"),
    cases=some_scores,
    hints=(
        "The probabilities of one step of one sample add up to 1. Along which axis of o do they stand?",
        "np.exp(800) is inf. Subtract the largest score of each step first: p is the same, and exp is at most 1.",
        "log p is o - max - log(sum(exp(o - max))); np.take_along_axis(log_p, y[..., None], -1) picks the right class.",
    ),
    see="an-output-and-a-loss",
)
def softmax_loss(o, y):
    """exp makes every score positive, the division by the sum over the classes makes them add up to 1.

    The loss of a step is minus the logarithm of the probability that the right class got; their mean is the loss.
    exp of a score of 800 is inf, and log of a probability of 1e-400 is -inf. So the largest score is taken off first,
    which changes no probability, and the logarithm is made from the scores, not from p.
    """
    shifted = o - o.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.exp(log_p), -np.take_along_axis(log_p, y[..., None], axis=-1).mean()


SOFTMAX = """\
    shifted = o - o.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
"""
softmax_loss.mistake(
    "softmax_over_batch",
    SOFTMAX,
    SOFTMAX.replace("axis=-1", "axis=1"),
    "the probabilities add up to 1 over the batch. Each step of each sample has its own: sum over axis=-1.",
)
softmax_loss.mistake(
    "softmax_over_time",
    SOFTMAX,
    SOFTMAX.replace("axis=-1", "axis=0"),
    "the probabilities add up to 1 over time. Each step has its own: sum over the classes, the last axis.",
)
softmax_loss.mistake(
    "softmax_over_everything",
    SOFTMAX,
    SOFTMAX.replace("axis=-1, keepdims=True", ""),
    "all probabilities together add up to 1. Each step of each sample has its own: axis=-1, keepdims=True.",
)
softmax_loss.mistake(
    "minus_missing",
    ", -np.take",
    ", np.take",
    "the minus is missing: the loss is to be small where the probability is large.",
)
softmax_loss.mistake(
    "sum_for_mean",
    ".mean()",
    ".sum()",
    "the losses are added up. The mean does not grow with the length and the batch.",
)
softmax_loss.mistake(
    "mean_over_sequences_only",
    "axis=-1).mean()",
    "axis=-1).sum(axis=0).mean()",
    "the losses are averaged over the batch and added over time. Average over all steps.",
)
softmax_loss.mistake(
    "most_likely_class",
    "np.take_along_axis(log_p, y[..., None], axis=-1)",
    "log_p.max(axis=-1)",
    "this is the probability of the class that the network prefers. The loss asks for that of the right class, y.",
)
softmax_loss.mistake(
    "all_classes",
    "np.take_along_axis(log_p, y[..., None], axis=-1)",
    "log_p",
    "the logarithms of all classes are averaged. Only the right class counts: pick it with y.",
)
softmax_loss.mistake(
    "score_for_probability",
    "np.take_along_axis(log_p, y",
    "np.take_along_axis(o, y",
    "the score of the right class was taken for its logarithm. A score means nothing without the others: use log p.",
)


@softmax_loss.wrong("the scores are divided by their sum as they are. Some are negative: take np.exp of each first.")
def scores_not_exponentiated(o, y):
    p = o / o.sum(axis=-1, keepdims=True)
    return p, -np.log(np.take_along_axis(p, y[..., None], axis=-1)).mean()


@softmax_loss.wrong(
    "exp of a large score is inf, and inf / inf is nan. Take the largest score of each step off first: p is the same."
)
def overflow(o, y):
    p = np.exp(o) / np.exp(o).sum(axis=-1, keepdims=True)
    return p, -np.log(np.take_along_axis(p, y[..., None], axis=-1)).mean()


@softmax_loss.wrong(
    "a probability may be too small for a number, and log 0 is -inf. log p = o - max - log(sum(exp(o - max)))."
)
def logarithm_of_zero(o, y):
    p = np.exp(o - o.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
    return p, -np.log(np.take_along_axis(p, y[..., None], axis=-1)).mean()


softmax_loss.mistake(
    "classes_as_steps",
    "np.take_along_axis(log_p, y[..., None], axis=-1)",
    "log_p[y]",
    "p[y] takes steps, the first axis, by the numbers of classes. np.take_along_axis looks along the last axis.",
)
softmax_loss.mistake(
    "keepdims_missing",
    "exp(shifted).sum(axis=-1, keepdims=True)",
    "exp(shifted).sum(axis=-1)",
    "the sum has lost its axis, (T, B), and does not fit under (T, B, V). Keep it: keepdims=True.",
)


# ---------------------------------------------------------------------- recurrence through the output


def an_output_recurrence(rng):
    """The weights of a network whose only memory is its output."""
    B, D, H, O = sizes(rng, 4)
    shapes = {"weight_ih": (H, D), "weight_oh": (H, O), "bias_h": H, "weight_ho": (O, H), "bias_o": O}
    weights = {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}
    return {"x": rng.normal(size=(B, D)), "o": rng.normal(size=(B, O)), **weights}


@chapter.question(
    points=2,
    returns=("h", "o_next"),
    cases=an_output_recurrence,
    hints=(
        "Two lines: first the state from the input and the last output, then the output from the state.",
        "weight_oh is (H, O): it takes the place of weight_hh, and o takes the place of the state.",
        "h = np.tanh(x @ weight_ih.T + o @ weight_oh.T + bias_h); the new output is linear in h, without a tanh.",
    ),
    see="which-loop-elman-s-and-jordan-s",
)
def output_step(x, o, weight_ih, weight_oh, bias_h, weight_ho, bias_o):
    """The state is made from the input and the last output: no state of an earlier step comes in.

    The new output is a linear layer over the new state; it is all that goes to the next step.
    """
    h = np.tanh(x @ weight_ih.T + o @ weight_oh.T + bias_h)
    return h, h @ weight_ho.T + bias_o


output_step.mistake(
    "without_feedback",
    "+ o @ weight_oh.T ",
    "",
    "the last output does not come in. Then the network has no memory at all: add o @ weight_oh.T.",
)
output_step.mistake(
    "tanh_of_output",
    "h @ weight_ho.T + bias_o",
    "np.tanh(h @ weight_ho.T + bias_o)",
    "the output goes through a tanh. In this network it is linear in the state: o = h @ weight_ho.T + bias_o.",
)
output_step.mistake(
    "without_output_bias",
    "h @ weight_ho.T + bias_o",
    "h @ weight_ho.T",
    "the bias of the output, bias_o, is missing.",
)
output_step.mistake(
    "without_state_bias", " + bias_h)", ")", "the bias of the state, bias_h, is missing inside the tanh."
)
output_step.mistake(
    "without_tanh",
    "np.tanh(x @ weight_ih.T + o @ weight_oh.T + bias_h)",
    "x @ weight_ih.T + o @ weight_oh.T + bias_h",
    "the tanh of the state is missing.",
)
output_step.mistake(
    "outputs_swapped",
    "return h, h @ weight_ho.T + bias_o",
    "return h @ weight_ho.T + bias_o, h",
    "the two are returned in the wrong order: the state comes first here, as it is computed first.",
)
output_step.mistake(
    "output_weight_for_feedback",
    "o @ weight_oh.T",
    "o @ weight_ho",
    "the output came back through weight_ho, which leads out. The way back has a matrix of its own, weight_oh.",
)
output_step.mistake(
    "softmax_of_output",
    "return h, h @ weight_ho.T + bias_o",
    "o_next = np.exp(h @ weight_ho.T + bias_o)\n    return h, o_next / o_next.sum(axis=-1, keepdims=True)",
    "the output went through a softmax. Here the scores themselves are fed back: o = h @ weight_ho.T + bias_o.",
)


def a_feedback(rng):
    """The weights that the output goes through, out and back."""
    H, O = sizes(rng, 2)
    shapes = {"weight_oh": (H, O), "bias_h": H, "weight_ho": (O, H), "bias_o": O}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


@chapter.question(
    points=2,
    returns=("weight_hh", "bias"),
    cases=a_feedback,
    hints=(
        "Write o_{t-1} = V h_{t-1} + c, and put it into h_t = tanh(U x_t + W o_{t-1} + b). Multiply out.",
        "W (V h_{t-1} + c) + b = (W V) h_{t-1} + (W c + b). Which of the four arrays are W, V, b and c?",
        "weight_oh is W (H, O), weight_ho is V (O, H): their product must be (H, H). The new bias has H numbers.",
    ),
    see="which-loop-elman-s-and-jordan-s",
)
def as_elman(weight_oh, bias_h, weight_ho, bias_o):
    """Put o = V h + c into W o + b: it is (W V) h + (W c + b), so the state feeds itself through W V.

    W V is (H, H), but it goes through the O numbers of the output: its rank is at most O.
    """
    return weight_oh @ weight_ho, weight_oh @ bias_o + bias_h


as_elman.mistake(
    "product_turned_round",
    "weight_oh @ weight_ho",
    "weight_ho @ weight_oh",
    "the matrices stand in the wrong order. The state goes out first, through V, and back through W: W V is (H, H).",
)
as_elman.mistake(
    "output_bias_lost",
    "weight_oh @ bias_o + bias_h",
    "bias_h",
    "the bias of the output is lost. It comes back at every step, multiplied by W: W c + b.",
)
as_elman.mistake(
    "output_bias_not_mapped",
    "weight_oh @ bias_o + bias_h",
    "bias_o + bias_h",
    "bias_o is added as it is. It is a part of the output, with O numbers, and comes back through weight_oh.",
)
as_elman.mistake(
    "state_bias_lost",
    "weight_oh @ bias_o + bias_h",
    "weight_oh @ bias_o",
    "the state had a bias of its own, bias_h, and it keeps it.",
)
as_elman.mistake(
    "row_form",
    "return weight_oh @ weight_ho",
    "return (weight_oh @ weight_ho).T",
    "the matrix is transposed. torch stores it as in the column formula, (W V) h; the step transposes it.",
)
as_elman.mistake(
    "bias_through_the_output",
    "weight_oh @ bias_o + bias_h",
    "weight_ho @ bias_h + bias_o",
    "the two biases have changed places. bias_o is in the output, which comes back through weight_oh: W c + b.",
)

output_step.inherit(rnn_step)


# ---------------------------------------------------------------------- the training loop


def states_and_classes(rng):
    """States of a network that stays as it is, the right classes, and an output layer to train."""
    N, H, V = sizes(rng, 3)
    return {
        "h": np.tanh(rng.normal(size=(N, H))),
        "y": rng.integers(V, size=N),
        "weight": rng.normal(size=(V, H)),
        "bias": rng.normal(size=V),
        "lr": float(rng.uniform(0.3, 2.0)),
        "updates": int(rng.integers(2, 5)),
    }


@chapter.question(
    points=3,
    returns=("losses", "weight", "bias"),
    cases=states_and_classes,
    hints=(
        "Four lines in a loop: scores, loss, gradient, update. Which of them must see the weights of this update?",
        "The gradient of the mean loss for the scores is (p - one_hot) / N, with a one at the right class of each row.",
        "With do (N, V) for the scores, the weight moves by the product of do and h that has its shape. And the bias?",
    ),
    see="training-on-a-measured-signal",
)
def train_readout(h, y, weight, bias, lr, updates):
    """Forward, loss, backward, step: whatever is trained, the loop is the same.

    The loss is noted before the step, so the first one is that of the weights that came in. The gradient is made anew
    in each round: nothing of the last one is left.
    """
    losses = []
    for _ in range(updates):
        o = h @ weight.T + bias
        shifted = o - o.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses.append(-log_p[np.arange(len(y)), y].mean())
        do = (np.exp(log_p) - np.eye(len(bias))[y]) / len(y)
        weight, bias = weight - lr * do.T @ h, bias - lr * do.sum(axis=0)
    return np.array(losses), weight, bias


train_readout.mistake(
    "uphill",
    "weight - lr * do.T @ h, bias - lr",
    "weight + lr * do.T @ h, bias + lr",
    "the loss rises: the step goes along the gradient, which points uphill. Take it off.",
)
train_readout.mistake(
    "sum_for_mean",
    "np.eye(len(bias))[y]) / len(y)",
    "np.eye(len(bias))[y])",
    "the gradient is that of the sum over the samples, the loss is their mean. Divide by N, or the rate is N times it.",
)
train_readout.mistake(
    "bias_stays",
    "bias - lr * do.sum(axis=0)",
    "bias",
    "the bias is not trained. Its gradient is that of the scores, summed over the samples.",
)
train_readout.mistake(
    "classes_forgotten",
    " - np.eye(len(bias))[y]",
    "",
    "the gradient for the scores is p less a one at the right class. Without it every class is pushed down alike.",
)


@train_readout.wrong("the loss is noted after the step. Note it before, so that the first is that of the start.")
def noted_after(h, y, weight, bias, lr, updates):
    losses = []
    for k in range(updates + 1):
        o = h @ weight.T + bias
        shifted = o - o.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses.append(-log_p[np.arange(len(y)), y].mean())
        if k < updates:
            do = (np.exp(log_p) - np.eye(len(bias))[y]) / len(y)
            weight, bias = weight - lr * do.T @ h, bias - lr * do.sum(axis=0)
    return np.array(losses[1:]), weight, bias


@train_readout.wrong(
    "the gradients of all updates so far are added up. Begin each update with a new gradient: in torch, zero_grad."
)
def gradients_add_up(h, y, weight, bias, lr, updates):
    losses, total = [], 0
    for _ in range(updates):
        o = h @ weight.T + bias
        shifted = o - o.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses.append(-log_p[np.arange(len(y)), y].mean())
        total = total + (np.exp(log_p) - np.eye(len(bias))[y]) / len(y)
        weight, bias = weight - lr * total.T @ h, bias - lr * total.sum(axis=0)
    return np.array(losses), weight, bias


# ---------------------------------------------------------------------- repair this run: a forecast


def a_series(rng):
    """A series that drifts, and where its training part ends."""
    T, D = rng.integers(8, 16), sizes(rng, 1)[0]
    drift = np.linspace(0, rng.uniform(1, 3), T)[:, None]
    return {"series": rng.normal(size=(T, D)) + drift, "border": int(rng.integers(4, T - 3))}


@chapter.question(
    points=2,
    returns=("x_train", "y_train", "x_test", "y_test"),
    cases=a_series,
    hints=(
        "Say aloud what each line knows. Does one know something that a forecaster in the past could not?",
        "The error of the training part falls to almost nothing, whatever is forecast. What is the target, then?",
        "Mean and scale belong to the part before the border. And the target of a step is the step after it.",
    ),
    see="training-on-a-measured-signal",
)
def repair_forecast(series, border):
    """What is forecast is the next step, and what the scaling knows is the training part alone.

    The test part is scaled with the same two numbers, as a forecaster would have to.
    """
    past, future = series[:border], series[border:]
    mean, std = past.mean(axis=0), past.std(axis=0)
    past, future = (past - mean) / std, (future - mean) / std
    return past[:-1], past[1:], future[:-1], future[1:]


repair_forecast.mistake(
    "scaled_with_the_future",
    "past.mean(axis=0), past.std(axis=0)",
    "series.mean(axis=0), series.std(axis=0)",
    "mean and scale are those of the whole series: the test part has leaked into the training. Take the past alone.",
)
repair_forecast.mistake(
    "not_shifted",
    "past[:-1], past[1:], future[:-1], future[1:]",
    "past, past, future, future",
    "the target of a step is the step itself: nothing is forecast. Shift the target by one.",
)
repair_forecast.mistake(
    "the_past_forecast",
    "past[:-1], past[1:], future[:-1], future[1:]",
    "past[1:], past[:-1], future[1:], future[:-1]",
    "inputs and targets are the wrong way round: the step before is asked for. The target comes after the input.",
)
repair_forecast.mistake(
    "each_its_own_scale",
    "(future - mean) / std",
    "(future - future.mean(axis=0)) / future.std(axis=0)",
    "the test part is scaled with its own mean, which nobody knows in time. Use the two numbers of the training part.",
)
repair_forecast.mistake(
    "one_scale_for_all",
    "past.mean(axis=0), past.std(axis=0)",
    "past.mean(), past.std()",
    "all channels share one mean and one scale. Each has its own: axis=0.",
)
