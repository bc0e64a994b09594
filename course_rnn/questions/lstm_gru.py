"""The questions of chapter 07, LSTM and GRU."""

import numpy as np

from course_rnn.checking.cases import rnn_weights, sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.gradients import rnn_step_backward
from course_rnn.questions.seeds import SEEDS

chapter = Chapter("07_lstm_gru", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


def sigmoid(a):
    """The logistic function, which the notebook gives to the learner too."""
    return 1 / (1 + np.exp(-a))


# ---------------------------------------------------------------------- how many parameters


def two_sizes(rng):
    """Sizes of a layer."""
    return dict(zip("DH", sizes(rng, 2, 2, 9), strict=True))


@chapter.question(
    points=1,
    returns=("lstm", "lstm_torch", "gru_torch"),
    cases=two_sizes,
    hints=(
        "Count one gate first: which shape has its matrix for [h; x], and how many numbers has its bias?",
        "A gate has H (H + D) weights. The candidate has its own too: how many such blocks has an LSTM, and a GRU?",
        "Four blocks and three blocks. A block has H (H + D) weights, and H biases once, or in torch twice.",
    ),
    see="the-lstm-gate-by-gate",
)
def gated_parameters(D, H):
    """A gate, and the candidate as well, reads H + D numbers and makes H: a matrix of H (H + D) and a bias of H.

    An LSTM has four such blocks (i, f, g, o), a GRU three (r, z, n). torch adds a second bias to each.
    """
    block = H * (H + D)
    return 4 * (block + H), 4 * (block + 2 * H), 3 * (block + 2 * H)


gated_parameters.mistake(
    "candidate_forgotten",
    "4 * (block + H), 4 * (block + 2 * H), 3 * (block + 2 * H)",
    "3 * (block + H), 3 * (block + 2 * H), 2 * (block + 2 * H)",
    "only the gates are counted. The candidate, g or n, has a matrix and a bias of its own: four blocks, and three.",
)
gated_parameters.mistake(
    "one_bias_in_torch",
    "4 * (block + 2 * H), 3 * (block + 2 * H)",
    "4 * (block + H), 3 * (block + H)",
    "torch keeps two biases for every gate, bias_ih and bias_hh: 2 H numbers a block, not H.",
)
gated_parameters.mistake(
    "two_biases_on_the_slides",
    "4 * (block + H),",
    "4 * (block + 2 * H),",
    "the first count is for one bias a gate, as in the formulas. The second bias is torch's.",
)
gated_parameters.mistake(
    "gru_of_four",
    "3 * (block",
    "4 * (block",
    "the GRU is counted as an LSTM. It has two gates and a candidate: three blocks, r, z and n.",
)
gated_parameters.mistake(
    "without_biases",
    "4 * (block + H), 4 * (block + 2 * H), 3 * (block + 2 * H)",
    "4 * block, 4 * block, 3 * block",
    "the biases are missing: H numbers in every block, in torch 2 H.",
)
gated_parameters.mistake(
    "one_bias_for_all_gates",
    "4 * (block + H), 4 * (block + 2 * H), 3 * (block + 2 * H)",
    "4 * block + H, 4 * block + 2 * H, 3 * block + 2 * H",
    "the bias is counted once for all gates. Each gate, and the candidate, has one of its own, H numbers each.",
)
gated_parameters.mistake(
    "input_alone",
    "H * (H + D)",
    "H * D",
    "each gate reads the old state too. Its matrix has H + D columns: H for the state and D for the input.",
)
gated_parameters.mistake(
    "bias_per_input",
    "4 * (block + H), 4 * (block + 2 * H), 3 * (block + 2 * H)",
    "4 * (block + H + D), 4 * (block + H + D), 3 * (block + H + D)",
    "a bias is added to the H numbers that a gate makes, not to the D or the H + D that it reads.",
)


# ---------------------------------------------------------------------- the joined matrices, as a page has them


def joined_matrices(rng):
    """One matrix for each gate, all of it for the joined vector [h; x]."""
    D, H = sizes(rng, 2)
    return {f"W_{gate}": rng.normal(size=(H, H + D)) for gate in "figo"}


@chapter.question(
    points=2,
    returns=("weight_ih", "weight_hh"),
    cases=joined_matrices,
    hints=(
        "v = [h; x], so a row of W meets the numbers of h first. Which columns of W belong to h, which to x?",
        "The first H columns are W_h, the other D are W_x. In which order does torch put its four blocks of rows?",
        "Stack i, f, g, o with np.concatenate; the first H columns are weight_hh, the others weight_ih.",
    ),
    see="the-lstm-gate-by-gate",
)
def from_joined(W_f, W_i, W_g, W_o):
    """W [h; x] = W_h h + W_x x: the first H columns of each matrix meet h, the other D meet x.

    torch stacks the gates in the order i, f, g, o; each matrix has H rows, so H is len(W_f).
    """
    W = np.concatenate([W_i, W_f, W_g, W_o])
    return W[:, len(W_f) :], W[:, : len(W_f)]


from_joined.mistake(
    "as_the_page_has_it",
    "[W_i, W_f, W_g, W_o])\n    return W[:, len(W_f) :], W[:, : len(W_f)]",
    "[W_f, W_i, W_g, W_o])\n    return W[:, : -len(W_f)], W[:, -len(W_f) :]",
    "this is what the page does. Its joined vector begins with h, so cut after H columns; and torch stacks i, f, g, o.",
)
from_joined.mistake(
    "order_of_the_page",
    "[W_i, W_f, W_g, W_o]",
    "[W_f, W_i, W_g, W_o]",
    "the gates are stacked f, i, g, o. torch would use the forget gate to write: its order is i, f, g, o.",
)
from_joined.mistake(
    "input_first",
    "W[:, len(W_f) :], W[:, : len(W_f)]",
    "W[:, : -len(W_f)], W[:, -len(W_f) :]",
    "the matrices are cut as if the joined vector were [x; h]. It is [h; x]: the first H columns belong to h.",
)
from_joined.mistake(
    "candidate_last",
    "[W_i, W_f, W_g, W_o]",
    "[W_i, W_f, W_o, W_g]",
    "this is the order of CS231n, i, f, o, g. In torch the candidate comes before the output gate: i, f, g, o.",
)
from_joined.mistake(
    "blocks_swapped",
    "W[:, len(W_f) :], W[:, : len(W_f)]",
    "W[:, : len(W_f)], W[:, len(W_f) :]",
    "the cut is right, but the blocks are returned in the wrong order: weight_ih (4H, D), that of x, comes first.",
)
from_joined.mistake(
    "side_by_side",
    "W_o])\n    return W[:, len(W_f) :], W[:, : len(W_f)]",
    "W_o], axis=1)\n    return W[:, len(W_f) :], W[:, : len(W_f)]",
    "the gates stand side by side. torch puts them on top of one another: 4H rows, so join along the first axis.",
)
from_joined.mistake(
    "row_form",
    "W[:, len(W_f) :], W[:, : len(W_f)]",
    "W[:, len(W_f) :].T, W[:, : len(W_f)].T",
    "these are the matrices of the row form, as Keras stores them. torch stores W as in the formula, (4H, D).",
)


# ---------------------------------------------------------------------- one step of the LSTM


def an_lstm_step(rng):
    """Arguments of one step."""
    B, D, H = sizes(rng, 3)
    state = {name: rng.normal(size=(B, n)) for name, n in (("x", D), ("h", H), ("c", H))}
    return state | rnn_weights(rng, D, H, gates=4)


@chapter.question(
    points=2,
    returns=("h_next", "c_next"),
    cases=an_lstm_step,
    hints=(
        "One product for x and one for h make all four gates at once: (B, 4H). Then cut it into four pieces (B, H).",
        "np.split(a, 4, axis=1) cuts; the pieces are i, f, g, o. Three go through the sigmoid, g through the tanh.",
        "c_next = f * c + i * g, and what is shown of it is h_next = o * np.tanh(c_next).",
    ),
    see="the-lstm-gate-by-gate",
)
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """What goes into the gates is computed at once, (B, 4H), and cut in torch's order i, f, g, o.

    The new cell keeps a share f of the old one and takes a share i of the candidate; a share o of its tanh is shown.
    """
    i, f, g, o = np.split(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh, 4, axis=1)
    c_next = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_next), c_next


