"""What a record says: intervals that mean something, pairs that are pairs, verdicts that are not too sure."""

import numpy as np
import pytest

from course_rnn import evidence


def record(log=False, lower=True, **scores):
    """A record of models with scores {rung: (seeds, parts)}; a model under the rung "baseline" is one."""
    trials, chosen = [], []
    for model, by_rung in scores.items():
        for rung, values in by_rung.items():  # on the validation part a model is as good as on the test part
            about = {"task": "", "model": model, "rung": rung, "setting": {"lr": 1}}
            chosen.append(about)
            trials += [
                about | {"seed": seed, "validation": float(np.mean(row)), "items": len(row), "blocks": list(row)}
                for seed, row in enumerate(np.atleast_2d(values))
            ]
            trials.append(about | {"setting": {"lr": 2}, "seed": 0, "validation": 0, "blocks": [1e9]})  # not chosen
    return {
        "metric": {"name": "m", "lower_is_better": lower, "log": log},
        "rungs": {str(rung): 1 for by_rung in scores.values() for rung in by_rung if rung != "baseline"},
        "models": {model: {"baseline": "baseline" in by_rung} for model, by_rung in scores.items()},
        "chosen": chosen,
        "trials": trials,
    }


def noise(seeds, parts, size=1.0, seed=0):
    return size * np.random.default_rng(seed).normal(size=(seeds, parts))


def test_the_median_is_that_of_the_chosen_runs():
    found = evidence.interval(record(net={10: [[1, 3], [2, 4], [9, 9]]}), "net", rung=10)
    assert found.median == 3 and found.seeds == 3 and 1 <= found.low <= found.high <= 9


def test_parts_count_by_their_items():
    """Five items in two parts, the first the larger."""
    some = record(net={10: [[1.0, 2.0]]})
    for row in some["trials"]:
        row["items"] = 5
    assert evidence.interval(some, "net", rung=10).median == pytest.approx((3 * 1 + 2 * 2) / 5)


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    """Seeds and parts that both vary; the truth is 0. A bootstrap of few seeds is a little too sure."""
    held, trials = 0, 60
    for k in range(trials):
        values = noise(12, 20, seed=k) + noise(12, 1, seed=1000 + k) + noise(1, 20, seed=2000 + k)
        found = evidence.interval(record(net={10: values}), "net", rung=10)
        held += found.low <= 0 <= found.high
    assert 0.85 * trials <= held <= trials


def test_pairs_cancel_what_they_share():
    """Two models that differ by 0.1 on parts that differ by 100 are told apart; by themselves they could not be."""
    parts = noise(1, 20, 100)
    both = record(one={10: parts + noise(6, 20, 0.01)}, other={10: parts + 0.1 + noise(6, 20, 0.01, seed=1)})
    alone = evidence.interval(both, "one", rung=10)
    gap = evidence.difference(both, "one", "other", rung=10)
    assert alone.high - alone.low > 10 and gap.high - gap.low < 0.05
    assert gap.median == pytest.approx(-0.1, abs=0.02)
    assert evidence.verdict(both, "one", "other", rung=10).startswith("one is ahead of other after 10 s")


def test_a_baseline_is_the_same_for_all_seeds():
    net = noise(6, 20, 0.01) + 2
    found = evidence.difference(record(net={10: net}, level={"baseline": np.full(20, 1.5)}), "net", "level", rung=10)
    assert found.seeds == 6 and found.median == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("lower", [True, False])
def test_what_is_better_is_a_matter_of_the_metric(lower):
    both = record(lower=lower, one={10: np.ones((6, 4))}, other={10: np.full((6, 4), 2.0)})
    assert evidence.verdict(both, "other", "one", rung=10).startswith("one" if lower else "other")


def test_a_verdict_is_no_more_sure_than_its_interval():
    both = record(one={10: noise(6, 20)}, other={10: noise(6, 20, seed=1)})
    assert evidence.verdict(both, "one", "other", rung=10).startswith("one and other cannot be told apart after 10 s")
    few = record(one={10: [[1, 1]] * 3}, other={10: [[2, 2]] * 3})
    assert evidence.verdict(few, "one", "other", rung=10).endswith("3 seeds, few")


