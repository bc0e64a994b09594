"""Why an answer is wrong: each rule says what it is certain of, and nothing where it is not."""

import linecache
import textwrap

import numpy as np
import pytest

from course_rnn.checking import diagnose, inherit
from course_rnn.checking.diagnose import Evidence, as_if, one_edit, overflow, pair, registered, relations, unused
from course_rnn.checking.mistake import code_of, compiled
from course_rnn.questions import bidirectional_rnn, deep_rnn, gpu, gradients, lstm_gru, outlook, seq2seq, simple_rnn
from course_rnn.questions import sequential_data as data


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")


def edited(question, right, wrong):
    """The worked answer with a part of its code replaced."""
    source = code_of(question.reference)
    assert source.count(right) == 1, source
    return compiled(source.replace(right, wrong), question.reference, "edited")


def evidence(question, answer, called=True):
    return Evidence(question, [question.run(answer, seed) for seed in question.seeds], answer if called else None)


def as_cell(source, name):
    """The function of a notebook cell, whose lines Python knows as it knows those of IPython."""
    names, source = {"np": np}, textwrap.dedent(source)
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    exec(compile(source, "<cell>", "exec"), names)
    return names[name]


# ---------------------------------------------------------------------- the whole, in order


@pytest.mark.parametrize(
    ("question", "right", "wrong", "name", "said"),
    [
        (simple_rnn.rnn_step, "+ bias_ih ", "", "unused", "does not depend on bias_ih"),
        (simple_rnn.rnn_forward, "h, states = h0", "h, states = 0 * h0", "zeros_for_h0", "starts from zeros"),
        (simple_rnn.rnn_forward, "(states), h", "(states), np.stack(states)", "order", "h_n is y"),
        (simple_rnn.parameter_count, "+ 2 * H,", "+ 2 * H + 1,", "offset", "too large by 1 everywhere"),
        (gradients.linear_backward, "do @ weight,", "-do @ weight,", "sign", "wrong sign"),
        (gradients.linear_backward, "do @ weight, do.T @ h,", "do.T @ h, do @ weight,", "order", "dweight, dh and"),
        (gradients.numerical_gradient, "return dweight_hh", "return dweight_hh.T", "transposed", "is transposed"),
        (deep_rnn.stacked_forward, "[h_1, h_2]", "[h_2, h_1]", "turned_round", "the last stands first"),
        (lstm_gru.forget_bias, "np.log(f / (1 - f))", "f / (1 - f)", "function_missing", "if log of it were taken"),
        (lstm_gru.lstm_step, "sigmoid(i) * np.tanh(g)", "np.tanh(g)", "slip", "writing only `np.tanh(g)`"),
        (gpu.roofline, "1e9 *", "1e6 *", "factor", "0.001 times what is right"),
        (data.count_windows, "(n - W) // stride", "n - W // stride", "slip", "n - W // stride"),
        (deep_rnn.elman_step, "return h_next,", "return h,", "input", "h_next is h, as it came in"),
        (deep_rnn.one_wide_layer, "[[weight_hh_l0,", "[[weight_hh_l0.T,", "as_if", "with weight_hh_l0 transposed"),
        (outlook.one_map, "return A, B", "return B, A", "order", "another order"),
    ],
)  # fmt: skip
def test_a_mistake_off_the_list_is_named(question, right, wrong, name, said):
    result = question.check(edited(question, right, wrong))
    assert result.cause == name and said in result.message.partition("Likely cause: ")[2].splitlines()[0]


def test_a_registered_mistake_has_its_own_words_even_where_a_rule_would_fit():
    answer = simple_rnn.rnn_step.mistakes["without_bias_hh"].function
    assert unused.argument(evidence(simple_rnn.rnn_step, answer))
    assert simple_rnn.rnn_step.check(answer).cause == "without_bias_hh"


def test_nothing_is_said_of_values_that_follow_no_rule():
    answer = lambda *given: sum(each.sum() for each in given) * given[1] ** 5 + 1e3  # noqa: E731
    assert diagnose.cause(evidence(simple_rnn.rnn_step, answer)) is None


def test_the_rules_that_need_no_call_work_for_a_grader():
    answer = edited(gradients.linear_backward, "do @ weight,", "-do @ weight,")
    assert diagnose.cause(evidence(gradients.linear_backward, answer, called=False)).name == "sign"