lstm_step.mistake(
    "forget_gate_first",
    "i, f, g, o =",
    "f, i, g, o =",
    "the first two gates are taken for one another. torch's order is i, f, g, o: the input gate comes first.",
)
lstm_step.mistake(
    "candidate_last",
    "i, f, g, o =",
    "i, f, o, g =",
    "the gates are cut in the order i, f, o, g, that of CS231n. In torch the candidate is third: i, f, g, o.",
)
lstm_step.mistake(
    "order_of_onnx",
    "i, f, g, o =",
    "i, o, f, g =",
    "the gates are cut in the order i, o, f, g, that of ONNX. torch's is i, f, g, o.",
)
lstm_step.mistake(
    "cell_shown_without_tanh",
    "sigmoid(o) * np.tanh(c_next), c_next",
    "sigmoid(o) * c_next, c_next",
    "the tanh around the cell is missing in h. The cell is a sum and may grow; what is shown stays between -1 and 1.",
)
lstm_step.mistake(
    "old_cell_shown",
    "np.tanh(c_next), c_next",
    "np.tanh(c), c_next",
    "h is made from the old cell. First write the new one, then show it: h_next = o * tanh(c_next).",
)
lstm_step.mistake(
    "tanh_kept_in_the_cell",
    "np.tanh(c_next), c_next",
    "np.tanh(c_next), np.tanh(c_next)",
    "the cell itself is squashed by the tanh. The tanh is only for what h shows; the cell stays the plain sum.",
)
lstm_step.mistake(
    "sigmoid_of_the_candidate",
    "np.tanh(g)",
    "sigmoid(g)",
    "the candidate went through the sigmoid. It is no gate: with tanh it can make the cell smaller too.",
)
lstm_step.mistake(
    "gates_not_squashed",
    "sigmoid(f) * c + sigmoid(i) * np.tanh(g)\n    return sigmoid(o)",
    "f * c + i * np.tanh(g)\n    return o",
    "the sigmoid of the gates is missing, so they are no shares between 0 and 1.",
)
lstm_step.mistake(
    "without_forget_gate",
    "sigmoid(f) * c",
    "c",
    "the old cell is kept whole. So did the LSTM of 1997; since 2000 the forget gate says how much is kept: f * c.",
)
lstm_step.mistake(
    "without_old_cell",
    "sigmoid(f) * c + ",
    "",
    "the old cell is lost: the step remembers nothing but h. The new cell is a sum, f * c + i * g.",
)
lstm_step.mistake(
    "forget_for_input",
    "sigmoid(i) * np.tanh(g)",
    "(1 - sigmoid(f)) * np.tanh(g)",
    "what is written is tied to what is forgotten, as in a GRU. An LSTM has an input gate for it: i * g.",
)
lstm_step.mistake(
    "without_recurrence",
    "+ h @ weight_hh.T ",
    "",
    "the gates do not see the old state. Each is made of both, x @ weight_ih.T and h @ weight_hh.T.",
)
lstm_step.mistake(
    "without_bias_hh",
    "weight_hh.T + bias_hh",
    "weight_hh.T",
    "bias_hh is missing. torch keeps two biases; both must be added.",
)
lstm_step.mistake(
    "batch_cut",
    "4, axis=1)",
    "4)",
    "np.split cuts the first axis, the batch, if it is not told otherwise. The gates lie along the second: axis=1.",
)
lstm_step.mistake(
    "weights_not_transposed",
    "x @ weight_ih.T",
    "x @ weight_ih",
    "the weights are not transposed. With samples as rows it is x @ weight_ih.T, (B, 4H).",
)
lstm_step.mistake(
    "outputs_swapped",
    "return sigmoid(o) * np.tanh(c_next), c_next",
    "return c_next, sigmoid(o) * np.tanh(c_next)",
    "h_next and c_next are returned in the wrong order: the state h comes first.",
)


