"""The questions of chapter 06, Gradients."""

import numpy as np

from course_rnn.checking.cases import sizes
from course_rnn.checking.question import Chapter
from course_rnn.questions.seeds import SEEDS

chapter = Chapter("06_gradients", seeds=SEEDS)
progress, predict, compare = chapter.progress, chapter.predict, chapter.compare


# ---------------------------------------------------------------------- a linear layer, backward


def a_linear_layer(rng):
    """What came in, the weights, and what comes back."""
    B, H, O = sizes(rng, 3)
    return {"do": rng.normal(size=(B, O)), "h": rng.normal(size=(B, H)), "weight": rng.normal(size=(O, H))}


@chapter.question(
    points=1,
    returns=("dh", "dweight", "dbias"),
    cases=a_linear_layer,
    hints=(
        "A gradient has the shape of its thing. Which product of do (B, O) and weight (O, H) has the shape of h?",
        "dweight is (O, H), and the samples add up in it: the B of do and the B of h must meet in the middle.",
        "do.T @ h is (O, B) times (B, H). bias was added to every row, so its gradient is the sum over the rows.",
    ),
    see="backpropagation-through-time-in-five-steps",
)
def linear_backward(do, h, weight):
    """Nudge an element of h: every output moves by its weight, so dh = do W; no transpose is left in row form.

    The weights and the bias are shared by the samples, so their gradients add up over the batch.
    """
    return do @ weight, do.T @ h, do.sum(axis=0)


linear_backward.mistake(
    "weight_transposed",
    "do @ weight,",
    "do @ weight.T,",
    "weight is transposed as on the way forward. The way back turns the transpose round: do (B, O) @ weight (O, H).",
)
linear_backward.mistake(
    "dweight_transposed",
    "do.T @ h",
    "h.T @ do",
    "dweight is transposed. It must have the shape of weight, (O, H): do.T @ h.",
)
linear_backward.mistake(
    "dbias_for_each_sample",
    "do.sum(axis=0)",
    "do",
    "dbias has a row for each sample. All rows got the same bias, so their gradients add up: sum over axis 0.",
)
linear_backward.mistake(
    "dbias_over_the_outputs",
    "do.sum(axis=0)",
    "do.sum(axis=1)",
    "dbias was added up over the outputs. Each output has a bias of its own; the sum goes over the batch, axis 0.",
)
linear_backward.mistake(
    "dbias_is_the_mean",
    "do.sum(axis=0)",
    "do.mean(axis=0)",
    "dbias is the mean over the batch. The chain rule adds; if the loss is a mean, the 1/B stands in do already.",
)
linear_backward.mistake(
    "dweight_is_the_mean",
    "do.T @ h",
    "do.T @ h / len(h)",
    "dweight is divided by the batch size. The chain rule adds; if the loss is a mean, the 1/B stands in do already.",
)
linear_backward.mistake(
    "weights_for_inputs",
    "do.T @ h",
    "do.T @ (do @ weight)",
    "dweight was made with dh. It needs what the weights were multiplied by on the way forward, h.",
)
linear_backward.mistake(
    "wrong_order",
    "return do @ weight, do.T @ h, do.sum(axis=0)",
    "return do @ weight, do.sum(axis=0), do.T @ h",
    "dweight and dbias are returned in the wrong order.",
)


# ---------------------------------------------------------------------- one step, backward


def a_step_made(rng):
    """A step that was made, by the equation that it states, and the gradient that comes back to it."""
    B, D, H = sizes(rng, 3)
    step = {"x": rng.normal(size=(B, D)), "h": rng.normal(size=(B, H))}
    weights = {name: rng.normal(scale=0.5, size=(H, n)) for name, n in {"weight_ih": D, "weight_hh": H}.items()}
    a = step["x"] @ weights["weight_ih"].T + step["h"] @ weights["weight_hh"].T + rng.normal(scale=0.5, size=H)
    return {"dh_next": rng.normal(size=(B, H)), **step, "h_next": np.tanh(a), **weights}


@chapter.question(
    points=2,
    returns=("dx", "dh", "dweight_ih", "dweight_hh", "dbias"),
    cases=a_step_made,
    hints=(
        "First go back through the tanh: the gradient of a, the sum inside it, is da, (B, H).",
        "The derivative of tanh is 1 - tanh^2, and the tanh of the sum is known: it is h_next.",
        "da = (1 - h_next**2) * dh_next. Then each product goes back like a linear layer with da in the place of do.",
    ),
    tolerance=1e-4,  # float32 loses digits in 1 - h**2
    see="backpropagation-through-time-in-five-steps",
)
def rnn_step_backward(dh_next, x, h, h_next, weight_ih, weight_hh):
    """Back through the tanh first: its slope is 1 - h_next^2, the same for all that stands in the sum.

    The sum hands da on to each term unchanged, and the two products go back like linear layers.
    """
    da = (1 - h_next**2) * dh_next
    return da @ weight_ih, da @ weight_hh, da.T @ x, da.T @ h, da.sum(axis=0)


