"""Measure what gets through the context of an encoder and decoder, for the chapter on sequence to sequence.

lists    Lists of 1 to 6 numbers below 100, English words to French words. The source is handed over by its last state
         alone, the same with the source read backwards, by dot attention or by additive attention; over the length of
         the list, the size of the state and the length of training.
numbers  Numbers below 10,000. Three ways to connect the context to the decoder, and three ways to feed the decoder in
         training; over the length of training.

The learning rate of each case is chosen on the validation part, for lists with the first seed; what is written down is
measured on the test part, and on lists longer than any in training. A sweep writes its own part of
course_rnn/data/results/bottleneck.json; on one core the first takes about an hour, the second about ten minutes.

    OPENBLAS_NUM_THREADS=1 python benchmarks/bottleneck.py [lists] [numbers]
"""

import json
import sys
from functools import partial
from itertools import islice, product
from pathlib import Path

import numpy as np
from tqdm import tqdm

import course_rnn.numpy as rnp
from course_rnn import data, machine

RESULT = Path(__file__).parents[1] / "course_rnn" / "data" / "results" / "bottleneck.json"
SEEDS, LEARNING_RATES, CLIP = (0, 1, 2), (0.005, 0.01, 0.02), 1.0

LISTS = {
    "lists": 30_000,
    "trained_lengths": (1, 6),
    "longer": (7, 8),
    "tested_by_length": 100,
    "embedding": 32,
    "batch": 64,
    "dtype": "float32",
    "updates": (200, 400, 800, 1600),
}
ATTENTION = {"last state": None, "source reversed": None, "dot attention": "dot", "additive attention": "additive"}
SIZES = {
    "last state": (32, 64, 128),
    "source reversed": (64,),
    "dot attention": (32, 64, 128),
    "additive attention": (64,),
}

NUMBERS = {
    "embedding": 24,
    "encoder_size": 48,
    "decoder_size": 40,
    "batch": 32,
    "tested": 500,
    "dtype": "float64",
    "updates": (200, 400, 800),
}
#: The probability of the true token, as a function of the share of training that is over.
FEEDINGS = {
    "teacher forcing": lambda over: 1.0,
    "scheduled sampling": lambda over: 1 - over,
    "free running": lambda over: 0.0,
}
CASES = [*product(("init", "every_step"), FEEDINGS), ("both", "teacher forcing")]

masked_loss = partial(rnp.cross_entropy, ignore_index=data.PAD)


def vocabularies_of(pairs):
    """Return the vocabularies of the two sides of the pairs."""
    return [data.Vocabulary(word for pair in pairs for word in pair[side]) for side in (0, 1)]


def arrays(pairs, vocabularies):
    """Return source (S, B), its lengths, the decoder's inputs and its targets (T, B)."""
    english, french = vocabularies
    source, lengths, _ = data.pad([english.encode(pair[0]) for pair in pairs])
    target_in, _, _ = data.pad([french.encode(pair[1], bos=True) for pair in pairs])
    target, _, _ = data.pad([french.encode(pair[1], eos=True) for pair in pairs])
    return source, lengths, target_in, target


def training_batches(pairs, vocabularies, size, rng):
    """Yield batches, epoch after epoch."""
    counts = [len(english) for english, _ in pairs]
    while True:
        for indices in data.batches(counts, size, rng):
            source, lengths, target_in, target = arrays([pairs[i] for i in indices], vocabularies)
            yield source, target_in, lengths, target


def fed(batches, model, teacher_prob, updates, rng):
    """Replace some of the decoder's inputs by the model's own outputs, as `teacher_prob` says for each update."""
    for i, (source, target_in, lengths, target) in enumerate(islice(batches, updates)):
        p = teacher_prob(i / updates)
        if p < 1:
            target_in = rnp.scheduled_sampling(model, source, target_in, lengths, teacher_prob=p, rng=rng)
        yield source, target_in, lengths, target


def exact(model, pairs, vocabularies):
    """Return the share of sources whose greedy translation is right in every word."""
    source, lengths, _, target = arrays(pairs, vocabularies)
    written = rnp.greedy_decode(model, source, lengths, bos=data.BOS, eos=data.EOS, max_length=len(target) + 5)
    right = [tuple(vocabularies[1].decode(ids)) == french for ids, (_, french) in zip(written, pairs, strict=True)]
    return round(float(np.mean(right)), 4)


def in_order(pairs, way):
    """Turn the sources round if this way reads them backwards."""
    return [(english[::-1], french) for english, french in pairs] if way == "source reversed" else pairs


def list_parts():
    """Return the lists of the training part, and those of validation and test by length; only test has longer ones."""
    rng = np.random.default_rng(0)
    first, last = LISTS["trained_lengths"]
    pairs = data.number_lists(rng.integers(first, last + 1, size=LISTS["lists"]), rng)
    train, validation, test = data.split(pairs, rng, (0.8, 0.1, 0.1))
    longer = data.number_lists(np.repeat(LISTS["longer"], LISTS["tested_by_length"]), rng)
    return train, by_length(dict.fromkeys(validation)), by_length([*dict.fromkeys(test), *longer])


