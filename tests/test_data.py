"""course_rnn.data: every count, baseline and promise of its docstrings."""

import itertools
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_rnn import data

TOLERANCE = 1e-12  # of float64 results that differ in rounding only
SHOWN = 5e-4  # a docstring shows three digits after the point
SAMPLE = 4.0  # standard errors that a simulated mean may be away from the exact one


def rng(seed=0):
    return np.random.default_rng(seed)


def accuracy(guesses, truth):
    return np.mean([guess == true for guess, true in zip(guesses, truth, strict=True)])


def mse(prediction, truth):
    return np.mean((prediction - truth) ** 2)


# The package


def test_importing_reads_no_data_and_no_torch():
    heavy = "torch", "matplotlib", "faker", "num2words"
    code = f"import course_rnn.data, sys; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_everything_named_is_public_and_documented():
    for name in data.__all__:
        if callable(thing := getattr(data, name)):
            assert "Examples" in thing.__doc__


def test_no_global_seed_is_read_or_set():
    first = [make(rng(3)) for make in GENERATORS.values()]
    np.random.seed(1)  # noqa: NPY002  the legacy seed is what must not matter
    second = [make(rng(3)) for make in GENERATORS.values()]
    assert all(map(same, first, second))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    [make(rng()) for make in GENERATORS.values()]
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# Generators: determinism and bad input

GENERATORS = {
    "echo": lambda rng: data.echo(7, 5, 2, rng),
    "parity": lambda rng: data.parity(7, 5, rng),
    "delayed_recall": lambda rng: data.delayed_recall(7, 5, rng),
    "marked_recall": lambda rng: data.marked_recall(7, 5, rng),
    "adding": lambda rng: data.adding(7, 5, rng),
    "binary_addition": lambda rng: data.binary_addition(7, 5, rng),
    "copying": lambda rng: data.copying([3, 5, 2], rng),
    "reversing": lambda rng: data.reversing([3, 5, 2], rng),
    "number_lists": lambda rng: data.number_lists([1, 4, 2], rng),
    "dates": lambda rng: data.dates(6, rng),
    "split": lambda rng: data.split(range(40), rng),
    "batches": lambda rng: data.batches([3, 1, 2] * 9, 4, rng),
}


def same(a, b):
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_same_seed_same_data_other_seed_other_data(make):
    assert same(make(rng(1)), make(rng(1)))
    assert not same(make(rng(1)), make(rng(2)))


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_a_seed_instead_of_a_generator_is_refused(make):
    with pytest.raises(TypeError, match=r"rng must be a generator such as np.random.default_rng\(0\), got 0"):
        make(0)


