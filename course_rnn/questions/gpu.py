"""The questions of chapter 08, RNNs on the GPU."""

import math

import numpy as np

from course_rnn.checking.budget import Budget
from course_rnn.checking.cases import rnn_weights, sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.gradients import rnn_backward
from course_rnn.questions.seeds import SEEDS
from course_rnn.questions.simple_rnn import rnn_forward, rnn_step

chapter = Chapter("08_gpu", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- who waits for whom


def a_stack(rng):
    """A number of steps and another of layers; at times one of them is 1."""
    T, L = sizes(rng, 2, 1, 7)
    return {"T": T, "L": L}


@chapter.question(
    points=1,
    returns=("one_direction", "two_directions"),
    cases=a_stack,
    hints=(
        "Draw two layers and three steps, and write into each state the tick at which it is ready.",
        "One direction: state t of layer l needs two states, and is ready at t + l - 1. Which state is the last?",
        "Two directions: at step 1, layer 2 reads the backward state of layer 1, which is ready at tick T.",
    ),
    see="what-has-to-wait",
)
def ticks_needed(T, L):
    """In one direction the diagonals are ready together: state t of layer l at tick t + l - 1, the last at T + L - 1.

    In two directions every step of a layer needs both ends of the layer below, so its first step can only begin
    when that layer is done: the layers run one after the other, T ticks each.
    """
    return T + L - 1, L * T


ticks_needed.mistake(
    "layers_in_turn",
    "T + L - 1,",
    "T * L,",
    "with one direction the layers are done one after the other. Layer 2 can begin as soon as layer 1 has its state 1.",
)
ticks_needed.mistake(
    "corner_counted_twice",
    "T + L - 1,",
    "T + L,",
    "the corner is counted twice: a single layer of T steps is ready after T ticks, and each further layer adds one.",
)
ticks_needed.mistake(
    "layers_all_at_once",
    "T + L - 1,",
    "T,",
    "the layers cost nothing here. At the last step each layer still waits for the one below: L - 1 ticks more.",
)
ticks_needed.mistake(
    "two_directions_as_one",
    "L * T",
    "T + L - 1",
    "two directions are counted as one. A layer reads the backward states of the layer below, the first of which "
    "is ready last: it has to wait for the whole layer.",
)
ticks_needed.mistake(
    "two_separate_stacks",
    "L * T",
    "2 * (T + L - 1)",
    "two stacks are done in turn, one in each direction. Here each layer reads both directions of the layer below.",
)
ticks_needed.mistake(
    "directions_in_turn",
    "L * T",
    "2 * L * T",
    "the two directions of a layer are done one after the other. Neither needs the other, so they run side by side.",
)


# ---------------------------------------------------------------------- hoisting


def a_sequence(rng):
    """Arguments of one layer, from a state that is not zero; at times a single step."""
    T, B, D, H = sizes(rng, 4, 1, 7)
    return {"x": rng.normal(size=(T, B, D)), "h0": rng.normal(size=(B, H)), **rnn_weights(rng, D, H)}


def a_long_sequence():
    """A sequence of 40 steps, to count products in."""
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=(40, 2, 3)), "h0": rng.normal(size=(2, 4)), **rnn_weights(rng, 3, 4)}


@chapter.question(
    budget=Budget(
        a_long_sequence,
        most=42,
        counted="products",
        message="The values are right, but it takes {count} matrix products for 40 steps, and {most} are enough: the "
        "product with weight_ih is still made at every step. Make it once, before the loop, for all of x.",
    ),
    points=2,
    returns=("a", "y"),
    cases=a_sequence,
    hints=(
        "Which of the terms in the tanh can be computed before any state is known?",
        "x @ weight_ih.T works on (T, B, D) as it is: one product for all steps. Add both biases there.",
        "Then the loop: for a_t in a, h = np.tanh(a_t + h @ weight_hh.T), beginning with h0; stack the states.",
    ),
    see="what-does-not-have-to-wait",
)
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    """The input product and both biases know nothing of the state: they are added up for all steps at once.

    In the loop only the product with weight_hh and the tanh are left.
    """
    a = x @ weight_ih.T + bias_ih + bias_hh
    h, y = h0, []
    for a_t in a:
        h = np.tanh(a_t + h @ weight_hh.T)
        y.append(h)
    return a, np.stack(y)