def test_baselines_have_no_seeds_to_be_few():
    both = record(one={"baseline": np.ones(9)}, other={"baseline": np.full(9, 2.0)})
    assert evidence.verdict(both, "one", "other") == "one is ahead of other: -1 (-1 to -1)"


def test_orders_of_magnitude_are_compared_by_ratios():
    one, other = 10.0 ** noise(7, 10, 3), 10.0 ** (noise(7, 10, 3) + 1)
    both = record(log=True, one={10: one}, other={10: other})
    found = evidence.difference(both, "one", "other", rung=10)
    assert found.low == pytest.approx(0.1) == found.high
    assert "ratio 0.1" in evidence.verdict(both, "one", "other", rung=10)
    geometric = np.exp(np.median(np.log(one).mean(axis=1)))
    assert evidence.interval(both, "one", rung=10).median == pytest.approx(geometric)


def test_seeds_that_only_one_has_are_left_out_of_a_pair():
    both = record(one={10: np.full((5, 3), 1.0)}, other={10: np.full((2, 3), 3.0)})
    assert evidence.difference(both, "one", "other", rung=10).seeds == 2


def test_a_turn_is_where_the_lines_cross():
    both = record(net={1: [[3.0]], 100: [[1.0]]}, level={"baseline": [[2.0]]})
    assert evidence.turns(both, "net", "level") == pytest.approx(10)
    assert evidence.turns(record(net={1: [[1.0]], 100: [[0.5]]}, level={"baseline": [[2.0]]}), "net", "level") is None


def test_a_ladder_has_what_was_run_and_no_more():
    some = record(net={1: [[3.0]], 100: [[1.0]]}, level={"baseline": [[2.0]]})
    some["rungs"]["1000"] = 5
    curves, baselines = evidence.ladder(some)
    assert [seconds for seconds, _ in curves["net"]] == [1, 100] and baselines == {"level": 2.0}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: evidence.interval(r, "tea", rung=1), "there is no model tea; there are net"),
        (lambda r: evidence.interval(r, "net", rung=2), "nothing of that kind has been run"),
        (lambda r: evidence.interval(r, "net", "other", rung=1), "nothing of that kind has been run"),
        (evidence.outcome, "of it no baseline has been run"),
        (lambda r: evidence.outcome(r, "adding"), "of adding no network has been run"),
    ],
)
def test_what_was_not_run_is_said(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(record(net={1: [[1.0]]}))


@pytest.mark.parametrize("lower", [True, False])
def test_an_outcome_is_that_of_the_best_of_both_sides_on_the_top_rung(lower):
    sign = 1 if lower else -1
    nets = {"good": {1: sign * np.full((6, 4), 3.0), 100: sign * np.full((6, 4), 1.0)}}
    nets |= {"bad": {1: sign * np.full((6, 4), 4.0), 100: sign * np.full((6, 4), 2.5)}}
    levels = {"strong": {"baseline": sign * np.full(4, 2.0)}, "weak": {"baseline": sign * np.full(4, 5.0)}}
    found = evidence.outcome(record(lower=lower, **nets, **levels))
    assert (found.network, found.baseline, found.rung, found.ahead) == ("good", "strong", 100, "network")
    assert found.difference.median == -sign and found.turns == pytest.approx(10)
    assert [score.median for score in found.scores] == [sign, 2 * sign]
    behind = evidence.outcome(record(lower=lower, bad=nets["bad"], **levels))
    assert behind.ahead == "baseline" and behind.turns is None


def test_an_outcome_may_be_open():
    found = evidence.outcome(record(net={1: noise(6, 20)}, level={"baseline": noise(1, 20, seed=1)}))
    assert found.ahead == ""


def test_the_best_is_chosen_on_the_validation_part():
    both = record(lucky={1: [[1.0]] * 5}, solid={1: [[2.0]] * 5}, level={"baseline": [[3.0]]})
    for row in both["trials"]:
        if row["model"] == "lucky":
            row["validation"] = 9
    assert evidence.outcome(both).network == "solid"