rnn_step_backward.mistake(
    "without_the_tanh",
    "(1 - h_next**2) * dh_next",
    "dh_next",
    "the gradient does not go through the tanh. Its slope comes first: da = (1 - h_next**2) * dh_next.",
)
rnn_step_backward.mistake(
    "slope_at_the_old_state",
    "1 - h_next**2",
    "1 - h**2",
    "the slope is that of the state before. The tanh of this step made h_next, so its slope is 1 - h_next**2.",
)
rnn_step_backward.mistake(
    "tanh_taken_twice",
    "1 - h_next**2",
    "1 - np.tanh(h_next) ** 2",
    "the tanh is taken a second time. h_next is the tanh already, so the slope is 1 - h_next**2.",
)
rnn_step_backward.mistake(
    "square_forgotten",
    "1 - h_next**2",
    "1 - h_next",
    "the square is missing: the slope of tanh is 1 - tanh^2.",
)
rnn_step_backward.mistake(
    "slope_of_the_sigmoid",
    "1 - h_next**2",
    "h_next * (1 - h_next)",
    "s (1 - s) is the slope of the logistic sigmoid. That of tanh is 1 - h_next**2.",
)
rnn_step_backward.mistake(
    "new_state_in_dweight_hh",
    "da.T @ h,",
    "da.T @ h_next,",
    "dweight_hh was made with the new state. weight_hh was multiplied by the state before the step, h.",
)
rnn_step_backward.mistake(
    "weight_hh_transposed",
    "da @ weight_hh",
    "da @ weight_hh.T",
    "weight_hh is transposed as on the way forward. In row form the way back has no transpose: da @ weight_hh.",
)
rnn_step_backward.mistake(
    "dweight_hh_transposed",
    "da.T @ h,",
    "h.T @ da,",
    "dweight_hh is transposed, and being square it does not show. Build it like dweight_ih: da.T @ h.",
)
rnn_step_backward.mistake(
    "state_kept",
    "da @ weight_hh,",
    "da @ weight_hh + dh_next,",
    "dh_next is added to dh. The step replaces the state, so h has no way into the loss past weight_hh.",
)
rnn_step_backward.mistake(
    "bias_not_summed",
    "da.sum(axis=0)",
    "da",
    "dbias has a row for each sample. All rows got the same bias, so their gradients add up over the batch.",
)
rnn_step_backward.mistake(
    "bias_mean",
    "da.sum(axis=0)",
    "da.mean(axis=0)",
    "dbias is the mean over the batch, and the weights have the sum. The chain rule adds.",
)

rnn_step_backward.inherit(linear_backward)


# ---------------------------------------------------------------------- the sequence, backward


def a_sequence_made(rng):
    """A sequence that was read, its states, and their immediate gradients; sometimes a single step."""
    B, D, H = sizes(rng, 3)
    T = int(rng.integers(1, 6))
    case = {"dy": rng.normal(size=(T, B, H)), "x": rng.normal(size=(T, B, D)), "h0": rng.normal(size=(B, H))}
    weights = {name: rng.normal(scale=0.5, size=(H, n)) for name, n in {"weight_ih": D, "weight_hh": H}.items()}
    h, states, bias = case["h0"], [], rng.normal(scale=0.5, size=H)
    for x_t in case["x"]:
        h = np.tanh(x_t @ weights["weight_ih"].T + h @ weights["weight_hh"].T + bias)
        states.append(h)
    return {**case, "y": np.stack(states), **weights}


@chapter.question(
    points=3,
    returns=("dx", "dh0", "dweight_ih", "dweight_hh", "dbias"),
    cases=a_sequence_made,
    hints=(
        "The loop runs from the last step to the first. What comes back to a state, from where?",
        "The total gradient of y[t] is dy[t] plus what came back from step t + 1; after the last step that is zero.",
        "The shares of a step are da.T @ x[t] and da.T @ y[t - 1] (h0 where t is 0); it hands da @ weight_hh on.",
    ),
    tolerance=1e-4,  # float32 loses digits in 1 - h**2
    see="backpropagation-through-time-in-five-steps",
)
def rnn_backward(dy, x, h0, y, weight_ih, weight_hh):
    """From the last step to the first: a state's total gradient is its immediate one plus what came back from later.

    Each copy of the parameters adds its share, each input has its own. What the first step hands on belongs to h0.
    """
    before = np.concatenate([h0[None], y[:-1]])  # the state that each step began with
    dweight_ih = dweight_hh = dbias = 0.0
    dx, later = np.zeros_like(x), np.zeros_like(h0)
    for t in reversed(range(len(x))):
        da = (1 - y[t] ** 2) * (dy[t] + later)
        dx[t] = da @ weight_ih
        dweight_ih = dweight_ih + da.T @ x[t]
        dweight_hh = dweight_hh + da.T @ before[t]
        dbias = dbias + da.sum(axis=0)
        later = da @ weight_hh
    return dx, later, dweight_ih, dweight_hh, dbias


