"""What was measured before and lies in the package: the results of the experiments and benchmarks that pages quote."""

import json
from importlib.resources import files

FOLDER = files("course_rnn.data") / "results"


def results(name):
    """Return what an experiment or a benchmark has written, with the hardware and the versions that it ran on.

    Parameters
    ----------
    name : str
        Of a file of ``course_rnn/data/results`` without its ending.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is none of that name; it names those that there are.

    Examples
    --------
    >>> results("distance")["distance"]["versions"]["python"]
    '3.11.7'
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        there = sorted(file.name.removesuffix(".json") for file in FOLDER.iterdir() if file.name.endswith(".json"))
        raise ValueError(f"there are no results called {name}; there are {', '.join(there)}")
    return json.loads(path.read_text(encoding="utf-8"))
