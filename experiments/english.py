"""When does a network write English better than counts do?"""

from functools import cache

import numpy as np
import torch

import course_rnn.torch as rt
from course_rnn import data
from course_rnn.experiment import Experiment, Metric, Model
from course_rnn.experiment.nets import train

CHUNK, EMBEDDING, DROPOUT = 50, 32, 0.3
READ = 32  # columns of a part that is read only, to be quicker; each begins without a past
#: Recurrent weights: 290,000 for each cell, so that none has an advantage of size.
UNITS = {"RNN": 512, "GRU": 290, "LSTM": 256}
#: Columns of the training part: with few of them an update is cheap, and there are more of them.
GRID = tuple({"columns": 8, "lr": lr} for lr in (3e-3, 8e-3))
ORDERS = (
    {"order": 5},
    {"order": 6},
    {"order": 6, "discount": 0.8},
    {"order": 8, "discount": 0.8},
    {"order": 8, "discount": 0.9},
    {"order": 10, "discount": 0.8},
)


@cache
def texts():
    """The three parts as texts; the sentences of one file are in one of them."""
    sentences, topics = data.english()
    parts = data.split(sentences, np.random.default_rng(0), by=topics)
    return dict(zip(("train", "validation", "test"), map(" ".join, parts), strict=True))


@cache
def folded(part, B):
    """A part folded into B columns: ids and the ids that follow, (T, B) each."""
    ids = data.Vocabulary(texts()["train"]).encode(texts()[part])
    T = (len(ids) - 1) // B
    return [torch.from_numpy(each[: T * B].reshape(B, T).T.copy()) for each in (ids, ids[1:])]


class Writer(torch.nn.Module):
    """Embedding, a recurrent layer and a head, with dropout around the layer; the state goes on from call to call."""

    def __init__(self, cell, size):
        super().__init__()
        self.embedding, self.drop = torch.nn.Embedding(size, EMBEDDING), torch.nn.Dropout(DROPOUT)
        self.rnn = getattr(rt, cell)(EMBEDDING, UNITS[cell])
        self.head = torch.nn.Linear(UNITS[cell], size)

    def forward(self, ids, state=None):
        y, state = self.rnn(self.drop(self.embedding(ids)), state)
        self.state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        return self.head(self.drop(y))


def network(cell):
    def fit(task, clock, rng, columns, lr):
        torch.manual_seed(int(rng.integers(2**31)))
        ids, following = folded("train", columns)
        model = Writer(cell, len(data.Vocabulary(texts()["train"])))
        chunks = iter(())

        def batch():
            nonlocal chunks
            start = next(chunks, None)
            if start is None:  # a new epoch, cut elsewhere
                chunks = iter(range(int(rng.integers(CHUNK)), len(ids) - CHUNK, CHUNK))
                start, model.state = next(chunks), None
            part = slice(start, start + CHUNK)
            return ids[part], model.state, following[part]

        train(model, batch, rt.cross_entropy, clock, lr=lr)

        @torch.no_grad()
        def score(part):
            ids, following = folded(part, READ)
            model.state, losses = None, []
            for x, y in zip(ids.split(500), following.split(500), strict=True):
                logits = model(x, model.state)
                losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none"))
            return torch.cat(losses).view(-1, READ).T.flatten().numpy()  # in the order of the text

        return score

    return Model(fit, GRID)


def ngrams(task, clock, rng, order, discount=None):
    def score(part):
        losses = data.ngram_losses(texts()["train"], texts()[part], order, discount)
        return losses[1 : 1 + folded(part, READ)[0].numel()]  # the characters that the networks are asked for

    return score


EXPERIMENT = Experiment(
    question="How much training does a network need to write English better than interpolated n-grams?",
    data="data.english(), 510,297 characters, 70/15/15 % by file; characters one after the other, state carried over",
    metric=Metric("nats a character"),
    models={"n-grams": Model(ngrams, ORDERS, baseline=True)} | {cell: network(cell) for cell in ("LSTM", "GRU", "RNN")},
    rungs={10: 10, 40: 10, 160: 5},
    tuned_to=40,
)
