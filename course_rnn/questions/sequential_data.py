"""The questions of chapter 01, Sequential data."""

import numpy as np

from course_rnn.checking.cases import sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.seeds import SEEDS

chapter = Chapter("01_sequential_data", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- the feed-forward layer


def a_batch(rng):
    """Arguments of one layer."""
    B, D, H = sizes(rng, 3)
    return {"x": rng.normal(size=(B, D)), "weight": rng.normal(size=(H, D)), "bias": rng.normal(size=H)}


@chapter.question(
    points=1,
    returns=("h",),
    cases=a_batch,
    hints=(
        "Write down the shapes: x is (B, D), weight is (H, D), and h is to be (B, H). What must stand in the middle?",
        "The samples are rows, so the matrix stands on the right, transposed: (B, D) times (D, H).",
        "x @ weight.T is (B, H); bias (H,) is added to every row. The tanh goes around the sum.",
    ),
    see="the-feed-forward-layer",
)
def feed_forward(x, weight, bias):
    """A column W x becomes the row x W^T, so all samples of the batch are done by one product.

    The bias is added to every row by broadcasting, and the tanh squashes the sum.
    """
    return np.tanh(x @ weight.T + bias)


feed_forward.mistake(
    "weight_not_transposed",
    "x @ weight.T",
    "x @ weight",
    "weight is not transposed: it is (H, D), so x (B, D) does not fit on its left. Write x @ weight.T.",
)
feed_forward.mistake(
    "column_form",
    "x @ weight.T + bias",
    "weight @ x.T + bias[:, None]",
    "this is the column form of the formula, so the batch is the second axis. With samples as rows it is x @ weight.T.",
)
feed_forward.mistake(
    "without_bias", " + bias", "", "the bias is missing. Without it an input of zeros always gives zeros."
)
feed_forward.mistake(
    "without_tanh",
    "np.tanh(x @ weight.T + bias)",
    "x @ weight.T + bias",
    "the tanh is missing. Without it two layers in a row are no more than one: a linear map of a linear map is linear.",
)
feed_forward.mistake(
    "bias_after_tanh",
    "np.tanh(x @ weight.T + bias)",
    "np.tanh(x @ weight.T) + bias",
    "the bias is added after the tanh. It belongs inside: it moves the point at which a unit changes its sign.",
)
feed_forward.mistake(
    "sigmoid_for_tanh",
    "np.tanh(x @ weight.T + bias)",
    "1 / (1 + np.exp(-(x @ weight.T + bias)))",
    "this is the logistic sigmoid, with values between 0 and 1. The layer of this course uses tanh.",
)


# ---------------------------------------------------------------------- how many windows


def a_length(rng):
    """A length and a window that does not fit into it a whole number of times; sometimes the window is all of it."""
    W, stride, fits, rest = (int(k) for k in (rng.integers(1, 8), rng.integers(1, 4), *rng.integers(1, 7, size=2)))
    return {"n": W * fits + min(rest, W - 1), "W": W, "stride": stride}


@chapter.question(
    points=1,
    returns=("side_by_side", "overlapping", "padded"),
    cases=a_length,
    hints=(
        "Try it with five words and W = 2, on paper: how many windows side by side, and what is left over?",
        "Half a window is no window: round down. n // W does it. How often can the first window move on by stride?",
        "The first window starts at 0, the last can start at n - W. In steps of stride: (n - W) // stride more.",
    ),
    see="windows",
)
def count_windows(n, W, stride):
    """Side by side, W elements are used up by each window, and what is left over makes none: n / W, rounded down.

    Overlapping, the first window starts at 0 and the last at n - W at the latest: in steps of `stride` these are
    (n - W) // stride moves, and one window more than moves. Padded on the left, each element has its own window.
    """
    return n // W, (n - W) // stride + 1, n


count_windows.mistake(
    "not_rounded",
    "n // W,",
    "n / W,",
    "n / W, as on the slide, is no whole number. What is left over at the end makes no window: round down with n // W.",
)
count_windows.mistake(
    "rounded_up",
    "n // W,",
    "-(-n // W),",
    "the left-over elements are counted as a window of their own. It would be shorter than W: round down.",
)
count_windows.mistake(
    "moves_for_windows",
    "(n - W) // stride + 1,",
    "(n - W) // stride,",
    "this counts how often the window moves. The window before the first move counts too: add 1.",
)
count_windows.mistake(
    "stride_forgotten",
    "(n - W) // stride + 1,",
    "n - W + 1,",
    "this is right for stride 1 only. In steps of stride there are (n - W) // stride moves.",
)
count_windows.mistake(
    "one_inside_the_division",
    "(n - W) // stride + 1,",
    "(n - W + 1) // stride,",
    "the 1 stands inside the division. Count the moves first, (n - W) // stride, then add the window before them.",
)
count_windows.mistake(
    "window_forgotten",
    "(n - W) // stride + 1,",
    "n // stride,",
    "the window may not reach past the end: it can start at n - W at the latest, not at n - 1.",
)
count_windows.mistake(
    "padding_forgotten",
    "+ 1, n",
    "+ 1, n - W",
    "these are the elements with a full window before them. With W signs of padding in front every element has one: n.",
)


# ---------------------------------------------------------------------- cutting


def a_series(rng):
    """A series of vectors, a window and a stride, so that something is left over."""
    W, D, stride = sizes(rng, 3, 2, 5)
    n = W + stride * int(rng.integers(2, 5)) + int(rng.integers(stride))
    return {"x": rng.normal(size=(n, D)), "W": W, "stride": stride}


@chapter.question(
    points=2,
    returns=("windows",),
    cases=a_series,
    hints=(
        "One window is a slice of x. Where does the first begin, and where the next?",
        "The beginnings are 0, stride, 2 * stride, ... while W elements are left: len(x) - W is the last possible.",
        "range(0, len(x) - W + 1, stride) gives the beginnings; np.stack joins the slices x[j : j + W].",
    ),
    see="windows",
)
def split_windows(x, W, stride):
    """A window is the slice that begins at j; the beginnings go in steps of `stride` up to n - W, which is included.

    All slices have the same length, so they can be stacked along a new first axis.
    """
    return np.stack([x[j : j + W] for j in range(0, len(x) - W + 1, stride)])


split_windows.mistake(
    "last_window_lost",
    "len(x) - W + 1",
    "len(x) - W",
    "a window that ends with the last element is lost: range stops before its end, so the end is len(x) - W + 1.",
)
split_windows.mistake(
    "stride_ignored",
    "W + 1, stride)",
    "W + 1)",
    "the windows move on by 1. The third argument of range is the step: stride.",
)
split_windows.mistake(
    "side_by_side",
    "W + 1, stride)",
    "W + 1, W)",
    "the windows lie side by side: they move on by W. They are to move on by stride.",
)
split_windows.mistake(
    "windows_too_short_at_the_end",
    "np.stack([x[j : j + W] for j in range(0, len(x) - W + 1, stride)])",
    "np.stack([x[j : j + W] for j in range(0, len(x), stride)])",
    "the beginnings go on to the end of x, so the last slices are shorter than W. Stop at len(x) - W.",
)
split_windows.mistake(
    "window_by_stride",
    "x[j : j + W]",
    "x[j : j + stride]",
    "the slices are stride long. The window is W long; stride says how far it moves.",
)
split_windows.mistake(
    "stacked_in_time",
    "np.stack([x[j : j + W] for j in range(0, len(x) - W + 1, stride)])",
    "np.stack([x[j : j + W] for j in range(0, len(x) - W + 1, stride)], axis=1)",
    "the windows are stacked along the second axis. Each window is one example, and examples are the first axis.",
)
split_windows.mistake(
    "joined_end_to_end",
    "np.stack",
    "np.concatenate",
    "the windows are joined end to end into one long series. np.stack makes a new axis for them.",
)
split_windows.mistake(
    "moves_for_windows",
    "range(0, len(x) - W + 1, stride)",
    "range(0, (len(x) - W) // stride * stride, stride)",
    "there are as many windows as moves here. The window before the first move counts too: one more.",
)
split_windows.mistake(
    "window_axis_last",
    "x[j : j + W] for",
    "x[j : j + W].T for",
    "the steps of a window are its last axis, as NumPy's sliding_window_view leaves them. Time comes before features.",
)


# ---------------------------------------------------------------------- two losses


def some_predictions(rng):
    """One prediction per window, and the label of the sequence."""
    return {"y_hat": rng.normal(size=rng.integers(1, 8)), "y": float(rng.choice([-1.0, 1.0]))}


@chapter.question(
    points=3,
    returns=("per_window", "aggregate", "dper_window", "daggregate"),
    cases=some_predictions,
    hints=(
        "Write the two losses down first; a mean is a sum over J, the number of windows.",
        "dL/dy_hat_j of a square is twice what is squared, times the derivative of what is squared by y_hat_j.",
        "The mean moves by 1/J when one prediction moves by 1, so each window gets 2 (mean - y) / J: J equal numbers.",
    ),
    see="one-answer-for-all-two-losses",
)
def window_losses(y_hat, y):
    """Per window, every prediction is compared to the label by itself, and the losses add up.

    In the aggregate the mean is compared, once. By the chain rule its derivative by one prediction is
    2 (mean - y) times the derivative of the mean, 1/J: all windows get the same push.
    """
    off, mean_off = y_hat - y, y_hat.mean() - y
    return np.sum(off**2), mean_off**2, 2 * off, np.full(len(y_hat), 2 * mean_off / len(y_hat))


window_losses.mistake(
    "sum_for_mean",
    "y_hat.mean() - y",
    "y_hat.sum() - y",
    "the predictions are added up, as on the slide. A sum grows with the number of windows, a label does not: average.",
)
window_losses.mistake(
    "mean_per_window",
    "np.sum(off**2)",
    "np.mean(off**2)",
    "the loss per window is averaged over the windows. Here it is their sum, as in the formula of the chapter.",
)
window_losses.mistake(
    "aggregate_of_losses",
    "mean_off**2, 2",
    "np.mean(off**2), 2",
    "the squares are averaged. The aggregate averages the predictions first and squares once.",
)
window_losses.mistake(
    "without_one_over_J",
    "2 * mean_off / len(y_hat)",
    "2 * mean_off",
    "the factor 1/J is missing in the gradient of the aggregate: one prediction moves the mean by 1/J only.",
)
window_losses.mistake(
    "own_error_in_aggregate",
    "np.full(len(y_hat), 2 * mean_off / len(y_hat))",
    "2 * off / len(y_hat)",
    "the gradient of the aggregate holds each window's own error. It knows the error of the mean only: J equal ones.",
)
window_losses.mistake(
    "one_number_for_all",
    "np.full(len(y_hat), 2 * mean_off / len(y_hat))",
    "2 * mean_off / len(y_hat)",
    "the gradient is one number. There are J predictions, so it has J numbers, here all equal: np.full(J, ...).",
)
window_losses.mistake(
    "without_two",
    "2 * off, np.full(len(y_hat), 2 * mean_off",
    "off, np.full(len(y_hat), mean_off",
    "the factor 2 is missing in the gradients: the derivative of a square is twice what is squared.",
)
window_losses.mistake(
    "sign_reversed",
    "2 * off, np.full(len(y_hat), 2 * mean_off",
    "-2 * off, np.full(len(y_hat), -2 * mean_off",
    "the gradients have the wrong sign. A prediction above the label makes the loss grow: 2 (y_hat - y).",
)


# ---------------------------------------------------------------------- padding


def some_names(rng):
    """Names in random letters, of unequal length; at times a single name."""
    lengths = rng.permutation(np.arange(1, 8))[: rng.integers(1, 5)]
    return {"names": ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), size=n)) for n in lengths]}