@pytest.mark.parametrize("task", [data.parity, data.delayed_recall, data.marked_recall, data.adding])
def test_sizes_are_whole_numbers_of_at_least_one(task):
    with pytest.raises(ValueError, match="T must be at least 1, got 0"):
        task(0, 2, rng())
    with pytest.raises(TypeError, match=r"B must be a whole number, got 2\.5"):
        task(3, 2.5, rng())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.echo(3, 2, 3, rng()), ValueError, "a delay of 3 leaves nothing to repeat within 3 steps"),
        (lambda: data.adding(1, 2, rng()), ValueError, "two marked steps do not fit into T = 1"),
        (lambda: data.binary_addition_optimum(0), ValueError, "T must be at least 1"),
        (lambda: data.binary_addition_optimum(3, 4), ValueError, "late is 4, expected a whole number from 0 to T = 3"),
        (lambda: data.anbn([2, 0]), ValueError, r"counts\[1\] must be at least 1, got 0"),
        (lambda: data.copying([1.5], rng()), TypeError, r"lengths\[0\] must be a whole number"),
        (lambda: data.number_lists([0], rng()), ValueError, r"lengths\[0\] must be at least 1"),
        (lambda: data.dates(0, rng()), ValueError, "n must be at least 1"),
        (lambda: data.articles(width=0), ValueError, "width must be at least 1"),
        (lambda: data.windows("ab", 3), ValueError, "a window of 3 does not fit into a sequence of 2"),
        (lambda: data.windows("ab", 0), ValueError, "W must be at least 1"),
        (lambda: data.windows("ab", 1, stride=0), ValueError, "stride must be at least 1"),
        (lambda: data.next_windows("", 1, "#"), ValueError, "an empty sequence has nothing to predict"),
        (lambda: data.next_windows("ab", 1, "##"), ValueError, "pad stands for one character, got '##'"),
        (lambda: data.pad([]), ValueError, "there is no sequence to pad"),
        (lambda: data.pad([[1], []]), ValueError, "sequence 1 is empty"),
        (lambda: data.pad([1, 2]), ValueError, "sequence 0 is a single number"),
        (lambda: data.pad([["a"]]), TypeError, "sequence 0 holds .*, not numbers; encode it first"),
        (lambda: data.pad([np.ones((2, 3)), np.ones((2, 4))]), ValueError, r"sequence 1 has steps of shape \(4,\)"),
        (lambda: data.batches([], 2, rng()), ValueError, "lengths must be a list"),
        (lambda: data.batches(3, 2, rng()), ValueError, "lengths must be a list"),
        (lambda: data.batches([1, 2], 0, rng()), ValueError, "batch_size must be at least 1"),
        (lambda: data.split([1, 2], rng(), (0.5, 0.6)), ValueError, "fractions must be positive and sum to 1"),
        (lambda: data.split([1, 2], rng(), (1.5, -0.5)), ValueError, "fractions must be positive and sum to 1"),
        (lambda: data.split([1, 1, 1], rng()), ValueError, "1 different keys, too few or too unequal, leave a part of"),
        (lambda: data.split([1, 2, 3], rng(), by=[1]), ValueError, "3 items need as many keys, got 1"),
        (lambda: data.split_in_time([1, 2]), ValueError, "2 steps are too few for parts of"),
        (lambda: data.split_in_time([1, 2], (0.5,)), ValueError, "fractions must be positive and sum to 1"),
        (lambda: data.standardise(np.full(9, 0.1)), ValueError, "does not vary"),
        (lambda: data.standardise(np.array([[1, np.nan], [2, np.nan]])), ValueError, "does not vary"),
        (lambda: data.Vocabulary(["b", 3]), TypeError, "a token must be a string, got 3"),
        (lambda: data.Vocabulary("ab").decode([6]), ValueError, "id 6 is outside this vocabulary of 6"),
        (lambda: data.Vocabulary("ab").decode([-1]), ValueError, "id -1 is outside this vocabulary of 6"),
        (
            lambda: data.Vocabulary("ab").decode([[4]]),
            ValueError,
            r"one sequence of ids, got an array of shape \(1, 1\)",
        ),
        (lambda: data.Vocabulary("ab").decode([4.0]), TypeError, "ids must be whole numbers, got float64"),
        (lambda: data.linear_forecast(np.ones(3), np.ones(2), 3), ValueError, "order 3 needs more than the 3 steps"),
        (lambda: data.linear_forecast(np.ones(3), np.ones(2), 0), ValueError, "order must be at least 1"),
        (lambda: data.ngram_loss("", "a", 1), ValueError, "must hold at least one token"),
        (lambda: data.ngram_loss("a", "a", 0), ValueError, "order must be at least 1"),
        (lambda: data.ngram_losses("a", "a", 1, discount=1), ValueError, "lies between 0 and 1, got 1"),
        (lambda: data.results("tea"), ValueError, "no results called tea; there are bottleneck, cpu"),
        (lambda: data.naive_bayes(["a"], ["x"], ["a"], 0), ValueError, "order must be at least 1"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Windows


def test_word_windows_of_the_classification_example():
    text = data.words("This is a great movie.")
    pairs = [(" ".join(window), 1) for window in data.windows(text, W=2, stride=1)]
    assert pairs == [("This is", 1), ("is a", 1), ("a great", 1), ("great movie", 1)]


def test_next_character_windows_of_the_second_example():
    pairs = list(zip(*data.next_windows("Hello world!", W=3, pad="#"), strict=True))
    assert pairs == [
        ("###", "H"), ("##H", "e"), ("#He", "l"), ("Hel", "l"), ("ell", "o"), ("llo", " "),  # codespell:ignore hel
        ("lo ", "w"), ("o w", "o"), (" wo", "r"), ("wor", "l"), ("orl", "d"), ("rld", "!"),
    ]  # fmt: skip


sequences = st.lists(st.integers(-9, 9), min_size=1, max_size=40)


@given(sequences, st.data())
def test_windows_without_overlap_number_n_over_W_and_join_to_the_beginning(sequence, draw):
    W = draw.draw(st.integers(1, len(sequence)))
    cut = data.windows(sequence, W)
    assert len(cut) == len(sequence) // W
    assert list(itertools.chain(*cut)) == sequence[: len(cut) * W]


@given(sequences, st.data())
def test_overlapping_windows_number_n_minus_W_over_s_plus_one(sequence, draw):
    W, stride = draw.draw(st.integers(1, len(sequence))), draw.draw(st.integers(1, 45))
    cut = data.windows(sequence, W, stride)
    assert len(cut) == (len(sequence) - W) // stride + 1
    assert all(window == sequence[j * stride : j * stride + W] for j, window in enumerate(cut))


@given(sequences, st.integers(1, 9))
def test_next_windows_number_n_and_end_just_before_their_target(sequence, W):
    inputs, targets = data.next_windows(sequence, W, pad=0)
    assert len(inputs) == len(targets) == len(sequence)
    assert all(window == ([0] * W + sequence)[j : j + W] for j, window in enumerate(inputs))
    assert targets == sequence


@given(sequences, st.data())
def test_windows_of_lists_tuples_and_arrays_agree(sequence, draw):
    W, stride = draw.draw(st.integers(1, len(sequence))), draw.draw(st.integers(1, 5))
    expected = data.windows(sequence, W, stride)
    assert [list(window) for window in data.windows(tuple(sequence), W, stride)] == expected
    assert data.windows(np.array(sequence), W, stride).tolist() == expected
    expected, targets = data.next_windows(sequence, W, 0)
    assert [list(window) for window in data.next_windows(tuple(sequence), W, 0)[0]] == expected
    inputs, array_targets = data.next_windows(np.array(sequence), W, 0)
    assert inputs.tolist() == expected
    assert array_targets.tolist() == targets


def test_windows_of_a_series_keep_its_columns_and_dtype():
    series = np.arange(14, dtype=np.float32).reshape(7, 2)
    cut = data.windows(series, W=3, stride=2)
    assert (cut.shape, cut.dtype) == ((3, 3, 2), np.float32)
    assert np.array_equal(cut[1], series[2:5])
    inputs, targets = data.next_windows(series, W=3, pad=0)
    assert (inputs.shape, inputs.dtype) == ((7, 3, 2), np.float32)
    assert np.array_equal(inputs[4], series[1:4])
    assert np.array_equal(targets[4], series[4])


def test_words_drop_punctuation_and_keep_what_is_inside_a_word():
    assert data.words("Don't panic: ninety-seven (97) ways, l’été -- _so_!") == [
        "Don't", "panic", "ninety-seven", "97", "ways", "l’été", "so",
    ]  # fmt: skip


# Vocabulary


def test_specials_come_first():
    vocabulary = data.Vocabulary("hello")
    assert (data.PAD, data.BOS, data.EOS, data.UNK) == (0, 1, 2, 3)
    assert vocabulary.tokens == ["<pad>", "<bos>", "<eos>", "<unk>", "e", "h", "l", "o"]
    assert len(vocabulary) == 8


def test_ids_do_not_depend_on_the_order_of_the_tokens():
    assert data.Vocabulary("hello").tokens == data.Vocabulary(iter("olleh")).tokens


@given(st.text(min_size=1), st.booleans(), st.booleans())
def test_a_text_comes_back_exactly(text, bos, eos):
    vocabulary = data.Vocabulary(text)
    ids = vocabulary.encode(text, bos=bos, eos=eos)
    assert (ids.dtype, ids.shape) == (np.int64, (len(text) + bos + eos,))
    assert "".join(vocabulary.decode(ids)) == text


@given(st.lists(st.text() | st.sampled_from(["<pad>", "<bos>", "<eos>", "<unk>"])))
def test_words_come_back_exactly_even_when_they_look_like_specials(tokens):
    vocabulary = data.Vocabulary(tokens)
    assert vocabulary.decode(vocabulary.encode(tokens, bos=True, eos=True)) == tokens
    assert (vocabulary.encode(tokens) > data.UNK).all()


def test_an_unknown_token_is_unk_and_text_cannot_smuggle_in_a_special():
    vocabulary = data.Vocabulary(["one", "two"])
    assert vocabulary.encode(["one", "three", "<eos>"]).tolist() == [4, data.UNK, data.UNK]
    assert vocabulary.decode([4, data.UNK]) == ["one", "<unk>"]


def test_decode_stops_at_eos_and_skips_padding():
    vocabulary = data.Vocabulary("ab")
    assert vocabulary.decode([data.BOS, 4, data.PAD, 5, data.EOS, 4, 99]) == ["a", "b"]
    assert vocabulary.decode([]) == []


# pad and batches


def test_pad_is_time_first_and_its_mask_marks_real_steps():
    x, lengths, mask = data.pad([[1, 2, 3], [4], [5, 6]], value=-1)
    assert x.tolist() == [[1, 4, 5], [2, -1, 6], [3, -1, -1]]
    assert lengths.tolist() == [3, 1, 2]
    assert np.array_equal(mask, x != -1)
    assert (x.dtype, lengths.dtype, mask.dtype) == (np.int64, np.int64, bool)


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=9), min_size=1, max_size=80))
def test_padding_can_be_undone(sequences):
    x, lengths, mask = data.pad(sequences)
    assert x.shape == mask.shape == (max(map(len, sequences)), len(sequences))
    assert [x[: lengths[b], b].tolist() for b in range(len(sequences))] == sequences
    assert [x[mask[:, b], b].tolist() for b in range(len(sequences))] == sequences
    assert (x[~mask] == data.PAD).all()


