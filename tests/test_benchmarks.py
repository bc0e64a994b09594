"""The sweep behind the chapter on sequence to sequence: no leak, every case, the best rate, and the same twice."""

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from course_rnn import data

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import bottleneck


@pytest.fixture
def small(monkeypatch):
    """A sweep that takes a second: few lists, two steps of training."""
    settings = {
        "lists": 2000,
        "tested_by_length": 5,
        "embedding": 3,
        "updates": (1, 2),
        "learning_rate_chosen_after": 1,
    }
    for name, value in settings.items():
        monkeypatch.setitem(bottleneck.LISTS, name, value)
    return bottleneck.LISTS


@pytest.fixture(scope="module")
def results():
    return json.loads(bottleneck.RESULT.read_text())


def test_no_list_is_both_trained_and_tested(small):
    train, validation, test = bottleneck.list_parts()
    held_out = [{pair for pairs in part.values() for pair in pairs} for part in (validation, test)]
    assert not set(train) & (held_out[0] | held_out[1])
    assert not held_out[0] & held_out[1]
    assert max(pair[0].count(",") + 1 for pair in train) == 6
    assert list(test) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert all(pair[0].count(",") + 1 == k for k, pairs in test.items() for pair in pairs)


def test_a_run_is_decided_by_its_seed_and_reports_at_each_checkpoint(small, monkeypatch):
    """What is compared are the weights, as so short a training translates nothing."""

    def weights(model, *_):
        return sum(float(np.abs(p).sum()) for p in model.params.values())

    monkeypatch.setattr(bottleneck, "exact", weights)
    train, _, test = bottleneck.list_parts()
    first, again, other = (
        list(bottleneck.run_list("dot attention", 4, 0.01, seed, small["updates"], train, test)) for seed in (0, 0, 1)
    )
    assert first == again and first != other
    assert len(first) == 2 and first[0] != first[1]
    assert list(first[0]) == list(test)


def test_only_the_source_is_turned_round():
    pairs = [(("one", ",", "two"), ("un", ",", "deux"))]
    assert bottleneck.in_order(pairs, "source reversed") == [(("two", ",", "one"), ("un", ",", "deux"))]
    assert bottleneck.in_order(pairs, "last state") == pairs


@pytest.mark.parametrize("feeding", bottleneck.FEEDINGS)
def test_feeding_changes_the_inputs_and_nothing_else(feeding):
    """Teacher forcing leaves all as it is, free running no true word; scheduled sampling goes from one to the other."""
    rng = np.random.default_rng(0)
    pairs = data.english_french()[1000:1064]
    vocabularies = bottleneck.vocabularies_of(pairs)
    rnp = bottleneck.rnp
    encoder = rnp.Encoder(len(vocabularies[0]), 3, 4, rng=rng)
    model = rnp.Seq2Seq(encoder, rnp.Decoder(len(vocabularies[1]), 3, 5, 4, rng=rng))
    source, lengths, target_in, target = bottleneck.arrays(pairs, vocabularies)
    batches = [(source, target_in, lengths, target)] * 4
    own = rnp.scheduled_sampling(model, source, target_in, lengths, teacher_prob=0.0)

    kept = []
    for new_source, inputs, new_lengths, new_target in bottleneck.fed(
        batches, model, bottleneck.FEEDINGS[feeding], 4, rng
    ):
        assert new_source is source and new_lengths is lengths and new_target is target
        assert (inputs[0] == data.BOS).all()
        kept.append(np.mean(inputs == target_in))
    expected = {"teacher forcing": [1.0] * 4, "free running": [np.mean(own == target_in)] * 4}
    if feeding in expected:
        assert kept == expected[feeding]
    else:
        assert 1.0 == kept[0] > kept[1] > kept[2] > kept[3] > np.mean(own == target_in)


# ------------------------------------------------------------- the committed file


def test_the_file_was_made_with_these_settings(results):
    for name, settings in [("lists", bottleneck.LISTS), ("numbers", bottleneck.NUMBERS)]:
        stored = results[name]["settings"] | results[name]["common"]
        ours = settings | {"seeds": bottleneck.SEEDS, "learning_rates": bottleneck.LEARNING_RATES}
        assert {key: stored[key] for key in ours} == json.loads(json.dumps(ours))


def test_the_file_holds_every_run_once(results):
    lists = [(r["way"], r["hidden_size"], r["seed"], r["updates"]) for r in results["lists"]["runs"]]
    sizes = [(way, size) for way, sizes in bottleneck.SIZES.items() for size in sizes]
    ours = [(*case, *rest) for case in sizes for rest in product(bottleneck.SEEDS, bottleneck.LISTS["updates"])]
    assert sorted(lists) == sorted(ours)
    assert {tuple(r["exact"]) for r in results["lists"]["runs"]} == {tuple("12345678")}

    numbers = [(r["context"], r["feeding"], r["updates"], r["seed"]) for r in results["numbers"]["runs"]]
    ours = [(*case, *rest) for case in bottleneck.CASES for rest in product(bottleneck.NUMBERS["updates"], (0, 1, 2))]
    assert sorted(numbers) == sorted(ours)


@pytest.mark.parametrize("name", ["lists", "numbers"])
def test_the_rate_is_the_best_on_the_validation_part(results, name):
    for case in results[name]["learning_rates"]:
        rates = case["validation"]
        assert set(rates) == {str(lr) for lr in bottleneck.LEARNING_RATES}
        assert rates[str(case["lr"])] == max(rates.values())
