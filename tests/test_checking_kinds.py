"""Kinds of mistakes that no question registers: each is named where it is certain, and only there."""

import ast
import linecache
import re
import textwrap

import numpy as np
import pytest

from course_rnn.checking import diagnose, mutate
from course_rnn.checking.diagnose import Evidence, as_if, blocks, only, part, relations, unused
from course_rnn.checking.mistake import code_of, compiled
from course_rnn.questions import deep_rnn, gradients, lstm_gru, outlook, seq2seq, simple_rnn
from course_rnn.questions import sequential_data as data


@pytest.fixture(autouse=True)
def no_progress_file(monkeypatch):
    monkeypatch.setenv("COURSE_RNN_PROGRESS", "")


def evidence(question, answer):
    return Evidence(question, [question.run(answer, seed) for seed in question.seeds], answer)


def edited(question, right, wrong):
    source = code_of(question.reference)
    assert source.count(right) == 1, source
    return compiled(source.replace(right, wrong), question.reference, "edited")


def as_cell(source, name):
    """The function of a notebook cell, whose lines Python knows."""
    names, source = {"np": np}, textwrap.dedent(source)
    linecache.cache["<kind>"] = (len(source), None, source.splitlines(keepends=True), "<kind>")
    exec(compile(source, "<kind>", "exec"), names)
    return names[name]


# ---------------------------------------------------------------------- relations


def found(change, arguments=None):
    """The relation that is found between changed values and the right ones."""
    rng = np.random.default_rng(0)
    wants = [rng.normal(size=(T, B, 4)) for T, B in ((4, 2), (6, 2), (6, 4), (8, 4))]
    given = arguments or [{"h": rng.normal(size=want.shape), "n": 3 + k} for k, want in enumerate(wants)]
    pairs = [(change(want, case), want) for want, case in zip(wants, given, strict=True)]
    return relations.relation(pairs, given, 1e-5, relations.GROUPS)


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (lambda y, case: y + case["h"], "term", "plus h: a term too many"),
        (lambda y, case: y - case["h"] / 2, "term", "minus half of h"),
        (lambda y, case: y * case["h"], "factor_too_many", "what is right times h"),
        (lambda y, case: y / (1 - case["h"] ** 2), "factor_missing", "right times 1 - h²"),
        (lambda y, case: y * case["n"] ** 0.5, "root_of_a_size", "too large by the root of n"),
        (lambda y, case: y * case["n"] / y.shape[0], "other_size", "is divided by h.shape[0], where n belongs"),
        (
            lambda y, case: np.concatenate(np.split(y, 2, 2), 1),
            "joined",
            "joined along axis 1: they belong along axis 2",
        ),
        (lambda y, case: np.stack(np.split(y, 2, 2), 3).reshape(y.shape), "alternating", "alternate along axis 2"),
        (lambda y, case: y * (np.arange(len(y)) < len(y) - 1)[:, None, None], "holes", "is 0 in places"),
        (lambda y, case: np.broadcast_to(y[:, :1], y.shape), "rows_alike", "at every place of axis 1"),
    ],
)
def test_each_kind_is_found(change, name, said):
    cause = found(change)
    assert cause and cause[0] == name and said in cause[1]


def test_what_holds_where_it_is_wrong_need_not_be_wrong_everywhere():
    """Of four cases one is right: minus is said of the others; of one wrong case among right ones nothing is."""
    wrong = iter([1, -1, -1, -1])
    assert found(lambda y, case: y * next(wrong))[0] == "sign"
    wrong = iter([1, 1, 1, -1])
    assert found(lambda y, case: y * next(wrong)) is None


def test_a_whole_number_is_off_by_a_size():
    cases = [{"D": D, "H": H} for D, H in ((2, 5), (7, 3), (4, 4), (3, 8))]
    for change, said in ((lambda D, H: -2 * H, "small by 2 * H"), (lambda D, H: D - 1, "large by D - 1")):
        pairs = [(np.array(100 + change(**case)), np.array(100)) for case in cases]
        assert said in relations.relation(pairs, cases, 1e-5, relations.GROUPS)[1]