hoisted_rnn.mistake(
    "bias_left_inside",
    "+ bias_hh\n    h, y = h0, []\n    for a_t in a:\n        h = np.tanh(a_t",
    "\n    h, y = h0, []\n    for a_t in a:\n        h = np.tanh(a_t + bias_hh",
    "bias_hh is still added at each step. It is the same at all steps and needs no state: take it out, too.",
)
hoisted_rnn.mistake(
    "biases_left_inside",
    "+ bias_ih + bias_hh\n    h, y = h0, []\n    for a_t in a:\n        h = np.tanh(a_t",
    "\n    h, y = h0, []\n    for a_t in a:\n        h = np.tanh(a_t + bias_ih + bias_hh",
    "both biases are still added at each step. They are the same at all steps and need no state: take them out, too.",
)
hoisted_rnn.mistake(
    "bias_lost",
    " + bias_hh",
    "",
    "bias_hh is lost on the way out of the loop. a holds all that does not need the state: both biases.",
)
hoisted_rnn.mistake(
    "tanh_hoisted",
    "a = x @ weight_ih.T + bias_ih + bias_hh",
    "a = np.tanh(x @ weight_ih.T + bias_ih + bias_hh)",
    "the tanh was hoisted as well. It is around the whole sum, and the state is a part of that: it stays in the loop.",
)
hoisted_rnn.mistake(
    "states_guessed",
    "    h, y = h0, []\n    for a_t in a:\n        h = np.tanh(a_t + h @ weight_hh.T)\n        y.append(h)\n",
    "    before = np.concatenate([h0[None], np.tanh(a)[:-1]])\n    y = np.tanh(a + before @ weight_hh.T)\n",
    "all states are computed at once, from a guess of those before. Only the first ones are right: this product waits.",
)
hoisted_rnn.mistake(
    "starts_from_zero",
    "h, y = h0, []",
    "h, y = 0 * h0, []",
    "the loop starts from zero. There is an initial state, h0.",
)
hoisted_rnn.mistake(
    "without_recurrence",
    "np.tanh(a_t + h @ weight_hh.T)",
    "np.tanh(a_t)",
    "the product with the state is gone. It is what cannot be hoisted: h @ weight_hh.T belongs into the loop.",
)
hoisted_rnn.mistake(
    "input_weight_not_transposed",
    "x @ weight_ih.T",
    "x @ weight_ih",
    "weight_ih is not transposed: it is (H, D), so x (T, B, D) does not fit on its left. Write x @ weight_ih.T.",
)
hoisted_rnn.mistake(
    "hidden_weight_not_transposed",
    "h @ weight_hh.T",
    "h @ weight_hh",
    "weight_hh is not transposed. Rows of states need h @ weight_hh.T; both are (H, H), so no shape complains.",
)


def gru_inputs(rng):
    """What the input product of a GRU needs, and the other bias."""
    T, B, D, H = sizes(rng, 4)
    weights = rnn_weights(rng, D, H, gates=3)
    return {"x": rng.normal(size=(T, B, D)), **{name: weights[name] for name in ("weight_ih", "bias_ih", "bias_hh")}}


@chapter.question(
    points=2,
    returns=("a", "inside"),
    cases=gru_inputs,
    hints=(
        "Which of the six biases is multiplied by something that is only known in the loop?",
        "b_hn is multiplied by r_t. All others are added only, so they may be added earlier. The order is r, z, n.",
        "Of bias_hh the first 2H numbers go into a, in a copy whose last H are zeros; those last H stay inside.",
    ),
    see="what-does-not-have-to-wait",
)
def gru_hoisted(x, weight_ih, bias_ih, bias_hh):
    """A bias that is only added may be added before the loop: both of r and of z, and b_in.

    b_hn is multiplied by r_t, which needs the state, so it has to stay inside.
    """
    H = len(bias_ih) // 3
    early = np.concatenate([bias_hh[: 2 * H], np.zeros(H)])
    return x @ weight_ih.T + bias_ih + early, bias_hh[2 * H :]


gru_hoisted.mistake(
    "all_biases_early",
    "+ bias_ih + early",
    "+ bias_ih + bias_hh",
    "b_hn has been added before the loop, as the colleague did. It is multiplied by r_t there: r * b_hn is not b_hn.",
)
gru_hoisted.mistake(
    "no_hidden_bias_early",
    " + early",
    "",
    "only bias_ih was hoisted. In r and z the biases are only added, so those of bias_hh can go before the loop, too.",
)
gru_hoisted.mistake(
    "first_block_kept",
    "early = np.concatenate([bias_hh[: 2 * H], np.zeros(H)])\n"
    "    return x @ weight_ih.T + bias_ih + early, bias_hh[2 * H :]",
    "early = np.concatenate([np.zeros(H), bias_hh[H:]])\n    return x @ weight_ih.T + bias_ih + early, bias_hh[:H]",
    "the block of r was kept inside. r multiplies; what it multiplies is the block of n, the last of r, z, n.",
)
gru_hoisted.mistake(
    "second_block_kept",
    "early = np.concatenate([bias_hh[: 2 * H], np.zeros(H)])\n"
    "    return x @ weight_ih.T + bias_ih + early, bias_hh[2 * H :]",
    "early = np.concatenate([bias_hh[:H], np.zeros(H), bias_hh[2 * H :]])\n"
    "    return x @ weight_ih.T + bias_ih + early, bias_hh[H : 2 * H]",
    "the block of z was kept inside. The order of the gates is r, z, n, and it is b_hn that stays.",
)
gru_hoisted.mistake(
    "input_bias_kept",
    "+ early, bias_hh[2 * H :]",
    "+ early, bias_ih[2 * H :]",
    "b_in was kept inside, not b_hn. Look at what stands in the bracket that r_t multiplies.",
)
gru_hoisted.mistake(
    "both_biases_of_n_kept",
    "+ bias_ih + early, bias_hh[2 * H :]",
    "+ np.concatenate([bias_ih[: 2 * H], np.zeros(H)]) + early, bias_ih[2 * H :] + bias_hh[2 * H :]",
    "both biases of n were kept inside. b_in stands outside of the bracket with r_t, so it may be added early.",
)