def by_length(pairs):
    """Group pairs by the number of numbers in them, at most `tested_by_length` of each."""
    groups = {}
    for pair in pairs:
        groups.setdefault(1 + pair[0].count(","), []).append(pair)
    return {k: groups[k][: LISTS["tested_by_length"]] for k in sorted(groups)}


def run_list(way, hidden_size, lr, seed, checkpoints, train, evaluation):
    """Train one model and yield, at each checkpoint, the share of exact translations for each list length."""
    rng = np.random.default_rng(seed)
    vocabularies = vocabularies_of(train)
    (english, french), embedding, own = map(len, vocabularies), LISTS["embedding"], {"rng": rng, "dtype": np.float32}
    encoder = rnp.Encoder(english, embedding, hidden_size, **own)
    decoder = rnp.Decoder(french, embedding, hidden_size, encoder.context_size, attention=ATTENTION[way], **own)
    model = rnp.Seq2Seq(encoder, decoder)
    adam = rnp.Adam(model.params, lr=lr)
    batches = training_batches(in_order(train, way), vocabularies, LISTS["batch"], rng)
    for updates in np.diff(checkpoints, prepend=0):
        rnp.fit(model, islice(batches, updates), masked_loss, adam, clip=CLIP, progress=False)
        yield {k: exact(model, in_order(pairs, way), vocabularies) for k, pairs in evaluation.items()}


def sweep_lists():
    """Run every way, size and seed."""
    train, validation, test = list_parts()
    rates, runs = [], []
    for way, hidden_size in tqdm([(way, size) for way, sizes in SIZES.items() for size in sizes]):
        case, means = {"way": way, "hidden_size": hidden_size}, {}
        for lr in LEARNING_RATES:
            (scores,) = run_list(way, hidden_size, lr, SEEDS[0], LISTS["updates"][-1:], train, validation)
            means[lr] = round(float(np.mean(list(scores.values()))), 4)
        lr = max(means, key=means.get)
        rates.append(case | {"lr": lr, "validation": means})
        for seed in SEEDS:
            results = run_list(way, hidden_size, lr, seed, LISTS["updates"], train, test)
            for updates, scores in zip(LISTS["updates"], results, strict=True):
                runs.append(case | {"seed": seed, "updates": updates, "exact": scores})
    counts = {"test_lists_by_length": {k: len(pairs) for k, pairs in test.items()}}
    return {"settings": LISTS | counts, "learning_rates": rates, "runs": runs}


def run_number(context, feeding, updates, lr, seed, train, *evaluations):
    """Train one model and return the share of exact translations in each of the parts to evaluate."""
    rng = np.random.default_rng(seed)
    vocabularies, embedding = vocabularies_of(train), NUMBERS["embedding"]
    encoder = rnp.Encoder(len(vocabularies[0]), embedding, NUMBERS["encoder_size"], rng=rng)
    decoder = rnp.Decoder(
        len(vocabularies[1]), embedding, NUMBERS["decoder_size"], encoder.context_size, context=context, rng=rng
    )
    model = rnp.Seq2Seq(encoder, decoder)
    batches = training_batches(train, vocabularies, NUMBERS["batch"], rng)
    batches = fed(batches, model, FEEDINGS[feeding], updates, rng)
    rnp.fit(model, batches, masked_loss, rnp.Adam(model.params, lr=lr), clip=CLIP, progress=False)
    return [exact(model, pairs, vocabularies) for pairs in evaluations]


def sweep_numbers():
    """Run every connection, feeding and length of training, and keep the learning rate with the best validation."""
    train, *others = data.split(data.english_french(), np.random.default_rng(0))
    validation, test = (part[:: len(part) // NUMBERS["tested"]] for part in others)
    rates, runs = [], []
    for (context, feeding), updates in tqdm([*product(CASES, NUMBERS["updates"])]):
        case, scores = {"context": context, "feeding": feeding, "updates": updates}, {}
        for lr in LEARNING_RATES:  # (seeds, validation and test)
            scores[lr] = np.array([run_number(*case.values(), lr, seed, train, validation, test) for seed in SEEDS])
        means = {lr: round(float(score[:, 0].mean()), 4) for lr, score in scores.items()}
        lr = max(means, key=means.get)
        rates.append(case | {"lr": lr, "validation": means})
        runs += [case | {"seed": seed, "exact": score} for seed, score in zip(SEEDS, scores[lr][:, 1], strict=True)]
    return {"settings": NUMBERS, "learning_rates": rates, "runs": runs}


def main(names):
    """Run the sweeps of these names, or all, and write each result beside those that are there."""
    sweeps = {"lists": sweep_lists, "numbers": sweep_numbers}
    for name in names or sweeps:
        result = {
            "common": {
                "cell": "GRU",
                "optimiser": "Adam",
                "learning_rates": LEARNING_RATES,
                "clip": CLIP,
                "seeds": SEEDS,
            },
            "hardware": machine.hardware(),
            "versions": machine.versions("numpy"),
        } | sweeps[name]()
        results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        RESULT.write_text(json.dumps(results | {name: result}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
