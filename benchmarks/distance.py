"""Measure how far RNN, LSTM and GRU remember, and how well they write, for the chapter on LSTM and GRU.

distance  Three tasks: recall of the first symbol over distractors, recall of a marked symbol, and the adding problem.
          Each cell is trained at each distance from several starts: the bias b of the gate that keeps the past (f of an
          LSTM, z of a GRU), or the log-T initialisation, which is told T; and a plain RNN with torch's start or an
          orthogonal matrix.
language  The next character of English prose, for the three cells with the same number of recurrent parameters, over
          the length of training; and n-gram models of the same text.

The learning rate of each case is the one whose validation score is best in the mean over the seeds; what is written
down is measured on the test part. A sweep writes its own part of course_rnn/data/results/distance.json; on one core
the first takes about twelve minutes, the second about six.

    OPENBLAS_NUM_THREADS=1 python benchmarks/distance.py [distance] [language]
"""

import json
import sys
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from tqdm import tqdm

import course_rnn.numpy as rnp
from course_rnn import data, machine

RESULT = Path(__file__).parents[1] / "course_rnn" / "data" / "results" / "distance.json"
SEEDS, CLIP = (0, 1, 2), 1.0
DISTANCE = {"hidden_size": 32, "batch": 32, "validation": 256, "test": 512, "learning_rates": (0.003, 0.01)}

CELLS = [
    *product(["RNN"], ["torch's", "orthogonal"]),
    *product(["LSTM", "GRU"], ["b = 0", "b = 1", "b = 3", "log-T"]),
]
DIAL = [("LSTM", f"b = {b}") for b in (2, 4, 5)]  # more of them where a forget bias is all that matters
#: The data of a task, its loss, the size of its answer, its updates, distances and cells.
TASKS = {
    "delayed recall": (data.delayed_recall, rnp.cross_entropy, 4, 300, (10, 20, 40, 80), CELLS + DIAL),
    "marked recall": (data.marked_recall, rnp.cross_entropy, 4, 400, (20, 40, 80), CELLS),
    "adding": (data.adding, rnp.mse, 1, 600, (20, 40, 80), CELLS),
}

LANGUAGE = {
    "hidden_sizes": {"RNN": 136, "LSTM": 64, "GRU": 75},  # as many recurrent parameters: 20,925 to 20,992
    "embedding": 16,
    "batch": 32,
    "chunk": 50,
    "epochs": 5,
    "learning_rates": (0.003, 0.01),
    "learning_rate_chosen_after": 1,  # epoch, with the first seed
    "orders": (1, 2, 3, 4, 5, 6),
}
WRITERS = [("RNN", "torch's"), ("LSTM", "torch's"), ("LSTM", "b = 1"), ("GRU", "torch's")]


def draw(task, T, B, rng):
    """Return x (T, B, D) of float32 and the target, a class or a (B, 1) number."""
    x, y = TASKS[task][0](T, B, rng)
    return x.astype(np.float32), y[:, None].astype(np.float32) if y.dtype == np.float64 else y


def start(model, how, T, rng):
    """Give the recurrent layer of the model its start."""
    if how == "orthogonal":
        rnp.init.orthogonal(model, rng)
    elif how == "log-T":
        rnp.init.chrono(model, T, rng)
    elif how.startswith("b = "):
        rnp.init.set_forget_bias(model, float(how[4:]))


def score(model, task, x, y):
    """Return the share of right answers, or the mean squared error."""
    answer = model.forward(x)
    return float(np.mean((answer - y) ** 2) if task == "adding" else np.mean(answer.argmax(-1) == y))


def run(task, T, cell, how, lr, seed):
    """Train one model and return its scores on the validation part and on the test part."""
    _, loss, answer_size, updates, *_ = TASKS[task]
    rng, H = np.random.default_rng(seed), DISTANCE["hidden_size"]
    x, _ = draw(task, T, 1, rng)
    own = {"rng": rng, "dtype": np.float32}
    model = rnp.ManyToOne(getattr(rnp, cell)(x.shape[-1], H, **own), rnp.Linear(H, answer_size, **own))
    start(model, how, T, rng)
    batches = (draw(task, T, DISTANCE["batch"], rng) for _ in range(updates))
    rnp.fit(model, batches, loss, rnp.Adam(model.params, lr=lr), clip=CLIP, progress=False)
    held_out = np.random.default_rng((1, T))  # the same for all models of a task and distance
    return [score(model, task, *draw(task, T, DISTANCE[part], held_out)) for part in ("validation", "test")]