# ---------------------------------------------------------------------- and back


def an_lstm_step_back(rng):
    """What the step backward starts from: the gates as the step forward made them, and the gradients behind it."""
    B, D, H = sizes(rng, 3)
    names = {"dh_next": H, "dc_next": H, "x": D, "h": H, "c": H}
    kept = {name: rng.normal(size=(B, n)) for name, n in names.items()}
    weights = {"weight_ih": rng.normal(scale=0.5, size=(4 * H, D)), "weight_hh": rng.normal(scale=0.5, size=(4 * H, H))}
    a = kept["x"] @ weights["weight_ih"].T + kept["h"] @ weights["weight_hh"].T + rng.normal(scale=0.5, size=4 * H)
    i, f, g, o = np.split(a, 4, axis=1)
    return kept | weights | {"i": sigmoid(i), "f": sigmoid(f), "g": np.tanh(g), "o": sigmoid(o)}


@chapter.question(
    points=4,
    returns=("dx", "dh", "dc", "dweight_ih", "dweight_hh", "dbias"),
    cases=an_lstm_step_back,
    hints=(
        "Take the step's lines in reverse. Begin with the gradient of c': by which two ways does it come?",
        "With dc_all = dc_next + dh_next * o * (1 - tanh(c')²) the rest is products: di = dc_all * g, and so on.",
        "Each gate's gradient goes through its nonlinearity, di * i * (1 - i); stacked they are da (B, 4H). "
        "Then dx = da @ weight_ih and dweight_ih = da.T @ x.",
    ),
    see="the-lstm-backward",
)
def lstm_step_backward(dh_next, dc_next, x, h, c, weight_ih, weight_hh, i, f, g, o):
    """h' depends on c', so its gradient joins that of c' before anything else is done.

    In a product each factor gets the gradient times the other factor. Through the sigmoid it is multiplied by
    s (1 - s), through the tanh by 1 - g². Stacked in the order i, f, g, o this is da (B, 4H), the gradient of
    W_ih x + W_hh h + b; every array that went into that sum gets its share from da.
    """
    tanh_c = np.tanh(f * c + i * g)
    dc_all = dc_next + dh_next * o * (1 - tanh_c**2)
    di, df, dg, do = dc_all * g, dc_all * c, dc_all * i, dh_next * tanh_c
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)], axis=1)
    return da @ weight_ih, da @ weight_hh, dc_all * f, da.T @ x, da.T @ h, da.sum(axis=0)


