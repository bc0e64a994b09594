"""The questions of chapter 04, Bidirectional RNN."""

import numpy as np

from course_rnn.checking.cases import lengths_of, rnn_weights, sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.seeds import SEEDS

chapter = Chapter("04_bidirectional_rnn", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- who hears of whom


def some_steps(rng):
    """A number of steps and a delay that is shorter."""
    k = int(rng.integers(1, 4))
    return {"T": k + int(rng.integers(2, 6)), "k": k}


@chapter.question(
    points=1,
    returns=("forward", "backward", "late"),
    cases=some_steps,
    hints=(
        "Draw the tables for T = 3, outputs down, inputs across. What does y_1 of a forward network know?",
        "A forward network has read x_s by step t if s <= t, a backward one if s >= t. Both know the present.",
        "s = np.arange(T), t = np.arange(T)[:, None]: s <= t is a table. Answering late, it has read k inputs more.",
    ),
    see="what-an-output-can-know",
)
def heard(T, k):
    """Row t is an output, column s an input: the forward direction has read s up to t, the backward one s from t on.

    A forward network that answers k steps late has read k inputs more: s up to t + k.
    """
    s, t = np.arange(T), np.arange(T)[:, None]
    return s <= t, s >= t, s <= t + k


heard.mistake(
    "rows_and_columns",
    "s, t = ",
    "t, s = ",
    "rows and columns are exchanged: a row belongs to one output, and its entries to the inputs.",
)
heard.mistake(
    "without_the_present",
    "return s <= t, s >= t, s <= t + k",
    "return s < t, s > t, s < t + k",
    "the present is left out: at step t both directions have read x_t already.",
)
heard.mistake(
    "both_are_causal",
    "s <= t, s >= t,",
    "s <= t, s <= t,",
    "the backward network is taken for a forward one. It reads from the end: at step t it knows s >= t.",
)
heard.mistake(
    "late_is_less",
    "s <= t + k",
    "s <= t - k",
    "the late network is given less to read. It waits k steps before it answers, so it has read more: s <= t + k.",
)
heard.mistake(
    "late_forgets",
    "s <= t + k",
    "(t <= s) & (s <= t + k)",
    "the late network has not forgotten what came before t: it is a forward network that waits. All s <= t + k.",
)
heard.mistake(
    "as_numbers",
    "return s <= t, s >= t, s <= t + k",
    "return np.tri(T), np.tri(T).T, np.tri(T, k=k)",
    "the tables hold numbers. Make them booleans, as a comparison does, or with .astype(bool).",
)


# ---------------------------------------------------------------------- two directions


def both_weights(rng, D, H):
    """The weights of both directions, those of the backward one with torch's ending."""
    backward = {f"{name}_reverse": value for name, value in rnn_weights(rng, D, H).items()}
    return rnn_weights(rng, D, H) | backward


def a_sequence(rng):
    """Arguments of a layer of two directions."""
    T, B, D, H = sizes(rng, 4)
    return {"x": rng.normal(size=(T, B, D)), **both_weights(rng, D, H)}


def states(x, weight_ih, weight_hh, bias_ih, bias_hh):
    """The states (T, B, H) of one direction, from a zero state; the notebook gives it to the learner."""
    h, read = np.zeros((x.shape[1], len(weight_hh))), []
    for x_t in x:
        h = np.tanh(x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        read.append(h)
    return np.stack(read)


@chapter.question(
    points=2,
    returns=("h_forward", "h_backward"),
    cases=a_sequence,
    hints=(
        "The backward direction is the same loop over the reversed sequence, with its own weights.",
        "x[::-1] reverses the time. In which order do the states come out, and where has each to stand?",
        "states(x[::-1], ...)[::-1] puts the state that has read x[T-1] down to x[t] back to place t.",
    ),
    see="two-directions",
)
def both_directions(
    x,
    weight_ih,
    weight_hh,
    bias_ih,
    bias_hh,
    weight_ih_reverse,
    weight_hh_reverse,
    bias_ih_reverse,
    bias_hh_reverse,
):
    """The backward direction reads the reversed sequence with weights of its own.

    Its states come out last step first; reversed once more, each stands at the step that it has just read.
    """
    h_forward = states(x, weight_ih, weight_hh, bias_ih, bias_hh)
    h_backward = states(x[::-1], weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)[::-1]
    return h_forward, h_backward


both_directions.mistake(
    "not_turned_back",
    "bias_hh_reverse)[::-1]",
    "bias_hh_reverse)",
    "the backward states stand in the order in which they were made, last step first. Reverse them once more.",
)
both_directions.mistake(
    "not_reversed",
    "states(x[::-1], weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)[::-1]",
    "states(x, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)",
    "both directions read from the start. The second one reads x[::-1].",
)
both_directions.mistake(
    "states_reversed_only",
    "states(x[::-1],",
    "states(x,",
    "the second direction reads from the start, and its states are then turned round. Reverse what it reads, too.",
)
both_directions.mistake(
    "one_set_of_weights",
    "states(x[::-1], weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)",
    "states(x[::-1], weight_ih, weight_hh, bias_ih, bias_hh)",
    "both directions use the same weights. The backward direction has its own, which end in _reverse.",
)
both_directions.mistake(
    "features_reversed",
    "states(x[::-1],",
    "states(x[::-1, :, ::-1],",
    "the features of each input are reversed as well. Only the first axis, time, is turned round: x[::-1].",
)
both_directions.mistake(
    "continues_from_the_other",
    "states(x[::-1], weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)",
    "states(h_forward[::-1], np.resize(weight_ih_reverse, weight_hh.shape), weight_hh_reverse, "
    "bias_ih_reverse, bias_hh_reverse)",
    "the second direction reads the states of the first. Both read the inputs x; they meet only in the merge.",
)
both_directions.mistake(
    "every_axis_reversed",
    "states(x[::-1], weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)[::-1]",
    "np.flip(states(np.flip(x), weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse))",
    "batch and features are reversed as well: np.flip takes all axes unless it is told one. Only time: x[::-1].",
)


# ---------------------------------------------------------------------- merging


def two_states(rng):
    """The states of both directions."""
    T, B, H = sizes(rng, 3)
    return {"h_forward": rng.normal(size=(T, B, H)), "h_backward": rng.normal(size=(T, B, H))}


@chapter.question(
    points=1,
    returns=("concat", "total", "mean", "product"),
    cases=two_states,
    hints=(
        "Three of the four keep the shape (T, B, H). Which one does not, and which axis grows?",
        "The other three join the two states number by number: NumPy's +, / and * do.",
        "np.concatenate([h_forward, h_backward], axis=-1) is (T, B, 2H), forward first.",
    ),
    see="merging-the-two",
)
def merge(h_forward, h_backward):
    """Put behind each other along the features, or joined number by number."""
    total = h_forward + h_backward
    return np.concatenate([h_forward, h_backward], axis=-1), total, total / 2, h_forward * h_backward


merge.mistake(
    "concat_in_time",
    "h_backward], axis=-1)",
    "h_backward], axis=0)",
    "the backward states follow the forward states in time, 2T steps. They belong side by side: axis=-1.",
)
merge.mistake(
    "backward_first",
    "[h_forward, h_backward]",
    "[h_backward, h_forward]",
    "the backward half stands first. The convention, torch's too, is forward first.",
)
merge.mistake("mean_is_sum", "total / 2", "total", "the mean is not divided by 2.")
merge.mistake(
    "mean_over_an_axis",
    "total / 2",
    "total.mean(axis=-1)",
    "the mean was taken over the features. It is taken over the two states: half of their sum.",
)
merge.mistake(
    "matrix_product",
    "h_forward * h_backward",
    "h_forward @ h_backward.swapaxes(-1, -2)",
    "this is a matrix product. The merge multiplies number by number: *, not @.",
)
merge.mistake(
    "stacked",
    "np.concatenate([h_forward, h_backward], axis=-1)",
    "np.stack([h_forward, h_backward], axis=-1)",
    "the two states stand on a new axis. They are to be one vector of 2H numbers: np.concatenate, not np.stack.",
)


# ---------------------------------------------------------------------- padded batches


def a_padded_batch(rng):
    """A padded batch with something else than zeros in its padding, and the lengths."""
    T, B, D = sizes(rng, 3)
    return {"x": rng.normal(size=(T, B, D)), "lengths": lengths_of(rng, T, B)}


@chapter.question(
    points=2,
    returns=("reversed_x",),
    cases=a_padded_batch,
    hints=(
        "On paper: a column 1, 2, 3, padded to five steps with 0. Which column do you want? Not 0, 0, 3, 2, 1.",
        "Sequence b fills x[:n, b] with n = lengths[b]. Only this part is turned round.",
        "On a copy: for b, n in enumerate(lengths), the part [:n, b] becomes x[:n, b][::-1].",
    ),
    see="sequences-of-different-lengths",
)
def reverse_padded(x, lengths):
    """Each sequence is turned round within its own length; on a copy, so that its padding and the input stay."""
    reversed_x = x.copy()
    for b, n in enumerate(lengths):
        reversed_x[:n, b] = x[:n, b][::-1]
    return reversed_x


reverse_padded.mistake(
    "reversed_as_a_whole",
    "reversed_x[:n, b] = x[:n, b][::-1]",
    "reversed_x[:, b] = x[:, b][::-1]",
    "the columns are reversed as a whole, so the padding comes first. Turn only the first n steps round.",
)
reverse_padded.mistake(
    "zeros_for_padding",
    "x.copy()",
    "np.zeros_like(x)",
    "the padding has become zeros. It is to stay as it was, whatever stands there: begin with a copy of x.",
)
reverse_padded.mistake(
    "one_step_too_many",
    "reversed_x[:n, b] = x[:n, b][::-1]",
    "reversed_x[: n + 1, b] = x[: n + 1, b][::-1]",
    "one step of padding is turned round with the sequence. Its real steps are 0 to n - 1: [:n].",
)
reverse_padded.mistake(
    "last_step_left_out",
    "reversed_x[:n, b] = x[:n, b][::-1]",
    "reversed_x[: n - 1, b] = x[: n - 1, b][::-1]",
    "the last real step stays where it is. [:n] ends with step n - 1; it needs no further - 1.",
)
reverse_padded.mistake(
    "moved_to_the_end",
    "reversed_x[:n, b] = x[:n, b][::-1]",
    "reversed_x[:, b] = np.roll(x[:, b], len(x) - n, axis=0)[::-1][::-1]",
    "the sequences are pushed to the end, not reversed. A sequence stays at the top and is turned round in place.",
)
reverse_padded.mistake(
    "features_too",
    "x[:n, b][::-1]",
    "x[:n, b, ::-1][::-1]",
    "the features are turned round as well. Only time is: [::-1] on the first axis.",
)


@reverse_padded.wrong(
    "part of the sequence was overwritten before it was read: x[:n, b] and its reverse share one memory. Use a copy."
)
def overwritten(x, lengths):
    reversed_x = x.copy()
    for b, n in enumerate(lengths):
        for t in range(n):
            reversed_x[t, b] = reversed_x[n - 1 - t, b]
    return reversed_x


def a_padded_layer(rng):
    """A padded batch and the weights of the backward direction."""
    T, B, D, H = sizes(rng, 4)
    return {"x": rng.normal(size=(T, B, D)), "lengths": lengths_of(rng, T, B), **rnn_weights(rng, D, H)}


@chapter.question(
    points=3,
    returns=("h_backward",),
    cases=a_padded_layer,
    hints=(
        "Reverse, run, reverse: but each sequence within its own length. You have written that already.",
        "reverse_padded(states(reverse_padded(x, lengths), ...), lengths) is right at all real steps.",
        "At padding stands what the network went on to do there. Multiply by the mask t < lengths, as (T, B, 1).",
    ),
    see="sequences-of-different-lengths",
)
def backward_states(x, lengths, weight_ih, weight_hh, bias_ih, bias_hh):
    """Reversed within its own length, each sequence begins at step 0 with its true last element.

    `source` says where each step comes from, the look-up of the chapter; `reverse_padded` does the same. The states
    are turned back in the same way, so that each stands at its step; at padding there is no state: zeros.
    """
    t = np.arange(len(x))[:, None]  # (T, 1)
    source = np.where(t < lengths, lengths - 1 - t, t), np.arange(len(lengths))  # (T, B): where step t comes from
    h_backward = states(x[source], weight_ih, weight_hh, bias_ih, bias_hh)[source]
    return h_backward * (t < lengths)[..., None]


backward_states.mistake(
    "padding_read_first",
    "states(x[source], weight_ih, weight_hh, bias_ih, bias_hh)[source]",
    "states(x[::-1], weight_ih, weight_hh, bias_ih, bias_hh)[::-1]",
    "the batch is reversed as a whole, so the padding is read first and colours every state. Use the lengths.",
)
backward_states.mistake(
    "states_at_padding",
    "return h_backward * (t < lengths)[..., None]",
    "return h_backward",
    "the states at padding are not zero: the network went on there. Multiply by the mask t < lengths.",
)
backward_states.mistake(
    "states_not_turned_back",
    "bias_hh)[source]",
    "bias_hh)",
    "the states stand in the order in which they were made. Reverse them again, each within its length.",
)
backward_states.mistake(
    "turned_back_as_a_whole",
    "bias_hh)[source]",
    "bias_hh)[::-1]",
    "the inputs were reversed within the lengths, the states as a whole. Both need the same reversal.",
)
backward_states.mistake(
    "read_forward",
    "states(x[source], weight_ih, weight_hh, bias_ih, bias_hh)[source]",
    "states(x, weight_ih, weight_hh, bias_ih, bias_hh)",
    "these are the states of a forward direction. The backward one reads each sequence from its true end.",
)
backward_states.mistake(
    "zero_inputs_at_padding",
    "states(x[source], weight_ih, weight_hh, bias_ih, bias_hh)[source]",
    "states((x * (t < lengths)[..., None])[::-1], weight_ih, weight_hh, bias_ih, bias_hh)[::-1]",
    "the padding is zero but still read first: the biases move the state all the same. Begin at each true end.",
)


# ---------------------------------------------------------------------- one answer


def some_outputs(rng):
    """The outputs of a padded batch, zero at padding."""
    T, B, H = sizes(rng, 3)
    lengths = lengths_of(rng, T, B)
    real = np.arange(T)[:, None] < lengths
    return {"y": rng.normal(size=(T, B, 2 * H)) * real[..., None], "lengths": lengths}


@chapter.question(
    points=2,
    returns=("final",),
    cases=some_outputs,
    hints=(
        "At which step of a sequence of n elements has the forward direction read all of it, and the backward one?",
        "The first H features of y belong to the forward direction. Its final state stands at step lengths[b] - 1.",
        "y[lengths - 1, torch.arange(B), :H] picks one step for each sequence; the backward half is y[0, :, H:].",
    ),
    see="one-answer-for-the-whole-sequence",
    library="torch",
    trained=True,
)
def final_states(y, lengths):
    """The forward direction has read everything at each sequence's own last step, the backward one at step 0."""
    import torch

    B, H = len(lengths), y.shape[-1] // 2
    return torch.cat([y[lengths - 1, torch.arange(B), :H], y[0, :, H:]], dim=-1)


final_states.mistake(
    "output_minus_one",
    "torch.cat([y[lengths - 1, torch.arange(B), :H], y[0, :, H:]], dim=-1)",
    "y[-1]",
    "this is output[-1]. Its backward half has read one element, and shorter sequences have padding there.",
)
final_states.mistake(
    "output_at_the_true_end",
    "y[0, :, H:]",
    "y[lengths - 1, torch.arange(B), H:]",
    "at the last step of a sequence the backward direction has read one element. It has read all of them at step 0.",
)
final_states.mistake(
    "padding_for_the_forward_half",
    "y[lengths - 1, torch.arange(B), :H]",
    "y[-1, :, :H]",
    "the forward half is taken at the last step of the batch, which is padding in shorter sequences: step lengths - 1.",
)
final_states.mistake(
    "first_output",
    "y[lengths - 1, torch.arange(B), :H]",
    "y[0, :, :H]",
    "this is y[0]: its forward half has read one element. The forward direction is done at step lengths - 1.",
)
final_states.mistake(
    "halves_exchanged",
    "torch.cat([y[lengths - 1, torch.arange(B), :H], y[0, :, H:]], dim=-1)",
    "torch.cat([y[0, :, :H], y[lengths - 1, torch.arange(B), H:]], dim=-1)",
    "the steps are exchanged: each half is taken where its direction begins. Forward ends at lengths - 1.",
)
final_states.mistake(
    "backward_first",
    "torch.cat([y[lengths - 1, torch.arange(B), :H], y[0, :, H:]], dim=-1)",
    "torch.cat([y[0, :, H:], y[lengths - 1, torch.arange(B), :H]], dim=-1)",
    "the backward half stands first. Put the forward half first, as h_n and y do.",
)
final_states.mistake(
    "one_step_too_early",
    "y[lengths - 1,",
    "y[lengths - 2,",
    "the forward half is taken one step before the end: step lengths - 1 is the last real one.",
)
final_states.mistake(
    "every_end_for_every_sequence",
    "y[lengths - 1, torch.arange(B), :H]",
    "y[lengths - 1, :, :H]",
    "y[lengths - 1] takes those steps of all sequences. Name the sequence with it: y[lengths - 1, torch.arange(B)].",
)
final_states.mistake(
    "stacked",
    "torch.cat([y[lengths - 1, torch.arange(B), :H], y[0, :, H:]], dim=-1)",
    "torch.stack([y[lengths - 1, torch.arange(B), :H], y[0, :, H:]])",
    "the halves stand on a new first axis. Side by side they are one vector for each sample: torch.cat with dim=-1.",
)


def some_final_states(rng):
    """The final states of a deep bidirectional network."""
    layers, B, H = sizes(rng, 3, 2, 6)
    return {"h_n": rng.normal(size=(2 * layers, B, H))}


@chapter.question(
    points=1,
    returns=("summary",),
    cases=some_final_states,
    hints=(
        "h_n counts layer by layer, and within a layer forward comes before backward. Which two entries do you want?",
        "The last layer's are the last two, whatever the depth: h_n[-2] and h_n[-1], each (B, H).",
        "torch.cat([...], dim=-1) puts two (B, H) side by side. A reshape would mix the samples.",
    ),
    see="deep-and-bidirectional",
    library="torch",
    trained=True,
)
def summary(h_n):
    """The last two entries are the last layer's, forward and backward; side by side they are (B, 2H)."""
    import torch

    return torch.cat([h_n[-2], h_n[-1]], dim=-1)


summary.mistake(
    "reshaped",
    "torch.cat([h_n[-2], h_n[-1]], dim=-1)",
    "h_n[-2:].reshape(h_n.shape[1], -1)",
    "the shape is right and the samples are mixed: the directions are the first axis. Join them with torch.cat.",
)
summary.mistake(
    "first_layer",
    "[h_n[-2], h_n[-1]]",
    "[h_n[0], h_n[1]]",
    "these are the final states of the first layer. The last layer's are the last two.",
)
summary.mistake(
    "backward_first",
    "[h_n[-2], h_n[-1]]",
    "[h_n[-1], h_n[-2]]",
    "the backward state stands first. h_n[-2] is the forward one.",
)
summary.mistake(
    "one_direction",
    "torch.cat([h_n[-2], h_n[-1]], dim=-1)",
    "h_n[-1]",
    "h_n[-1] is the backward direction alone. With one direction it was the whole answer; now h_n[-2] belongs to it.",
)
summary.mistake(
    "directions_before_layers",
    "[h_n[-2], h_n[-1]]",
    "[h_n[len(h_n) // 2 - 1], h_n[-1]]",
    "h_n was read as all forward layers, then all backward ones. It counts layer by layer: take the last two.",
)
summary.mistake(
    "stacked_in_the_batch",
    "dim=-1",
    "dim=0",
    "the two states are put under each other, (2B, H). Side by side is dim=-1.",
)
summary.mistake(
    "all_layers",
    "torch.cat([h_n[-2], h_n[-1]], dim=-1)",
    "torch.cat(list(h_n), dim=-1)",
    "the final states of all layers are there. The summary takes the last layer only: h_n[-2] and h_n[-1].",
)
summary.mistake(
    "added",
    "torch.cat([h_n[-2], h_n[-1]], dim=-1)",
    "h_n[-2] + h_n[-1]",
    "the two states are added. Put them side by side, so that nothing is lost: torch.cat makes (B, 2H).",
)


# ---------------------------------------------------------------------- what the future is worth


@chapter.question(
    points=2,
    returns=("best",),
    cases=lambda rng: {"T": int(rng.integers(1, 13))},
    hints=(
        "With j bits unread let p_j be the probability of a carry from them. p_0 = 0; what is p_1, and p_j?",
        "Of the next pair, both bits are 1 with probability 1/4; just one is with 1/2: it passes a carry on.",
        "A carry is never more likely than not: the best guess is 'none', right with 1 - p_j. Step 1 has T - 1 unread.",
    ),
    see="where-the-future-decides-addition",
)
def best_forward(T):
    """p_j = 1/4 + p_(j-1) / 2 from p_0 = 0; as p_j < 1/2, the best guess is 'no carry', right with 1 - p_j.

    The first step has T - 1 unread bits and the last none, so the list is turned round.
    """
    p = [0.0]
    for _ in range(T - 1):
        p.append(1 / 4 + p[-1] / 2)
    return 1 - np.array(p[::-1])


best_forward.mistake(
    "last_step_first",
    "p[::-1]",
    "p",
    "the list begins with the last step, which has nothing unread. Step 1 has T - 1 unread bits: turn it round.",
)
best_forward.mistake(
    "probability_of_a_carry",
    "1 - np.array(p[::-1])",
    "np.array(p[::-1])",
    "this is the probability of a carry. The best guess is that there is none: right with 1 - p.",
)
best_forward.mistake(
    "one_bit_too_many",
    "p = [0.0]",
    "p = [1 / 4]",
    "one unread bit too many is counted. At the last step nothing is unread, so no carry can come: p_0 = 0.",
)
best_forward.mistake(
    "both_ones_only",
    "1 / 4 + p[-1] / 2",
    "1 / 4",
    "a carry also comes if one of the two bits is 1 and a carry reaches them: p_j = 1/4 + p_(j-1) / 2.",
)
best_forward.mistake(
    "always_passed_on",
    "1 / 4 + p[-1] / 2",
    "1 / 4 + p[-1] * 3 / 4",
    "two zeros pass no carry on. It is passed on only if exactly one of the two bits is 1: probability 1/2.",
)
best_forward.mistake(
    "mean_over_steps",
    "return 1 - np.array(p[::-1])",
    "return np.mean(1 - np.array(p[::-1]))",
    "this is the mean over the steps. One number for each step is asked for, (T,).",
)


# ---------------------------------------------------------------------- repair this run: an evaluation


def states_to_judge(rng):
    """States of a padded batch, the right labels, an output layer, and which units a dropout keeps."""
    T, B, H, V = sizes(rng, 4, low=3, ones=False)
    kept = rng.random(H) < 0.6
    kept[: 2 - min(kept.sum(), 1)] = True
    return {
        "y": rng.normal(size=(T, B, H)),
        "target": rng.integers(V, size=(T, B)),
        "lengths": lengths_of(rng, T, B),
        "weight": rng.normal(size=(V, H)),
        "kept": kept,
        "training": bool(rng.random() < 0.5),
    }


@chapter.question(
    points=2,
    returns=("accuracy", "right"),
    cases=states_to_judge,
    hints=(
        "The run is judged twice on the same data, and the two numbers differ. What is drawn at random in it?",
        "Dropout belongs to the training alone. And which places of the batch are no data?",
        "Three lines to look at: the one with kept, the one with the mask, and the one that divides.",
    ),
    see="sequences-of-different-lengths",
)
def repair_evaluation(y, target, lengths, weight, kept, training):
    """In training the units that are kept make up for those that are not; in an evaluation all are there.

    Each real step counts once, whichever sequence it belongs to.
    """
    if training:
        y = y * kept / kept.mean()
    o = y @ weight.T
    mask = np.arange(len(y))[:, None] < lengths
    right = (o.argmax(axis=-1) == target) & mask
    return right.sum() / mask.sum(), right


repair_evaluation.mistake(
    "dropout_left_on",
    "    if training:\n        y = y * kept / kept.mean()\n",
    "    y = y * kept / kept.mean()\n",
    "units are dropped in the evaluation too: eval mode was forgotten. Dropout is for the training alone.",
)
repair_evaluation.mistake(
    "never_dropped",
    "    if training:\n        y = y * kept / kept.mean()\n",
    "",
    "nothing is dropped in training either. Where `training` is true, the units that are not kept are zero.",
)
repair_evaluation.mistake(
    "padding_judged",
    "== target) & mask",
    "== target)",
    "answers at padding are counted as right or wrong. Only the first lengths[b] steps of a sequence are data.",
)
repair_evaluation.mistake(
    "divided_by_all_places",
    "right.sum() / mask.sum()",
    "right.mean()",
    "padding is never right and still counts below. Divide by the number of real steps.",
)
repair_evaluation.mistake(
    "mean_of_sequences",
    "right.sum() / mask.sum()",
    "(right.sum(axis=0) / mask.sum(axis=0)).mean()",
    "this is the mean over sequences, in which a step of a short one counts more. Count steps.",
)
repair_evaluation.mistake(
    "mask_transposed",
    "np.arange(len(y))[:, None] < lengths",
    "np.arange(len(y))[:, None] <= lengths",
    "the mask lets the first step of padding through: the steps of a sequence are 0 to length - 1.",
)