rnn_backward.mistake(
    "nothing_comes_back",
    "(dy[t] + later)",
    "dy[t]",
    "each step sees its immediate gradient alone. Its state also moved all later ones: add what comes back from t + 1.",
)
rnn_backward.mistake(
    "last_step_only",
    "(dy[t] + later)",
    "(dy[t] * (t == len(x) - 1) + later)",
    "only the last dy comes in. Every step has an immediate gradient, which joins on the way: dy[t] + what came back.",
)
rnn_backward.mistake(
    "forward_in_time",
    "reversed(range(len(x)))",
    "range(len(x))",
    "the loop runs forward in time. A gradient comes from the end: reversed(range(T)).",
)
rnn_backward.mistake(
    "shares_not_added",
    "dweight_hh = dweight_hh + da.T @ before[t]",
    "dweight_hh = da.T @ before[t]",
    "dweight_hh holds the share of one step. All steps share the weight, so add up: dweight_hh = dweight_hh + ...",
)
rnn_backward.mistake(
    "no_share_is_added",
    "        dweight_ih = dweight_ih + da.T @ x[t]\n"
    "        dweight_hh = dweight_hh + da.T @ before[t]\n"
    "        dbias = dbias + da.sum(axis=0)\n",
    "        dweight_ih, dweight_hh, dbias = da.T @ x[t], da.T @ before[t], da.sum(axis=0)\n",
    "the parameters have the share of step 0 alone, as each step overwrites the one before. Add the shares up.",
)
rnn_backward.mistake(
    "mean_over_time",
    "return dx, later, dweight_ih, dweight_hh, dbias",
    "return dx, later, dweight_ih / len(x), dweight_hh / len(x), dbias / len(x)",
    "the gradients are divided by the number of steps. The chain rule adds; a mean is the loss's affair, and in dy.",
)
rnn_backward.mistake(
    "own_state",
    "da.T @ before[t]",
    "da.T @ y[t]",
    "dweight_hh was made with the state that the step gave. weight_hh was multiplied by the one before: y[t - 1].",
)
rnn_backward.mistake(
    "minus_one_is_the_last",
    "da.T @ before[t]",
    "da.T @ y[t - 1]",
    "at t = 0, y[t - 1] is y[-1], the last state: Python counts from the end. Step 0 began with h0.",
)
rnn_backward.mistake(
    "first_share_lost",
    "da.T @ before[t]",
    "da.T @ (before[t] * (t > 0))",
    "the share of step 0 in dweight_hh is missing. It began with h0, which need not be zero: da.T @ h0.",
)
rnn_backward.mistake(
    "without_the_tanh",
    "(1 - y[t] ** 2) * (dy[t] + later)",
    "dy[t] + later",
    "no step goes back through its tanh: multiply the total gradient by the slope, 1 - y[t]**2.",
)
rnn_backward.mistake(
    "slope_on_dy_only",
    "(1 - y[t] ** 2) * (dy[t] + later)",
    "(1 - y[t] ** 2) * dy[t] + later",
    "what came back goes round the tanh. Add first, then multiply: (1 - y[t]**2) * (dy[t] + later).",
)
rnn_backward.mistake(
    "weight_hh_transposed",
    "later = da @ weight_hh",
    "later = da @ weight_hh.T",
    "weight_hh is transposed on the way back. In row form the step forward has the transpose, the step back has none.",
)
rnn_backward.mistake(
    "weight_hh_forgotten",
    "later = da @ weight_hh",
    "later = da",
    "da is handed on as it is. The state before came in through weight_hh: hand on da @ weight_hh.",
)
rnn_backward.mistake(
    "round_the_tanh",
    "later = da @ weight_hh",
    "later = (dy[t] + later) @ weight_hh",
    "the total gradient is handed on past the tanh. The state before stands inside it: hand on da @ weight_hh.",
)
rnn_backward.mistake(
    "dy_one_step_late",
    "(dy[t] + later)",
    "(dy[min(t + 1, len(x) - 1)] + later)",
    "dy joins one step too late: y[t] gets the immediate gradient of y[t + 1]. Add dy[t] before you go through step t.",
)


rnn_backward.mistake(
    "inputs_turned_round",
    "return dx,",
    "return dx[::-1],",
    "dx stands in the order in which it was made, last step first. Put each at its own place: dx[t] = ...",
)
rnn_backward.mistake(
    "one_step_short",
    "later = da @ weight_hh\n    return dx, later,",
    "dh0, later = dy[t] + later, da @ weight_hh\n    return dx, dh0,",
    "dh0 is the total gradient of y[0]. h0 lies one step further back: through the tanh and weight_hh.",
)
rnn_backward.mistake(
    "immediate_gradient_of_h0",
    "return dx, later,",
    "return dx, later + dy[-1],",
    "at t = 0, dy[t - 1] is dy[-1], that of the last state. h0 has no immediate gradient: no output reads it.",
)

rnn_backward.inherit(rnn_step_backward, linear_backward)


# ---------------------------------------------------------------------- finite differences


def loss(x, target, weight_ih, weight_hh, bias):
    """Half the squared distance of all states from the targets, from a zero state; the notebook gives it."""
    h, total = np.zeros((x.shape[1], len(weight_hh))), 0.0
    for x_t, target_t in zip(x, target, strict=True):
        h = np.tanh(x_t @ weight_ih.T + h @ weight_hh.T + bias)
        total += 0.5 * np.sum((h - target_t) ** 2)
    return total


def a_network(rng, T):
    """A sequence of T steps, its targets and the weights of a network."""
    B, D, H = sizes(rng, 3, 2, 5)
    shapes = {"x": (T, B, D), "target": (T, B, H), "weight_ih": (H, D), "weight_hh": (H, H), "bias": H}
    return {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}


def a_nudge(rng):
    """A network, and an epsilon that is large enough to show how it was used."""
    return a_network(rng, T=int(rng.integers(2, 5))) | {"epsilon": float(rng.uniform(0.02, 0.1))}


@chapter.question(
    points=2,
    returns=("dweight_hh",),
    cases=a_nudge,
    hints=(
        "One number of weight_hh at a time: how does the loss change when this number alone moves?",
        "np.ndindex(weight_hh.shape) gives every place k. Nudge a copy up and a copy down, and call loss with each.",
        "up = weight_hh.copy(); up[k] += epsilon; likewise down. The slope is the difference divided by 2 * epsilon.",
    ),
    see="four-witnesses",
)
def numerical_gradient(x, target, weight_ih, weight_hh, bias, epsilon):
    """Each number is nudged up and down, alone, on copies; the two losses lie 2 epsilon apart.

    It takes two runs of the network for every number. It is a witness, not a way to train.
    """
    dweight_hh = np.zeros_like(weight_hh)
    for k in np.ndindex(weight_hh.shape):
        up, down = weight_hh.copy(), weight_hh.copy()
        up[k] += epsilon
        down[k] -= epsilon
        rise = loss(x, target, weight_ih, up, bias) - loss(x, target, weight_ih, down, bias)
        dweight_hh[k] = rise / (2 * epsilon)
    return dweight_hh