lstm_step_backward.mistake(
    "without_path_through_h",
    "dc_next + dh_next * o * (1 - tanh_c**2)",
    "dc_next",
    "the path from h' to c' is missing. h' = o * tanh(c'), so add dh_next * o * (1 - tanh(c')²) to dc_next first.",
)
lstm_step_backward.mistake(
    "without_dc_next",
    "dc_next + dh_next * o * (1 - tanh_c**2)",
    "dh_next * o * (1 - tanh_c**2)",
    "dc_next is lost. Later steps use the cell too; that is the carousel, and its gradient is dc_next.",
)
lstm_step_backward.mistake(
    "tanh_of_the_cell_forgotten",
    "o * (1 - tanh_c**2)",
    "o",
    "h' is taken to be o * c'. The gradient also passes the tanh around the cell: times 1 - tanh(c')².",
)
lstm_step_backward.mistake(
    "derivative_in_terms_of_the_cell",
    "(1 - tanh_c**2)",
    "(1 - (f * c + i * g) ** 2)",
    "the derivative of the tanh is 1 - tanh(c')², but the cell itself was squared. Square its tanh.",
)
lstm_step_backward.mistake(
    "output_gate_forgotten",
    "dh_next * o * (1",
    "dh_next * (1",
    "on the way from h' to c' the factor o is missing: h' = o * tanh(c'), and o is the other factor.",
)
lstm_step_backward.mistake(
    "derivative_of_the_old_cell",
    "np.tanh(f * c + i * g)",
    "np.tanh(c)",
    "the tanh is taken of the old cell c. h' shows the new one, c' = f * c + i * g.",
)
lstm_step_backward.mistake(
    "dc_not_through_forget_gate",
    "dc_all * f, da.T",
    "dc_all, da.T",
    "dc is the gradient of the new cell. The old one went through the forget gate: times f.",
)
lstm_step_backward.mistake(
    "dc_next_alone_through_forget_gate",
    "dc_all * f, da.T",
    "dc_next * f, da.T",
    "the gates are right, but dc lacks the path through h'. It is f times the whole gradient of c', not dc_next alone.",
)
lstm_step_backward.mistake(
    "gates_not_differentiated",
    "di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)",
    "di, df, dg, do",
    "the gradients go into the matrices without passing the nonlinearities: s (1 - s) for a gate, 1 - g² for g.",
)
lstm_step_backward.mistake(
    "one_minus_gate_forgotten",
    "di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)",
    "di * (1 - i), df * (1 - f), dg * (1 - g**2), do * (1 - o)",
    "the derivative of the sigmoid is s (1 - s); the factor s is missing.",
)
lstm_step_backward.mistake(
    "squashed_twice",
    "di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)",
    "*(d * sigmoid(s) * (1 - sigmoid(s)) for d, s in ((di, i), (df, f))), dg * (1 - np.tanh(g) ** 2), "
    "do * sigmoid(o) * (1 - sigmoid(o))",
    "the gates went through their sigmoid and tanh a second time. i, f, g, o are given after it: i * (1 - i).",
)
lstm_step_backward.mistake(
    "candidate_as_a_gate",
    "dg * (1 - g**2)",
    "dg * g * (1 - g)",
    "the candidate is differentiated like a gate. It went through a tanh: its derivative is 1 - g².",
)
lstm_step_backward.mistake(
    "factors_not_exchanged",
    "dc_all * g, dc_all * c, dc_all * i,",
    "dc_all * i, dc_all * f, dc_all * g,",
    "each gate got its own value as a factor. In a product it is the other one: di = dc_all * g, df = dc_all * c.",
)
lstm_step_backward.mistake(
    "new_cell_for_old",
    "dc_all * c,",
    "dc_all * (f * c + i * g),",
    "df has the new cell as its factor. The forget gate was multiplied with the old one, c.",
)
lstm_step_backward.mistake(
    "cell_without_tanh_for_o",
    "dh_next * tanh_c\n",
    "dh_next * (f * c + i * g)\n",
    "do has the cell as its factor. The output gate was multiplied with its tanh: do = dh_next * tanh(c').",
)
lstm_step_backward.mistake(
    "state_passed_on",
    "da @ weight_hh, dc_all",
    "da @ weight_hh + dh_next, dc_all",
    "dh_next was added to dh, as if the old state were a part of the new one. It only feeds the gates: da @ weight_hh.",
)
lstm_step_backward.mistake(
    "forget_gate_first",
    "di * i * (1 - i), df * f * (1 - f), dg",
    "df * f * (1 - f), di * i * (1 - i), dg",
    "the gates are stacked f, i, g, o. The rows of the weights are in torch's order, i, f, g, o.",
)
lstm_step_backward.mistake(
    "output_gate_third",
    "dg * (1 - g**2), do * o * (1 - o)]",
    "do * o * (1 - o), dg * (1 - g**2)]",
    "the gates are stacked i, f, o, g. The rows of the weights are in torch's order, i, f, g, o.",
)
lstm_step_backward.mistake(
    "mean_over_the_batch",
    "da.T @ x, da.T @ h, da.sum(axis=0)",
    "da.T @ x / len(x), da.T @ h / len(x), da.mean(axis=0)",
    "this is a mean over the batch. Weights and biases serve every sample, so the gradients of all samples add up.",
)
lstm_step_backward.mistake(
    "weight_gradients_transposed",
    "da.T @ x, da.T @ h",
    "x.T @ da, h.T @ da",
    "the gradients of the weights are transposed: dweight_ih has the shape of weight_ih, da.T @ x.",
)
lstm_step_backward.mistake(
    "weights_transposed",
    "da @ weight_ih, da @ weight_hh",
    "da @ weight_ih.T, da @ weight_hh.T",
    "forward it was x @ weight_ih.T, so backward the transpose goes: dx = da @ weight_ih.",
)

lstm_step_backward.inherit(rnn_step_backward)


# ---------------------------------------------------------------------- one step of the GRU, both forms


def a_gru_step(rng):
    """Arguments of one step in one of the two forms."""
    B, D, H = sizes(rng, 3)
    state = {"x": rng.normal(size=(B, D)), "h": rng.normal(size=(B, H))}
    return state | rnn_weights(rng, D, H, gates=3) | {"reset_after": bool(rng.integers(2))}


@chapter.question(
    points=3,
    returns=("h_next",),
    cases=a_gru_step,
    hints=(
        "Keep a = x @ weight_ih.T + bias_ih and m = h @ weight_hh.T + bias_hh apart, (B, 3H) each. "
        "What are r and z made of?",
        "r and z are the first two thirds of sigmoid(a + m). With reset_after, r multiplies the last third of m.",
        "Before the matrix: (r * h) @ weight_hh[2 * H :].T + bias_hh[2 * H :]. Either goes to a_n, then the tanh; "
        "z keeps h.",
    ),
    see="the-gru-twice",
)
def gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, reset_after):
    """r and z come from the first two blocks of both products. For the candidate they are kept apart.

    With the reset after the matrix, r decides how much of W_hn h + b_hn comes in; before it, what of h the matrix
    sees. In both forms z is the share of the old state that is kept.
    """
    H = h.shape[1]
    a, m = x @ weight_ih.T + bias_ih, h @ weight_hh.T + bias_hh
    r, z, _ = np.split(sigmoid(a + m), 3, axis=1)
    W_hn, b_hn = weight_hh[2 * H :], bias_hh[2 * H :]
    past = r * (h @ W_hn.T + b_hn) if reset_after else (r * h) @ W_hn.T + b_hn
    n = np.tanh(a[:, 2 * H :] + past)
    return (1 - z) * n + z * h