def test_pad_takes_vectors_and_keeps_float32():
    x, lengths, _ = data.pad([np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)])
    assert (x.shape, x.dtype) == ((4, 2, 3), np.float32)
    assert x.sum(axis=(0, 2)).tolist() == (3 * lengths).tolist()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(1, 12), st.integers(0, 5))
def test_an_epoch_holds_every_sequence_once_and_batches_do_not_overlap_in_length(lengths, batch_size, seed):
    epoch = data.batches(lengths, batch_size, rng(seed))
    assert sorted(np.concatenate(epoch).tolist()) == list(range(len(lengths)))
    sizes = sorted((len(batch) for batch in epoch), reverse=True)
    assert len(sizes) == math.ceil(len(lengths) / batch_size)
    assert set(sizes[:-1]) <= {batch_size}
    spans = sorted((min(taken), max(taken)) for taken in (np.array(lengths)[batch] for batch in epoch))
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_batches_shuffle_equal_lengths_and_the_order_of_batches():
    generator = rng()
    epochs = [data.batches([1] * 8 + [5] * 8, 4, generator) for _ in range(40)]
    assert len({tuple(batch.tolist()) for epoch in epochs for batch in epoch}) > 100
    assert {int(epoch[0][0] >= 8) for epoch in epochs} == {0, 1}  # now short ones first, now long ones


# Splits


@given(st.lists(st.integers(0, 30), min_size=12, max_size=80), st.integers(0, 9))
def test_split_is_complete_and_no_key_is_in_two_parts(keys, seed):
    items = list(enumerate(keys))
    try:
        parts = data.split(items, rng(seed), by=keys)
    except ValueError:
        assert max(Counter(keys).values()) >= 0.15 * len(keys)  # an empty part, as one key outweighs it
        return
    assert sorted(itertools.chain(*parts)) == items
    assert all(part == sorted(part) for part in parts)
    for a, b in itertools.combinations(parts, 2):
        assert not {key for _, key in a} & {key for _, key in b}


def test_split_keeps_the_shares_exactly_when_all_keys_differ():
    assert [len(part) for part in data.split(range(1000), rng())] == [700, 150, 150]
    assert [len(part) for part in data.split(range(10), rng(), (0.6, 0.4))] == [6, 4]


def test_split_draws_at_random():
    train, _, test = data.split(range(1000), rng())
    assert abs(np.mean(train) - 499.5) < SAMPLE * 289 / math.sqrt(700)
    assert abs(np.mean(test) - 499.5) < SAMPLE * 289 / math.sqrt(150)