numerical_gradient.mistake(
    "one_sided",
    "loss(x, target, weight_ih, down, bias)\n        dweight_hh[k] = rise / (2 * epsilon)",
    "loss(x, target, weight_ih, weight_hh, bias)\n        dweight_hh[k] = rise / epsilon",
    "the nudge goes up only. Its error is of order epsilon; up and down cancel it, and epsilon^2 is left.",
)
numerical_gradient.mistake(
    "half_the_way",
    "rise / (2 * epsilon)",
    "rise / epsilon",
    "the slope is twice too large: from epsilon below to epsilon above it is 2 * epsilon.",
)
numerical_gradient.mistake(
    "precedence",
    "rise / (2 * epsilon)",
    "rise / 2 * epsilon",
    "/ 2 * epsilon divides by 2 and then multiplies by epsilon. Put 2 * epsilon in brackets.",
)
numerical_gradient.mistake(
    "not_divided",
    "rise / (2 * epsilon)",
    "rise",
    "this is how much the loss rises, not how steeply: divide by the way that was gone, 2 * epsilon.",
)
numerical_gradient.mistake(
    "minus_the_gradient",
    "up, bias) - loss(x, target, weight_ih, down,",
    "down, bias) - loss(x, target, weight_ih, up,",
    "the sign is turned round: it is the loss above minus the loss below.",
)
numerical_gradient.mistake(
    "everything_nudged",
    "        up[k] += epsilon\n        down[k] -= epsilon",
    "        up += epsilon\n        down -= epsilon",
    "all numbers of weight_hh move together, so every element is the sum of all slopes. Nudge one at a time: up[k].",
)
numerical_gradient.mistake(
    "one_array_under_two_names",
    "up, down = weight_hh.copy(), weight_hh.copy()",
    "up = down = weight_hh.copy()",
    "up and down are one array under two names, so one nudge undoes the other. Make two copies.",
)
numerical_gradient.mistake(
    "nudges_left_in",
    "    for k in np.ndindex(weight_hh.shape):\n        up, down = weight_hh.copy(), weight_hh.copy()",
    "    up, down = weight_hh.copy(), weight_hh.copy()\n    for k in np.ndindex(weight_hh.shape):",
    "the nudges are never taken back, so later numbers are measured with all earlier ones moved. Copy for each k.",
)
numerical_gradient.mistake(
    "own_epsilon",
    "        up, down = ",
    "        epsilon = 1e-5\n        up, down = ",
    "epsilon is not the one that was given. 1e-5 is a good choice, but here the function is to leave it to the caller.",
)
numerical_gradient.mistake(
    "relative_nudge",
    "        up[k] += epsilon\n        down[k] -= epsilon",
    "        up[k] *= 1 + epsilon\n        down[k] *= 1 - epsilon",
    "the nudge is a share of the number, so the way gone is not 2 * epsilon. Add and subtract epsilon.",
)
numerical_gradient.mistake(
    "whole_row",
    "        up[k] += epsilon\n        down[k] -= epsilon",
    "        up[k[0]] += epsilon\n        down[k[0]] -= epsilon",
    "a whole row of weight_hh moves at once. Nudge one number: k is a pair, row and column.",
)
numerical_gradient.mistake(
    "never_below",
    "down[k] -= epsilon",
    "down[k] -= 0",
    "the lower loss is that of the weights as they were, only one epsilon away: nudge down from there as well.",
)


@numerical_gradient.wrong(
    "this is one slope, with all numbers moved together. Each has its own: a loop over np.ndindex(weight_hh.shape)."
)
def one_number(x, target, weight_ih, weight_hh, bias, epsilon):
    above = loss(x, target, weight_ih, weight_hh + epsilon, bias)
    below = loss(x, target, weight_ih, weight_hh - epsilon, bias)
    return (above - below) / (2 * epsilon)


# ---------------------------------------------------------------------- the slide's derivation, repaired


def a_chain(rng):
    """A linear network of one state; w_h of either sign, sometimes a single step."""
    w_h, w_y, h_0, y = (float(value) for value in rng.choice([-1, 1], size=4) * rng.uniform(0.5, 1.6, size=4))
    return {"w_h": w_h, "w_y": w_y, "h_0": h_0, "y": y, "L": int(rng.choice([5, 4, 3, 2, 1]))}


@chapter.question(
    points=2,
    returns=("dh_0", "dw_h", "dw_y"),
    cases=a_chain,
    hints=(
        "Start with the outermost function: what is the derivative of (y - p)^2 with respect to the prediction p?",
        "It is 2 (p - y), not 2 (y - p). Then multiply by the derivative of p = w_y w_h^L h_0 in each of the three.",
        "The derivative of w_h^L is L w_h^(L-1): each of the L copies of w_h contributes the same.",
    ),
    see="three-tables",
)
def chain_gradients(w_h, w_y, h_0, y, L):
    """The derivative of (y - p)^2 in p is -2 (y - p) = 2 (p - y): the inner derivative brings the minus.

    The prediction p = w_y w_h^L h_0 is linear in w_y and in h_0. w_h occurs L times, which gives L w_h^(L-1).
    """
    dp = 2 * (w_y * w_h**L * h_0 - y)
    return dp * w_y * w_h**L, dp * w_y * L * w_h ** (L - 1) * h_0, dp * w_h**L * h_0


chain_gradients.mistake(
    "as_the_slide_has_it",
    "(w_y * w_h**L * h_0 - y)",
    "(y - w_y * w_h**L * h_0)",
    "this is the slide's sign. The inner derivative of y - p is -1: 2 (y - p) * (-1) = 2 (p - y). It would climb.",
)
chain_gradients.mistake(
    "one_copy_only",
    "dp * w_y * L * w_h ** (L - 1)",
    "dp * w_y * w_h ** (L - 1)",
    "dw_h is the share of one copy. w_h occurs L times, and the shares add up: a factor L, as for any power.",
)
chain_gradients.mistake(
    "power_not_lowered",
    "w_h ** (L - 1)",
    "w_h**L",
    "the power of w_h in dw_h is one too high: the derivative of w^L is L w^(L-1).",
)
chain_gradients.mistake(
    "precedence",
    "w_h ** (L - 1)",
    "w_h**L - 1",
    "w_h**L - 1 is w_h to the L, and one taken off. Put the exponent in brackets: w_h ** (L - 1).",
)
chain_gradients.mistake(
    "output_weight_forgotten",
    "dp * w_y * L *",
    "dp * L *",
    "w_y is missing in dw_h: the state reaches the loss through the output weight.",
)
chain_gradients.mistake(
    "prediction_is_the_state",
    "2 * (w_y * w_h**L * h_0 - y)",
    "2 * (w_h**L * h_0 - y)",
    "the error was taken from the last state. The prediction is w_y times that state.",
)
chain_gradients.mistake(
    "two_forgotten",
    "2 * (w_y * w_h**L * h_0 - y)",
    "w_y * w_h**L * h_0 - y",
    "the 2 of the square is missing. The loss here is (y - p)^2, without a one half in front.",
)
chain_gradients.mistake(
    "output_weight_kept",
    "dp * w_h**L * h_0",
    "dp * w_y * w_h**L * h_0",
    "w_y is left in its own derivative: p is w_y times h_L, so dp/dw_y is h_L alone.",
)
chain_gradients.mistake(
    "initial_state_kept",
    "return dp * w_y * w_h**L,",
    "return dp * w_y * w_h**L * h_0,",
    "h_0 is left in its own derivative: p is h_0 times w_y w_h^L, so dp/dh_0 is w_y w_h^L alone.",
)


