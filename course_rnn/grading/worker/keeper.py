"""The first process of the sandbox: it never runs a stranger's code, and no process of the sandbox can kill it.

The keeper passes on what the grader asks to a second process, the state: what the cells so far have defined. Each cell
runs in a fork of the state. If it ends, the fork is the new state; if it does not, or crashes, the state before it
still stands. The calls for a question run in a fork that is thrown away. After each step the keeper kills everyone but
the state, so nothing that a step left behind lives on.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time

from course_rnn.grading.worker.absent import forbid_cells, take_away
from course_rnn.grading.worker.frames import Closed, decode, encode, receive, send
from course_rnn.grading.worker.state import hold, reap

ALONE = os.getpid() == 1  # in a sandbox; else a signal to all would reach the rest of the machine
MIB = 1 << 20


def main():
    """Start the keeper, as soon as everything that may fail for a reason of ours is done."""
    settings = json.loads(sys.argv[1])
    limit(settings)
    requests, replies = os.dup(0), os.dup(1)
    take_away()
    if settings["torch"]:
        forbid_cells()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    hide()
    keeper = Keeper(requests, replies, settings)
    send(replies, encode({"ready": True}))
    with contextlib.suppress(Closed):
        keeper.serve()
    keeper.end()


def limit(settings):
    """What every process from here on may use."""
    values = {
        "RLIMIT_AS": settings["process_mb"] * MIB,
        "RLIMIT_CPU": int(settings["total_seconds"]) + 1,
        "RLIMIT_FSIZE": settings["scratch_mb"] * MIB,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": settings["files"],
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    for name, value in values.items():
        with contextlib.suppress(ValueError, OSError, AttributeError):  # not all systems have all
            resource.setrlimit(getattr(resource, name), (value, value))


def hide(hidden=True):
    """Keep the memory and the descriptors of this process from others of the same user."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, int(not hidden), 0, 0, 0)  # PR_SET_DUMPABLE


class Dropped(Exception):
    """Why the keeper ended a step."""


class Keeper:
    """Passes the grader's requests on to the state, and sees to time, memory and what is left behind."""

    def __init__(self, requests, replies, settings):
        self.requests, self.replies, self.settings = requests, replies, settings
        commands, self.down = os.pipe()
        self.up, results = os.pipe()
        for fd in (requests, replies, commands, self.down, self.up, results):
            os.set_blocking(fd, False)
        self.state = fork_within(settings["processes"])
        if self.state == 0:
            for fd in (requests, replies, self.down, self.up):
                os.close(fd)
            hide(False)  # a process may look at itself
            os.setpgid(0, 0)
            hold(commands, results, settings)
        os.close(commands)
        self.started = None  # who does the present step
        self.number = 0  # of the present step

    def serve(self):
        """Answer requests until the grader hangs up."""
        while True:
            request = receive(self.requests)
            send(self.replies, self.step(request))

    def end(self):
        """Kill everyone, and say what memory the largest process had, in MiB."""
        signal_to(-1 if ALONE else -self.state, signal.SIGKILL)
        while ALONE and processes():
            reap()
        reap()
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak = max(resource.getrusage(each).ru_maxrss for each in who)
        with contextlib.suppress(Closed):
            send(self.replies, encode({"peak_mb": peak / 1024}), time.monotonic() + 1)

    def step(self, request):
        """One cell, or the calls for one question: the state's reply, or why it was dropped."""
        asked, self.started = decode(request), None
        deadline = time.monotonic() + asked["seconds"]
        self.number += 1
        try:
            send(self.down, encode(asked | {"step": self.number}), deadline)
            self.started = int(self.hear(deadline)["pid"])
            reply = self.hear(deadline)
            if "dropped" in reply:
                raise Dropped(reply["dropped"])
            self.keep(self.started if asked["do"] == "cell" else self.state)
            return encode(reply)
        except TimeoutError:
            why = f"it did not end within {asked['seconds']:g} seconds"
        except Dropped as error:
            why = str(error)
        except (AttributeError, KeyError, TypeError, ValueError):
            why = "it wrote where only the grader writes"
        self.keep(self.state)
        return encode({"dropped": why})

    def hear(self, deadline):
        """What whoever does the step has to say of it; what belongs to an earlier step comes too late."""
        while True:
            said = decode(receive(self.up, (self.settings["reply_mb"] + 1) * MIB, deadline, self.watch))
            if said["step"] == self.number:
                return said

    def watch(self):
        """Called while a step runs.

        Raises
        ------
        Dropped
        """
        if sys.platform != "linux":
            return
        living = processes() if ALONE else [self.state]
        if len(living) > self.settings["processes"]:
            raise Dropped(f"it started more than {self.settings['processes']} processes")
        if sum(map(memory, living)) > self.settings["memory_mb"] * MIB:
            raise Dropped(f"it took more than {self.settings['memory_mb']} MiB of memory")
        if not alive(self.started or self.state):
            raise Dropped("it ended the whole process: a crash, or os._exit")

    def keep(self, pid):
        """Let one process live on as the state, and end all others."""
        if ALONE:
            signal_to(-1, signal.SIGSTOP)  # all at once, so that nobody can fork away
            for other in processes():
                if other != pid:
                    signal_to(other, signal.SIGKILL)
            signal_to(pid, signal.SIGCONT)
            while set(processes()) - {pid}:
                reap()
        else:  # of those that a step leaves behind only its own group can be told from the rest of the machine
            for other in {self.state, self.started} - {pid, None}:
                signal_to(-other, signal.SIGKILL)
        if not alive(pid):
            sys.exit("The state is gone.")
        self.state = pid
        with contextlib.suppress(BlockingIOError):
            while os.read(self.up, MIB):  # what the dead have written
                pass


def fork_within(most):
    """Fork; both sides and all their children are `most` processes together."""
    if not ALONE:  # the limit would count all processes of the user
        return os.fork()
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, hard))
        pid = os.fork()
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        return pid
    except BlockingIOError:  # before Linux 5.14 it counts what runs outside of the sandbox; there the keeper counts
        resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
        return os.fork()


def signal_to(pid, number):
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def memory(pid):
    """The bytes that a process has in memory."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def processes():
    """The processes that live in the sandbox, without the keeper."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid != 1 and alive(pid)]


def alive(pid):
    """Whether a process runs: it is there, and is not only waiting for its parent to notice its end."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