@given(st.integers(20, 400), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_split_in_time_joins_to_the_series(n, weights):
    series = np.arange(n)
    parts = data.split_in_time(series, [weight / sum(weights) for weight in weights])
    assert np.array_equal(np.concatenate(parts), series)
    shares = np.array(weights) / sum(weights)
    assert all(abs(len(part) - n * share) <= 1 for part, share in zip(parts, shares, strict=True))


def test_standardise_uses_the_training_part_alone():
    train, other = rng().normal(3, 2, (50, 3)).astype(np.float32), np.full((4, 3), 7, np.float32)
    scaled, others = data.standardise(train, other)
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(scaled.std(axis=0), 1, atol=1e-6)
    assert np.allclose(others, (7 - train.mean(axis=0)) / train.std(axis=0))
    assert (scaled.dtype, others.dtype) == (np.float32, np.float32)
    assert np.array_equal(data.standardise(train, 5 * other)[0], scaled)


def test_standardise_leaves_gaps_as_gaps():
    (scaled,) = data.standardise(np.array([1.0, np.nan, 3.0]))
    assert np.array_equal(scaled, [-1, np.nan, 1], equal_nan=True)


# Series


def test_eeg_is_ten_seconds_already_standardised_by_its_maker():
    signal, rate = data.eeg()
    assert (signal.shape, signal.dtype, rate) == ((800, 4), np.float64, 80.0)
    assert len(data.EEG_CHANNELS) == 4
    assert np.abs(signal.mean(axis=0)).max() < 1e-3
    assert np.abs(signal.std(axis=0) - 1).max() < 3e-3
    signal[:] = 0
    assert data.eeg()[0].any()  # each caller has an array of its own


def test_eeg_baselines():
    train, validation, test = data.standardise(*data.split_in_time(data.eeg()[0]))
    assert [len(part) for part in (train, validation, test)] == [560, 120, 120]
    future = np.concatenate([validation, test])
    now = future[-121:-1]
    linear = {order: data.linear_forecast(train, future, order)[-120:] for order in (2, 3)}
    assert [mse(now, test), mse(linear[2], test), mse(linear[3], test)] == pytest.approx(
        [0.424, 0.275, 0.274], abs=SHOWN
    )
    linear = {order: data.linear_forecast(train[:, 0], future[:, 0], order)[-120:] for order in (2, 3)}
    measured = [mse(now[:, 0], test[:, 0]), mse(linear[2], test[:, 0]), mse(linear[3], test[:, 0])]
    assert measured == pytest.approx([0.625, 0.384, 0.359], abs=SHOWN)


def test_google_prices_are_1047_trading_days_in_order():
    prices = data.google_prices()
    assert list(prices) == ["date", "open", "high", "low", "close", "volume"]
    assert {len(column) for column in prices.values()} == {1047}
    assert (str(prices["date"][0]), str(prices["date"][-1])) == ("2004-08-19", "2008-10-14")
    assert (np.diff(prices["date"]).astype(int) >= 1).all()
    assert (prices["low"] <= np.minimum(prices["open"], prices["close"])).all()
    assert (prices["high"] >= np.maximum(prices["open"], prices["close"])).all()
    assert (prices["close"].dtype, prices["volume"].dtype) == (np.float64, np.int64)


def test_google_baselines():
    prices = data.google_prices()
    train, validation, test = data.split_in_time(prices["close"])
    error = mse(np.concatenate([validation, test])[-158:-1], test)
    assert len(test) == 157
    assert math.sqrt(error) == pytest.approx(15.00, abs=5e-3)
    assert 1 - error / test.var() == pytest.approx(0.94, abs=5e-3)
    train, validation, test = data.split_in_time(np.log(np.log(prices["high"] / prices["low"])))
    future = np.concatenate([validation, test])
    assert mse(future[-158:-1], test) == pytest.approx(0.216, abs=SHOWN)
    errors = [mse(data.linear_forecast(train, future, order)[-157:], test) for order in (1, 2, 5, 10, 20)]
    assert errors == pytest.approx([0.212, 0.179, 0.150, 0.143, 0.146], abs=SHOWN)


def test_stock_prices_have_every_month_and_gaps_only_before_a_company_came_to_the_market():
    months, symbols, prices = data.stock_prices()
    assert np.array_equal(months, np.arange("1990-01", "2022-07", dtype="datetime64[M]"))
    assert symbols == ["IBM", "AAPL", "MSFT", "XRX", "AMZN", "DELL", "GOOGL", "ADBE", "^GSPC", "^IXIC"]
    known = ~np.isnan(prices)
    assert known.sum(axis=0).tolist() == [390, 390, 390, 390, 301, 70, 214, 390, 390, 390]
    assert (np.diff(known.astype(int), axis=0) >= 0).all()  # once there, always there
    assert prices[0, 1] == pytest.approx(0.24, abs=5e-3)
    assert (prices[known] > 0).all()


def test_rows_left_out_of_the_stock_prices_hold_nothing_new():
    from matplotlib.cbook import get_sample_data

    with get_sample_data("Stocks.csv") as file:
        rows = [line.strip().split(",") for line in file][2:]
    left_out = [row for row in rows if not row[0].endswith("-01")]
    assert len(left_out) == 134
    assert [row[0] for row in left_out if any(row[1:])] == ["2022-06-28"]
    assert left_out[-1][1:] == rows[-2][1:]


# Tasks


def one_hot(x):
    return np.isin(x, (0, 1)).all() and (x.sum(axis=-1) == 1).all()


def test_echo_repeats_after_the_delay():
    x, y, mask = data.echo(T=11, B=6, delay=3, rng=rng(), symbols=5)
    assert (x.shape, y.shape, mask.shape) == ((11, 6, 5), (11, 6), (11, 6))
    assert one_hot(x)
    assert np.array_equal(y[3:], x.argmax(axis=-1)[:-3])
    assert not mask[:3].any()
    assert mask[3:].all()
    assert not y[:3].any()


def test_echo_is_beyond_any_window_that_is_not_longer_than_the_delay():
    delay, symbols = 3, 2
    x, y, _ = data.echo(T=40, B=2000, delay=delay, rng=rng(), symbols=symbols)
    symbol = x.argmax(axis=-1)
    for W, best in [(delay, 1 / symbols), (delay + 1, 1.0)]:
        seen = [tuple(symbol[t - W + 1 : t + 1, b]) for b in range(2000) for t in range(delay + 1, 40)]
        told = [y[t, b] for b in range(2000) for t in range(delay + 1, 40)]
        half = len(seen) // 2
        assert accuracy(data.majority(seen[:half], told[:half], seen[half:]), told[half:]) == pytest.approx(
            best, abs=0.01
        )


def test_parity_counts_ones():
    x, y = data.parity(T=9, B=7, rng=rng())
    assert x.shape == (9, 7, 1)
    expected = [[int(x[: t + 1, b].sum()) % 2 for b in range(7)] for t in range(9)]
    assert y.tolist() == expected


def test_parity_is_a_coin_toss_when_one_bit_is_hidden():
    T = 4
    for hidden in range(T):
        told = Counter()
        for bits in itertools.product((0, 1), repeat=T):
            told[bits[:hidden] + bits[hidden + 1 :], sum(bits) % 2] += 1
        assert set(told.values()) == {1} and len(told) == 2**T  # each answer once for each visible context


def test_delayed_recall_asks_for_the_first_symbol_among_foreign_distractors():
    x, y = data.delayed_recall(T=8, B=500, rng=rng(), symbols=3, distractors=5)
    assert x.shape == (8, 500, 8)
    assert one_hot(x)
    symbol = x.argmax(axis=-1)
    assert np.array_equal(y, symbol[0])
    assert set(symbol[0]) == {0, 1, 2}
    assert set(symbol[1:].ravel()) == {3, 4, 5, 6, 7}


def test_marked_recall_asks_for_the_marked_symbol_of_the_first_half():
    T, B, symbols = 9, 500, 3
    x, y = data.marked_recall(T, B, rng(), symbols)
    assert x.shape == (T, B, symbols + 1)
    assert one_hot(x[:, :, :symbols])
    symbol, mark = x[:, :, :symbols].argmax(axis=-1), x[:, :, symbols]
    assert np.array_equal(mark.sum(axis=0), np.ones(B))
    marked = mark.argmax(axis=0)
    assert set(marked) == set(range(math.ceil(T / 2)))
    assert np.array_equal(y, symbol[marked, np.arange(B)])
    assert set(symbol.ravel()) == {0, 1, 2}


def chance(task):
    B = 40_000
    y = task(B)[1]
    counts = np.bincount(y)
    assert len(counts) == 4
    assert np.abs(counts / B - 1 / 4).max() < SAMPLE * math.sqrt(3 / 16 / B)


def test_chance_in_recall_is_one_over_the_symbols():
    chance(lambda B: data.delayed_recall(3, B, rng()))
    chance(lambda B: data.marked_recall(3, B, rng()))


@pytest.mark.parametrize("T", [2, 5, 8])
def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum(T):
    x, y = data.adding(T, 400, rng())
    number, mark = x[:, :, 0], x[:, :, 1]
    assert set(mark.ravel()) <= {0.0, 1.0}
    assert (mark[: T // 2].sum(axis=0) == 1).all()
    assert (mark[T // 2 :].sum(axis=0) == 1).all()
    assert (mark.sum(axis=1) > 0).all()  # every step can carry a mark
    assert (number >= 0).all() and (number < 1).all()
    assert np.allclose(y, (number * mark).sum(axis=0), atol=TOLERANCE)


def test_always_answering_one_has_mse_one_sixth_on_adding():
    B = 60_000
    _, y = data.adding(4, B, rng())
    errors = (y - 1) ** 2
    assert abs(errors.mean() - 1 / 6) < SAMPLE * errors.std() / math.sqrt(B)


def test_binary_addition_adds():
    T = 10
    x, y = data.binary_addition(T, 300, rng())
    assert x.shape == (T, 300, 2)
    weight = 2 ** np.arange(T)[::-1]  # step 0 is the most significant
    a, b = np.moveaxis(x, -1, 0).astype(int)
    assert np.array_equal(weight @ y, (weight @ a + weight @ b) % 2**T)


@pytest.mark.parametrize(("T", "late"), [(1, 0), (2, 0), (3, 0), (4, 0), (1, 1), (4, 1), (4, 2), (5, 3), (4, 4)])
def test_optimum_of_a_forward_model_on_binary_addition_by_enumeration(T, late):
    bits = np.array(list(itertools.product((0, 1), repeat=T)))
    weight = 2 ** np.arange(T)[::-1]
    votes = [Counter() for _ in range(T)]
    for a, b in itertools.product(bits, repeat=2):
        total = (weight @ a + weight @ b) % 2**T
        for t in range(T):
            prefix = (*a[: t + 1 + late], *b[: t + 1 + late])
            votes[t][prefix, int(total // weight[t] % 2)] += 1
    right = 0
    for table in votes:
        best = Counter()
        for (prefix, _), count in table.items():
            best[prefix] = max(best[prefix], count)
        right += best.total()
    assert data.binary_addition_optimum(T, late) == pytest.approx(right / (T * 4**T), abs=TOLERANCE)


def test_optimum_of_a_forward_model_on_twelve_bits_by_enumerating_the_unread_bits():
    T, right = 12, 0.0
    for unread in range(T):
        numbers = np.arange(2**unread)
        carry = (numbers[:, None] + numbers >= 2**unread).mean()
        right += max(carry, 1 - carry) / T
    assert data.binary_addition_optimum(T) == pytest.approx(right, abs=TOLERANCE)
    assert right == pytest.approx(0.5833, abs=5e-5)


def test_optimum_is_what_guessing_no_carry_gets():
    T, B = 12, 20_000
    x, y = data.binary_addition(T, B, rng())
    right = (x.sum(axis=-1) % 2 == y).mean(axis=0)
    assert abs(right.mean() - data.binary_addition_optimum(T)) < SAMPLE * right.std() / math.sqrt(B)


def test_anbn_costs_the_entropy_of_n_and_nothing_after_the_first_b():
    N = 6
    strings = [string + "$" for string in data.anbn(range(1, N + 1))]
    loss, loss_after_b = 0.0, 0.0
    for string in strings:
        for t, token in enumerate(string):
            alike = [other for other in strings if other[:t] == string[:t]]
            surprise = -math.log(sum(other[t] == token for other in alike) / len(alike))
            loss += surprise / N
            loss_after_b += surprise * ("b" in string[:t])
    assert loss == pytest.approx(math.log(N), abs=TOLERANCE)
    assert loss_after_b == 0
    assert strings[3] == "aaaabbbb$"


def test_copying_and_reversing():
    lengths = [1, 4, 9] * 300
    pairs = data.copying(iter(lengths), rng())
    assert all(source == target for source, target in pairs)
    assert [len(source) for source, _ in pairs] == lengths
    counts = np.array([Counter("".join(source for source, _ in pairs))[letter] for letter in data.LETTERS])
    n = counts.sum()
    assert n == sum(lengths)
    assert np.abs(counts / n - 1 / 8).max() < SAMPLE * math.sqrt(7 / 64 / n)
    assert data.reversing(lengths, rng()) == [(source, source[::-1]) for source, _ in pairs]


# Numbers and dates


def test_human_numbers_are_exactly_the_known_text():
    tokens = data.human_numbers()
    lines = " ".join(tokens).split(" . ")
    assert (len(lines), len(tokens), len(set(tokens))) == (9998, 63095, 30)
    assert lines[:2] + lines[-1:] == ["one", "two", "nine thousand nine hundred ninety nine"]
    assert lines[7998:8000] == ["seven thousand nine hundred ninety nine", "eight thousand one"]
    assert not {"and", ","} & set(tokens)
    assert not any("-" in token or "," in token for token in tokens)


def test_human_number_baselines():
    train, _, test = data.split_in_time(data.human_numbers())
    losses = [data.ngram_loss(train, test, order) for order in (1, 2, 3)]
    assert losses == pytest.approx([2.82, 3.26, 3.59], abs=5e-3)
    assert " ".join(train).endswith("seven thousand one hundred twenty . seven")
    assert " ".join(test).startswith(". eight thousand five hundred sixty one")
    guesses = data.majority([0] * len(train), train, [0] * len(test))
    assert guesses[0] == "."
    assert accuracy(guesses, test) == pytest.approx(0.152, abs=SHOWN)


def test_english_french_counts():
    pairs = data.english_french()
    english, french = zip(*pairs, strict=True)
    assert len(pairs) == len(set(english)) == len(set(french)) == 10_000
    assert (len(set().union(*english)), max(map(len, english))) == (30, 6)
    assert (len(set().union(*french)), max(map(len, french))) == (27, 8)
    assert sum(len(f) > len(e) for e, f in pairs) == 2745
    assert sum(len(f) < len(e) for e, f in pairs) == 1302
    assert pairs[0] == (("zero",), ("zéro",))
    assert pairs[8021] == (("eight", "thousand", "twenty", "one"), ("huit", "mille", "vingt", "et", "un"))


def test_no_number_is_in_two_parts():
    parts = data.split(data.english_french(), rng(), (0.4, 0.1, 0.5))
    assert [len(part) for part in parts] == [4000, 1000, 5000]
    for side in (0, 1):
        for a, b in itertools.combinations(parts, 2):
            assert not {pair[side] for pair in a} & {pair[side] for pair in b}


def test_number_lists_join_single_numbers_by_commas():
    lengths = [1, 3, 2] * 40
    dictionary = dict(data.english_french()[:100])
    pairs = data.number_lists(lengths, rng())

    def numbers(words):
        return [tuple(group) for comma, group in itertools.groupby(words, lambda word: word == ",") if not comma]

    assert [len(numbers(english)) for english, _ in pairs] == lengths
    assert all([dictionary[n] for n in numbers(english)] == numbers(french) for english, french in pairs)
    assert len(set(data.number_lists([1] * 3000, rng()))) == 100


def test_every_way_of_writing_names_exactly_one_date():
    pairs = data.dates(20_000, rng())
    assert len({iso for _, iso in pairs}) > 10_000
    meaning = {}
    for human, iso in pairs:
        assert meaning.setdefault(human, iso) == iso
        assert parse(human) == iso
    assert (min(meaning.values())[:4], max(meaning.values())[:4]) == ("1950", "2049")
    kinds = Counter("".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in human) for human, _ in pairs)
    assert {"99 aaa 9999", "99.99.9999", "99/99/9999"} <= set(kinds)


def parse(human):
    """Read a date as a person would: the year comes last, a word is the month, of two numbers the first is the day."""
    from datetime import date

    from course_rnn.data.text import _DAYS, _MONTHS

    parts = human.replace(",", " ").replace(".", " ").replace("/", " ").split()
    words, digits = [p for p in parts if p.isalpha()], [int(p) for p in parts if p.isdigit()]
    months = {month[:3]: i for i, month in enumerate(_MONTHS, 1)}
    day, *rest, year = digits
    month = rest[0] if rest else months[words[-1][:3]]
    parsed = date(year, month, day)
    assert len(words) < 2 or words[0] == _DAYS[parsed.weekday()]
    return parsed.isoformat()


def test_date_baseline_over_all_days():
    days = np.arange("1950-01-01", "2050-01-01", dtype="datetime64[D]").astype(str)
    places = zip(*days, strict=True)
    right = np.mean([Counter(place).most_common(1)[0][1] / len(days) for place in places])
    assert right == pytest.approx(0.456, abs=SHOWN)


def test_no_day_is_in_two_parts():
    pairs = data.dates(5000, rng())
    parts = data.split(pairs, rng(), by=[iso for _, iso in pairs])
    for a, b in itertools.combinations(parts, 2):
        assert not {iso for _, iso in a} & {iso for _, iso in b}


# Names


def test_names_are_plain_letters_and_stand_in_one_list_only():
    pairs = data.names()
    names, locales = zip(*pairs, strict=True)
    assert len(pairs) == len(set(names)) == 3125
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")
    assert tuple(dict.fromkeys(locales)) == data.NAME_LOCALES
    expected = dict.fromkeys(data.NAME_LOCALES, 400) | {"fi_FI": 397, "fr_FR": 328}
    assert Counter(locales) == expected
    assert pairs == sorted(pairs, key=lambda pair: (data.NAME_LOCALES.index(pair[1]), pair[0]))


def test_names_come_from_the_list_they_are_labelled_with_and_from_no_other():
    import importlib

    from course_rnn.data.text import _fold

    lists = {
        locale: set(map(_fold, importlib.import_module(f"faker.providers.person.{locale}").Provider.last_names))
        for locale in data.NAME_LOCALES
    }
    for name, locale in data.names():
        assert [other for other in lists if name in lists[other]] == [locale]
    assert _fold("Groß Đurašević É") == "gross durasevic e"


def test_name_baselines():
    train, _, test = data.split(data.names(), rng())
    assert not {name for name, _ in train} & {name for name, _ in test}
    (texts, labels), (test_texts, test_labels) = zip(*train, strict=True), zip(*test, strict=True)
    most = data.majority([0] * len(labels), labels, [0] * len(test_labels))
    assert accuracy(most, test_labels) == pytest.approx(0.130, abs=SHOWN)
    measured = [accuracy(data.naive_bayes(texts, labels, test_texts, order), test_labels) for order in (1, 2, 3)]
    assert measured == pytest.approx([0.486, 0.695, 0.733], abs=SHOWN)


# English prose


def test_english_counts():
    sentences, topics = data.english()
    assert len(sentences) == len(set(sentences)) == len(topics) == 7333
    assert sum(map(len, sentences)) == 510_297
    assert len(set(topics)) == 130
    assert len(set("".join(sentences))) == 72


def test_english_sentences_are_prose():
    for sentence in data.english()[0]:
        assert sentence[0].isupper() and sentence.endswith(".")
        assert len(sentence.split()) >= 5
        assert sentence.isascii()
        assert not set(sentence) & set("`*_=[]{}<>|\\/#$%&+~^@\n")
        assert "  " not in sentence


def test_markup_shows_what_a_reader_of_the_page_would_see():
    from course_rnn.data.text import _paragraphs

    docstring = """Draw an `.Axes` in a `~matplotlib.figure.Figure`.

    See :doc:`the guide </users/guide>`, :class:`~.Line2D` or ``plot(x)``;
    *emphasis* and **strong** words,
        and `a link <https://matplotlib.org>`_ further in.

    Notes
    -----
    One    table
    Two    table

    `~Cycler`, :rc:`axes.grid` and `!name`.
    """
    assert list(_paragraphs(docstring)) == [
        "Draw an Axes in a Figure.",
        "See the guide, Line2D or plot(x); emphasis and strong words,",
        "and a link further in.",
        "Notes",
        "Cycler, axes.grid and name.",
    ]


def test_docstrings_are_read_in_the_order_of_the_file():
    import ast

    from course_rnn.data.text import _docstrings

    module = """
"one"
class A:
    "two"
    def f(self):
        "three"
        def g(): "four"
if True:
    async def h():
        "five"
"""
    assert [text for text in _docstrings(ast.parse(module)) if text] == ["one", "two", "three", "four", "five"]


def test_no_sentence_and_no_topic_is_in_two_parts():
    sentences, topics = data.english()
    parts = data.split(list(zip(sentences, topics, strict=True)), rng(), by=topics)
    for a, b in itertools.combinations(parts, 2):
        for k in (0, 1):
            assert not {pair[k] for pair in a} & {pair[k] for pair in b}


def test_english_baselines():
    sentences, topics = data.english()
    train, _, test = (" ".join(part) for part in data.split(sentences, rng(), by=topics))
    losses = [data.ngram_loss(train, test, order) for order in (1, 3, 6)]
    assert losses == pytest.approx([3.079, 1.895, 1.349], abs=SHOWN)


def test_articles_hide_each_article_once():
    contexts, labels, topics = data.articles()
    assert len(contexts) == len(set(contexts)) == len(labels) == len(topics) == 2879
    assert (labels == 0).sum() == 2419
    assert {len(context) for context in contexts} == {49}
    assert {context[24] for context in contexts} == {"_"}
    sentences = "\n".join(data.english()[0])
    for context, label in zip(contexts[::50], labels[::50], strict=True):
        said = [context.strip().replace("_", article) for article in ("an" if label else "a", "An" if label else "A")]
        assert any(text in sentences for text in said)


def test_article_contexts_have_the_width_asked_for_and_skip_the_letter_a():
    assert {len(context) for context in data.articles(width=5)[0]} == {11}
    assert not [context for context in data.articles()[0] if context[25:30] == " and "]


def test_article_baselines():
    contexts, labels, topics = data.articles()
    train, _, test = data.split(range(len(contexts)), rng(), by=topics)
    assert not {topics[i] for i in train} & {topics[i] for i in test}
    assert 1 - labels[test].mean() == pytest.approx(0.796, abs=SHOWN)
    keys = {
        "word before": lambda i: contexts[i][:24].split()[-1:],
        "letter after": lambda i: contexts[i][26],
    }
    right = {}
    for name, key in keys.items():
        seen, asked = [str(key(i)) for i in train], [str(key(i)) for i in test]
        right[name] = accuracy(data.majority(seen, labels[train], asked), labels[test])
    assert right == pytest.approx({"word before": 0.786, "letter after": 0.974}, abs=SHOWN)


@pytest.mark.parametrize("load", [data.english_french, data.names, data.human_numbers, data.english, data.stock_prices])
def test_a_caller_cannot_spoil_the_data_of_the_next(load):
    before = load()
    first = before[0] if isinstance(before, tuple) else before
    kept = first[0]
    first[0] = first[1]
    after = load()
    assert (after[0] if isinstance(after, tuple) else after)[0] == kept


# Baselines


def test_linear_forecast_finds_the_matrices_of_a_linear_process():
    first, second, bias = rng().normal(0, 0.4, (3, 3)), rng(1).normal(0, 0.3, (3, 3)), np.array([0.5, -1.0, 2.0])
    series = list(rng(2).normal(size=(2, 3)))
    for _ in range(30):
        series.append(first @ series[-1] + second @ series[-2] + bias)
    series = np.array(series)
    prediction = data.linear_forecast(series[:20], series[20:], order=2)
    assert prediction.shape == (12, 3)
    assert np.allclose(prediction, series[20:], atol=1e-6)


def test_linear_forecast_never_looks_ahead():
    series = rng().normal(size=(40, 2))
    before = data.linear_forecast(series[:30], series[30:], order=3)
    changed = series.copy()
    changed[35:] += 1
    after = data.linear_forecast(changed[:30], changed[30:], order=3)
    assert np.array_equal(before[:6], after[:6])  # the prediction of step 35 itself still sees only 32 to 34
    assert not np.allclose(before[6:], after[6:])


@pytest.mark.parametrize("discount", [None, 0.3, 0.9])
def test_ngram_probabilities_sum_to_one(discount):
    train = "abracadabra"
    letters = [*sorted(set(train)), "?"]  # "?" stands for anything new
    for order, context in [(1, ""), (2, "a"), (3, "ab"), (3, "zz"), (4, "bra")]:
        losses = [data.ngram_losses(train, context + letter, order, discount)[-1] for letter in letters]
        assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1, abs=TOLERANCE)


def test_kneser_ney_by_hand():
    """After "ab" of "abracadabra" comes r, twice; what follows "b" and "" counts by how many letters came before it."""
    D = 0.5
    before = {"r": "b", "a": "rcd", "b": "a", "c": "a", "d": "a"}  # 7 different pairs
    p_r = (len(before["r"]) - D + D * 5 / 6) / 7
    p_r_b = (1 - D + D * p_r) / 1  # after b comes r alone, and a alone before "br"
    p_r_ab = (2 - D + D * 1 * p_r_b) / 2
    found = data.ngram_losses("abracadabra", "abr", 3, discount=D)
    assert math.exp(-found[-1]) == pytest.approx(p_r_ab, abs=TOLERANCE)


def test_the_order_of_a_list_of_words_counts_as_that_of_letters():
    text, other = "abracadabra", "abrakadabra"
    for discount in (None, 0.7):
        as_letters = data.ngram_losses(text, other, 3, discount)
        assert np.array_equal(data.ngram_losses([*text], [*other], 3, discount), as_letters)


def test_ngram_loss_by_hand():
    uniform = 1 / 3
    a = (4 + 2 * uniform) / (8 + 2)  # "a" after nothing: 4 of 8, two kinds
    a_after_b, b_after_a = (3 + a) / (3 + 1), (4 + a) / (4 + 1)
    by_hand = -(math.log(a) + math.log(b_after_a) + math.log(a_after_b) + math.log(b_after_a)) / 4
    assert data.ngram_loss("abababab", "abab", order=2) == pytest.approx(by_hand, abs=TOLERANCE)


def test_naive_bayes_by_hand():
    texts, labels = ["ab", "b", "a"], ["x", "y", "y"]
    counts = {"x": Counter("^ab$"), "y": Counter("^b$^a$")}
    score = {
        label: math.log(labels.count(label) / 3)
        + sum(math.log((counts[label][letter] + 1) / (counts[label].total() + 4)) for letter in "^bbbb$")
        for label in "xy"
    }
    expected = max(score, key=score.get)
    assert data.naive_bayes(texts, labels, ["bbbb"], order=1) == [expected]


def test_majority_falls_back_on_the_most_frequent_label():
    assert data.majority("aab", "xyx", "abc") == ["x", "x", "x"]
    assert data.majority("aab", "yyx", "bc") == ["x", "y"]
