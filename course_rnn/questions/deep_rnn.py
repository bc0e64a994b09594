"""The questions of chapter 03, Deep RNN."""

import numpy as np

from course_rnn.checking.cases import lengths_of, scores, sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.seeds import SEEDS
from course_rnn.questions.sequential_data import feed_forward
from course_rnn.questions.simple_rnn import output_step, rnn_forward, rnn_step, softmax_loss

chapter = Chapter("03_deep_rnn", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


def arrays(rng, scale=0.7, **shapes):
    """Random arrays by name."""
    return {name: rng.normal(scale=scale, size=shape) for name, shape in shapes.items()}


# ---------------------------------------------------------------------- heads


def states_and_a_head(rng):
    """All states of a layer, and a head of two layers."""
    T, B, H, K, O = sizes(rng, 5)
    return arrays(rng, 1.0, y=(T, B, H), weight_1=(K, H), bias_1=K, weight_2=(O, K), bias_2=O)


@chapter.question(
    points=1,
    returns=("o",),
    cases=states_and_a_head,
    hints=(
        "Write the shapes down: y is (T, B, H), weight_1 is (K, H). On which axis of y does the head act?",
        "The product acts on the last axis; T and B are both a batch to it, so no loop is needed: y @ weight_1.T.",
        "np.tanh(y @ weight_1.T + bias_1) is (T, B, K). The second layer is linear and makes (T, B, O) of it.",
    ),
    see="heads",
)
def per_step_head(y, weight_1, bias_1, weight_2, bias_2):
    """A matrix product acts on the last axis and leaves the others alone: the same head reads every state at once."""
    return np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2


per_step_head.mistake(
    "last_state_only",
    "np.tanh(y @",
    "np.tanh(y[-1] @",
    "only the last state is read. Here every step gets an answer: the whole of y goes through the head, (T, B, O).",
)
per_step_head.mistake(
    "without_tanh",
    "np.tanh(y @ weight_1.T + bias_1)",
    "(y @ weight_1.T + bias_1)",
    "the tanh between the layers is missing. Two linear layers in a row are no more than one.",
)
per_step_head.mistake(
    "relu_for_tanh",
    "np.tanh(y @ weight_1.T + bias_1)",
    "np.maximum(y @ weight_1.T + bias_1, 0)",
    "this is a ReLU. It would do as well, but the formula of this head has a tanh.",
)
per_step_head.mistake(
    "weight_not_transposed",
    "@ weight_2.T",
    "@ weight_2",
    "weight_2 is not transposed. In row form every matrix stands on the right, transposed: (B, K) times (K, O).",
)
per_step_head.mistake(
    "tanh_of_the_answer",
    "np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2",
    "np.tanh(np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2)",
    "the answer goes through a tanh as well. Scores and prices are not limited to -1 to 1: the last layer is linear.",
)
per_step_head.mistake(
    "without_first_bias", "T + bias_1", "T", "bias_1 is missing: it is added before the tanh, K numbers to each row."
)
per_step_head.mistake(
    "without_second_bias", " + bias_2", "", "bias_2 is missing: it is added to the O numbers of every answer."
)
per_step_head.mistake(
    "joined_in_time",
    "np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2",
    "np.concatenate([np.tanh(y_t @ weight_1.T + bias_1) @ weight_2.T + bias_2 for y_t in y])",
    "the answers of all steps are joined under each other, (T B, O). Time is an axis of its own: np.stack, or no loop.",
)
per_step_head.mistake(
    "answers_averaged",
    "np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2",
    "(np.tanh(y @ weight_1.T + bias_1) @ weight_2.T + bias_2).mean(axis=0)",
    "the answers of all steps are averaged to one. Each step keeps its own: (T, B, O).",
)


def padded_states(rng):
    """All states of a padded batch, with something at the padding too, and a linear head; one sequence has length 1."""
    T, B, H, O = sizes(rng, 4)
    y = np.round(8 * rng.normal(size=(T, B, H))) / 8  # of few digits, so that large scores are exact in float32 too
    return {"y": y, "lengths": lengths_of(rng, T, B), "weight": scores(rng, 1.0, (O, H)), "bias": rng.normal(size=O)}


@chapter.question(
    points=2,
    returns=("p",),
    cases=padded_states,
    hints=(
        "Which row of y holds the state after the last real letter of a sequence of three letters?",
        "Sequence b ends at step lengths[b] - 1. y[steps, columns] with two arrays picks one state for each pair.",
        "y[lengths - 1, np.arange(B)] is (B, H). The head makes scores (B, O) of it; softmax is over the last axis.",
    ),
    see="heads",
)
def last_state_head(y, lengths, weight, bias):
    """Each sequence has read everything at its own last step, lengths - 1: one state each, (B, H).

    The head makes O scores of it; exp and the division by their sum make them probabilities. exp of a score of 800 is
    inf, so the largest is taken off first, which changes no probability.
    """
    o = y[lengths - 1, np.arange(len(lengths))] @ weight.T + bias
    p = np.exp(o - o.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


SOFTMAX = """\
    p = np.exp(o - o.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)"""
last_state_head.mistake(
    "last_step_of_the_batch",
    "y[lengths - 1, np.arange(len(lengths))]",
    "y[-1]",
    "y[-1] lies in the padding of every shorter sequence. The last real step of sequence b is lengths[b] - 1.",
)
last_state_head.mistake(
    "one_step_too_far",
    "y[lengths - 1,",
    "y[lengths,",
    "steps are counted from 0, so a sequence of n letters ends at step n - 1. Step n is padding, or not there.",
)
last_state_head.mistake(
    "every_end_for_every_sequence",
    "y[lengths - 1, np.arange(len(lengths))]",
    "y[lengths - 1]",
    "y[lengths - 1] takes those steps of all sequences. Name the sequence with it: y[lengths - 1, np.arange(B)].",
)
last_state_head.mistake(
    "lengths_as_columns",
    "y[lengths - 1, np.arange(len(lengths))]",
    "y[:, lengths - 1]",
    "lengths - 1 picks columns here, that is, sequences. It counts steps: y[lengths - 1, np.arange(B)].",
)
last_state_head.mistake(
    "every_step",
    "y[lengths - 1, np.arange(len(lengths))]",
    "y",
    "every step gets an answer. Here each sequence gets one, from the state at its end: (B, O).",
)
last_state_head.mistake(
    "first_state",
    "y[lengths - 1, np.arange(len(lengths))]",
    "y[0]",
    "this is the state after the first letter. The head is to read the one that has seen everything.",
)
last_state_head.mistake(
    "mean_of_the_states",
    "y[lengths - 1, np.arange(len(lengths))]",
    "y.mean(axis=0)",
    "the states are averaged over time, padding included. The head reads the last real state alone.",
)
last_state_head.mistake(
    "scores",
    SOFTMAX,
    "    return o",
    "these are the scores. The softmax is missing, which makes them positive and lets them add up to 1.",
)
last_state_head.mistake(
    "scores_not_exponentiated",
    SOFTMAX,
    "    return o / o.sum(axis=-1, keepdims=True)",
    "the scores are divided by their sum as they are. Some are negative: take np.exp of each first.",
)
last_state_head.mistake(
    "softmax_over_the_batch",
    SOFTMAX,
    SOFTMAX.replace("axis=-1", "axis=0"),
    "the probabilities add up to 1 over the batch. Each sequence has its own: sum over the classes, axis=-1.",
)
last_state_head.mistake(
    "softmax_over_everything",
    SOFTMAX,
    SOFTMAX.replace("axis=-1, keepdims=True", ""),
    "all probabilities together add up to 1. Each sequence has its own: axis=-1, keepdims=True.",
)
last_state_head.mistake(
    "sigmoid",
    SOFTMAX,
    "    return 1 / (1 + np.exp(-o))",
    "each score went through a sigmoid by itself, so the numbers need not add up to 1. One class of many: softmax.",
)
last_state_head.mistake(
    "keepdims_missing",
    "p.sum(axis=-1, keepdims=True)",
    "p.sum(axis=-1)",
    "the sum has lost its axis, (B,), and does not fit under (B, O). Keep it: keepdims=True.",
)
last_state_head.mistake("without_bias", " + bias", "", "the bias of the head is missing.")
last_state_head.mistake(
    "overflow",
    "np.exp(o - o.max(axis=-1, keepdims=True))",
    "np.exp(o)",
    "exp of a large score is inf, and inf / inf is nan. Take the largest score of each row off first: p is the same.",
)

per_step_head.inherit(feed_forward)

last_state_head.inherit(softmax_loss)


# ---------------------------------------------------------------------- a context as a bias


def a_context(rng):
    """The weights of a layer that reads D numbers and a context of C behind them, and a context for each sequence."""
    B, D, C, H = sizes(rng, 4)
    return arrays(rng, 1.0, c=(B, C), weight_ih=(H, D + C), bias_ih=H, bias_hh=H)


@chapter.question(
    points=2,
    returns=("U", "bias"),
    cases=a_context,
    hints=(
        "weight_ih has D + C columns. Which of them meet y, which meet c? How many is D, if weight_ih and c are given?",
        "weight_ih [y, c] = U y + R c, with U the first D columns and R the last C. What in the tanh does not change?",
        "R c in row form is c @ R.T, (B, H): a row for each sequence. The two biases, (H,), are added to every row.",
    ),
    see="a-vector-that-speaks-at-every-step",
)
def context_bias(c, weight_ih, bias_ih, bias_hh):
    """A product with [y, c] is U y + R c, with the columns of weight_ih cut behind the first D.

    R c and both biases are the same at every step; their sum, a row for each sequence, is the one bias.
    """
    D = weight_ih.shape[1] - c.shape[1]
    U, R = weight_ih[:, :D], weight_ih[:, D:]
    return U, bias_ih + bias_hh + c @ R.T


context_bias.mistake(
    "context_first",
    "U, R = weight_ih[:, :D], weight_ih[:, D:]",
    "C = c.shape[1]\n    R, U = weight_ih[:, :C], weight_ih[:, C:]",
    "the first columns are taken for those of the context. c stands behind y, so the last C columns are R.",
)
context_bias.mistake(
    "cut_behind_C",
    "U, R = weight_ih[:, :D], weight_ih[:, D:]",
    "C = c.shape[1]\n    U, R = weight_ih[:, :C], weight_ih[:, C:]",
    "the columns are cut behind the first C. The first D belong to y: D is what is left of the columns without C.",
)
context_bias.mistake(
    "row_times_column",
    "c @ R.T",
    "R @ c",
    "R c is the product for one column. The contexts of a batch are rows: c @ R.T, (B, H).",
)
context_bias.mistake(
    "without_bias_hh",
    "bias_ih + bias_hh +",
    "bias_ih +",
    "bias_hh is lost. It does not change over time either, so it is a part of the one bias.",
)
context_bias.mistake(
    "without_biases",
    "bias_ih + bias_hh + c @ R.T",
    "c @ R.T",
    "R c alone is no longer all of the bias: the layer had two of its own, and they stay. Add them.",
)
context_bias.mistake(
    "context_not_mapped",
    "c @ R.T",
    "c",
    "c is added as it is. It has C numbers, the state has H; it comes in through R, the last C columns: c @ R.T.",
)
context_bias.mistake(
    "column_form",
    "bias_ih + bias_hh + c @ R.T",
    "(bias_ih + bias_hh)[:, None] + R @ c.T",
    "the bias is transposed: sequences are rows, (B, H). In row form R c is c @ R.T.",
)
context_bias.mistake(
    "one_bias_for_all",
    "+ c @ R.T",
    "+ (c @ R.T).mean(axis=0)",
    "all sequences get one bias. Each has a context of its own, so each has a bias of its own: (B, H).",
)
context_bias.mistake(
    "context_left_in_U",
    "return U,",
    "return weight_ih,",
    "U still has the columns of the context, which then counts twice. U has the first D columns only.",
)
context_bias.mistake(
    "cut_into_rows",
    "U, R = weight_ih[:, :D], weight_ih[:, D:]",
    "U, R = weight_ih[:D], weight_ih[D:]",
    "the rows of weight_ih are cut: they belong to the units. What is read stands in the columns: weight_ih[:, :D].",
)


# ---------------------------------------------------------------------- Elman's step, which a tutorial has wrong


def an_elman_step(rng):
    """Arguments of one step whose weights take input and state joined, as the tutorial does."""
    B, D, H, O = sizes(rng, 4)
    return arrays(rng, x=(B, D), h=(B, H), weight_h=(H, D + H), bias_h=H, weight_o=(O, H), bias_o=O)


@chapter.question(
    points=2,
    returns=("h_next", "o"),
    cases=an_elman_step,
    hints=(
        "Two things are wrong in the tutorial: one in the line of hidden, one in the line of output.",
        "Without a nonlinearity the unfolded network is one linear map. And which hidden does the output line read?",
        "h_next = torch.tanh(combined @ weight_h.T + bias_h); the output is a linear layer over h_next alone.",
    ),
    see="from-which-list-is-a-name",
    library="torch",
    trained=True,
)
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    """W [x, h] is W_ih x + W_hh h: joining input and state is right, and so are its weights.

    What the tutorial lacks is the tanh, and an output that is computed from the new state.
    """
    import torch

    h_next = torch.tanh(torch.cat([x, h], dim=1) @ weight_h.T + bias_h)
    return h_next, h_next @ weight_o.T + bias_o


elman_step.mistake(
    "linear_recurrence",
    "torch.tanh(torch.cat([x, h], dim=1) @ weight_h.T + bias_h)",
    "torch.cat([x, h], dim=1) @ weight_h.T + bias_h",
    "the recurrence is linear, as in the tutorial: letters cannot act together. Put a tanh around the sum.",
)
elman_step.mistake(
    "output_from_the_old_state",
    "h_next @ weight_o.T",
    "h @ weight_o.T",
    "the output is computed from the state before this input. It must read the new one, h_next.",
)
elman_step.mistake(
    "as_the_tutorial_has_it",
    "h_next = torch.tanh(torch.cat([x, h], dim=1) @ weight_h.T + bias_h)\n    return h_next, h_next @",
    "h_next = torch.cat([x, h], dim=1) @ weight_h.T + bias_h\n    return h_next, h @",
    "both errors of the tutorial are still there: add the tanh, and compute the output from the new state.",
)
elman_step.mistake(
    "output_from_input_and_state",
    "h_next @ weight_o.T",
    "torch.cat([x, h], dim=1) @ weight_o.T",
    "the output reads input and old state, as in the tutorial. weight_o is (O, H): it reads the new state alone.",
)
elman_step.mistake(
    "joined_in_the_other_order",
    "[x, h]",
    "[h, x]",
    "the state stands before the input. The shapes fit, but the columns of weight_h expect x first.",
)
elman_step.mistake(
    "weight_not_transposed",
    "@ weight_h.T",
    "@ weight_h",
    "weight_h is not transposed. It is (H, D + H), as in a linear layer of torch: combined @ weight_h.T is (B, H).",
)
elman_step.mistake(
    "tanh_of_output",
    "h_next @ weight_o.T + bias_o",
    "torch.tanh(h_next @ weight_o.T + bias_o)",
    "the output goes through a tanh too. The scores are linear in the state, else they cannot leave -1 to 1.",
)
elman_step.mistake(
    "softmax_of_output",
    "h_next @ weight_o.T + bias_o",
    "torch.softmax(h_next @ weight_o.T + bias_o, dim=-1)",
    "the output went through a softmax. Return the scores: the loss applies its own softmax, and two are one too many.",
)
elman_step.mistake(
    "log_softmax_of_output",
    "h_next @ weight_o.T + bias_o",
    "torch.log_softmax(h_next @ weight_o.T + bias_o, dim=-1)",
    "the output went through a log-softmax, as in the tutorial. Here the scores themselves are asked for.",
)
elman_step.mistake(
    "joined_in_the_batch",
    "dim=1",
    "dim=0",
    "x and h are joined along the batch. They belong side by side, (B, D + H): dim=1.",
)
elman_step.mistake(
    "outputs_swapped",
    "return h_next, h_next @ weight_o.T + bias_o",
    "return h_next @ weight_o.T + bias_o, h_next",
    "the two are returned in the wrong order: first the state, then the output that is computed from it.",
)
elman_step.mistake("without_state_bias", " + bias_h)", ")", "bias_h is missing inside the tanh.")
elman_step.mistake("without_output_bias", " + bias_o", "", "the bias of the output, bias_o, is missing.")

elman_step.inherit(output_step, rnn_step)


# ---------------------------------------------------------------------- sampling


def scores_and_numbers(rng):
    """Scores of the next letter, a temperature that is not 1, and a uniform random number for each row."""
    V, B = int(rng.integers(3, 7)), int(rng.choice([1, 10, 11, 12, 13, 14]))
    temperature = float(rng.choice([rng.uniform(0.2, 0.6), rng.uniform(2.0, 4.0)]))
    return {"logits": scores(rng, 1.5, (B, V)), "temperature": temperature, "u": rng.random(B)}


@chapter.question(
    points=2,
    returns=("ids",),
    cases=scores_and_numbers,
    hints=(
        "By hand: p = 0.2, 0.5, 0.3. Draw the pieces on the line from 0 to 1. Into which does u = 0.6 fall, and 0.1?",
        "np.cumsum(p) says where each piece ends: 0.2, 0.7, 1. How many pieces have ended before u?",
        "(np.cumsum(p, axis=-1) < u[:, None]).sum(axis=-1) counts them: that is the letter. p = softmax(logits / tau).",
    ),
    see="temperature",
)
def sample_letters(logits, temperature, u):
    """Laid end to end, the probabilities fill the line from 0 to 1, and u falls into piece k with probability p_k.

    The ends of the pieces are the cumulative sums, and as many pieces as end before u lie below it. At a low
    temperature exp of a score overflows, so the largest is taken off first, which changes no probability.
    """
    scores = logits / temperature
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
    return (np.cumsum(p, axis=-1) < u[:, None]).sum(axis=-1)


DIVIDED = """\
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
"""
sample_letters.mistake(
    "temperature_multiplied",
    "logits / temperature",
    "logits * temperature",
    "the scores are multiplied by the temperature, so hot is cold. Divide: a high one makes all scores more equal.",
)
sample_letters.mistake(
    "without_temperature",
    "logits / temperature",
    "logits",
    "the temperature does not come in. Divide the scores by it before the softmax.",
)
sample_letters.mistake(
    "temperature_after_the_softmax",
    "logits / temperature\n"
    "    p = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
    "    p = p / p.sum(axis=-1, keepdims=True)",
    "logits\n"
    "    p = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
    "    p = p / p.sum(axis=-1, keepdims=True) / temperature",
    "the probabilities are divided by the temperature and no longer add up to 1. It divides the scores, before exp.",
)
sample_letters.mistake(
    "likeliest",
    "(np.cumsum(p, axis=-1) < u[:, None]).sum(axis=-1)",
    "p.argmax(axis=-1)",
    "this always takes the likeliest letter. Then the name is the same each time; u is there to draw by lot.",
)
sample_letters.mistake(
    "softmax_over_the_batch",
    DIVIDED,
    "    p = np.exp(scores)\n    p = p / p.sum(axis=0)\n",
    "the probabilities add up to 1 over the batch. Each row is a distribution of its own: axis=-1, keepdims=True.",
)
sample_letters.mistake(
    "softmax_over_everything",
    DIVIDED,
    "    p = np.exp(scores)\n    p = p / p.sum()\n",
    "all probabilities together add up to 1. Each row is a distribution of its own: axis=-1, keepdims=True.",
)
sample_letters.mistake(
    "all_letters_equal",
    "(np.cumsum(p, axis=-1) < u[:, None]).sum(axis=-1)",
    "(u * p.shape[-1]).astype(int)",
    "all letters are drawn equally often. The pieces of the line are as long as the letters are likely.",
)
sample_letters.mistake(
    "not_cumulative",
    "np.cumsum(p, axis=-1)",
    "p",
    "u is compared with each probability by itself. It has to be compared with where the pieces end: np.cumsum(p).",
)
sample_letters.mistake(
    "pieces_above",
    "< u[:, None]",
    "> u[:, None]",
    "the pieces that end after u are counted. The number of pieces that end before u is the letter.",
)
sample_letters.mistake(
    "one_letter_too_far",
    "< u[:, None]).sum(axis=-1)",
    "< u[:, None]).sum(axis=-1) + 1",
    "every letter is one too far. If no piece ends before u, it is letter 0: the count is the letter.",
)
sample_letters.mistake(
    "one_number_for_all",
    "u[:, None]",
    "u[0]",
    "one number decides for all rows. Each row has its own: u[:, None] stands beside (B, V).",
)
sample_letters.mistake(
    "unnormalised",
    DIVIDED,
    "    p = np.exp(scores)\n",
    "the exponentials are not divided by their sum, so the pieces do not end at 1.",
)
sample_letters.mistake(
    "nearest_end",
    "(np.cumsum(p, axis=-1) < u[:, None]).sum(axis=-1)",
    "np.abs(np.cumsum(p, axis=-1) - u[:, None]).argmin(axis=-1)",
    "this is the piece whose end lies nearest to u. The piece that u falls into is the first that ends after it.",
)
sample_letters.mistake(
    "overflow",
    "np.exp(scores - scores.max(axis=-1, keepdims=True))",
    "np.exp(scores)",
    "exp of a large score is inf, and inf / inf is nan, which is below nothing. Take the largest score off first.",
)


# ---------------------------------------------------------------------- stacking


def two_layers(rng):
    """A sequence and the weights of two layers under torch's names."""
    T, B, D, H = sizes(rng, 4)
    shapes = {"weight_ih_l0": (H, D), "weight_hh_l0": (H, H), "bias_ih_l0": H, "bias_hh_l0": H}
    shapes |= {"weight_ih_l1": (H, H), "weight_hh_l1": (H, H), "bias_ih_l1": H, "bias_hh_l1": H}
    return arrays(rng, x=(T, B, D), **shapes)


@chapter.question(
    points=3,
    returns=("y", "h_n"),
    cases=two_layers,
    hints=(
        "Two states go through the loop, one for each layer, both from zero. Which one does layer 2 read at step t?",
        "At each step make the new h_1 from x[t] and the old h_1, then the new h_2 from that new h_1 and the old h_2.",
        "y collects h_2 only, (T, B, H), and h_n is np.stack([h_1, h_2]) after the loop. Or run `states` twice.",
    ),
    see="stacking",
)
def stacked_forward(
    x,
    weight_ih_l0,
    weight_hh_l0,
    bias_ih_l0,
    bias_hh_l0,
    weight_ih_l1,
    weight_hh_l1,
    bias_ih_l1,
    bias_hh_l1,
):
    """At each step layer 1 reads x_t and its own state, layer 2 the new state of layer 1 and its own.

    Layer after layer, the same loop twice, gives the same: no state of layer 1 depends on one of layer 2.
    """
    h_1 = h_2 = np.zeros((x.shape[1], len(weight_hh_l0)))
    y = []
    for x_t in x:
        h_1 = np.tanh(x_t @ weight_ih_l0.T + bias_ih_l0 + h_1 @ weight_hh_l0.T + bias_hh_l0)
        h_2 = np.tanh(h_1 @ weight_ih_l1.T + bias_ih_l1 + h_2 @ weight_hh_l1.T + bias_hh_l1)
        y.append(h_2)
    return np.stack(y), np.stack([h_1, h_2])


FIRST = "h_1 = np.tanh(x_t @ weight_ih_l0.T + bias_ih_l0 + h_1 @ weight_hh_l0.T + bias_hh_l0)"
SECOND = "h_2 = np.tanh(h_1 @ weight_ih_l1.T + bias_ih_l1 + h_2 @ weight_hh_l1.T + bias_hh_l1)"

stacked_forward.mistake(
    "first_layer_only",
    "y.append(h_2)",
    "y.append(h_1)",
    "y holds the states of the first layer. The head reads the last layer, so y is made of h_2.",
)
stacked_forward.mistake(
    "one_step_late",
    f"{FIRST}\n        {SECOND}",
    f"{SECOND}\n        {FIRST}",
    "layer 2 reads the state of layer 1 of the step before. Depth adds no delay: it reads the new h_1.",
)
stacked_forward.mistake(
    "h_n_of_the_last_layer",
    "np.stack([h_1, h_2])",
    "h_2[None]",
    "h_n has the last layer only. It holds the final state of each layer, (2, B, H): whoever goes on needs both.",
)


@stacked_forward.wrong(
    "layer 2 starts from the final state of layer 1. Every layer has a state of its own, which starts from zeros."
)
def second_layer_from_the_first(x, *weights):
    h, y, ends = np.zeros((x.shape[1], len(weights[1]))), x, []
    for weight_ih, weight_hh, bias_ih, bias_hh in (weights[:4], weights[4:]):
        states = []
        for x_t in y:
            h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
            states.append(h)
        y = np.stack(states)
        ends.append(h)
    return y, np.stack(ends)


stacked_forward.mistake(
    "shared_weights",
    "h_1 @ weight_ih_l1.T + bias_ih_l1 + h_2 @ weight_hh_l1.T + bias_hh_l1",
    "h_1 @ weight_ih_l1.T + bias_ih_l1 + h_2 @ weight_hh_l0.T + bias_hh_l0",
    "layer 2 uses the recurrent weights of layer 1. Steps share weights, layers do not: take those of _l1.",
)
stacked_forward.mistake(
    "one_state_for_both",
    "h_2 @ weight_hh_l1.T",
    "h_1 @ weight_hh_l1.T",
    "layer 2 never reads its own state: it has no memory of its own. Its recurrent term is h_2 @ weight_hh_l1.T.",
)
stacked_forward.mistake(
    "one_variable_for_both_states",
    f"{FIRST}\n        {SECOND}",
    f"{FIRST.replace('h_1 @', 'h_2 @')}\n        {SECOND.replace('h_2 @', 'h_1 @')}",
    "one state serves both layers: layer 1 goes on from the state of layer 2. Keep two states, h_1 and h_2.",
)
stacked_forward.mistake(
    "second_layer_reads_the_input",
    "h_1 @ weight_ih_l1.T",
    "x_t @ weight_ih_l1.T",
    "layer 2 reads x. It reads the states of layer 1, so its weight_ih is (H, H).",
)
stacked_forward.mistake(
    "no_tanh_between",
    FIRST,
    "h_1 = x_t @ weight_ih_l0.T + bias_ih_l0 + h_1 @ weight_hh_l0.T + bias_hh_l0",
    "the first layer has no tanh. Each layer of the stack is a simple RNN with a tanh of its own.",
)
stacked_forward.mistake(
    "both_layers_in_y",
    "y.append(h_2)",
    "y.append(np.concatenate([h_1, h_2], axis=-1))",
    "y holds the states of both layers. It holds those of the last layer only, (T, B, H).",
)
stacked_forward.mistake(
    "h_n_side_by_side",
    "np.stack([h_1, h_2])",
    "np.concatenate([h_1, h_2], axis=-1)",
    "the final states stand side by side. Layers are the first axis of h_n, (2, B, H): np.stack.",
)
stacked_forward.mistake(
    "outputs_swapped",
    "return np.stack(y), np.stack([h_1, h_2])",
    "return np.stack([h_1, h_2]), np.stack(y)",
    "y and h_n are returned in the wrong order: y, all states of the last layer, comes first.",
)

stacked_forward.inherit(rnn_step, rnn_forward)


# ---------------------------------------------------------------------- a stack as one wide layer


def a_stack(rng):
    """The matrices of a stack of two layers."""
    D, H = sizes(rng, 2)
    return arrays(rng, weight_ih_l0=(H, D), weight_hh_l0=(H, H), weight_ih_l1=(H, H), weight_hh_l1=(H, H))


@chapter.question(
    points=2,
    returns=("weight_ih", "weight_hh"),
    cases=a_stack,
    hints=(
        "The wide state is [h_1, h_2]. Write a row of blocks for each group: what do the units of group 1 read?",
        "Group 1 reads x and itself. Group 2 reads group 1, through weight_hh as both are states, and itself; not x.",
        "np.block([[A, B], [C, D]]) joins four blocks; rows say who reads, columns who is read. The rest is zero.",
    ),
    see="depth-in-time-and-depth-in-space",
)
def one_wide_layer(weight_ih_l0, weight_hh_l0, weight_ih_l1, weight_hh_l1):
    """Rows are the units that read, columns what they read: x for weight_ih, the two groups for weight_hh.

    Group 1 reads x and itself, group 2 reads group 1 (a step late) and itself; all other blocks are zero.
    """
    weight_ih = np.concatenate([weight_ih_l0, np.zeros_like(weight_ih_l0)])
    none = np.zeros_like(weight_hh_l0)
    return weight_ih, np.block([[weight_hh_l0, none], [weight_ih_l1, weight_hh_l1]])


one_wide_layer.mistake(
    "block_on_the_wrong_side",
    "[[weight_hh_l0, none], [weight_ih_l1, weight_hh_l1]]",
    "[[weight_hh_l0, weight_ih_l1], [none, weight_hh_l1]]",
    "group 1 reads group 2. Rows are those who read: weight_ih_l1 stands in the second row, under weight_hh_l0.",
)
one_wide_layer.mistake(
    "groups_not_connected",
    "[weight_ih_l1, weight_hh_l1]",
    "[none, weight_hh_l1]",
    "group 2 reads nothing but itself. What layer 2 read through weight_ih_l1 is now a part of the state.",
)
one_wide_layer.mistake(
    "every_group_reads_the_input",
    "np.zeros_like(weight_ih_l0)",
    "weight_ih_l0",
    "group 2 reads the input too. In a stack only the first layer does: its half of weight_ih is zero.",
)
one_wide_layer.mistake(
    "no_loop_in_group_2",
    "[weight_ih_l1, weight_hh_l1]",
    "[weight_ih_l1, none]",
    "group 2 has lost its own recurrence, weight_hh_l1, in the lower right.",
)
one_wide_layer.mistake(
    "groups_side_by_side",
    "np.concatenate([weight_ih_l0, np.zeros_like(weight_ih_l0)])",
    "np.concatenate([weight_ih_l0, np.zeros_like(weight_ih_l0)], axis=1)",
    "the zeros stand beside weight_ih_l0. Units are rows, and there are 2H of them: put the zeros under it.",
)
one_wide_layer.mistake(
    "recurrences_exchanged",
    "[[weight_hh_l0, none], [weight_ih_l1, weight_hh_l1]]",
    "[[weight_hh_l1, none], [weight_ih_l1, weight_hh_l0]]",
    "the recurrent matrices of the two groups have changed places: weight_hh_l0 is that of group 1, upper left.",
)
one_wide_layer.mistake(
    "layer_above_in_weight_ih",
    "np.concatenate([weight_ih_l0, np.zeros_like(weight_ih_l0)])",
    "np.concatenate([weight_ih_l0, weight_ih_l1])",
    "weight_ih_l1 stands in weight_ih. It reads states, not x, so its place is in weight_hh.",
)
one_wide_layer.mistake(
    "input_at_the_bottom",
    "[weight_ih_l0, np.zeros_like(weight_ih_l0)]",
    "[np.zeros_like(weight_ih_l0), weight_ih_l0]",
    "the input goes to group 2. The first group of units is layer 1, and it is the one that reads x.",
)


# ---------------------------------------------------------------------- when to stop


def a_curve(rng):
    """The losses of a validation part, which fall and rise again, with ties."""
    T = int(rng.integers(4, 14))
    fall = np.abs(np.arange(T) - rng.integers(1, T)) * rng.uniform(0.1, 0.6)
    return {"losses": np.round(fall + rng.normal(scale=0.6, size=T), 1), "patience": int(rng.integers(1, 4))}


@chapter.question(
    points=2,
    returns=("best", "last"),
    cases=a_curve,
    hints=(
        "Go through the losses in order, as training would: at each epoch only those so far are known.",
        "Keep the epoch of the best loss so far. When has it been best for too long?",
        "A tie is no improvement. And training ends when `patience` epochs in a row have brought none, or at the end.",
    ),
    see="how-to-train-step-by-step",
)
def early_stop(losses, patience):
    """Training keeps the best epoch so far, and ends when none of the last `patience` epochs was better.

    A better one that would have come later is never seen: that is the price.
    """
    best = 0
    for last in range(len(losses)):
        if losses[last] < losses[best]:
            best = last
        if last - best >= patience:
            break
    return best, last


early_stop.mistake(
    "sees_the_future",
    "    return best, last",
    "    return int(np.argmin(losses)), last",
    "the best epoch is one that comes after training has stopped. Only those up to the last are known.",
)
early_stop.mistake(
    "ties_count",
    "losses[last] < losses[best]",
    "losses[last] <= losses[best]",
    "a loss that is only equal counts as better, so training never ends on a plateau. It must be lower.",
)
early_stop.mistake(
    "one_epoch_late",
    "last - best >= patience",
    "last - best > patience",
    "training goes on for one epoch too many: it ends when `patience` epochs have brought nothing.",
)
early_stop.mistake(
    "counts_every_rise",
    "last - best >= patience",
    "last > 0 and (np.diff(losses[: last + 1]) >= 0).sum() >= patience",
    "every epoch that is worse than the one before counts, also after a new best one. Count from the best.",
)


# ---------------------------------------------------------------------- a search for the learning rate


def a_linear_task(rng):
    """A regression with a training and a validation part, and rates from too small to too large."""
    N, M, D = int(rng.integers(5, 9)), int(rng.integers(4, 8)), sizes(rng, 1, high=4)[0]
    w, rates = rng.normal(size=D), rng.permutation(np.array([0.003, 0.03, 0.1, 0.3])[: rng.integers(2, 5)])
    x, x_val = rng.normal(size=(N, D)), rng.normal(size=(M, D))
    return {
        "x": x,
        "y": x @ w + rng.normal(scale=0.5, size=N),
        "x_val": x_val,
        "y_val": x_val @ w + rng.normal(scale=0.5, size=M),
        "rates": rates,
        "updates": int(rng.integers(2, 7)),
    }


@chapter.question(
    points=2,
    returns=("losses", "best"),
    cases=a_linear_task,
    hints=(
        "Two loops, one in the other. What must begin anew with each rate?",
        "The mean squared error has the gradient 2 x.T @ (x @ w - y) / N. All N samples are one batch.",
        "Every rate starts from w = 0 and is judged on the validation part, once it has had all its updates.",
    ),
    see="how-to-train-step-by-step",
)
def rate_search(x, y, x_val, y_val, rates, updates):
    """Each rate trains a model of its own from the same start, and the validation part decides.

    The training part would choose too, but it is not what counts.
    """
    losses = []
    for lr in rates:
        w = np.zeros(x.shape[1])
        for _ in range(updates):
            w = w - lr * 2 * x.T @ (x @ w - y) / len(y)
        losses.append(((x_val @ w - y_val) ** 2).mean())
    return np.array(losses), int(np.argmin(losses))


rate_search.mistake(
    "goes_on_from_the_last",
    "    losses = []\n    for lr in rates:\n        w = np.zeros(x.shape[1])\n",
    "    losses = []\n    w = np.zeros(x.shape[1])\n    for lr in rates:\n",
    "a rate goes on where the last one ended, so the later ones look better. Begin each from w = 0.",
)
rate_search.mistake(
    "judged_in_training",
    "((x_val @ w - y_val) ** 2).mean()",
    "((x @ w - y) ** 2).mean()",
    "the rates are judged on the training part. Use the validation part, which the model has not seen.",
)
rate_search.mistake(
    "the_worst_rate",
    "np.argmin(losses)",
    "np.argmax(losses)",
    "the rate with the largest loss was chosen. The smallest loss is the best.",
)
rate_search.mistake(
    "half_the_gradient",
    "lr * 2 * x.T",
    "lr * x.T",
    "the gradient lacks the 2 of the square, so each rate acts as if it were half as large.",
)
rate_search.mistake(
    "sum_for_mean",
    "(x @ w - y) / len(y)",
    "(x @ w - y)",
    "the gradient is that of the sum, not of the mean: each rate acts as if it were N times as large.",
)
rate_search.mistake(
    "one_update_only",
    "        for _ in range(updates):\n            w = w",
    "        for _ in range(1):\n            w = w",
    "each rate gets one update only. Which of them is too small shows after all of them.",
)


# ---------------------------------------------------------------------- the loop in torch


def a_small_net(rng):
    """A batch, the states that it is to end in, and the weights of a network."""
    T, B, D, H = sizes(rng, 4, high=5)
    weights = arrays(rng, weight_ih=(H, D), weight_hh=(H, H), bias=H)
    return {
        "x": rng.normal(size=(T, B, D)),
        "target": rng.uniform(-0.8, 0.8, size=(B, H)),
        **weights,
        "lr": float(rng.uniform(0.2, 1.0)),
        "updates": int(rng.integers(2, 4)),
    }


@chapter.question(
    points=3,
    returns=("losses", "weight_ih", "weight_hh", "bias"),
    cases=a_small_net,
    hints=(
        "Copy the weights and ask for their gradients: w.clone().requires_grad_(). Then the loop: forward, loss, step.",
        "After loss.backward() each weight has its gradient in w.grad. What is in there at the next backward()?",
        "A step is no part of what is differentiated: make it inside `with torch.no_grad():`, in place.",
    ),
    see="how-to-train-step-by-step",
    library="torch",
)
def train_in_torch(x, target, weight_ih, weight_hh, bias, lr, updates):
    """The same loop as in NumPy, with the gradients from autograd: forward, loss, backward, step, and zero again."""
    import torch

    weights = [w.clone().requires_grad_() for w in (weight_ih, weight_hh, bias)]
    losses = []
    for _ in range(updates):
        h = torch.zeros_like(target)
        for x_t in x:
            h = torch.tanh(x_t @ weights[0].T + h @ weights[1].T + weights[2])
        loss = ((h - target) ** 2).mean()
        loss.backward()
        losses.append(loss.detach())
        with torch.no_grad():
            for w in weights:
                w -= lr * w.grad
                w.grad = None
    return torch.stack(losses), *(w.detach() for w in weights)


train_in_torch.mistake(
    "no_zero_grad",
    "                w.grad = None\n",
    "",
    "backward adds to the gradient that is there. Set it to zero, or to None, before the next one.",
)
train_in_torch.mistake(
    "gradient_cut",
    "for x_t in x:\n            h = torch.tanh(x_t @ weights[0].T + h @",
    "for x_t in x:\n            h = torch.tanh(x_t @ weights[0].T + h.detach() @",
    "the gradient does not go through time: the state was detached at each step.",
)
train_in_torch.mistake(
    "uphill",
    "w -= lr * w.grad",
    "w += lr * w.grad",
    "the step goes along the gradient, which points uphill. Take it off.",
)
train_in_torch.mistake(
    "sum_for_mean",
    "((h - target) ** 2).mean()",
    "((h - target) ** 2).sum()",
    "the loss is the sum of the squares, not their mean: it grows with the batch, and so does the step.",
)
train_in_torch.mistake(
    "rate_squared",
    "lr * w.grad",
    "lr * lr * w.grad",
    "the learning rate is in the step twice.",
)


# ---------------------------------------------------------------------- repair this run: letters


def names_to_learn(rng):
    """Padded names as codes, their lengths, and a table of scores: what comes after each letter."""
    T, B, V = sizes(rng, 3, low=3, ones=False)
    return {
        "letters": rng.integers(V, size=(T, B)),
        "lengths": np.maximum(lengths_of(rng, T, B), 2),
        "weight": rng.normal(size=(V, V)),
        "lr": float(rng.uniform(0.5, 2.0)),
        "updates": int(rng.integers(2, 5)),
    }


@chapter.question(
    points=3,
    returns=("losses", "weight"),
    cases=names_to_learn,
    hints=(
        "Begin with the loss before the first update, for one name of two letters: what should it be, what is it?",
        "Three things to look at: which scores the softmax gets, which steps count, and how large a step is.",
        "Each place of the batch is one of these: a real letter that counts once, or padding that counts for nothing.",
    ),
    see="how-to-train-step-by-step",
)
def repair_letters(letters, lengths, weight, lr, updates):
    """The scores go through one softmax, padding counts neither in the loss nor below it, and a letter adds each time.

    A letter that occurs often gets the sum of all its gradients: that is what `np.add.at` does.
    """
    x, y = letters[:-1], letters[1:]
    mask = np.arange(len(y))[:, None] < lengths - 1
    losses = []
    for _ in range(updates):
        o = weight[x]
        shifted = o - o.max(axis=-1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        right = np.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
        losses.append(-(right * mask).sum() / mask.sum())
        do = (np.exp(log_p) - np.eye(len(weight))[y]) * mask[..., None] / mask.sum()
        gradient = np.zeros_like(weight)
        np.add.at(gradient, x, do)
        weight = weight - lr * gradient
    return np.array(losses), weight


repair_letters.mistake(
    "softmax_twice",
    "        o = weight[x]\n",
    "        o = np.exp(weight[x])\n        o = o / o.sum(axis=-1, keepdims=True)\n",
    "the softmax is made twice: what goes into the loss are probabilities already. Give it the scores.",
)
repair_letters.mistake(
    "padding_counted",
    "np.arange(len(y))[:, None] < lengths - 1",
    "np.ones(y.shape, dtype=bool)",
    "the padding counts as if it were letters. Only the first lengths - 1 pairs of a name are real.",
)
repair_letters.mistake(
    "not_shifted",
    "letters[:-1], letters[1:]",
    "letters[:-1], letters[:-1]",
    "the target of a letter is the letter itself, so there is nothing to learn. Shift the targets by one.",
)
repair_letters.mistake(
    "rate_times_100",
    "weight - lr * gradient",
    "weight - 100 * lr * gradient",
    "the step is a hundred times what lr asks for, so the loss jumps about instead of falling.",
)
repair_letters.mistake(
    "repeated_letters_lost",
    "np.add.at(gradient, x, do)",
    "gradient[x] += do",
    "gradient[x] += do adds only once for a letter that occurs often. np.add.at adds every time.",
)
repair_letters.mistake(
    "divided_by_all_places",
    "losses.append(-(right * mask).sum() / mask.sum())",
    "losses.append(-(right * mask).mean())",
    "padding adds nothing to the loss and still counts below it. Divide by the number of real pairs.",
)