def test_two_rows_are_no_evidence_of_a_shift():
    answer = lambda *given: simple_rnn.rnn_forward.reference(*given)  # noqa: E731
    assert not evidence(simple_rnn.rnn_forward, answer).wrong
    pairs = [(np.stack([w[1] * 2, w[0]]), w) for w in np.random.default_rng(0).normal(size=(4, 2, 5))]
    assert relations.relation(pairs, [{}] * 4, 1e-5, (relations.shifts,)) is None


def test_one_row_of_another_result_is_named():
    answer = edited(simple_rnn.rnn_forward, "np.stack(states), h", "np.stack(states), states[0]")
    assert simple_rnn.rnn_forward.check(answer).cause == "row"


def test_one_block_is_looked_at_by_itself():
    def answer(*given):
        ds, dc = block.reference(*given)
        ds[:, : ds.shape[1] // 3] *= -1
        return ds, dc

    from course_rnn.questions.lstm_gru import coupled_pointwise_backward as block

    cause = relations.of_a_block(evidence(block, answer))
    assert cause.message.startswith("block 1 of the 3 in ds (along axis 1) has the wrong sign")


# ---------------------------------------------------------------------- arguments


def test_a_part_of_the_data_is_named():
    def last_sample_only(do, h, weight):
        return do @ weight, np.outer(do[-1], h[-1]), do.sum(axis=0)

    assert "the last of do and h along axis 0 alone" in gradients.linear_backward.check(last_sample_only).message

    def all_but_the_last(a, b):
        A, B = np.ones_like(a[0]), np.zeros_like(b[0])
        for t in range(len(a) - 1):
            A, B = a[t] * A, a[t] * B + b[t]
        return A, B

    assert part.of_the_data(evidence(outlook.one_map, all_but_the_last)).message.endswith(
        "all but the last of a and b along axis 0."
    )


def test_blocks_in_another_order_are_named():
    def answer(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
        a = (x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh).reshape(*h.shape, 4)
        i, f, g, o = (a[..., k] for k in range(4))
        c_next = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c_next), c_next

    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    cause = blocks.of_the_arguments(evidence(lstm_gru.lstm_step, answer))
    assert "every fourth number taken for a block" in cause.message

    def exchanged(*given):
        z, r, n = np.split(np.arange(len(given[4])), 3)
        order = np.concatenate([r, z, n])
        return lstm_gru.gru_step.reference(*given[:2], *(each[order] for each in given[2:6]), given[6])

    cause = blocks.of_the_arguments(evidence(lstm_gru.gru_step, exchanged))
    assert "blocks 1 and 2 of the 3 exchanged" in cause.message


def test_a_minus_before_two_terms_is_named_by_both_arguments():
    answer = as_cell(
        """
        def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
            return np.tanh(x @ weight_ih.T + bias_ih - (h @ weight_hh.T + bias_hh))
        """,
        "rnn_step",
    )
    said = as_if.two_arguments(evidence(simple_rnn.rnn_step, answer)).message
    assert said.endswith("with the signs of bias_hh and h or weight_hh turned round.")


def test_either_of_two_factors_may_have_the_sign():
    answer = edited(simple_rnn.rnn_step, "+ h @", "- h @")
    said = as_if.one_argument(evidence(simple_rnn.rnn_step, answer)).message
    assert said.endswith("with the sign of h or weight_hh turned round.")


def test_a_mask_turned_round_is_known_where_it_leaves_nothing_in_some_cases():
    torch = pytest.importorskip("torch")

    def answer(s, memory, mask):
        scores = torch.einsum("tbh,sbh->tbs", s, memory)
        alpha = torch.softmax(scores.masked_fill(mask.T, -1e9), dim=-1)
        return torch.einsum("tbs,sbh->tbh", alpha, memory), alpha

    assert seq2seq.dot_attention.check(answer).cause == "mask_turned_round"  # a known mistake, of which some is nan
    assert "the mask mask turned round" in as_if.a_mask(evidence(seq2seq.dot_attention, answer)).message


def test_an_argument_that_counts_where_the_answer_is_right_is_not_called_unused():
    def overflows(logits, temperature, u):
        e = np.exp(logits / temperature)
        return (np.cumsum(e / e.sum(axis=1, keepdims=True), axis=1) < u[:, None]).sum(axis=1)

    with np.errstate(all="ignore"):
        assert unused.argument(evidence(deep_rnn.sample_letters, overflows)) is None


def test_what_is_wrong_for_large_numbers_only_is_said():
    def hidden(o, y):
        shifted = o - o.max(axis=-1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
        return p, -np.log(np.take_along_axis(p, y[..., None], axis=-1) + 1e-12).mean()

    assert "wrong only for large ones" in simple_rnn.softmax_loss.check(hidden).message


# ---------------------------------------------------------------------- where


def test_a_setting_is_named_where_nothing_else_is_known():
    def answer(*given):
        states = seq2seq.decoder_states.reference(*given)
        return np.sin(3 * states) if given[2] == "both" else states

    assert only.with_a_setting(evidence(seq2seq.decoder_states, answer)).message.startswith(
        "it is right but for context = 'both'"
    )


def test_a_flag_is_named_where_all_that_is_wrong_lies():
    def answer(value, marked, bit):
        maps = outlook.maps_by_hand.reference(value, marked, bit)
        return maps[0], np.where(marked > 0, np.sin(5 * value), maps[1]), *maps[2:]

    said = only.where(evidence(outlook.maps_by_hand, answer)).message
    assert said == "b_hold is wrong only where marked is 1."


# ---------------------------------------------------------------------- slips


def test_a_parenthesis_that_closes_much_too_early_is_a_further_slip():
    names = {"np": np}
    source = "def f(x, a, b):\n    return np.tanh(x + a + b)"
    now = {mutant.now for mutant in mutate.mutants(source, names, more=True)}
    assert {"np.tanh(x) + a + b", "x - (a + b)", "np.tanh(x + a) + np.tanh(b)"} <= now
    assert not now & {mutant.now for mutant in mutate.mutants(source, names)}


def test_another_name_of_the_answer_is_a_further_slip():
    answer = edited(deep_rnn.context_bias, "return U,", "return R,")
    assert "`return (R, bias_ih" in deep_rnn.context_bias.check(answer).message


def test_a_slip_of_few_characters_is_quoted_with_what_stands_beside_it():
    answer = edited(simple_rnn.parameter_count, "O * H + O", "O * D + O")
    assert "O * D + O" in simple_rnn.parameter_count.check(answer).message


def test_a_missing_copy_is_said_as_one():
    answer = edited(gradients.numerical_gradient, "weight_hh.copy(), weight_hh.copy()", "weight_hh, weight_hh.copy()")
    said = diagnose.cause(evidence(gradients.numerical_gradient, answer))
    assert said is None or "copy" in said.message


# ---------------------------------------------------------------------- lists


def test_a_list_of_the_right_rows_is_told_so():
    right = data.split_windows.check(lambda x, W, stride: [x[j : j + W] for j in range(0, len(x) - W + 1, stride)])
    wrong = data.split_windows.check(lambda x, W, stride: [x[j : j + W] for j in range(0, len(x) - W, stride)])
    assert not right.passed and "np.stack makes one array of a list" in right.message
    assert not wrong.passed and "np.stack" in wrong.message


# ---------------------------------------------------------------------- answers of strangers


def test_the_answers_of_strangers_can_be_read(monkeypatch):
    """Each has a cause and a pattern, and is about a question that there is; both halves have all kinds."""
    from pathlib import Path

    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "benchmarks")
    import strangers

    answers, questions = strangers.answers(), strangers.questions()
    assert len({answer.key for answer in answers}) == len(answers) > 550
    assert {(answer.kind, answer.half) for answer in answers} == {
        (k, h) for k in ("wrong", "two", "right") for h in "AB"
    }
    for answer in answers:
        assert answer.name in questions and len(answer.says) == {"right": 0, "wrong": 1, "two": 2}[answer.kind]
        assert all(map(re.compile, answer.says)) and ast.parse(answer.source)