def cases(task):
    """Run every distance, cell and start with both learning rates, and keep the better one."""
    *_, distances, cells = TASKS[task]
    better = min if task == "adding" else max
    for T, (cell, how) in product(distances, cells):
        case = partial(run, task, T, cell, how)
        scores = {lr: np.array([case(lr, seed) for seed in SEEDS]) for lr in DISTANCE["learning_rates"]}  # (seeds, 2)
        means = {lr: round(float(both[:, 0].mean()), 4) for lr, both in scores.items()}
        lr = better(means, key=means.get)
        names = {"task": task, "T": T, "cell": cell, "start": how}
        yield names | {"lr": lr, "validation": means, "test": scores[lr][:, 1].round(4).tolist()}


def sweep_distance():
    """Run all tasks."""
    count = sum(len(distances) * len(cells) for *_, distances, cells in TASKS.values())
    runs = list(tqdm((row for task in TASKS for row in cases(task)), total=count))
    updates = {task: updates for task, (_, _, _, updates, *_) in TASKS.items()}
    return {"settings": DISTANCE | {"updates": updates}, "runs": runs}


def in_columns(ids):
    """Fold a text into the columns of a batch and return inputs and targets (T, B), the next character."""
    T, B = (len(ids) - 1) // LANGUAGE["batch"], LANGUAGE["batch"]
    return [part[: T * B].reshape(B, T).T for part in (ids, ids[1:])]


def write(cell, how, lr, seed, epochs, size, train, *held_out):
    """Train one language model; yield its losses on the held-out parts after each epoch, in nats a character."""
    rng, H, E = np.random.default_rng(seed), LANGUAGE["hidden_sizes"][cell], LANGUAGE["embedding"]
    own = {"rng": rng, "dtype": np.float32}
    layer = getattr(rnp, cell)(E, H, **own)
    model = rnp.ManyToMany(layer, rnp.Linear(H, size, **own), rnp.Embedding(size, E, **own))
    start(model, how, None, rng)
    adam = rnp.Adam(model.params, lr=lr)
    for _ in range(epochs):
        rnp.truncated_bptt(model, *train, LANGUAGE["chunk"], rnp.cross_entropy, adam, clip=CLIP, progress=False)
        yield [round(rnp.cross_entropy(model.forward(x), y)[0], 4) for x, y in held_out]


def sweep_language():
    """Run every cell and start, and the n-gram models."""
    sentences, topics = data.english()
    texts = [" ".join(part) for part in data.split(sentences, np.random.default_rng(0), by=topics)]
    vocabulary = data.Vocabulary(texts[0])
    parts = [in_columns(vocabulary.encode(text)) for text in texts]
    rates, runs = [], []
    for cell, how in tqdm(WRITERS):
        means = {}
        for lr in LANGUAGE["learning_rates"]:
            epochs = LANGUAGE["learning_rate_chosen_after"]
            *_, (means[lr], _) = write(cell, how, lr, SEEDS[0], epochs, len(vocabulary), *parts)
        lr = min(means, key=means.get)
        rates.append({"cell": cell, "start": how, "lr": lr, "validation": means})
        for seed in SEEDS:
            losses = list(write(cell, how, lr, seed, LANGUAGE["epochs"], len(vocabulary), *parts))
            validation, test = zip(*losses, strict=True)
            runs.append({"cell": cell, "start": how, "seed": seed, "validation": validation, "test": test})
    train, *held_out = texts
    ngrams = {n: [round(data.ngram_loss(train, part, n), 4) for part in held_out] for n in LANGUAGE["orders"]}
    return {"settings": LANGUAGE, "learning_rates": rates, "runs": runs, "n-grams, validation and test": ngrams}


def main(names):
    """Run the sweeps of these names, or all, and write each result beside those that are there."""
    sweeps = {"distance": sweep_distance, "language": sweep_language}
    for name in names or sweeps:
        result = {
            "common": {"optimiser": "Adam", "clip": CLIP, "dtype": "float32", "seeds": SEEDS},
            "hardware": machine.hardware(),
            "versions": machine.versions("numpy"),
        } | sweeps[name]()
        results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        RESULT.write_text(json.dumps(results | {name: result}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