@chapter.question(
    points=2,
    returns=("x", "lengths", "mask"),
    cases=some_names,
    hints=(
        "First the lengths: the longest of them is T, and there are as many columns as names.",
        "Start from np.zeros((T, B), dtype=int) and write the codes of name b into the top of column b.",
        "The mask compares np.arange(T)[:, None], (T, 1), to lengths, (B,): broadcasting makes (T, B) of them.",
    ),
    see="sequences-of-unequal-length",
)
def pad_names(names):
    """Time is the first axis, so each name is a column, filled from the top; below it the zeros stay.

    Step t of a name is real if t < its length: the comparison of a column of steps with a row of lengths.
    """
    lengths = np.array([len(name) for name in names])
    x = np.zeros((lengths.max(), len(names)), dtype=int)
    for b, name in enumerate(names):
        x[: len(name), b] = [ord(letter) - ord("a") + 1 for letter in name]
    return x, lengths, np.arange(len(x))[:, None] < lengths


pad_names.mistake(
    "batch_first",
    "return x, lengths, np.arange(len(x))[:, None] < lengths",
    "return x.T, lengths, (np.arange(len(x))[:, None] < lengths).T",
    "each name is a row. Time is the first axis in this course: each name is a column, and x is (T, B).",
)
pad_names.mistake(
    "padded_in_front",
    "x[: len(name), b]",
    "x[len(x) - len(name) :, b]",
    "the padding stands in front of the names. Each name begins at step 0, and the padding follows its end.",
)
pad_names.mistake(
    "mask_of_padding",
    "[:, None] < lengths",
    "[:, None] >= lengths",
    "the mask is turned round: it is to be true where a step is real.",
)
pad_names.mistake(
    "mask_one_too_long",
    "[:, None] < lengths",
    "[:, None] <= lengths",
    "the mask covers one step of padding: the steps of a name of length n are 0 to n - 1, so it is <, not <=.",
)
pad_names.mistake(
    "lengths_after_padding",
    "return x, lengths,",
    "return x, np.full(len(names), len(x)),",
    "these are the lengths after padding, all the same. Keep the true ones: they are what padding destroys.",
)
pad_names.mistake(
    "mask_as_numbers",
    "np.arange(len(x))[:, None] < lengths",
    "(np.arange(len(x))[:, None] < lengths).astype(int)",
    "the mask holds numbers. Leave it as booleans, as the comparison makes them: x[mask] would pick rows by number.",
)
pad_names.mistake(
    "decimals",
    ", dtype=int",
    "",
    "np.zeros makes decimals unless it is told otherwise. Codes are whole numbers: dtype=int.",
)
pad_names.mistake(
    "letters_from_zero",
    ' - ord("a") + 1',
    ' - ord("a")',
    "the letter a has the code 0, and so has the padding: the two cannot be told apart. Count the letters from 1.",
)


