"""What the cells of a notebook have defined so far: a process, of which each step is a fork."""

import ast
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
from functools import partial

import numpy as np

from course_rnn.checking.effort import gradients, operations
from course_rnn.grading.worker import absent, reading, weights
from course_rnn.grading.worker.absent import Absent
from course_rnn.grading.worker.frames import decode, encode, receive, send, unpack

MIB = 1 << 20
MOST_VALUES = 1_000  # that a function may return
MOST_TEXT = 10_000  # characters of a list
TIMERS = signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF
TIME_IS_UP = signal.SIGUSR1  # from the keeper, to a cell
#: What a cell defines without doing anything: it is kept where the rest of the cell did not come to its end.
DEFINES = ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef


class TimeIsUp(BaseException):
    """The keeper says that a cell has had its seconds."""

    def __str__(self):
        return f"it did not end within {self.args[0]:g} seconds"


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
        for timer in TIMERS:  # one that a cell left would end the state
            signal.setitimer(timer, 0)
        send(results, encode({"step": command["step"]} | reply))
        while command["do"] != "cell":
            signal.pause()  # until the keeper's end


def reap():
    """Let go of the children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def do(command, namespace, settings):
    """Read a notebook, run a cell, make the calls for a question, or see what they take; the reply."""
    if command["do"] == "read":
        return reading.read(command, settings)
    if command["do"] == "cell":
        return cell(command, namespace)
    function = namespace.get(command["name"])
    if not callable(function):
        return {"missing": True}
    if command["do"] == "effort":
        return effort_of(function, command)
    given = {}
    if "weights" in command:
        try:
            given = {"weights": weights.read(command["weights"].tobytes(), command["weights_mb"], command["blank"])}
        except weights.Refused as error:
            return {"refused": str(error)}
    trials, most = [], settings["reply_mb"] * MIB // len(command["cases"])
    for arguments in command["cases"]:
        trials.append(trial(function, given | arguments, command["library"], most))
        if "to_do" in trials[-1]:
            break
    return {"trials": trials}


def effort_of(function, command):
    """How many operations a function takes, or what gradients go through it; None in the place of what is no array."""
    if command["counted"]:
        return {"count": operations(function, command["arguments"], command["library"], command["counted"])}
    found, problem = gradients(function, command["arguments"], command["returns"])
    return {"gradients": found, "problem": problem[:500]}


def cell(command, namespace):
    """Run a cell, or only what it defines.

    Returns
    -------
    dict
        "stopped": what stopped it, "" where it came to its end; "without": modules that it did without.
    """
    filename = f"<cell {command['number']}>"
    try:
        source = plain_python(unpack(command["source"])[0])
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        statements = ast.parse(source, filename).body
        if command["only"] == "definitions":
            define(statements, filename, namespace)
            return {"stopped": "", "without": []}
    except BaseException as error:
        return {"stopped": said(error) + place(error), "without": []}
    signal.signal(TIME_IS_UP, partial(time_is_up, command["seconds"]))
    try:
        return run(statements, filename, namespace)
    finally:
        signal.signal(TIME_IS_UP, signal.SIG_IGN)


def run(statements, filename, namespace):
    """Run the statements of a cell; where one raises, those after it still define what nothing else does."""
    without = []
    while True:
        try:
            exec(compile(ast.Module(statements, []), filename, "exec"), namespace)
            return {"stopped": "", "without": without}
        except BaseException as error:  # also SystemExit and KeyboardInterrupt: a notebook goes on after both
            left = statements_from(error, statements)
            if imports_what_is_missing(error, left) and absent.add(error.name):
                without.append(error.name.partition(".")[0])
                statements = left
                continue
            define(left[1:], filename, namespace, only_new=True)
            return {"stopped": said(error) + place(error), "without": without}


def imports_what_is_missing(error, statements):
    """Whether a cell stopped at an import of its own, outside of any `try`."""
    missing = isinstance(error, ModuleNotFoundError) and isinstance(error.name, str)
    return missing and bool(statements) and isinstance(statements[0], (ast.Import, ast.ImportFrom))


def time_is_up(seconds, number, frame):
    """Whatever the cell is doing, it stops here."""
    raise TimeIsUp(seconds)


def statements_from(error, statements):
    """The statements of a cell from the one on that an exception came through; none where it came through none."""
    codes = [(link.tb_frame.f_code, link.tb_lineno) for link in links(error)]
    lines = [line for code, line in codes if code.co_name == "<module>" and code.co_filename.startswith("<cell ")]
    for place, statement in enumerate(statements):
        if any(statement.lineno <= line <= statement.end_lineno for line in lines):
            return statements[place:]
    return []


def links(error):
    """The links of a traceback, from the outermost."""
    link = error.__traceback__
    while link is not None:
        yield link
        link = link.tb_next


def define(statements, filename, namespace, only_new=False):
    """Run the imports, functions and classes among some statements, each whatever becomes of the others."""
    for statement in statements:
        known = getattr(statement, "name", None) in namespace
        if isinstance(statement, DEFINES) and not (only_new and known):
            with contextlib.suppress(BaseException):
                exec(compile(ast.Module([statement], []), filename, "exec"), namespace)


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
    for _ in lines:  # a line within an expression may begin with % as well
        try:
            compile("\n".join(lines), "", "exec", dont_inherit=True)
            break
        except SyntaxError as error:
            at = min(error.lineno or 0, len(lines)) - 1
            if at < 0 or plain_line(lines[at]) == lines[at]:
                return "\n".join(map(plain_line, lines))
            lines[at] = plain_line(lines[at])
    return "\n".join(lines)


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
    """Call a function with one case; what came of it as plain values, of `most` bytes, and the arguments after it."""
    given = copy.deepcopy(arguments)
    try:
        returned = function(*adapt(given, library).values())
        values = None if returned is None else portable(as_tuple(returned), most)
    except NotImplementedError:
        return {"to_do": True}
    except BaseException as error:
        return {"raised": said(error), "place": place(error)}
    return {"values": values, "after": afterwards(given, arguments)}


def afterwards(given, arguments):
    """What the call has left of each argument that it could change; None in the place of what cannot be sent."""
    found = {}
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            array = plain_array(given[name])
            found[name] = array if array is not None and array.nbytes == value.nbytes else None
        elif isinstance(value, list):
            same = isinstance(given[name], list) and len(given[name]) == len(value)
            plain = same and all(type(item) in (int, float, str, bool) for item in given[name])
            found[name] = given[name] if plain and len(str(given[name])) < MOST_TEXT else None
    return found


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
    if isinstance(error, TimeIsUp):
        return str(error)
    try:
        text = str(error)
    except BaseException:
        text = ""
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def place(error):
    """Where in the stranger's code an exception came from: their own line, not the library's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("<cell ")]
    return f", at line {frames[-1].lineno} of your cell: {frames[-1].line}"[:300] if frames else ""
