"""One step ahead on an electroencephalogram: a network or a linear model?"""

from functools import cache

import numpy as np
import torch

import course_rnn.torch as rt
from course_rnn import data
from course_rnn.experiment import Clock, Experiment, Metric, Model
from course_rnn.experiment.nets import train

T, B, H = 40, 32, 16
PARTS = (0.55, 0.15, 0.30)
GRID = ({"lr": 3e-3}, {"lr": 1e-2})
ORDERS = tuple({"order": order} for order in range(1, 9))


@cache
def signal(channel):
    signal, _ = data.eeg()
    return signal[:, data.EEG_CHANNELS.index(channel)]


def borders(channel, part):
    """Where a part begins and ends: what is before it may be learnt from."""
    past, validation, test = map(len, data.split_in_time(signal(channel), PARTS))
    return (past, past + validation) if part == "validation" else (past + validation, past + validation + test)


def network(cell):
    def fit(task, clock, rng, lr):
        seed, z = int(rng.integers(2**31)), signal(task)

        def errors(part, clock):
            start, stop = borders(task, part)
            torch.manual_seed(seed)
            draw = np.random.default_rng(seed)
            std = z[:start].std()
            scaled = torch.tensor((z - z[:start].mean()) / std, dtype=torch.float32)[:, None, None]  # (n, 1, 1)
            model = rt.ManyToMany(getattr(rt, cell)(1, H), torch.nn.Linear(H, 1))

            def batch():
                begins = draw.integers(start - T, size=B)
                x = torch.stack([scaled[begin : begin + T + 1, 0] for begin in begins], dim=1)  # (T + 1, B, 1)
                return x[:-1], x[1:] - x[:-1]  # the change is what there is to learn

            train(model, batch, rt.mse, clock, lr=lr)
            with torch.no_grad():
                wrong = (scaled[:-1] + model(scaled[:-1]) - scaled[1:])[start - 1 : stop - 1, 0, 0]
            return (wrong.numpy() * std) ** 2

        found = {"validation": errors("validation", clock)}
        return lambda part: found[part] if part in found else errors(part, Clock(clock.budget))

    return Model(fit, GRID)


def linear(task, clock, rng, order):
    def errors(part):
        (start, stop), z = borders(task, part), signal(task)
        return (data.linear_forecast(z[:start], z[start:stop], order) - z[start:stop]) ** 2

    return errors


def same(task, clock, rng):
    def errors(part):
        start, stop = borders(task, part)
        return np.diff(signal(task)[start - 1 : stop]) ** 2

    return errors


EXPERIMENT = Experiment(
    question="Does a small network predict the next sample of an EEG better than a linear model of the last ones?",
    data="data.eeg(), 800 steps, each channel by itself, 55/15/30 % in time; all before a part is learnt from",
    metric=Metric("squared error"),
    models={
        "next = now": Model(same, baseline=True),
        "linear": Model(linear, ORDERS, baseline=True),
        "RNN": network("RNN"),
        "GRU": network("GRU"),
    },
    rungs={0.5: 10, 2: 10},
    tasks=data.EEG_CHANNELS,
)