hoisted_rnn.inherit(rnn_step, rnn_forward)


# ---------------------------------------------------------------------- the roofline


def a_step_on_a_gpu(rng):
    """A step of some cell, and a processor: operations and bytes a second."""
    memory = float(rng.uniform(1e12, 4e12))
    return {
        "B": int(rng.integers(1, 2000)),
        "H": int(rng.integers(16, 1200)),
        "gates": int(rng.choice([1, 3, 4])),
        "itemsize": int(rng.choice([2, 4])),
        "peak": float(memory * rng.uniform(10, 150)),
        "memory": memory,
    }


@chapter.question(
    points=2,
    returns=("operations", "nbytes", "nanoseconds", "memory_bound"),
    cases=a_step_on_a_gpu,
    hints=(
        "Each of the B * gates * H pre-activations is a sum of H products, and a product with its addition counts 2.",
        "Numbers moved: the weights, gates * H * H; for each row, h is read, a_t is read (gates * H), h is written.",
        "The longer of operations / peak and nbytes / memory counts, and which of them it is says who sets the speed.",
    ),
    see="operations-and-bytes",
)
def roofline(B, H, gates, itemsize, peak, memory):
    """The weights are read once for all rows; each row brings its own h and a_t and takes away its new h.

    Arithmetic and memory work at the same time, so a step takes at least the longer of the two.
    """
    operations = 2 * B * gates * H * H
    nbytes = itemsize * (gates * H * H + B * (H + gates * H + H))
    arithmetic, moving = operations / peak, nbytes / memory
    return operations, nbytes, 1e9 * max(arithmetic, moving), moving > arithmetic


roofline.mistake(
    "without_two",
    "2 * B * gates * H * H",
    "B * gates * H * H",
    "the factor 2 is missing: each term of the sums is a multiplication and an addition.",
)
roofline.mistake(
    "weights_read_for_each_row",
    "(gates * H * H + B * (H + gates * H + H))",
    "B * (gates * H * H + H + gates * H + H)",
    "the weights are counted once for each row. A step reads them once for the whole batch: that is the use of it.",
)
roofline.mistake(
    "weights_kept",
    "(gates * H * H + B * (H + gates * H + H))",
    "B * (H + gates * H + H)",
    "the bytes of the weights are missing. Here they are read at each step: gates * H * H numbers.",
)
roofline.mistake(
    "pre_activations_not_read",
    "(H + gates * H + H)",
    "(H + H)",
    "a_t is missing in the bytes. The hoisted input product lies in memory, gates * H numbers a row, and is read.",
)
roofline.mistake(
    "state_not_written",
    "(H + gates * H + H)",
    "(H + gates * H)",
    "one of the states is missing: h is read from memory, and the new h is written.",
)
roofline.mistake(
    "numbers_for_bytes",
    "nbytes = itemsize * ",
    "nbytes = ",
    "these are numbers, not bytes: each takes itemsize bytes.",
)
roofline.mistake(
    "times_added",
    "max(arithmetic, moving)",
    "(arithmetic + moving)",
    "the two times are added. The roofline lets both go on at once, so the longer one counts.",
)
roofline.mistake(
    "the_shorter_one",
    "max(arithmetic, moving)",
    "min(arithmetic, moving)",
    "this is the shorter of the two times. The step is not done before both are: take the longer.",
)
roofline.mistake("seconds", "1e9 * max", "max", "the time is in seconds. A second has 1e9 nanoseconds.")
roofline.mistake(
    "turned_round",
    "moving > arithmetic",
    "moving < arithmetic",
    "memory_bound is turned round: memory sets the speed where moving the bytes takes longer.",
)


