"""Checking a whole notebook of one's own from the command line: ``course-rnn check NOTEBOOK``.

The notebook runs from top to bottom in a fresh kernel, in its own folder, with nothing kept out: this is for one's own
work, `course_rnn.grading` is for that of others. The file itself is not changed.
"""

import re
import shutil
import subprocess
import textwrap
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import nbformat
from jupyter_client import KernelManager

from course_rnn import projects, questions
from course_rnn.checking.result import SIGNS, Result

KIND = "application/vnd.course-rnn+json"  # how a result comes out of the kernel
PATIENCE = 5  # seconds that a kernel has to obey an interruption


def chapters():
    """What a notebook may be about: the chapters with questions, and the projects."""
    return questions.chapters() | projects.chapters()


@dataclass(frozen=True)
class Report:
    """What came of a notebook.

    Attributes
    ----------
    chapter : str
    results : list of Result
        One for each question of the chapter, in order.
    stopped : list of str
        What happened to the cells that did not run to their end.
    """

    chapter: str
    results: list
    stopped: list

    @property
    def passed(self):
        """Whether every question passed."""
        return all(result.passed for result in self.results)

    def __str__(self):
        width = max(len(result.question) for result in self.results)
        points, total = (sum(getattr(r, name) for r in self.results) for name in ("points", "max_points"))
        done = sum(result.passed for result in self.results)
        lines = [f"{self.chapter}: {done} of {len(self.results)} questions, {points:g} of {total:g} points"]
        for result in self.results:
            lines.append(
                f"  {SIGNS[result.state][0]} {result.question:<{width}}  {result.points:g}/{result.max_points:g}"
                f"  {result.state}"
            )
            if not result.passed:
                lines += indented(result.message)
        return "\n".join([*lines, *(line for text in self.stopped for line in indented(text, "  "))])


def indented(text, by="      "):
    """A text as lines that fit the terminal."""
    width = max(shutil.get_terminal_size().columns, 60)
    for line in text.splitlines():
        yield from textwrap.wrap(line, width, initial_indent=by, subsequent_indent=by + "  ")


def check(path, timeout=60):
    """Run a notebook and check the functions that it defines.

    Parameters
    ----------
    path : str or Path
    timeout : float
        Seconds that a cell, or the check of a function, may take.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        The file is not a notebook, or belongs to no chapter.
    """
    path = Path(path)
    notebook = read(path)
    chapter = chapters()[chapter_of(path, notebook)]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    stopped, results = [], []
    with Kernel(path.parent, timeout) as kernel:
        for number, source in enumerate(code, start=1):
            _, error = kernel.run(source)
            if error:
                stopped.append(f"Code cell {number} stopped: {error}")
        for name, question in chapter.questions.items():
            call = f"__import__({__name__!r}, fromlist='*').say({chapter.name!r}, {name!r}, globals())"
            result, error = kernel.run(call)
            result = result or {"state": "not yet", "message": f"It stopped: {error}"}
            results.append(Result(**{"question": name, "max_points": question.points} | result))
    return Report(chapter.name, results, stopped)


def read(path):
    """A notebook of any version as one of version 4."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without ids: the file is not written back
            notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except Exception:  # whatever nbformat makes of a file that is something else
        raise ValueError(f"{path} is not a notebook, or not a whole one.") from None
    return notebook


def chapter_of(path, notebook):
    """The chapter that a notebook belongs to: by its metadata, else its file name, else the questions it imports."""
    known = chapters()
    named = notebook.metadata.get("course_rnn", {}).get("assignment")
    if named in known:
        return named
    for name in known:
        if name in path.name:
            return name
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imported = re.findall(r"^from course_rnn\.questions import (\w+)", source, re.MULTILINE)
    for name in known:
        if name.partition("_")[2] in imported:
            return name
    raise ValueError(
        f"{path} belongs to no chapter with questions: "
        f"it imports none of them, and its name holds none of {', '.join(known)}."
    )


def say(chapter, name, namespace):
    """Inside the kernel: check the function of that name and send what came of it."""
    from IPython.display import display

    question = chapters()[chapter].questions[name]
    if name in namespace:
        result = question.check(namespace[name])
    else:
        result = Result(name, "not yet", f"The notebook defines no function {name}.", max_points=question.points)
    display({KIND: result.as_dict()}, raw=True)


class Kernel:
    """A fresh kernel in a folder; runs one piece of code after the other, each with a limit on its time."""

    def __init__(self, folder, timeout):
        self.timeout, self.lost = timeout, ""
        self.manager = KernelManager(kernel_name="python3")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # what the kernel itself writes there
        self.manager.start_kernel(cwd=str(folder), **quiet)
        self.client = self.manager.blocking_client()

    def __enter__(self):
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self._execute(f"import {__name__}", limit=120)  # before the learner's clock runs
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, source):
        """Returns the result that the code sent, if it did, and a sentence on what stopped it, "" if nothing did."""
        if self.lost:
            return None, self.lost
        try:
            messages = self._execute(source, self.timeout)
        except TimeoutError:
            return None, self._interrupt()
        except ChildProcessError:
            self.lost = "an earlier cell ended the kernel."
            return None, "it ended the kernel, and with it whatever comes later."
        sent = [message["content"].get("data", {}).get(KIND) for message in messages]
        errors = [message["content"] for message in messages if message["msg_type"] == "error"]
        said = [f"{error['ename']}: {error['evalue']}".partition("\n")[0] for error in errors]
        return next(filter(None, sent), None), "".join(said)

    def _execute(self, source, limit):
        """The messages that came of some code; TimeoutError if it takes too long, ChildProcessError if it kills."""
        request, deadline, messages = self.client.execute(source, allow_stdin=False), time.monotonic() + limit, []
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.5)
            except Empty:
                if not self.manager.is_alive():
                    raise ChildProcessError from None
                continue
            if message["parent_header"].get("msg_id") == request:
                if message["content"].get("execution_state") == "idle":
                    return messages
                if message["msg_type"] in ("error", "display_data"):
                    messages.append(message)
        raise TimeoutError

    def _interrupt(self):
        """Stop what does not end; a kernel that does not obey is given up."""
        said = f"it did not end within {self.timeout:g} seconds."
        self.manager.interrupt_kernel()
        try:
            self._execute("", PATIENCE)
            return said
        except (TimeoutError, ChildProcessError):
            self.lost = "an earlier cell could not be stopped."
            return f"{said} It could not be interrupted either, so nothing after it was run."