# ---------------------------------------------------------------------- a product of Jacobians


def some_states(rng):
    """The states of one sample after the first, and the recurrent weight; sometimes a single state."""
    H = int(rng.integers(1, 6))
    h = np.tanh(rng.normal(size=(int(rng.choice([1, 3, 4, 6, 7])), H)))
    return {"h": h, "weight_hh": rng.normal(size=(H, H))}


@chapter.question(
    points=2,
    returns=("norms",),
    cases=some_states,
    hints=(
        "At distance 1 there is one Jacobian, J_T, from h_{T-1} to h_T. Which one joins at distance 2, on which side?",
        "The product is J_T J_{T-1} ...: start from np.eye(H), go through h from the end, multiply on the right.",
        "J = np.diag(1 - h_t**2) @ weight_hh; its norm, the largest singular value, is np.linalg.norm(..., ord=2).",
    ),
    see="from-a-number-to-a-matrix",
)
def jacobian_norms(h, weight_hh):
    """The Jacobian of the last step comes first and stays on the left; each step further back joins on the right.

    The norm is taken of the whole product: the product of the norms would be an upper bound only.
    """
    product, norms = np.eye(len(weight_hh)), []
    for h_t in h[::-1]:
        product = product @ np.diag(1 - h_t**2) @ weight_hh
        norms.append(np.linalg.norm(product, ord=2))
    return np.array(norms)


jacobian_norms.mistake(
    "from_the_start",
    "for h_t in h[::-1]:\n        product = product @ np.diag(1 - h_t**2) @ weight_hh",
    "for h_t in h:\n        product = np.diag(1 - h_t**2) @ weight_hh @ product",
    "these are the derivatives of h_1, h_2, ... by h_0. Asked is how h_T depends on h_{T-k}: begin at the end of h.",
)
jacobian_norms.mistake(
    "joined_on_the_left",
    "product @ np.diag(1 - h_t**2) @ weight_hh",
    "np.diag(1 - h_t**2) @ weight_hh @ product",
    "the earlier Jacobian stands on the left. What moves first stands on the right: J_T J_{T-1} ... J_{T-k+1}.",
)
jacobian_norms.mistake(
    "joined_in_the_order_of_time",
    "h[::-1]",
    "h",
    "the Jacobian of the first step stands on the left. J_T stands there, as it is applied last: go through h[::-1].",
)
jacobian_norms.mistake(
    "without_the_slope",
    "product @ np.diag(1 - h_t**2) @ weight_hh",
    "product @ weight_hh",
    "these are the powers of weight_hh. The slope of the tanh is in every factor: np.diag(1 - h_t**2) @ weight_hh.",
)
jacobian_norms.mistake(
    "slope_on_the_right",
    "product @ np.diag(1 - h_t**2) @ weight_hh",
    "product @ weight_hh @ np.diag(1 - h_t**2)",
    "the slope stands on the wrong side. The state goes through weight_hh first, then through the tanh: diag(...) @ W.",
)
jacobian_norms.mistake(
    "weight_transposed",
    "@ weight_hh",
    "@ weight_hh.T",
    "weight_hh is transposed. dh_t/dh_{t-1} has a row for each new state, as weight_hh has: diag(...) @ weight_hh.",
)
jacobian_norms.mistake(
    "square_forgotten",
    "1 - h_t**2",
    "1 - h_t",
    "the square is missing: the slope of tanh is 1 - h_t**2.",
)
jacobian_norms.mistake(
    "frobenius",
    ", ord=2)",
    ")",
    "np.linalg.norm of a matrix is the root of all squares, if you do not say ord=2: the largest singular value.",
)
jacobian_norms.mistake(
    "eigenvalues",
    "np.linalg.norm(product, ord=2)",
    "abs(np.linalg.eigvals(product)).max()",
    "this is the largest eigenvalue. How far a matrix can stretch a vector is its largest singular value.",
)
jacobian_norms.mistake(
    "product_of_norms",
    "        product = product @ np.diag(1 - h_t**2) @ weight_hh\n"
    "        norms.append(np.linalg.norm(product, ord=2))\n"
    "    return np.array(norms)",
    "        norms.append(np.linalg.norm(np.diag(1 - h_t**2) @ weight_hh, ord=2))\n    return np.cumprod(norms)",
    "this is the product of the norms, an upper bound. Multiply the matrices and take the norm of the product.",
)
jacobian_norms.mistake(
    "single_steps",
    "product @ np.diag(1 - h_t**2)",
    "np.diag(1 - h_t**2)",
    "these are the norms of single steps. Over a distance of k steps the k Jacobians are multiplied.",
)
jacobian_norms.mistake(
    "identity_first",
    "    return np.array(norms)",
    "    return np.array([1.0, *norms[:-1]])",
    "norms begins with the distance 0, the identity. Take the norm after the multiplication: distances 1 to T.",
)
jacobian_norms.mistake(
    "largest_distance_first",
    "np.array(norms)",
    "np.array(norms)[::-1]",
    "the norms are in the order of time. Put them in the order of distance: k = 1, the last step alone, comes first.",
)


# ---------------------------------------------------------------------- clipping