def a_cell_on_a_gpu(rng):
    """A cell, and a processor by its ratio of operations to bytes; at times no batch is large enough.

    At times the batch for which both take equally long is a whole number, or has many thousand rows.
    """
    gates = int(rng.choice([1, 3, 4]))
    itemsize = int(rng.choice([2, 4]))
    ratio = float(rng.uniform(5, 150))
    if rng.random() < 0.3:
        ratio = float(rng.integers(5, 150))
    least = ratio * itemsize * (gates + 2) / (2 * gates)  # below this H no batch is enough
    H = math.ceil(least * rng.choice([0.4, 0.9, 1.2, 2, 5]))
    if ratio.is_integer():
        moved = int(ratio) * itemsize
        many = range(int(least) + 1, int(2 * least) + 9)
        whole = [n for n in many if moved * gates * n % (2 * gates * n - moved * (gates + 2)) == 0]
        H = int(rng.choice(whole)) if whole else H
    return {"H": H, "gates": gates, "itemsize": itemsize, "ratio": ratio}


@chapter.question(
    points=3,
    returns=("rows",),
    cases=a_cell_on_a_gpu,
    hints=(
        "Write the condition down: operations >= ratio * nbytes. Both sides have a factor H; B stands on both.",
        "2 B gates H >= ratio itemsize (gates H + B (gates + 2)). Bring all terms with B to the left.",
        "B (2 gates H - ratio itemsize (gates + 2)) >= ratio itemsize gates H. What if the bracket is not positive?",
    ),
    see="operations-and-bytes",
)
def enough_rows(H, gates, itemsize, ratio):
    """operations >= ratio * nbytes, divided by H, with all that has a B on one side:

    B (2 gates H - ratio itemsize (gates + 2)) >= ratio itemsize gates H.
    The bracket is what one more row gains. Where it gains nothing, no batch is enough; else divide and round up.
    """
    gain = 2 * gates * H - ratio * itemsize * (gates + 2)
    if gain <= 0:
        return 0
    return math.ceil(ratio * itemsize * gates * H / gain)


enough_rows.mistake(
    "rounded_down",
    "math.ceil(ratio * itemsize * gates * H / gain)",
    "math.floor(ratio * itemsize * gates * H / gain)",
    "the result is rounded down, so these rows are just too few. The smallest number that is enough is rounded up.",
)
enough_rows.mistake(
    "not_rounded",
    "math.ceil(ratio * itemsize * gates * H / gain)",
    "ratio * itemsize * gates * H / gain",
    "rows come whole: round up.",
)
enough_rows.mistake(
    "rows_move_nothing",
    "gain = 2 * gates * H - ratio * itemsize * (gates + 2)",
    "gain = 2 * gates * H",
    "only the weights are moved here. Each row has bytes of its own, which grow with the batch as the operations do.",
)
enough_rows.mistake(
    "no_batch_is_enough",
    "    if gain <= 0:\n        return 0\n",
    "",
    "the result is negative for small H. There each row brings more bytes than its operations pay for: return 0.",
)
enough_rows.mistake(
    "numbers_for_bytes",
    "gain = 2 * gates * H - ratio * itemsize * (gates + 2)\n"
    "    if gain <= 0:\n        return 0\n    return math.ceil(ratio * itemsize",
    "gain = 2 * gates * H - ratio * (gates + 2)\n    if gain <= 0:\n        return 0\n    return math.ceil(ratio",
    "itemsize is missing: ratio is operations in the time of a byte, and each number has itemsize bytes.",
)
enough_rows.mistake(
    "without_two",
    "2 * gates * H - ratio",
    "gates * H - ratio",
    "the factor 2 of the operations is missing: each term is a multiplication and an addition.",
)
enough_rows.mistake(
    "pre_activations_not_read",
    "(gates + 2)",
    "2",
    "each row reads a_t as well, gates * H numbers, not only the states.",
)


# ---------------------------------------------------------------------- one node in the graph


def a_hoisted_sequence(rng):
    """Pre-activations, the recurrent weight, an initial state, and the gradient of the outputs."""
    T, B, H = sizes(rng, 3, 1, 6)
    return {
        "a": rng.normal(size=(T, B, H)),
        "weight_hh": rng.normal(scale=0.7, size=(H, H)),
        "h0": rng.normal(size=(B, H)),
        "dy": rng.normal(size=(T, B, H)),
    }


def three_steps():
    """A sequence of three steps: what autograd records of it is counted."""
    shapes = {"a": (3, 2, 4), "weight_hh": (4, 4), "h0": (2, 4), "dy": (3, 2, 4)}
    return {name: np.ones(shape) for name, shape in shapes.items()}