# ---------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("weight_ih @ x", "weight_ih is (5, 7) and x is (6, 7): in a product the inner sizes must agree"),
        ("np.dot(x, weight_ih)", "x is (6, 7) and weight_ih is (5, 7): in a product the inner sizes must agree"),
        ("x.dot(weight_ih)", "x is (6, 7) and weight_ih is (5, 7): in a product the inner sizes must agree"),
        ("x @ weight_ih.T + h.T", "h.T is (5, 6)"),
        ("x + h", "x is (6, 7) and h is (6, 5): counted from the last axis, sizes must agree or be 1."),
    ],
)  # fmt: skip
def test_what_met_is_said_in_shapes(line, said):
    step = f"def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):\n    return np.tanh({line})"
    message = simple_rnn.rnn_step.check(as_cell(step, "rnn_step")).message
    first = simple_rnn.rnn_step.draw(simple_rnn.rnn_step.seeds[0])
    assert (first["x"].shape, first["h"].shape) == ((6, 7), (6, 5))
    if line == "x @ weight_ih.T + h.T":  # one side is a product: looking at it again would run the learner's code
        assert "Shapes" not in message or said in message
    else:
        assert f"Shapes: {said}" in message and "gufunc" not in message


def test_a_mistake_that_stops_is_known_whatever_the_product_is_called():
    wrong = code_of(simple_rnn.rnn_step.reference).replace("x @ weight_ih.T", "np.dot(x, weight_ih)")
    result = simple_rnn.rnn_step.check(compiled(wrong, simple_rnn.rnn_step.reference, "dot"))
    assert result.cause == "weight_ih_not_transposed"


# ---------------------------------------------------------------------- single rules


def test_an_argument_that_the_right_answer_does_not_need_is_not_missed():
    """The first state does not depend on weight_hh, and neither does a wrong one."""
    found = unused.argument(evidence(simple_rnn.first_state, lambda x, *rest: np.tanh(x @ rest[0].T)))
    assert found.message.startswith("h_1 does not depend on bias_ih or bias_hh:")


def test_a_constant_depends_on_nothing():
    answer = lambda x, h, *rest: np.ones_like(h)  # noqa: E731
    assert unused.argument(evidence(simple_rnn.rnn_step, answer)).message.endswith("on what the function is given.")


def test_one_number_says_nothing_of_a_relation():
    got, want = np.array([2.0]), np.array([1.0])
    assert relations.relation([(got, want)], [{"n": 2}], 1e-5, relations.GROUPS) is None


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda y: np.concatenate([np.zeros_like(y[:1]), y[:-1]]), "late"),
        (lambda y: np.concatenate([y[1:], np.zeros_like(y[:1])]), "early"),
        (lambda y: np.concatenate([y, y[:1]]), "one_too_many"),
        (lambda y: y[1:], "first_missing"),
        (lambda y: y[:-1], "last_missing"),
        (lambda y: y[:, ::-1], "turned_round"),
        (lambda y: y.swapaxes(0, 1), "transposed"),
        (lambda y: y.reshape(-1, y.shape[-1]), "shape"),
        (lambda y: y.sum(axis=1), "sum_too_many"),
        (lambda y: -y, "sign"),
        (lambda y: 3 * y, "factor"),
        (lambda y: y + 7, "offset"),
        (lambda y: np.exp(y), "function_missing"),
        (lambda y: np.tanh(y), "function_too_many"),
        (lambda y: 1 - y, "complement"),
        (lambda y: np.sort(y.ravel()).reshape(y.shape), "places"),
    ],
)
def test_each_relation_is_found(change, name):
    rng = np.random.default_rng(0)
    wants = [rng.normal(size=(T, B, 3)) + 0.1 for T, B in ((4, 2), (5, 2), (6, 4), (3, 5))]
    found = relations.relation(
        [(change(want), want) for want in wants], [{}] * 4, 1e-5, (*relations.GROUPS, relations.exchanged)
    )
    assert found and found[0] == name


def test_a_factor_that_is_a_size_is_named():
    answer = edited(gradients.linear_backward, "do.T @ h", "do.T @ h / weight.shape[1]")
    found = diagnose.cause(evidence(gradients.linear_backward, answer))
    assert found.message == "dweight is divided by h.shape[1]: a mean where a sum belongs?"


def test_an_argument_taken_for_something_else():
    answer = edited(simple_rnn.chunk_states, "range(0, len(x), size)", "range(0, len(x), size + 1)")
    slices = edited(seq2seq.decoder_states, "x_t @ U.T", "np.tanh(x_t) @ U.T")
    assert as_if.one_argument(evidence(seq2seq.decoder_states, slices)).message.startswith(
        "your results are those with tanh(x)"
    )
    assert as_if.one_argument(evidence(simple_rnn.chunk_states, answer)) is None  # the slice still takes `size`