def three_gradients(rng):
    """Gradients that are too long, short enough, or all zero, and the norm that is allowed."""
    D, H = sizes(rng, 2)
    size = rng.choice([1.0, 0.1, 0.0])
    shapes = {"dweight_ih": (H, D), "dweight_hh": (H, H), "dbias": H}
    gradients = {name: size * rng.normal(size=shape) for name, shape in shapes.items()}
    return gradients | {"max_norm": float(rng.uniform(0.8, 3.0))}


@chapter.question(
    points=2,
    returns=("dweight_ih", "dweight_hh", "dbias", "norm"),
    cases=three_gradients,
    hints=(
        "The three arrays together are one long vector. What is its length?",
        "The norm is the root of the sum of the squares of all elements of all three. When is nothing to be done?",
        "If norm > max_norm, all three are multiplied by the same number, max_norm / norm; else they stay.",
    ),
    see="clipping",
)
def clip_norm(dweight_ih, dweight_hh, dbias, max_norm):
    """All gradients together are one vector, so there is one norm and one factor: the direction stays.

    Only what is too long is made shorter; so there is no division by zero either.
    """
    norm = np.sqrt(sum(np.sum(g**2) for g in (dweight_ih, dweight_hh, dbias)))
    scale = max_norm / norm if norm > max_norm else 1.0
    return scale * dweight_ih, scale * dweight_hh, scale * dbias, norm


@clip_norm.wrong(
    "each array is clipped by its own norm, so the direction changes. All together are one vector, with one norm."
)
def each_alone(dweight_ih, dweight_hh, dbias, max_norm):
    gradients = dweight_ih, dweight_hh, dbias
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return *(g * min(1.0, max_norm / max(np.linalg.norm(g), 1e-300)) for g in gradients), norm


@clip_norm.wrong(
    "this is clipping by value: every element is cut by itself, and the direction changes. Multiply all by one number."
)
def by_value(dweight_ih, dweight_hh, dbias, max_norm):
    gradients = dweight_ih, dweight_hh, dbias
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return *(np.clip(g, -max_norm, max_norm) for g in gradients), norm


clip_norm.mistake(
    "always_scaled",
    "max_norm / norm if norm > max_norm else 1.0",
    "max_norm / norm",
    "short gradients are made longer, and zeros become nan. Only what is longer than max_norm is to be changed.",
)
clip_norm.mistake(
    "zero_divided_by_zero",
    "max_norm / norm if norm > max_norm else 1.0",
    "min(norm, max_norm) / norm",
    "gradients that are all zero become nan: 0 / 0. Divide only where norm > max_norm.",
)
clip_norm.mistake(
    "turned_round",
    "max_norm / norm if",
    "norm / max_norm if",
    "long gradients become longer: the factor is turned round. It is to be below 1: max_norm / norm.",
)
clip_norm.mistake(
    "to_length_one",
    "max_norm / norm if",
    "1 / norm if",
    "long gradients get the length 1. They are to get the length max_norm: max_norm / norm.",
)
clip_norm.mistake(
    "condition_turned_round",
    "norm > max_norm",
    "norm < max_norm",
    "the short ones are changed and the long ones stay: the condition is turned round.",
)
clip_norm.mistake(
    "root_forgotten",
    "np.sqrt(sum(np.sum(g**2) for g in (dweight_ih, dweight_hh, dbias)))",
    "sum(np.sum(g**2) for g in (dweight_ih, dweight_hh, dbias))",
    "this is the square of the norm: the root is missing.",
)
clip_norm.mistake(
    "norms_added",
    "np.sqrt(sum(np.sum(g**2) for g in (dweight_ih, dweight_hh, dbias)))",
    "sum(np.linalg.norm(g) for g in (dweight_ih, dweight_hh, dbias))",
    "the three norms are added up. Lengths at right angles add by their squares: add the squares, then take the root.",
)
clip_norm.mistake(
    "longest_of_the_three",
    "np.sqrt(sum(np.sum(g**2) for g in (dweight_ih, dweight_hh, dbias)))",
    "max(np.linalg.norm(g) for g in (dweight_ih, dweight_hh, dbias))",
    "this is the longest of the three norms. The norm of all together is the root of the sum of their squares.",
)
clip_norm.mistake(
    "mean_of_squares",
    "np.sum(g**2)",
    "np.mean(g**2)",
    "the squares are averaged within each array. The length of a vector is the root of their sum.",
)
clip_norm.mistake(
    "bias_left_out",
    "scale * dbias, norm",
    "dbias, norm",
    "dbias stays as it is. All gradients are one vector and get the same factor, else the direction changes.",
)
clip_norm.mistake(
    "bias_not_counted",
    "(dweight_ih, dweight_hh, dbias)))",
    "(dweight_ih, dweight_hh)))",
    "dbias is not counted in the norm. It is a part of the one long vector.",
)
clip_norm.mistake(
    "norm_after_clipping",
    "scale * dbias, norm",
    "scale * dbias, scale * norm",
    "norm is the length after clipping. Return the one before: it tells whether clipping was at work.",
)


# ---------------------------------------------------------------------- truncation, in torch


def a_long_sequence(rng):
    """A network, a sequence, and chunks that are shorter; sometimes of a single step."""
    rest, k = (int(n) for n in rng.integers(1, 4, size=2))
    return a_network(rng, T=2 * k + rest) | {"k": k}


@chapter.question(
    points=3,
    returns=("loss", "dweight_hh"),
    cases=a_long_sequence,
    hints=(
        "The loop is that of the forward pass; torch does the way back. At which t does a new chunk begin?",
        "A chunk begins where t % k == 0. There the state goes on as a number without a history: h = h.detach().",
        "Before the loop weight_hh = weight_hh.clone().requires_grad_(), after it loss.backward() and weight_hh.grad.",
    ),
    tolerance=1e-4,  # float32 loses digits in 1 - h**2
    see="truncation",
    library="torch",
)
def truncated_gradient(x, target, weight_ih, weight_hh, bias, k):
    """The state is handed on from chunk to chunk, so the loss is the same for every k.

    It is cut off from its history at the beginning of each chunk, so no gradient crosses a border.
    """
    import torch

    weight_hh = weight_hh.clone().requires_grad_()
    h = x.new_zeros(x.shape[1], len(weight_hh))
    loss = 0.0
    for t in range(len(x)):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(x[t] @ weight_ih.T + h @ weight_hh.T + bias)
        loss = loss + 0.5 * (h - target[t]).square().sum()
    loss.backward()
    return loss, weight_hh.grad


