"""Whether submissions can be graded on this machine, check by check, and what to do where they cannot."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from course_rnn.grading.limits import DEFAULTS
from course_rnn.grading.room import cgroup, environment, sandbox, seccomp
from course_rnn.grading.room.session import Session

#: Run in the sandbox: what a submission can do there.
PROBE = """
import os, resource, socket, sys

def fails(action):
    try:
        action()
    except (OSError, ValueError):
        return True
    return False

def readable():
    return float(sys.prefix == "/python")

def byte_code():
    import json, numpy
    return float(all(os.path.exists(module.__cached__) for module in (json, numpy)))

def network():
    return float(not fails(lambda: socket.create_connection(("127.0.0.1", 9), timeout=1)))

def files():
    outside = ("/etc", "/home", "/root", "/usr", "/var", "/sys")
    return float(any(map(os.path.exists, outside)) or not fails(lambda: open("/python/new", "w")))

def answers():
    import course_rnn.numpy, importlib.util
    return float(hasattr(course_rnn.numpy, "__file__") or importlib.util.find_spec("pytest") is not None)

def limits():
    return float(resource.getrlimit(resource.RLIMIT_AS)[1] < 2**40 and resource.getrlimit(resource.RLIMIT_CORE)[1] == 0)

def user():
    return float(os.getuid() != 0 and os.getpid() != 1)
"""
PROBES = {
    "readable": (1, "The sandbox has a Python of its own, readable by nobody"),
    "byte_code": (1, "Its byte code is valid"),
    "network": (0, "No network inside"),
    "files": (0, "None of this machine's files inside, and nothing to write to but the scratch folder"),
    "answers": (0, "No answers inside"),
    "limits": (1, "Limits are in force"),
    "user": (1, "Submissions run as a user without rights"),
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        As a sentence that holds where `ok`.
    ok : bool
    remedy : str
        What was found, and what to do, where it does not hold.
    """

    name: str
    ok: bool
    remedy: str = ""


def checks(limits=DEFAULTS):
    """Look at this machine, one `Check` after the other; after the first that nothing can do without, no more.

    Returns
    -------
    list of Check
        All ``ok``: submissions can be graded here, safely.
    """
    found = []
    try:
        path = sandbox.bubblewrap()
    except sandbox.Unavailable as error:
        return [Check("bubblewrap is installed, 0.8 or newer", False, str(error))]
    found.append(Check(f"bubblewrap is installed, 0.8 or newer ({path})", True))
    try:
        room = environment.room()
    except OSError as error:
        remedy = f"{error}. Name another folder in the environment variable COURSE_RNN_CACHE."
        return [*found, Check("The sandbox's own Python could be made", False, remedy)]
    if not environment.anybody_may_read(room):
        remedy = f"The user nobody cannot reach {room}. Name a folder that everybody may read in COURSE_RNN_CACHE."
        return [*found, Check("The sandbox's own Python can be read", False, remedy)]
    try:
        with Session(limits) as session:
            session.use([PROBE])
            replies = {name: session.call(name, "numpy", [{}]) for name in PROBES}
    except (sandbox.Unavailable, sandbox.NotStarted) as error:
        return [*found, Check("User namespaces are allowed, and a sandbox starts", False, str(error))]
    found.append(Check("User namespaces are allowed, and a sandbox starts", True))
    for name, (wanted, sentence) in PROBES.items():
        got = replies[name].get("trials", [{}])[0].get("values")
        remedy = "" if got == [wanted] else f"Found {got or replies[name]}. Do not grade here; please report this."
        found.append(Check(sentence, not remedy, remedy))
    filtered = bool(seccomp.program())
    remedy = "" if filtered else "The filter does not know this kind of processor; all other walls stand."
    found.append(Check("System calls are filtered", filtered, remedy))
    if find_spec("torch"):
        found.append(_torch(limits))
    grouped = cgroup.parent() is not None
    counted = "the kernel counts all of its memory" if grouped else "its own keeper counts its memory"
    hint = "" if grouped else " (better: systemd-run --user --scope -p Delegate=yes course-rnn grade ...)"
    return [*found, Check(f"Each sandbox has limits of its own: {counted}{hint}", True)]


def _torch(limits):
    sentence = "torch works inside, for the questions that need it"
    try:
        with Session(limits, torch=True) as session:
            session.use(["import torch\ndef two():\n    return torch.ones(2).sum()"])
            reply = session.call("two", "torch", [{}])
    except (sandbox.Unavailable, sandbox.NotStarted, OSError) as error:
        return Check(sentence, False, str(error))
    works = reply.get("trials", [{}])[0].get("values") == [np.float32(2)]
    remedy = "" if works else f"Found {reply}. Does it need more than {limits.torch_process_mb} MiB?"
    return Check(sentence, works, remedy)


def shown(found) -> str:
    """The checks as lines of text.

    Examples
    --------
    >>> print(shown([Check("bubblewrap is installed", False, "Grading needs bubblewrap: apt install bubblewrap.")]))
    ✗ bubblewrap is installed
      Grading needs bubblewrap: apt install bubblewrap.
    """
    lines = []
    for check in found:
        lines.append(f"{'✓' if check.ok else '✗'} {check.name}")
        if check.remedy:
            lines.append(f"  {check.remedy}")
    return "\n".join(lines)