@chapter.question(
    budget=Budget(
        three_steps,
        most=6,
        counted="graph",
        message="The values are right, but autograd made them: it has recorded {count} operations, and with one node "
        "for the whole sequence there are at most {most}. Write backward by hand, and call TanhRNN.apply.",
    ),
    points=4,
    returns=("y", "da", "dweight_hh", "dh0"),
    cases=a_hoisted_sequence,
    hints=(
        "Forward is the loop h = tanh(a_t + h W^T); save weight_hh, h0 and y. Backward begins at the end, with dh = 0.",
        "In the loop: d[t] = (dy[t] + dh) * (1 - y[t] ** 2), then dh = d[t] @ weight_hh. After it, dh is that of h0.",
        "The states before: torch.cat([h0[None], y[:-1]]). With flatten(0, 1), d^T times these is dweight_hh.",
    ),
    tolerance=1e-4,  # float32 loses digits in 1 - h**2
    see="one-node-in-the-graph",
    library="torch",
)
def tanh_rnn(a, weight_hh, h0, dy):
    """Only d has to be computed in a loop, from the last step to the first; what is left over is the gradient of h0.

    The gradient of the weight adds up over steps and samples: one product of (H, T B) with (T B, H), where each d_t
    meets the state *before* it. The gradients go back in the order of the arguments of forward.
    """
    import torch

    class TanhRNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, weight_hh, h0):
            h, states = h0, []
            for a_t in a:
                h = torch.tanh(a_t + h @ weight_hh.T)
                states.append(h)
            y = torch.stack(states)
            ctx.save_for_backward(weight_hh, h0, y)
            return y

        @staticmethod
        def backward(ctx, dy):
            weight_hh, h0, y = ctx.saved_tensors
            d, dh = torch.empty_like(y), torch.zeros_like(h0)
            for t in reversed(range(len(y))):
                d[t] = (dy[t] + dh) * (1 - y[t] ** 2)
                dh = d[t] @ weight_hh
            before = torch.cat([h0[None], y[:-1]])
            return d, d.flatten(0, 1).T @ before.flatten(0, 1), dh

    inputs = [tensor.requires_grad_() for tensor in (a, weight_hh, h0)]
    y = TanhRNN.apply(*inputs)
    return y, *torch.autograd.grad(y, inputs, dy)


tanh_rnn.mistake(
    "without_the_step_after",
    "(dy[t] + dh) *",
    "dy[t] *",
    "the gradient from the step after is missing: state t feeds output t and state t + 1, so it is dy[t] + dh.",
)
tanh_rnn.mistake(
    "without_the_tanh",
    "(dy[t] + dh) * (1 - y[t] ** 2)",
    "dy[t] + dh",
    "the derivative of the tanh is missing: d is the gradient of what stands inside it, times 1 - y[t] ** 2.",
)
tanh_rnn.mistake(
    "derivative_without_square",
    "(1 - y[t] ** 2)",
    "(1 - y[t])",
    "the derivative of tanh is 1 - tanh², so y[t] is to be squared.",
)
tanh_rnn.mistake(
    "derivative_at_the_output",
    "(1 - y[t] ** 2)",
    "(1 - torch.tanh(y[t]) ** 2)",
    "y[t] is the tanh already. Its derivative is 1 - y[t] ** 2, without another tanh.",
)
tanh_rnn.mistake(
    "weight_transposed",
    "dh = d[t] @ weight_hh",
    "dh = d[t] @ weight_hh.T",
    "weight_hh is transposed on the way back. Forward was h @ weight_hh.T, so backward is d @ weight_hh.",
)
tanh_rnn.mistake(
    "state_of_the_same_step",
    "before = torch.cat([h0[None], y[:-1]])",
    "before = y",
    "each d_t meets state t here. The weight multiplied the state before: h0 at the first step, then y[:-1].",
)
tanh_rnn.mistake(
    "initial_state_left_out",
    "before = torch.cat([h0[None], y[:-1]])",
    "before = torch.cat([torch.zeros_like(h0)[None], y[:-1]])",
    "dweight_hh takes the first state before to be zero, as in LeakySum. Here it is h0.",
)
tanh_rnn.mistake(
    "outer_product_transposed",
    "d.flatten(0, 1).T @ before.flatten(0, 1)",
    "before.flatten(0, 1).T @ d.flatten(0, 1)",
    "dweight_hh is transposed. Row i of weight_hh makes unit i, so row i of its gradient has d of unit i: d^T before.",
)
tanh_rnn.mistake(
    "no_gradient_of_h0",
    "before.flatten(0, 1), dh\n",
    "before.flatten(0, 1), None\n",
    "backward returned None for h0. Its gradient is the dh that is left after the loop.",
)
tanh_rnn.mistake(
    "gradient_before_the_weight",
    "before.flatten(0, 1), dh\n",
    "before.flatten(0, 1), d[0]\n",
    "the gradient of h0 is d of the first step. h0 reached that step through weight_hh: d[0] @ weight_hh.",
)
tanh_rnn.mistake(
    "forward_in_time",
    "reversed(range(len(y)))",
    "range(len(y))",
    "backward goes from the first step to the last. dh of step t comes from step t + 1, so begin with the last.",
)
tanh_rnn.mistake(
    "order_of_the_gradients",
    "return d, d.flatten(0, 1).T @ before.flatten(0, 1), dh\n",
    "return d, dh, d.flatten(0, 1).T @ before.flatten(0, 1)\n",
    "the gradients come back in another order than the arguments went in: a, weight_hh, h0.",
)
tanh_rnn.mistake(
    "starts_from_zero",
    "h, states = h0, []",
    "h, states = 0 * h0, []",
    "the forward loop starts from zero. There is an initial state, h0.",
)