gru_step.mistake(
    "z_writes",
    "(1 - z) * n + z * h",
    "z * n + (1 - z) * h",
    "z is turned round: here it is the share that is written, as on the slides. torch's z is the share that is kept.",
)
gru_step.mistake(
    "always_after",
    " if reset_after else (r * h) @ W_hn.T + b_hn",
    "",
    "the reset always acts after the matrix. With reset_after=False r chooses what of h the matrix reads: W (r * h).",
)
gru_step.mistake(
    "always_before",
    "r * (h @ W_hn.T + b_hn) if reset_after else (r * h)",
    "(r * h)",
    "the reset always acts before the matrix. With reset_after=True it acts on the product: r * (W h + b).",
)
gru_step.mistake(
    "reset_on_the_wrong_side",
    "if reset_after else",
    "if not reset_after else",
    "the two forms are taken for one another. With reset_after=True the matrix comes first: r * (W h + b).",
)
gru_step.mistake(
    "bias_outside_the_reset",
    "r * (h @ W_hn.T + b_hn) if",
    "r * (h @ W_hn.T) + b_hn if",
    "after the matrix, b_hn stands inside the reset: r * (W h + b_hn), not r * (W h) + b_hn.",
)
gru_step.mistake(
    "bias_inside_the_reset",
    "(r * h) @ W_hn.T + b_hn",
    "(r * h) @ W_hn.T + r * b_hn",
    "before the matrix, r acts on h alone: W (r * h) + b_hn. The bias is added as it is.",
)
gru_step.mistake(
    "input_is_reset_too",
    "np.tanh(a[:, 2 * H :] + past)",
    "np.tanh(r * a[:, 2 * H :] + past)",
    "the reset acts on the input as well. It only decides how much of the old state the candidate may see.",
)
gru_step.mistake(
    "without_reset",
    "r * (h @ W_hn.T + b_hn) if reset_after else (r * h) @ W_hn.T + b_hn",
    "h @ W_hn.T + b_hn",
    "the reset gate is not used: the candidate always sees the whole old state.",
)
gru_step.mistake(
    "update_gate_first",
    "r, z, _ =",
    "z, r, _ =",
    "the gates are cut in the order z, r, n, that of Keras and ONNX. torch's is r, z, n.",
)
gru_step.mistake(
    "sigmoid_of_the_candidate",
    "np.tanh(",
    "sigmoid(",
    "the candidate went through the sigmoid. It is no gate: it goes through the tanh.",
)
gru_step.mistake(
    "past_counted_twice",
    "a[:, 2 * H :] + past",
    "(a + m)[:, 2 * H :] + past",
    "the candidate sees the old state twice: once as it is and once through the reset. Add the reset part to W_in x.",
)
gru_step.mistake(
    "nothing_kept",
    "(1 - z) * n + z * h",
    "(1 - z) * n",
    "the share of the old state is missing. The new state is a mixture: (1 - z) * n + z * h.",
)
gru_step.mistake(
    "candidate_not_scaled",
    "(1 - z) * n + z * h",
    "n + z * h",
    "the candidate is added whole. The two shares must add up to 1, or the state grows: (1 - z) * n + z * h.",
)
gru_step.mistake(
    "without_bias_before",
    "(r * h) @ W_hn.T + b_hn",
    "(r * h) @ W_hn.T",
    "with the reset before the matrix b_hn is missing. It is added there too: W (r * h) + b_hn.",
)
gru_step.mistake(
    "batch_cut",
    "3, axis=1)",
    "3)",
    "np.split cuts the first axis, the batch, if it is not told otherwise. The gates lie along the second: axis=1.",
)
gru_step.mistake(
    "without_bias_hh",
    "h @ weight_hh.T + bias_hh\n    r, z, _ = np.split(sigmoid(a + m), 3, axis=1)\n"
    "    W_hn, b_hn = weight_hh[2 * H :], bias_hh[2 * H :]\n",
    "h @ weight_hh.T\n    r, z, _ = np.split(sigmoid(a + m), 3, axis=1)\n    W_hn, b_hn = weight_hh[2 * H :], 0\n",
    "bias_hh is missing. torch keeps two biases; both must be added.",
)

gru_step.inherit(lstm_step)


# ---------------------------------------------------------------------- the two meanings of z


def gru_weights(rng):
    """The weights of a GRU alone."""
    D, H = sizes(rng, 2)
    return rnn_weights(rng, D, H, gates=3)