truncated_gradient.mistake(
    "not_truncated",
    "            h = h.detach()",
    "            pass",
    "this is the full gradient, across all borders. detach returns a new tensor: write h = h.detach() at each border.",
)
truncated_gradient.mistake(
    "last_border_only",
    "        if t % k == 0:\n            h = h.detach()",
    "        if t % k == 0 and t > len(x) - k:\n            h = h.detach()",
    "only the last border is cut. Every chunk of k steps begins without a history.",
)
truncated_gradient.mistake(
    "cut_at_every_step",
    "if t % k == 0:",
    "if True:",
    "the state is detached at every step, so the gradient reaches one step whatever k is. Detach where t % k == 0.",
)
truncated_gradient.mistake(
    "state_forgotten",
    "h = h.detach()",
    "h = torch.zeros_like(h)",
    "each chunk begins with zeros, so the network forgets at the border. Only the gradient stops there: h.detach().",
)
truncated_gradient.mistake(
    "border_too_early",
    "if t % k == 0:",
    "if t % k == k - 1:",
    "the state is detached before the last step of a chunk. A chunk begins at 0, k, 2k, ...: detach where t % k == 0.",
)
truncated_gradient.mistake(
    "border_too_late",
    "if t % k == 0:",
    "if t % k == 1 % k:",
    "the state is detached after the first step of a chunk, not before it. Detach as the first thing in the loop.",
)
truncated_gradient.mistake(
    "k_chunks_instead_of_k_steps",
    "if t % k == 0:",
    "if t % -(-len(x) // k) == 0:",
    "the sequence is cut into k chunks. The chunks are k steps long: detach where t % k == 0.",
)
truncated_gradient.mistake(
    "last_k_steps",
    "if t % k == 0:",
    "if t == len(x) - k:",
    "the gradient is cut once, k steps before the end. Each chunk of k steps begins with a detached state.",
)
truncated_gradient.mistake(
    "last_loss_only",
    "loss = loss + 0.5",
    "loss = 0.5",
    "the loss is that of the last step. Every step has a target; add the losses up.",
)
truncated_gradient.mistake(
    "last_chunk_only",
    "            h = h.detach()",
    "            h, loss = h.detach(), 0.0",
    "the loss starts anew at each border, so only the last chunk counts. Add up all steps, or go back in each chunk.",
)
truncated_gradient.mistake(
    "no_gradient_asked_for",
    "weight_hh.clone().requires_grad_()",
    "weight_hh.clone()",
    "torch records nothing, as no tensor asks for a gradient: weight_hh = weight_hh.clone().requires_grad_().",
)
truncated_gradient.mistake(
    "zeros_in_another_dtype",
    "x.new_zeros(x.shape[1], len(weight_hh))",
    "torch.zeros(x.shape[1], len(weight_hh))",
    "torch.zeros makes float32, and the tensors are float64. x.new_zeros(B, H) has the dtype of x.",
)
truncated_gradient.mistake(
    "mean_for_sum",
    ".square().sum()",
    ".square().mean()",
    "the squares are averaged. The loss of the exercise is half their sum.",
)
truncated_gradient.mistake(
    "half_forgotten",
    "loss + 0.5 * (h",
    "loss + (h",
    "the one half in front of the squares is missing, so loss and gradient are twice too large.",
)


# ---------------------------------------------------------------------- the whole loop, by hand


def a_run(rng):
    """A batch, the states that it is to end in, the weights, and a threshold that clips about half of the updates."""
    T, B, D, H = sizes(rng, 4, high=5)
    return {
        "x": rng.normal(size=(T, B, D)),
        "target": rng.uniform(-0.8, 0.8, size=(B, H)),
        "weight_ih": rng.normal(scale=0.7, size=(H, D)),
        "weight_hh": rng.normal(scale=0.7, size=(H, H)),
        "lr": float(rng.uniform(0.2, 1.0)),
        "most": float(rng.uniform(0.1, 1.0)),
        "updates": int(rng.integers(2, 4)),
    }


@chapter.question(
    points=4,
    returns=("losses", "norms", "weight_ih", "weight_hh"),
    cases=a_run,
    hints=(
        "Four parts in a loop: forward with all states kept, loss, backward through all steps, clip and step.",
        "The mean of the squares over B·H numbers gives dh = 2 (h - target) / (B·H) at the last step. Then go back.",
        "Both gradients add up over the steps. Their common norm is noted first; where it is over `most`, both shrink.",
    ),
    see="clipping",
)
def train_clipped(x, target, weight_ih, weight_hh, lr, most, updates):
    """A training run with nothing hidden: the states kept on the way there are what the way back needs.

    The norm is that of both gradients together, and clipping keeps their direction.
    """
    losses, norms = [], []
    for _ in range(updates):
        states = [np.zeros_like(target)]
        for x_t in x:
            states.append(np.tanh(x_t @ weight_ih.T + states[-1] @ weight_hh.T))
        losses.append(((states[-1] - target) ** 2).mean())
        dh = 2 * (states[-1] - target) / target.size
        dweight_ih, dweight_hh = np.zeros_like(weight_ih), np.zeros_like(weight_hh)
        for t in reversed(range(len(x))):
            da = dh * (1 - states[t + 1] ** 2)
            dweight_ih += da.T @ x[t]
            dweight_hh += da.T @ states[t]
            dh = da @ weight_hh
        norm = np.sqrt((dweight_ih**2).sum() + (dweight_hh**2).sum())
        norms.append(norm)
        scale = lr * most / max(norm, most)  # so 0 / 0 cannot be
        weight_ih, weight_hh = weight_ih - scale * dweight_ih, weight_hh - scale * dweight_hh
    return np.array(losses), np.array(norms), weight_ih, weight_hh


