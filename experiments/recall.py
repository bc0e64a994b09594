"""How far back can a network be taught to remember, and what decides it: the cell, its start, or the budget?"""

from functools import cache

import numpy as np
import torch

import course_rnn.numpy as rnp
import course_rnn.torch as rt
from course_rnn import data
from course_rnn.experiment import Experiment, Metric, Model
from course_rnn.experiment.nets import train

B, H, SYMBOLS, HELD_OUT = 32, 32, 4, 500
DRAW = {"delayed": data.delayed_recall, "marked": data.marked_recall}
GRID = ({"lr": 3e-3}, {"lr": 1e-2})
STARTS = {
    "RNN": ("torch's", "orthogonal"),
    "LSTM": ("b = 0", "b = 1", "log-T"),
    "GRU": ("b = 0", "log-T"),
}


def drawn(task, B, rng):
    """x (T, B, D) and the symbol to be told (B,)."""
    kind, T = task.split(", ")
    x, y = DRAW[kind](int(T), B, rng)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


@cache
def held_out(task, part):
    return drawn(task, HELD_OUT, np.random.default_rng([1, part == "test"]))


def layer(cell, start, D, T, rng):
    """A recurrent layer with its start: drawn by the reference, which has them all, and handed to torch."""
    reference = getattr(rnp, cell)(D, H, rng=rng)
    if start == "orthogonal":
        rnp.init.orthogonal(reference, rng)
    elif start == "log-T":
        rnp.init.chrono(reference, T, rng)
    elif start.startswith("b = "):
        rnp.init.set_forget_bias(reference, float(start[4:]))
    ours = getattr(rt, cell)(D, H)
    ours.load_state_dict({name: torch.from_numpy(weight) for name, weight in reference.params.items()})
    return ours


def network(cell, start):
    def fit(task, clock, rng, lr):
        torch.manual_seed(int(rng.integers(2**31)))
        T, _, D = held_out(task, "validation")[0].shape
        model = rt.ManyToOne(layer(cell, start, D, T, rng), torch.nn.Linear(H, SYMBOLS))
        train(model, lambda: drawn(task, B, rng), rt.cross_entropy, clock, lr=lr)

        @torch.no_grad()
        def score(part):
            x, y = held_out(task, part)
            return (model(x).argmax(dim=1) == y).numpy()

        return score

    return Model(fit, GRID)


def guess(task, clock, rng):
    return lambda part: (held_out(task, part)[1] == 0).numpy()


EXPERIMENT = Experiment(
    question="Which network learns to recall a symbol over how many steps, from which start, within which budget?",
    data="data.delayed_recall and data.marked_recall, batches of 32 drawn anew, 500 to choose by and 500 to test",
    metric=Metric("share right", lower_is_better=False),
    models={"always the same": Model(guess, baseline=True)}
    | {f"{cell}, {start}": network(cell, start) for cell, starts in STARTS.items() for start in starts},
    rungs={1: 10, 4: 5},
    tasks=("delayed, 40", "delayed, 20", "delayed, 80", "marked, 40"),
    tuned_to=1,
)