tanh_rnn.inherit(rnn_backward, rnn_forward)


# ---------------------------------------------------------------------- a kernel's places in memory


def a_program(rng):
    """A program of a kernel; often it is the last one, which has rows that do not exist."""
    rows, H, T = sizes(rng, 3, 2, 6)
    programs, missing = int(rng.integers(1, 4)), int(rng.integers(rows))
    program = programs - 1 if rng.random() < 0.6 else int(rng.integers(programs))
    return {"program": program, "t": int(rng.integers(T)), "rows": rows, "B": programs * rows - missing, "H": H}


@chapter.question(
    points=2,
    returns=("places", "real"),
    cases=a_program,
    hints=(
        "Which rows of the batch are those of program 0, and of program 1? np.arange(rows) is where a program begins.",
        "Row b, unit j of one step stands at b * H + j; each step before it takes B * H numbers.",
        "row[:, None] * H + unit[None, :] is the tile within a step; real compares row to B.",
    ),
    see="one-kernel-for-all-steps",
)
def tile_places(program, t, rows, B, H):
    """Numbers lie behind each other: step by step, in a step row by row, in a row unit by unit.

    So step t begins at t B H, and in it row b, unit j stands b H + j further on. A row is real if the batch has it.
    """
    row, unit = program * rows + np.arange(rows), np.arange(H)
    return t * B * H + row[:, None] * H + unit[None, :], (row < B)[:, None]


tile_places.mistake(
    "rows_of_the_first_program",
    "program * rows + np.arange(rows)",
    "np.arange(rows)",
    "every program works on the same rows, 0 to rows - 1. Those of program p begin at p * rows.",
)
tile_places.mistake(
    "programs_overlap",
    "program * rows + np.arange(rows)",
    "program + np.arange(rows)",
    "the programs overlap: the next one begins one row further on. Each has rows of them, so it begins at p * rows.",
)
tile_places.mistake(
    "step_forgotten",
    "t * B * H + row",
    "row",
    "these are the places in step 0. Each step before takes B * H numbers: add t * B * H.",
)
tile_places.mistake(
    "step_of_one_tile",
    "t * B * H",
    "t * rows * H",
    "a step is taken to be as large as a tile. All B rows of the batch lie between one step and the next: t * B * H.",
)
tile_places.mistake(
    "units_first",
    "row[:, None] * H + unit[None, :]",
    "row[:, None] + unit[None, :] * B",
    "the units lie B numbers apart here. In a (B, H) matrix those of one row are neighbours, and rows are H apart.",
)
tile_places.mistake(
    "rows_by_batch",
    "row[:, None] * H + unit[None, :]",
    "row[:, None] * B + unit[None, :]",
    "the rows lie B numbers apart here. A row has H numbers, so the next row begins H further on.",
)
tile_places.mistake(
    "one_row_too_many",
    "row < B",
    "row <= B",
    "row B counts as real. The rows of a batch of B are 0 to B - 1.",
)
tile_places.mistake(
    "numbers_within_the_tile",
    "(row < B)",
    "(np.arange(rows) < B)",
    "real looks at where a row stands in the tile. What counts is its number in the batch, with program * rows.",
)
tile_places.mistake(
    "all_real",
    "row < B",
    "row >= 0",
    "all rows are taken to be real. The last program may have more rows than the batch has left.",
)


# ---------------------------------------------------------------------- sequences of several lengths


def a_ragged_batch(rng):
    """Lengths, and how many rows a program takes; the last program may not be full, or there may be one only."""
    rows = int(rng.integers(2, 5))
    return {"lengths": rng.integers(1, 30, size=rng.integers(rows - 1, 5 * rows)), "rows": rows}


