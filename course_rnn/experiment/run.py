"""Running an experiment: on this machine or on a Dask cluster, stopped at any moment and started again."""

import json
import os
import runpy
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
from tqdm import tqdm

from course_rnn import machine
from course_rnn.experiment.clock import Clock
from course_rnn.experiment.plan import BASELINE, Experiment, Trial

BLOCKS = 40  # at most so many parts of the test part are kept of each training: items for the bootstrap
DIGITS = 5  # that are kept of a score
KEPT = ("task", "model", "rung", "setting", "seed", "seconds", "updates", "validation", "test", "items", "blocks")


def load(path):
    """Return the `Experiment` that a file defines, under the name EXPERIMENT.

    Raises
    ------
    ValueError
        If there is no such file, or it holds none; names those beside it.
    """
    path = Path(path)
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in path.parent.glob("[!_]*.py"))) or "none: is this the repository?"
        raise ValueError(f"there is no {path}. There are: {there}")
    experiment = runpy.run_path(str(path)).get("EXPERIMENT")
    if not isinstance(experiment, Experiment):
        raise ValueError(f"{path} has no EXPERIMENT")
    return experiment


def run(path, out, *, scheduler=None, jobs=1, progress=None):
    """Run the experiment of a file and keep every training in its record as soon as it is done.

    Parameters
    ----------
    path : path
        Of the experiment.
    out : path
        The record. What it already holds is not run again; what the experiment no longer asks for is left out.
    scheduler : str, optional
        The address of a Dask cluster. Its workers need the package, and a core each.
    jobs : int
        Processes on this machine, where there is no cluster.
    progress : bool, optional
        Whether to show a progress bar; None shows it in a terminal only.

    Returns
    -------
    dict
        The record, as written.
    """
    path, out = Path(path), Path(out)
    experiment, text = load(path), path.read_text(encoding="utf-8")
    done = {_trial(row).key(): row for row in _read(out)}
    wanted, scores = {}, {key: row["validation"] for key, row in done.items()}
    with _workers(scheduler, jobs) as each, tqdm(disable=None if progress is None else not progress) as bar:
        for stage in experiment.stages(scores):
            missing = [trial for trial in stage if trial.key() not in done]
            wanted |= {trial.key(): None for trial in stage}
            bar.total, bar.n = len(wanted), len(wanted) - len(missing)
            for trial, row in each(_one, text, missing):
                bar.set_postfix_str(f"{trial.model} {trial.task} {trial.rung}", refresh=False)
                bar.update()
                done[trial.key()], scores[trial.key()] = row, row["validation"]
                _write(out, _record(path.stem, experiment, scores, done.values()))
    record = _record(path.stem, experiment, scores, [done[key] for key in wanted])
    _write(out, record)
    return record


def one(experiment, trial):
    """Run one trial and return it as a row of a record."""
    model = experiment.models[trial.model]
    _rehearse(model.fit, trial.task, json.dumps(trial.setting))
    clock = Clock(float("inf") if trial.rung == BASELINE else trial.rung)
    score = model.fit(trial.task, clock, np.random.default_rng(trial.seed), **trial.setting)
    seconds, row = clock.used(), dict(vars(trial))
    test = np.atleast_1d(np.asarray(score("test"), dtype=float))
    row |= {"seconds": round(seconds, 2), "updates": clock.updates}
    row |= {"validation": _rounded(np.mean(score("validation"))), "test": _rounded(test.mean()), "items": len(test)}
    blocks = [part.mean() for part in np.array_split(test, min(BLOCKS, len(test)))]
    return row | {"blocks": [_rounded(block) for block in blocks]}


@lru_cache
def _rehearse(fit, task, setting):
    """Train for a single update, so that no budget pays for reading data and for what torch does the first time."""
    fit(task, Clock(1e-9), np.random.default_rng(0), **json.loads(setting))


def _rounded(value):
    return float(f"{value:.{DIGITS}g}")


@lru_cache(maxsize=1)
def _experiment(text):
    """The experiment of a file's text: a worker elsewhere does not have the file."""
    names = {"__name__": "experiment"}
    exec(compile(text, "experiment", "exec"), names)
    return names["EXPERIMENT"]


def _one(text, trial):
    return one(_experiment(text), trial)


@contextmanager
def _workers(scheduler, jobs):
    """What runs trials, and yields each with its row as soon as it is done."""
    if scheduler is None and jobs == 1:
        yield lambda function, text, trials: ((trial, function(text, trial)) for trial in trials)
        return
    from distributed import Client, LocalCluster, as_completed

    alone = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ |= alone  # for the processes that are started here; a cluster's workers have their own
    here = None if scheduler else LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
    with here or nullcontext(), Client(scheduler or here) as client:

        def each(function, text, trials):
            futures = {client.submit(function, text, trial, pure=False): trial for trial in trials}
            for future in as_completed(futures):
                yield futures[future], future.result()

        yield each


def _record(name, experiment, scores, rows):
    """What is written: the question, how it was asked, on what, and a row for each training."""
    return {
        "experiment": name,
        "question": experiment.question,
        "data": experiment.data,
        "metric": vars(experiment.metric),
        "rungs": {str(rung): seeds for rung, seeds in experiment.rungs.items()},
        "tuned": {"seeds": experiment.tuned, "up to": str(experiment.tuned_to)},
        "models": {name: {"grid": model.grid, "baseline": model.baseline} for name, model in experiment.models.items()},
        "hardware": machine.hardware(),
        "versions": machine.versions("numpy", "torch"),
        "chosen": list(_choices(experiment, scores)),
        "trials": [{key: row[key] for key in KEPT} for row in rows],
    }


def _choices(experiment, scores):
    """The setting of each model on each rung, where validation has chosen."""
    for task, model in product(experiment.tasks, experiment.models):
        for rung in experiment.rungs_of(model):
            with suppress(KeyError):
                setting = experiment.choice(task, model, rung, scores)
                yield {"task": task, "model": model, "rung": rung, "setting": setting}


def _trial(row):
    return Trial(*(row[name] for name in ("task", "model", "rung", "setting", "seed")))


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))["trials"] if path.exists() else []


def _write(path, record):
    """One line a training, whole or not at all."""
    *head, rows = json.dumps(record | {"trials": []}, indent=1), record["trials"]
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    text = head[0].replace('"trials": []', '"trials": [\n' + lines + "\n ]") + "\n"
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