train_clipped.mistake(
    "not_clipped",
    "lr * most / max(norm, most)",
    "lr",
    "the gradient is never clipped. Where its norm is over `most`, it shrinks to that.",
)
train_clipped.mistake(
    "always_rescaled",
    "most / max(norm, most)",
    "most / norm",
    "a gradient that is small enough is made larger. Clipping only ever shrinks.",
)
train_clipped.mistake(
    "each_by_itself",
    "        scale = lr * most / max(norm, most)  # so 0 / 0 cannot be\n"
    "        weight_ih, weight_hh = weight_ih - scale * dweight_ih, weight_hh - scale * dweight_hh\n",
    "        dweight_ih *= most / max(np.sqrt((dweight_ih**2).sum()), most)\n"
    "        dweight_hh *= most / max(np.sqrt((dweight_hh**2).sum()), most)\n"
    "        weight_ih, weight_hh = weight_ih - lr * dweight_ih, weight_hh - lr * dweight_hh\n",
    "each array is clipped by itself, which turns the gradient. One norm for all, and one factor.",
)
train_clipped.mistake(
    "only_the_last_step",
    "            dh = da @ weight_hh\n",
    "            dh = np.zeros_like(dh)\n",
    "the gradient stops at the last step. Go on with dh = da @ weight_hh.",
)
train_clipped.mistake(
    "state_after_the_step",
    "da.T @ states[t]\n",
    "da.T @ states[t + 1]\n",
    "dweight_hh needs the state that the step read, the one before it.",
)
train_clipped.mistake(
    "slope_forgotten",
    "dh * (1 - states[t + 1] ** 2)",
    "dh",
    "the slope of the tanh is missing: 1 - h² of the state that came out.",
)
train_clipped.mistake(
    "norm_after_clipping",
    "norms.append(norm)",
    "norms.append(min(norm, most))",
    "the norm is noted after clipping. Note it before, or the curve never shows an explosion.",
)


# ---------------------------------------------------------------------- repair this run: pieces of a long sequence


def a_long_sequence(rng):
    """A signal and what a leaky sum of it is to be, and the length of the pieces."""
    size, B = int(rng.integers(2, 5)), sizes(rng, 1)[0]
    T = size * int(rng.integers(2, 5))
    return {
        "x": rng.normal(size=(T, B)),
        "y": rng.normal(size=(T, B)),
        "a": float(rng.uniform(0.3, 0.9)),
        "size": size,
        "lr": float(rng.uniform(0.02, 0.1)),
    }


@chapter.question(
    points=3,
    returns=("losses", "a", "h"),
    cases=a_long_sequence,
    hints=(
        "Two things cross the border of a piece, or do not: the state, and its derivative. Which may, which may not?",
        "Print the loss with pieces of one step and with pieces of all. What should be the same, whatever the size?",
        "The state goes on. Its derivative begins at zero in each piece. Loss and gradient are means over it.",
    ),
    see="truncation",
)
def repair_pieces(x, y, a, size, lr):
    """h_t = a h_{t-1} + x_t has dh_t/da = h_{t-1} + a dh_{t-1}/da: the derivative is carried along like the state.

    At the border of a piece the state goes on and its derivative begins anew: that is truncation.
    """
    h, losses = np.zeros(x.shape[1]), []
    for start in range(0, len(x), size):
        dh, loss, gradient = np.zeros_like(h), 0.0, 0.0
        for t in range(start, start + size):
            dh = h + a * dh
            h = a * h + x[t]
            loss += ((h - y[t]) ** 2).mean() / size
            gradient += (2 * (h - y[t]) * dh).mean() / size
        losses.append(loss)
        a = a - lr * gradient
    return np.array(losses), a, h


repair_pieces.mistake(
    "state_not_carried",
    "        dh, loss, gradient = np.zeros_like(h), 0.0, 0.0\n",
    "        h = np.zeros(x.shape[1])\n        dh, loss, gradient = np.zeros_like(h), 0.0, 0.0\n",
    "the state begins anew in each piece, so nothing longer than a piece is remembered. Carry it on.",
)
repair_pieces.mistake(
    "not_detached",
    "    h, losses = np.zeros(x.shape[1]), []\n"
    "    for start in range(0, len(x), size):\n"
    "        dh, loss, gradient = np.zeros_like(h), 0.0, 0.0\n",
    "    h, losses = np.zeros(x.shape[1]), []\n"
    "    dh = np.zeros_like(h)\n"
    "    for start in range(0, len(x), size):\n"
    "        loss, gradient = 0.0, 0.0\n",
    "the gradient crosses the border: the state was not detached. Its derivative begins at zero in each piece.",
)
repair_pieces.mistake(
    "gradient_adds_up",
    "        dh, loss, gradient = np.zeros_like(h), 0.0, 0.0\n",
    "        dh, loss, gradient = np.zeros_like(h), 0.0, gradient if start else 0.0\n",
    "the gradient of the last piece is still in this one. Begin each piece with zero.",
)
repair_pieces.mistake(
    "sum_over_the_piece",
    "(2 * (h - y[t]) * dh).mean() / size",
    "(2 * (h - y[t]) * dh).mean()",
    "the gradient is the sum over the piece, the loss its mean: longer pieces take larger steps.",
)
repair_pieces.mistake(
    "derivative_too_late",
    "            dh = h + a * dh\n            h = a * h + x[t]\n",
    "            h = a * h + x[t]\n            dh = h + a * dh\n",
    "the derivative uses the new state. It needs the one before the step: compute it first.",
)
repair_pieces.mistake(
    "only_through_one_step",
    "dh = h + a * dh",
    "dh = h",
    "the derivative forgets that the state before depends on a, too. Add a times the one before.",
)