@chapter.question(
    points=2,
    returns=("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=gru_weights,
    hints=(
        "If z is the share to write, 1 - z is the share to keep. Which a' has sigmoid(a') = 1 - sigmoid(a)?",
        "It is a' = -a: turn the sign of all that is added up in a. Which rows of the stacked arrays make z?",
        "The gates are stacked r, z, n, so the rows H to 2H change sign, in both weights and both biases. "
        "Work on copies.",
    ),
    see="the-two-meanings-of-z",
)
def write_to_keep(weight_ih, weight_hh, bias_ih, bias_hh):
    """sigmoid(-a) = 1 - sigmoid(a), so all that is added up in the gate z changes its sign, and nothing else does.

    The rows H to 2H of the stacked arrays are those of z; new arrays are made by a product with 1 and -1.
    """
    sign = np.repeat([1, -1, 1], weight_hh.shape[1])
    return weight_ih * sign[:, None], weight_hh * sign[:, None], bias_ih * sign, bias_hh * sign


write_to_keep.mistake(
    "rows_of_the_reset_gate",
    "[1, -1, 1]",
    "[-1, 1, 1]",
    "the rows of r changed sign. torch stacks r, z, n, so those of z are the second block, from H to 2H.",
)
write_to_keep.mistake(
    "rows_of_the_candidate",
    "[1, -1, 1]",
    "[1, 1, -1]",
    "the rows of n changed sign. torch stacks r, z, n, so those of z are the second block, from H to 2H.",
)
write_to_keep.mistake(
    "both_gates",
    "[1, -1, 1]",
    "[-1, -1, 1]",
    "r changed its sign too. Only z has two meanings; the reset gate has the same one everywhere.",
)
write_to_keep.mistake(
    "everything_turned",
    "[1, -1, 1]",
    "[-1, -1, -1]",
    "all rows changed sign, also those of r and n. Only z has two meanings: turn the rows H to 2H.",
)
write_to_keep.mistake(
    "biases_left",
    "bias_ih * sign, bias_hh * sign",
    "bias_ih, bias_hh",
    "the biases of z kept their sign. They are added up in the gate as well: all of a must become -a.",
)
write_to_keep.mistake(
    "second_bias_left",
    "bias_hh * sign",
    "bias_hh",
    "bias_hh kept its sign. torch adds both biases in the gate, so both are turned.",
)
write_to_keep.mistake(
    "input_weights_left",
    "weight_ih * sign[:, None], w",
    "weight_ih, w",
    "weight_ih kept its sign. The gate is made from the input too: all of a must become -a.",
)


@write_to_keep.wrong(
    "1 - W was taken for the weights. It is the gate that is to become 1 - z; its sum changes sign: -W, and -b."
)
def one_minus_the_weights(weight_ih, weight_hh, bias_ih, bias_hh):
    H = weight_hh.shape[1]
    turned = [a.copy() for a in (weight_ih, weight_hh, bias_ih, bias_hh)]
    for a in turned:
        a[H : 2 * H] = 1 - a[H : 2 * H]
    return turned


# ---------------------------------------------------------------------- from a half-life to a bias


def some_half_lives(rng):
    """Half-lives in steps; one step and less than one among them."""
    return {"half_life": np.concatenate([[1.0, 0.5], rng.uniform(1, 100, size=rng.integers(2, 6))])}


@chapter.question(
    points=2,
    returns=("bias",),
    cases=some_half_lives,
    hints=(
        "In two steps: which forget gate f leaves half of the cell after k steps? Then: which bias makes that f?",
        "f^k = 1/2, so f is the k-th root of 1/2. For the second step solve f = 1 / (1 + exp(-b)) for b.",
        "f = 0.5 ** (1 / half_life); from exp(-b) = 1 / f - 1 = (1 - f) / f the bias follows by a logarithm.",
    ),
    see="the-forget-bias-is-a-dial",
)
def forget_bias(half_life):
    """After k steps a share f^k is left, so f is the k-th root of one half.

    f = 1 / (1 + exp(-b)) gives exp(-b) = (1 - f) / f, and so b = log(f / (1 - f)).
    """
    f = 0.5 ** (1 / half_life)
    return np.log(f / (1 - f))


forget_bias.mistake(
    "gate_for_bias",
    "np.log(f / (1 - f))",
    "f",
    "this is the forget gate, not its bias. The gate is sigmoid(b): solve for b.",
)
forget_bias.mistake(
    "sigmoid_for_its_inverse",
    "np.log(f / (1 - f))",
    "sigmoid(f)",
    "the gate went through the sigmoid once more. You need the way back: from sigmoid(b) = f to b.",
)
forget_bias.mistake(
    "odds_turned_round",
    "f / (1 - f)",
    "(1 - f) / f",
    "the sign is turned: this bias shuts the gate as far as it should open it. (1 - f) / f is exp(-b), not exp(b).",
)
forget_bias.mistake(
    "log_of_the_gate",
    "np.log(f / (1 - f))",
    "np.log(f)",
    "this is the logarithm of the gate. log undoes exp; the inverse of the sigmoid is log(f / (1 - f)).",
)
forget_bias.mistake(
    "rule_of_thumb",
    "np.log(f / (1 - f))",
    "np.log(half_life)",
    "log k is the rule of thumb, some tenths too low for a half-life. Solve f^k = 1/2 and f = sigmoid(b) exactly.",
)
forget_bias.mistake(
    "power_for_root",
    "1 / half_life",
    "half_life",
    "this gate is 1/2 multiplied k times with itself. The gate multiplied k times must give 1/2: take the k-th root.",
)
forget_bias.mistake(
    "one_over_e",
    "0.5 ** (1 / half_life)",
    "np.exp(-1 / half_life)",
    "after k steps a share 1/e is left, not one half. The gate must be the k-th root of 1/2.",
)
forget_bias.mistake(
    "share_falls_in_a_line",
    "0.5 ** (1 / half_life)",
    "1 - 0.5 / half_life",
    "half is divided by k as if each step took the same amount. Each takes the same share of what is left: f^k = 1/2.",
)
forget_bias.mistake(
    "the_other_way_round",
    "np.log(f / (1 - f))",
    "np.log(2) / -np.log(sigmoid(half_life))",
    "this is the half-life of a bias. Asked is the bias of a half-life: solve the formula for b.",
)


# ---------------------------------------------------------------------- the log-T start, in torch


def torch_biases(rng):
    """The two biases of an LSTM in torch, a distance, and random numbers, one for each unit."""
    H, T = int(rng.integers(1, 8)), int(rng.integers(5, 200))
    biases = {name: rng.normal(size=4 * H) for name in ("bias_ih", "bias_hh")}
    return biases | {"T": T, "u": rng.uniform(size=H)}


@chapter.question(
    points=2,
    returns=("bias_ih", "bias_hh"),
    cases=torch_biases,
    hints=(
        "u lies between 0 and 1. Stretch and move it, so that it lies between 1 and T - 1; then take the logarithm.",
        "b = torch.log(1 + u * (T - 2)). The gates are stacked i, f, g, o: which rows get b, and which get -b?",
        "Work on clones. torch adds both biases: if one gets the value, what must stand in the same rows of the other?",
    ),
    see="the-forget-bias-is-a-dial",
    library="torch",
)
def log_t_start(bias_ih, bias_hh, T, u):
    """1 + u (T - 2) is uniform between 1 and T - 1; its logarithm is the bias of f, and minus that the bias of i.

    torch adds its two biases, so one of them is 0 in these rows. The gates are stacked i, f, g, o.
    """
    import torch

    H, b = len(u), torch.log(1 + u * (T - 2))
    bias_ih, bias_hh = bias_ih.clone(), bias_hh.clone()
    bias_ih[:H], bias_ih[H : 2 * H] = -b, b
    bias_hh[: 2 * H] = 0
    return bias_ih, bias_hh


log_t_start.mistake(
    "gates_swapped",
    "= -b, b\n",
    "= b, -b\n",
    "the blocks of i and f are swapped: this cell forgets at once and writes all it reads. torch stacks i, f, g, o.",
)
log_t_start.mistake(
    "input_gate_open",
    "= -b, b\n",
    "= b, b\n",
    "the input gate is as open as the forget gate. A cell that keeps much must take in little: -b in the block of i.",
)
log_t_start.mistake(
    "forget_gate_alone",
    "    bias_ih[:H], bias_ih[H : 2 * H] = -b, b\n    bias_hh[: 2 * H] = 0\n",
    "    bias_ih[H : 2 * H] = b\n    bias_hh[H : 2 * H] = 0\n",
    "the input gate keeps its old bias. Log-T closes it as far as the forget gate opens: -b, and 0 in bias_hh.",
)
log_t_start.mistake(
    "second_bias_left",
    "    bias_hh[: 2 * H] = 0\n",
    "",
    "bias_hh keeps its old values in the rows of i and f. torch adds both biases, so set it to 0 there.",
)
log_t_start.mistake(
    "bias_twice",
    "bias_hh[: 2 * H] = 0",
    "bias_hh[:H], bias_hh[H : 2 * H] = -b, b",
    "both biases got the start. torch adds them, so the gate would begin at 2b, and T steps would become T squared.",
)
log_t_start.mistake(
    "other_gates_lost",
    "bias_hh[: 2 * H] = 0",
    "bias_hh[:] = 0",
    "bias_hh is 0 everywhere. Only the rows of i and f start anew; those of g and o stay as they were.",
)
log_t_start.mistake(
    "third_block",
    "bias_ih[H : 2 * H] = -b, b\n",
    "bias_ih[2 * H : 3 * H] = -b, b\n",
    "the forget bias stands in the third block, where ONNX has its forget gate. torch stacks i, f, g, o.",
)
log_t_start.mistake(
    "without_log",
    "torch.log(1 + u * (T - 2))",
    "1 + u * (T - 2)",
    "the logarithm is missing. The half-life grows as exp(b), so a bias of T would hold for exp(T) steps.",
)
log_t_start.mistake(
    "up_to_T",
    "u * (T - 2)",
    "u * (T - 1)",
    "1 + u (T - 1) goes from 1 to T. It is to end at T - 1: its length is T - 2.",
)
log_t_start.mistake(
    "from_zero",
    "1 + u * (T - 2)",
    "u * (T - 1)",
    "this goes from 0 to T - 1, and the logarithm of 0 is minus infinity. It is to begin at 1: 1 + u (T - 2).",
)
log_t_start.mistake(
    "not_moved",
    "1 + u * (T - 2)",
    "u * (T - 2)",
    "this goes from 0 to T - 2. The stretch is right; now move it, so that it begins at 1: 1 + u (T - 2).",
)
log_t_start.mistake(
    "uniform_in_the_log",
    "torch.log(1 + u * (T - 2))",
    "u * torch.log(torch.tensor(T - 1.0))",
    "here the bias is uniform. The time scales are to be uniform between 1 and T - 1, and the bias is their logarithm.",
)


# ---------------------------------------------------------------------- a cell of your own: one gate for two


def sums_and_states(rng):
    """The two sums of a cell with three blocks, and its two states."""
    B, H = sizes(rng, 2)
    sums = {name: rng.normal(size=(B, 3 * H)) for name in ("a", "u")}
    return sums | {name: rng.normal(size=(B, H)) for name in ("h", "c")}


@chapter.question(
    points=2,
    returns=("h_next", "c_next"),
    cases=sums_and_states,
    hints=(
        "Start from the LSTM of the chapter. Which of its four blocks is not needed if i = 1 - f?",
        "Three blocks, in the order f, g, o: np.split(a + u, 3, axis=1). Two go through σ, g through the tanh.",
        "Where f keeps much of c, little is written. Which factor in front of g says that?",
    ),
    see="your-own-cell",
)
def coupled_pointwise(a, u, h, c):
    """What is not kept is written: 1 - f takes the place of the input gate, so three blocks are enough.

    The old state h comes in through u alone.
    """
    f, g, o = np.split(a + u, 3, axis=1)
    c_next = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_next), c_next


