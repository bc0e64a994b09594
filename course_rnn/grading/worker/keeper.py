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
import shutil
import signal
import sys
import time
from typing import NamedTuple

from course_rnn.grading.worker import absent
from course_rnn.grading.worker.frames import Closed, decode, encode, receive, send
from course_rnn.grading.worker.state import TIME_IS_UP, hold, reap

ALONE = os.getpid() == 1  # in a sandbox; else a signal to all would reach the rest of the machine
MIB = 1 << 20
SCRATCH = "/tmp", "/dev/shm"
LONGEST_LOOK = 0.1  # seconds between two looks of a keeper that is not kept waiting itself
GRACE = 1.0  # seconds that a cell has to stop after it was told to
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), resource.getpagesize()


def main():
    """Start the keeper, as soon as everything that may fail for a reason of ours is done."""
    settings = json.loads(sys.argv[1])
    limit(settings)
    requests, replies = os.dup(0), os.dup(1)
    absent.take_away()
    if settings["torch"]:
        absent.forbid_cells()
    if settings["by_hand"]:
        absent.forbid_derivatives()
    absent.library_of.cache_clear()
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
        self.clock = None  # its time

    def serve(self):
        """Answer requests until the grader hangs up."""
        while True:
            request = receive(self.requests)
            send(self.replies, self.step(request))

    def end(self):
        """Kill everyone, and say what memory the largest process had, in MiB."""
        signal_to(-1 if ALONE else -self.state, signal.SIGKILL)
        while ALONE and any(map(alive, processes())):
            reap()
        reap()
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak = max(resource.getrusage(each).ru_maxrss for each in who)
        with contextlib.suppress(Closed):
            send(self.replies, encode({"peak_mb": peak / 1024}), time.monotonic() + 1)

    def step(self, request):
        """One cell, or the calls for one question: the state's reply, or why it was dropped; and the time it took."""
        asked, self.started = decode(request), None
        self.clock = Clock(asked["seconds"])
        deadline = time.monotonic() + asked["wall"]
        self.number += 1
        try:
            send(self.down, encode(asked | {"step": self.number}), deadline)
            self.started = int(self.hear(deadline)["pid"])
            reply = self.hear(deadline)
            if "dropped" in reply:
                raise Dropped(reply["dropped"])
            self.keep(self.started if asked["do"] == "cell" else self.state)
            return encode(reply | {"spent": self.clock.spent, "late": False})
        except TimeoutError:
            why = {"dropped": f"the machine was too busy for it, for {asked['wall']:g} seconds", "late": True}
        except Dropped as error:
            why = {"dropped": str(error)}
        except (AttributeError, KeyError, TypeError, ValueError):
            why = {"dropped": "it wrote where only the grader writes"}
        self.keep(self.state)
        return encode({"late": False} | why | {"spent": self.clock.spent})

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
        who = processes() if ALONE else {self.state, self.started} - {None}
        seen = {pid: look for pid in who if (look := look_at(pid))}
        living = [look for look in seen.values() if look.state not in "ZX"]
        if len(living) > self.settings["processes"]:
            raise Dropped(f"it started more than {self.settings['processes']} processes")
        if sum(look.memory for look in living) > self.settings["memory_mb"] * MIB:
            raise Dropped(f"it took more than {self.settings['memory_mb']} MiB of memory")
        if ALONE and used_files() > self.settings["scratch_files"]:
            raise Dropped(f"it made more than {self.settings['scratch_files']} files")
        if not alive(self.started or self.state):
            raise Dropped("it ended the whole process: a crash, or os._exit")
        self.clock.tick(seen.values(), self.state)
        if self.clock.spent > self.clock.seconds + GRACE:
            raise Dropped(f"it did not end within {self.clock.seconds:g} seconds")
        if self.clock.spent > self.clock.seconds and self.started and not self.clock.told:
            self.clock.told = True
            signal_to(self.started, TIME_IS_UP)  # a cell stops and keeps what it has defined; else it ends here

    def keep(self, pid):
        """Let one process live on as the state, and end all others; a scratch folder that is too full is emptied."""
        if ALONE:
            signal_to(-1, signal.SIGSTOP)  # all at once, so that nobody can fork away
            for other in processes():
                if other != pid:
                    signal_to(other, signal.SIGKILL)
            signal_to(pid, signal.SIGCONT)
            while set(filter(alive, processes())) - {pid}:
                reap()
            reap()
            if used_files() > self.settings["scratch_files"]:
                empty_scratch()
            if used_files() > self.settings["scratch_files"]:
                sys.exit("The scratch folder cannot be emptied.")
        else:  # of those that a step leaves behind only its own group can be told from the rest of the machine
            for other in {self.state, self.started} - {pid, None}:
                signal_to(-other, signal.SIGKILL)
        if not alive(pid):
            sys.exit("The state is gone.")
        self.state = pid
        with contextlib.suppress(BlockingIOError):
            while os.read(self.up, MIB):  # what the dead have written
                pass


class Clock:
    """The time that a step takes of its own: on a processor, or while nobody of it wants one.

    What it waits for a processor is not its fault, so the time on the wall is not what counts on a busy machine.
    """

    def __init__(self, seconds):
        self.seconds, self.spent, self.told = seconds, 0.0, False
        self._idle, self._used, self._last = 0.0, 0.0, time.monotonic()

    def tick(self, looks, state):
        """Look at the processes of the step, and at the state that it began from, which only waits for it."""
        now = time.monotonic()
        if not any(look.state in "RD" for look in looks):
            self._idle += min(now - self._last, LONGEST_LOOK)  # more of it was the keeper's own waiting
        self._last = now
        self._used = max(self._used, sum(look.seconds for look in looks if look.pid != state))
        self.spent = self._idle + self._used


class Look(NamedTuple):
    """What the kernel says of a process: its state, CPU seconds with those of its late children, bytes in memory."""

    pid: int
    state: str
    seconds: float
    memory: int


def look_at(pid):
    """A look at a process; None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            said = file.read().rpartition(")")[2].split()
        return Look(pid, said[0], sum(map(int, said[11:15])) / TICKS, int(said[21]) * PAGE)
    except (OSError, IndexError):
        return None


def used_files():
    """The files, folders and links in the places that can be written to."""
    places = [os.statvfs(place) for place in SCRATCH]
    return sum(place.f_files - place.f_ffree for place in places)


def empty_scratch():
    """Remove what steps have written."""
    for place in SCRATCH:
        for entry in os.scandir(place):
            if entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(RecursionError):
                    shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


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


def processes():
    """The processes in the sandbox, without the keeper; also those whose end nobody has noticed."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid != 1]


def alive(pid):
    """Whether a process runs: it is there, and is not only waiting for its parent to notice its end."""
    look = look_at(pid)
    return look is not None and look.state not in "ZX"