@chapter.question(
    points=2,
    returns=("padded", "in_order", "longest_first", "packed"),
    cases=a_ragged_batch,
    hints=(
        "A program runs as long as its longest row, with all its rows: rows * max of its part of the lengths.",
        "The parts are lengths[i : i + rows] for i in range(0, B, rows). The last may be shorter; its program is not.",
        "Write the sum over the parts as a function, and call it with lengths and with np.sort(lengths)[::-1].",
    ),
    see="sequences-of-several-lengths",
)
def row_steps(lengths, rows):
    """Padded, each of the B rows takes as many steps as the longest; packed, only real steps are done.

    In tiles, each program has `rows` rows, real or not, and stops with its own longest one.
    """

    def in_tiles(n):
        return sum(rows * n[i : i + rows].max() for i in range(0, len(n), rows))

    return len(lengths) * lengths.max(), in_tiles(lengths), in_tiles(np.sort(lengths)[::-1]), lengths.sum()


row_steps.mistake(
    "last_tile_cut",
    "rows * n[i : i + rows].max()",
    "len(n[i : i + rows]) * n[i : i + rows].max()",
    "the last program has only the rows that are left. A tile has one size, and missing rows are computed and masked.",
)
row_steps.mistake(
    "last_tile_lost",
    "range(0, len(n), rows)",
    "range(0, len(n) - rows + 1, rows)",
    "the rows left over at the end are lost. They need a program of their own, even if it is not full.",
)
row_steps.mistake(
    "only_full_tiles",
    "sum(rows * n[i : i + rows].max() for i in range(0, len(n), rows))",
    "sum(rows * tile.max() for tile in n.reshape(-1, rows))",
    "reshape, as in the chapter, wants full tiles. Here the last may have fewer sequences: slice n[i : i + rows].",
)
row_steps.mistake(
    "shortest_first",
    "np.sort(lengths)[::-1]",
    "np.sort(lengths)",
    "the shortest come first. np.sort goes upwards, and then the tile that is not full is the longest: turn it round.",
)
row_steps.mistake(
    "tiles_without_rows",
    "rows * n[i : i + rows].max()",
    "n[i : i + rows].max()",
    "this counts steps of programs. Each step of a program computes rows rows.",
)
row_steps.mistake(
    "every_tile_to_the_end",
    "rows * n[i : i + rows].max()",
    "rows * lengths.max()",
    "every tile runs as long as the longest sequence of all. A program stops with the longest of its own rows.",
)
row_steps.mistake(
    "stops_with_the_shortest",
    "rows * n[i : i + rows].max()",
    "rows * n[i : i + rows].min()",
    "the tiles stop with their shortest row, and the others are cut off. The longest one says when.",
)
row_steps.mistake(
    "steps_without_rows",
    "len(lengths) * lengths.max(),",
    "lengths.max(),",
    "padded counts the steps only. Each step computes all rows of the batch: times len(lengths).",
)


# ---------------------------------------------------------------------- the time of a step


def a_launch(rng):
    """A layer on a GPU with few multiprocessors, so that a batch may need several rounds; counts of one step."""
    rows, multiprocessors = int(rng.integers(2, 6)), int(rng.integers(2, 8))
    return {
        "T": int(rng.integers(2, 40)),
        "B": int(rng.integers(1, 3 * rows * multiprocessors)),
        "directions": int(rng.integers(1, 3)),
        "rows": rows,
        "multiprocessors": multiprocessors,
        "counts": rng.integers(1, 30, size=4),
        "cycles": rng.integers(1, 60, size=4).astype(float),
        "clock": float(rng.uniform(1.0, 2.0)),
    }


@chapter.question(
    points=3,
    returns=("step", "layer"),
    cases=a_launch,
    hints=(
        "A step is a chain: its links add up. counts says how many of each kind there are, cycles how long one takes.",
        "A clock of 1.5 GHz makes 1.5 cycles in a nanosecond. Cycles divided by it are nanoseconds.",
        "Programs: directions times B / rows, rounded up. They run side by side, as many as there are multiprocessors.",
    ),
    see="operations-and-bytes",
)
def predicted_time(T, B, directions, rows, multiprocessors, counts, cycles, clock):
    """The links of a chain add up; T steps add up; programs run side by side, in as many rounds as they need.

    Each direction has programs of its own, and so has the last, incomplete handful of rows: both are rounded up.
    """
    step = (counts * cycles).sum() / clock
    programs = directions * math.ceil(B / rows)
    rounds = math.ceil(programs / multiprocessors)
    return step, rounds * T * step / 1000