coupled_pointwise.mistake(
    "kept_and_written_alike",
    "(1 - sigmoid(f))",
    "sigmoid(f)",
    "f scales the old cell and the candidate. Written is what is not kept: the candidate gets 1 - f.",
)
coupled_pointwise.mistake(
    "state_for_cell",
    "sigmoid(f) * c +",
    "sigmoid(f) * h +",
    "the state h is kept instead of the cell c. The memory is c; h is only what is shown of it.",
)
coupled_pointwise.mistake(
    "cell_shown_bare",
    "np.tanh(c_next), c_next",
    "c_next, c_next",
    "the cell is shown without its tanh: h_next = o * np.tanh(c_next).",
)
coupled_pointwise.mistake(
    "old_cell_shown",
    "np.tanh(c_next), c_next",
    "np.tanh(c), c_next",
    "the output gate shows the old cell. First make the new one, then show that: o * np.tanh(c_next).",
)
coupled_pointwise.mistake(
    "state_left_out",
    "np.split(a + u, 3",
    "np.split(a, 3",
    "u is not used: the gates see the input and not the state. Each block is a + u.",
)
coupled_pointwise.mistake(
    "blocks_in_another_order",
    "f, g, o = ",
    "g, f, o = ",
    "the first two blocks have changed places. The order asked for is f, g, o.",
)
coupled_pointwise.mistake(
    "candidate_without_tanh",
    "np.tanh(g)",
    "g",
    "the candidate g is written as it is. It goes through the tanh, so that it lies between -1 and 1.",
)


def a_coupled_step_back(rng):
    """Gates and states of a step, and the gradients of what it returned."""
    B, H = sizes(rng, 2)
    f, o = rng.uniform(0.05, 0.95, size=(2, B, H))
    g, (c, dh, dc) = rng.uniform(-0.95, 0.95, size=(B, H)), rng.normal(size=(3, B, H))
    return {"dh": dh, "dc": dc, "f": f, "g": g, "o": o, "c": c, "c_next": f * c + (1 - f) * g}


