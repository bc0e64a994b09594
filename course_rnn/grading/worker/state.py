"""What the cells of a notebook have defined so far: a process, of which each step is a fork."""

import contextlib
import copy
import linecache
import os
import random
import re
import signal
import sys
import threading
import traceback
import types

import numpy as np

from course_rnn.grading.worker.absent import Absent
from course_rnn.grading.worker.frames import decode, encode, receive, send

MIB = 1 << 20
MOST_VALUES = 1_000  # that a function may return


def hold(commands, results, settings):
    """The state: does each command in a fork of itself. After a cell the fork goes on as the state."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    namespace = vars(main)
    namespace.update(display=Absent(), get_ipython=Absent())
    np.random.seed(0)  # noqa: NPY002  a second grading is to find the same
    random.seed(0)
    while True:
        command = decode(receive(commands))
        reap()
        randomness = random.getstate()
        if os.fork():
            continue
        random.setstate(randomness)  # a fork draws it anew
        me = os.getpid()
        os.setpgid(0, 0)
        send(results, encode({"step": command["step"], "pid": me}))
        reply = do(command, namespace, settings)
        if os.getpid() != me:  # a fork that a stranger made came out of their code as well
            os._exit(0)
        if threading.active_count() > settings["processes"] // 2:  # too many to fork beside
            reply = {"dropped": "it left threads running"}
        send(results, encode({"step": command["step"]} | reply))
        while command["do"] != "cell":
            signal.pause()  # until the keeper's end


def reap():
    """Let go of the children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def do(command, namespace, settings):
    """Run a cell, or make the calls for a question; the reply."""
    if command["do"] == "cell":
        return {"stopped": cell(command["source"], f"<cell {command['number']}>", namespace)}
    function = namespace.get(command["name"])
    if not callable(function):
        return {"missing": True}
    trials, most = [], settings["reply_mb"] * MIB // len(command["cases"])
    for arguments in command["cases"]:
        trials.append(trial(function, arguments, command["library"], most))
        if "to_do" in trials[-1]:
            break
    return {"trials": trials}


def cell(source, filename, namespace):
    """Run the code of a cell; returns what stopped it, "" where it came to its end."""
    try:
        code = compile(plain_python(source), filename, "exec")
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        exec(code, namespace)
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: a notebook goes on after both
        return said(error) + place(error)
    return ""


def plain_python(source):
    """The source of a cell without what only a notebook understands: magics, shell lines, questions to the help."""
    try:
        compile(source, "", "exec", dont_inherit=True)
        return source
    except SyntaxError:
        pass
    lines = source.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    magic = re.match(r"%%(\w+)", lines[first].lstrip()) if lines else None
    if magic and magic[1] not in ("time", "timeit", "capture", "prun"):
        return ""  # another language
    lines[: first + 1] = ["pass" if magic else line for line in lines[: first + 1]]
    return "\n".join(map(plain_line, lines))


def plain_line(line):
    """One line without a magic: `%time x = f()` still runs f, the others do nothing."""
    indent, text = line[: len(line) - len(line.lstrip())], line.strip()
    if timed := re.match(r"%time\s+(\S.*)", text):
        return indent + timed[1]
    assigned = re.match(r"([\w., ]+=\s*)[!%]", text)
    if assigned and not text.startswith(("!", "%")):
        return f"{indent}{assigned[1]}None"
    if text.startswith(("!", "%", "?")) or (text.endswith("?") and "#" not in text):
        return f"{indent}pass"
    return line


def trial(function, arguments, library, most):
    """Call a function with one case; what came of it as plain values, of `most` bytes."""
    given = copy.deepcopy(arguments)
    try:
        returned = function(*adapt(given, library).values())
        values = None if returned is None else portable(as_tuple(returned), most)
    except NotImplementedError:
        return {"to_do": True}
    except BaseException as error:
        return {"raised": said(error), "place": place(error)}
    changed = [name for name, value in arguments.items() if not equal(given[name], value)]
    return {"values": values, "changed": changed[0] if changed else ""}


def adapt(arguments, library):
    """The arguments as the library of a question wants them; a tensor shares the memory of its array."""
    if library == "numpy":
        return arguments
    import torch

    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in arguments.items()
    }


def as_tuple(values):
    """What a function returned, as a tuple of its values."""
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def equal(value, other):
    """Whether an argument is as it was."""
    return np.array_equal(value, other, equal_nan=np.asarray(other).dtype.kind in "fc")


def portable(values, most):
    """A plain array for each value that means the same; else the name of its type."""
    if len(values) > MOST_VALUES:
        raise ValueError(f"{len(values)} values were returned")
    found = []
    for value in values:
        array = plain_array(value)
        most -= 0 if array is None else array.nbytes
        if most < 0:
            raise ValueError("the values that were returned are too large")
        found.append({"type": type(value).__name__[:60]} if array is None else array)
    return found


def plain_array(value):
    """A value as an array of numbers, of no class of a stranger's; None where it is none."""
    try:
        plain = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        array = np.array(plain, subok=False)
    except MemoryError:
        raise
    except Exception:
        return None
    return array if array.dtype.kind in "biufc" else None


def said(error):
    """An exception as text: its type and what it says."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def place(error):
    """Where in the stranger's code an exception came from: their own line, not the library's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("<cell ")]
    return f", at line {frames[-1].lineno} of your cell: {frames[-1].line}"[:300] if frames else ""