def a_padded_batch(rng):
    """Values at every step, padding included, some of them 0, and a mask; at times all but one step are padding."""
    T, B = sizes(rng, 2)
    lengths = rng.permutation([T, *rng.integers(1, max(T, 2), size=B - 1)])
    values = rng.normal(1.0, size=(T, B))
    values[rng.random((T, B)) < 0.2] = 0
    return {"values": values, "mask": np.arange(T)[:, None] < lengths}


@chapter.question(
    points=1,
    returns=("mean",),
    cases=a_padded_batch,
    hints=(
        "A mean is a sum over a count. Which values may enter the sum, and how many are they?",
        "values * mask is zero at every padded step, so its sum is the sum over the real ones.",
        "mask.sum() counts the real steps. mean() would divide by all of them.",
    ),
    see="sequences-of-unequal-length",
)
def masked_mean(values, mask):
    """The mask is 1 at real steps and 0 at padding: it removes the padding from the sum and from the count."""
    return np.sum(values * mask) / np.sum(mask)


masked_mean.mistake(
    "mask_ignored",
    "np.sum(values * mask) / np.sum(mask)",
    "np.mean(values)",
    "the padding is in the mean. Multiply the values by the mask before you add them up.",
)
masked_mean.mistake(
    "divided_by_all",
    "np.sum(values * mask) / np.sum(mask)",
    "np.mean(values * mask)",
    "the sum is right, but it is divided by the number of all steps, padded ones too. Divide by mask.sum().",
)
masked_mean.mistake(
    "mean_of_means",
    "np.sum(values * mask) / np.sum(mask)",
    "np.mean(np.sum(values * mask, axis=0) / np.sum(mask, axis=0))",
    "this averages the means of the sequences, so a short one counts as much as a long one. Every step counts once.",
)
masked_mean.mistake(
    "mask_turned_round",
    "np.sum(values * mask) / np.sum(mask)",
    "np.sum(values * ~mask) / np.sum(~mask)",
    "this is the mean of the padding: the mask is true where a step is real.",
)
masked_mean.mistake(
    "one_mean_a_sequence",
    "np.sum(values * mask) / np.sum(mask)",
    "np.sum(values * mask, axis=0) / np.sum(mask, axis=0)",
    "this is one mean for each sequence. The formula adds over steps and batch: leave out axis=0.",
)
masked_mean.mistake(
    "sum_only",
    " / np.sum(mask)",
    "",
    "this is the sum over the real steps. Divide it by their number, mask.sum().",
)