predicted_time.mistake(
    "longest_link",
    "(counts * cycles).sum()",
    "(counts * cycles).max()",
    "only the slowest kind counts, as on a roofline. In a chain each link waits for the one before: they add up.",
)
predicted_time.mistake(
    "clock_upside_down",
    "/ clock",
    "* clock",
    "cycles are multiplied by the clock. It is cycles a nanosecond, so divide by it.",
)
predicted_time.mistake(
    "rows_in_turn",
    "rounds = math.ceil(programs / multiprocessors)",
    "rounds = programs",
    "the programs run one after the other. As many as there are multiprocessors run at the same time.",
)
predicted_time.mistake(
    "rounds_in_fractions",
    "rounds = math.ceil(programs / multiprocessors)",
    "rounds = max(1, programs / multiprocessors)",
    "the last round is taken to be shorter if it is not full. Each of its programs takes all T steps.",
)
predicted_time.mistake(
    "one_round",
    "rounds * T * step",
    "T * step",
    "all programs run at once here. When there are more of them than multiprocessors, some have to wait for a place.",
)
predicted_time.mistake(
    "directions_forgotten",
    "directions * math.ceil(B / rows)",
    "math.ceil(B / rows)",
    "the second direction has programs of its own, which need multiprocessors, too.",
)
predicted_time.mistake(
    "rows_left_over",
    "math.ceil(B / rows)",
    "max(1, B // rows)",
    "rows that do not fill a program are forgotten. They need one more.",
)
predicted_time.mistake(
    "nanoseconds_for_microseconds",
    " / 1000",
    "",
    "the layer's time is in nanoseconds. A thousand of them are a microsecond.",
)


# ---------------------------------------------------------------------- all states at once


def a_guess(rng):
    """A recurrence that keeps a part of its state, and a guess of its states."""
    T, B, H = sizes(rng, 3, 2, 6)
    return {
        "guess": rng.normal(size=(T, B, H)),
        "a": rng.normal(size=(T, B, H)),
        "weight_hh": rng.normal(scale=0.7, size=(H, H)),
        "h0": rng.normal(size=(B, H)),
        "z": float(rng.uniform(0.2, 0.8)),
    }


@chapter.question(
    points=4,
    returns=("swept",),
    cases=a_guess,
    hints=(
        "What each step starts from, as guessed, is h0 and then guess[:-1]. Take the step from there, all t at once.",
        "The derivative has two parts: (1 - z) from what is kept, and z (1 - n**2) in front of W from the tanh.",
        "In the loop: e = h - g; h = F + (1 - z) * e + z * (1 - n**2) * (e @ weight_hh.T), beginning with h0.",
    ),
    see="what-has-to-wait",
)
def newton_sweep(guess, a, weight_hh, h0, z):
    """Near the guess g of the state before, the step is F + J (h - g), with F the step from g.

    h' = (1 - z) h + z tanh(a + W h) has the Jacobian (1 - z) + z diag(1 - n²) W. The chain of these linear maps is
    solved exactly: here by a loop, on a GPU by a scan. h0 is known, so at the first step the difference is 0.
    """
    before = np.concatenate([h0[None], guess[:-1]])
    n = np.tanh(a + before @ weight_hh.T)
    step = (1 - z) * before + z * n
    h, swept = h0, []
    for F, n_t, g in zip(step, n, before, strict=True):
        e = h - g
        h = F + (1 - z) * e + z * (1 - n_t**2) * (e @ weight_hh.T)
        swept.append(h)
    return np.stack(swept)


newton_sweep.mistake(
    "jacobi",
    "h = F + (1 - z) * e + z * (1 - n_t**2) * (e @ weight_hh.T)",
    "h = F",
    "this is a sweep of Jacobi: the step from the guess. Newton adds J times the difference of the state before.",
)
newton_sweep.mistake(
    "kept_part_left_out",
    "(1 - z) * e + z",
    "z",
    "the Jacobian lacks the part that is kept: h' contains (1 - z) h, whose derivative is 1 - z.",
)
newton_sweep.mistake(
    "without_the_tanh",
    "z * (1 - n_t**2) * (e @",
    "z * (e @",
    "the derivative of the tanh is missing: 1 - n², with n the tanh at this step.",
)
newton_sweep.mistake(
    "derivative_at_the_state",
    "(1 - n_t**2)",
    "(1 - F**2)",
    "the derivative is taken at the new state. The tanh is n, of which the state has only a part: 1 - n².",
)
newton_sweep.mistake(
    "weight_transposed",
    "(e @ weight_hh.T)",
    "(e @ weight_hh)",
    "weight_hh is transposed in the correction. The difference goes forward, through the same product as the state.",
)
newton_sweep.mistake(
    "guess_of_the_same_step",
    "before = np.concatenate([h0[None], guess[:-1]])",
    "before = guess",
    "each step starts from the guess of its own state. It starts from the one before: h0, then guess[:-1].",
)
newton_sweep.mistake(
    "starts_from_zero",
    "[h0[None], guess[:-1]]",
    "[np.zeros_like(h0)[None], guess[:-1]]",
    "the step from the first state takes it to be zero. It is known: h0.",
)
newton_sweep.mistake(
    "difference_of_the_guess",
    "e = h - g",
    "e = g - h",
    "the difference has the wrong sign: it is the state as found so far, minus the guess.",
)