@chapter.question(
    points=3,
    returns=("ds", "dc_before"),
    cases=a_coupled_step_back,
    hints=(
        "Take the lines of the step from the last to the first. c_next reaches the loss in two ways: which?",
        "dc += dh * o * (1 - tanh(c_next)**2). Then f is in two terms, f * c and (1 - f) * g: what is dL/df?",
        "f stands twice in c' = f c + (1 - f) g: nudge it, and by which difference does c' move? Then come the slopes.",
    ),
    see="your-own-cell",
)
def coupled_pointwise_backward(dh, dc, f, g, o, c, c_next):
    """f stands in two terms of c_next, f c and (1 - f) g, so its gradient is dc (c - g).

    c_next itself passes to the loss through h_next and through the next step.
    """
    do = dh * np.tanh(c_next)
    dc = dc + dh * o * (1 - np.tanh(c_next) ** 2)
    df, dg = dc * (c - g), dc * (1 - f)
    ds = np.concatenate([df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)], axis=1)
    return ds, dc * f


coupled_pointwise_backward.mistake(
    "the_way_through_h_forgotten",
    "dc = dc + dh * o * (1 - np.tanh(c_next) ** 2)",
    "dc = dc",
    "c_next also reaches the loss through h_next = o * tanh(c_next). Add dh * o * (1 - tanh(c_next)**2) to dc.",
)
coupled_pointwise_backward.mistake(
    "one_term_of_f",
    "(c - g)",
    "c",
    "f stands in two terms of c_next, f * c and (1 - f) * g. Its gradient is dc * (c - g), not dc * c.",
)
coupled_pointwise_backward.mistake(
    "candidate_scaled_by_f",
    "dc * (1 - f)",
    "dc * f * 1",
    "the candidate was scaled by 1 - f on the way in, so its gradient is dc * (1 - f).",
)
coupled_pointwise_backward.mistake(
    "sigmoid_of_f_not_undone",
    "df * f * (1 - f)",
    "df",
    "the gradient of f is not yet that of its sum: the derivative of the sigmoid, f * (1 - f), is missing.",
)
coupled_pointwise_backward.mistake(
    "tanh_of_g_not_undone",
    "dg * (1 - g * g)",
    "dg",
    "the gradient of g is not yet that of its sum: the derivative of the tanh, 1 - g * g, is missing.",
)
coupled_pointwise_backward.mistake(
    "sigmoid_of_o_not_undone",
    "do * o * (1 - o)",
    "do",
    "the gradient of o is not yet that of its sum: the derivative of the sigmoid, o * (1 - o), is missing.",
)
coupled_pointwise_backward.mistake(
    "memory_not_scaled",
    "return ds, dc * f",
    "return ds, dc",
    "the old cell was scaled by f on the way in, so its gradient is dc * f.",
)
coupled_pointwise_backward.mistake(
    "tanh_of_the_cell_left_out",
    "(1 - np.tanh(c_next) ** 2)",
    "(1 - c_next**2)",
    "the derivative of tanh(c) is 1 - tanh(c)**2, and c_next is the argument of that tanh, not its value.",
)


# ---------------------------------------------------------------------- repair this run: in torch


def batches_to_draw(rng):
    """A regression, the batches in their order, and a threshold that clips at times."""
    N, D = int(rng.integers(6, 12)), sizes(rng, 1)[0]
    return {
        "x": rng.normal(size=(N, D)),
        "y": rng.normal(size=N),
        "weight": rng.normal(size=D),
        "order": np.stack([rng.permutation(N)[:3] for _ in range(rng.integers(3, 6))]),
        "lr": float(rng.uniform(0.05, 0.2)),
        "most": float(rng.uniform(0.3, 2.0)),
    }


@chapter.question(
    points=3,
    returns=("losses", "weight"),
    cases=batches_to_draw,
    hints=(
        "The loss falls at once and then repeats itself. What is the same in every update, and should not be?",
        "Which three things must happen between backward() and the next backward(), and in which order?",
        "Another batch each time; the old gradient away, backward, clip, step; and a loss without its graph is kept.",
    ),
    see="over-distance",
    library="torch",
)
def repair_in_torch(x, y, weight, order, lr, most):
    """Zero, forward, backward, clip, step, each in its place, with another batch in every update."""
    import torch

    weight, losses = weight.clone().requires_grad_(), []
    for batch in order:
        weight.grad = None
        loss = ((x[batch] @ weight - y[batch]) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([weight], most)
        with torch.no_grad():
            weight -= lr * weight.grad
        losses.append(loss.detach())
    return torch.stack(losses), weight.detach()


repair_in_torch.mistake(
    "seed_in_the_loop",
    "    for batch in order:\n",
    "    for batch in order[:1].expand_as(order):\n",
    "every update gets the same batch: the seed is set in the loop. Set it once, before.",
)
repair_in_torch.mistake(
    "no_zero_grad",
    "        weight.grad = None\n",
    "",
    "the gradient of all batches so far is added up. Set it to None, or call zero_grad, in each update.",
)
repair_in_torch.mistake(
    "clipped_after_the_step",
    "        torch.nn.utils.clip_grad_norm_([weight], most)\n"
    "        with torch.no_grad():\n"
    "            weight -= lr * weight.grad\n",
    "        with torch.no_grad():\n"
    "            weight -= lr * weight.grad\n"
    "        torch.nn.utils.clip_grad_norm_([weight], most)\n",
    "the gradient is clipped after the step, when it has done its harm. Clip between backward and step.",
)
repair_in_torch.mistake(
    "rate_times_100",
    "lr * weight.grad",
    "100 * lr * weight.grad",
    "the step is a hundred times what lr asks for.",
)
repair_in_torch.mistake(
    "sum_for_mean",
    "- y[batch]) ** 2).mean()",
    "- y[batch]) ** 2).sum()",
    "the loss is the sum over the batch, so a larger batch takes larger steps. Take the mean.",
)