def test_two_registered_mistakes_at_once_are_both_named():
    one = edited(simple_rnn.rnn_step, "h @ weight_hh.T + bias_hh", "h @ weight_hh")
    result = simple_rnn.rnn_step.check(one)
    known = simple_rnn.rnn_step.mistakes
    assert known["weight_hh_not_transposed"].message in result.message
    assert known["without_bias_hh"].message in result.message


def test_a_value_of_few_numbers_is_no_evidence():
    """True or False fits many mistakes by chance: nothing is said of the other values then."""
    answer = edited(gpu.roofline, "moving > arithmetic", "nbytes > operations")
    assert registered.of_some_values(evidence(gpu.roofline, answer)) is None


def test_two_mistakes_in_two_values_are_told_apart():
    def forward(x, h0, *weights):
        return simple_rnn.rnn_forward.mistakes["reversed_in_time"].function(x, h0, *weights)[0], h0

    found = registered.of_some_values(
        evidence(simple_rnn.rnn_forward, lambda x, h0, a, b, c, d: forward(x, h0, a, b, c, d))
    )
    assert "y is as if" in found.message and "h_n is as if" in found.message


def test_a_slip_is_asked_for_by_what_stands_there():
    assert one_edit.asked("a + b", "a").endswith("writing only `a` in one place. What is missing there?")
    assert one_edit.asked("a", "a.T").endswith("What is too much there?")
    assert one_edit.asked("a < b", "a > b").endswith("What belongs there instead?")
    assert one_edit.asked("a", "b" * 99) == ""
    long = "x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh + and_more_of_it"
    assert "writing `….clip(0)` in" in one_edit.asked(f"np.tanh({long})", f"({long}).clip(0)")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_overflows_is_told_apart_from_what_is_wrong():
    def wrong_axis(o, y):
        p = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)
        return p, -np.log(np.take_along_axis(p, y[..., None], axis=-1)).mean()

    assert simple_rnn.softmax_loss.check(wrong_axis).cause == "softmax_over_batch"

    def in_its_own_way(o, y):
        p = np.exp(o)
        p /= p.sum(axis=-1, keepdims=True)
        return p, -np.mean([np.log(p[t, b, y[t, b]]) for t in range(len(o)) for b in range(o.shape[1])])

    assert simple_rnn.softmax_loss.check(in_its_own_way).cause == "overflow"
    assert overflow.of_large_numbers(evidence(simple_rnn.softmax_loss, in_its_own_way)).name == "overflow"


# ---------------------------------------------------------------------- inheritance


def test_the_mistakes_of_a_step_are_known_in_the_sequence():
    assert {"without_recurrence", "weight_hh_not_transposed", "without_bias_hh"} <= set(
        simple_rnn.rnn_forward.inherited
    )
    answer = edited(simple_rnn.rnn_forward, "h @ weight_hh.T", "h @ weight_hh")
    result = simple_rnn.rnn_forward.check(answer)
    assert result.cause == "weight_hh_not_transposed"
    assert "Atlas of mistakes: rnn-step-weight-hh-not-transposed" in result.message


def test_they_are_known_in_each_layer_of_a_stack():
    for layer in (0, 1):
        h = f"h_{layer + 1}"
        answer = edited(deep_rnn.stacked_forward, f"{h} @ weight_hh_l{layer}.T", f"{h} @ weight_hh_l{layer}")
        assert deep_rnn.stacked_forward.check(answer).cause == "weight_hh_not_transposed"


def test_a_formula_is_the_same_whatever_its_names_end_in():
    assert inherit.stem("weight_hh_l0") == inherit.stem("weight_hh_l1_reverse") == "weight_hh"
    assert inherit.stem("x_t") == "x" != inherit.stem("y")


def test_no_inherited_mistake_is_the_right_answer():
    for module in (data, simple_rnn, deep_rnn, bidirectional_rnn, seq2seq, gradients, lstm_gru, gpu, outlook):
        for question in module.chapter.questions.values():
            for mistake in question.inherited.values():
                assert not question.check(mistake.function).passed, (question.name, mistake.name)


def test_a_pair_makes_both_mistakes():
    made = pair.compose(simple_rnn.rnn_step)
    assert len(made) > 10
    for mistakes, function in made:
        shown = evidence(simple_rnn.rnn_step, function)
        assert shown.wrong and len(set(mistakes)) == 2