# ---------------------------------------------------------------------- a forecast and its rival


def a_signal(rng):
    """A short random walk and a window."""
    n, W = int(rng.integers(12, 20)), int(rng.integers(1, 6))
    return {"z": np.cumsum(rng.normal(size=n)), "W": W}


@chapter.question(
    points=3,
    returns=("mean_error", "last_error"),
    cases=a_signal,
    hints=(
        "The forecasts are for z[W], z[W + 1], ...: what has W values before it. Which window belongs to z[W]?",
        "For each t from W on, the mean of z[t - W : t] is one forecast and z[t - 1] is the other.",
        "Both are judged on z[W:]. Which slice of z, as long as that, holds the last value before each of its steps?",
    ),
    see="a-series-in-which-the-past-helps",
)
def forecast_errors(z, W):
    """Both forecasts are made for the same steps, those with W values before them: z[W:].

    The window of z[t] ends before it, z[t - W : t]; its last value is z[t - 1].
    """
    means = np.array([z[t - W : t].mean() for t in range(W, len(z))])
    return np.sqrt(np.mean((means - z[W:]) ** 2)), np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2))


forecast_errors.mistake(
    "target_in_the_window",
    "z[t - W : t]",
    "z[t - W + 1 : t + 1]",
    "the window of z[t] contains z[t] itself: the forecast has seen what it is asked for. End before: z[t - W : t].",
)
forecast_errors.mistake(
    "one_day_late",
    "z[t - W : t].mean() for t in range(W, len(z))",
    "z[max(t - W - 1, 0) : t - 1].mean() for t in range(W, len(z))",
    "the windows end one value too early: the newest value before z[t] is z[t - 1], and it may be used.",
)
forecast_errors.mistake(
    "without_root",
    "np.sqrt(np.mean((means - z[W:]) ** 2)), np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2))",
    "np.mean((means - z[W:]) ** 2), np.mean((z[W - 1 : -1] - z[W:]) ** 2)",
    "the root is missing. With it the error has the unit of the series, so that one can picture it.",
)
forecast_errors.mistake(
    "absolute_errors",
    "np.sqrt(np.mean((means - z[W:]) ** 2)), np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2))",
    "np.mean(np.abs(means - z[W:])), np.mean(np.abs(z[W - 1 : -1] - z[W:]))",
    "this is the mean of the absolute errors. Square first, average, then take the root.",
)
forecast_errors.mistake(
    "rival_on_other_days",
    "(z[W - 1 : -1] - z[W:])",
    "(z[:-1] - z[1:])",
    "the last value is judged on more days than the mean. A comparison is fair on the same days only: z[W:].",
)
forecast_errors.mistake(
    "squares_added_up",
    "np.sqrt(np.mean((means - z[W:]) ** 2)), np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2))",
    "np.sqrt(np.sum((means - z[W:]) ** 2)), np.sqrt(np.sum((z[W - 1 : -1] - z[W:]) ** 2))",
    "the squares are added up, so the error grows with the number of days. Take their mean.",
)
