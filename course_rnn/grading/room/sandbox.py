"""The trusted side of a worker: starts it behind bubblewrap, asks it, and believes nothing that it says."""

import functools
import json
import math
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

from course_rnn.grading.room import cgroup, environment, seccomp
from course_rnn.grading.worker.frames import Closed, decode, encode, receive, send

NOBODY = 65534
OLDEST = (0, 8)  # bubblewrap that knows --disable-userns
INSTALL = "apt install bubblewrap, or dnf install bubblewrap"
ELSEWHERE = (
    "Grading runs strangers' code in a sandbox that only Linux has. On Windows use WSL 2, on macOS a virtual machine "
    "with Linux, or on either the container of the instructors' page."
)
USERNS = (
    "This system does not let bubblewrap make user namespaces. On Ubuntu: "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0; on older Debian: "
    "sysctl kernel.unprivileged_userns_clone=1; elsewhere: sysctl user.max_user_namespaces=10000; "
    "in Docker: --security-opt seccomp=unconfined."
)
START = "from course_rnn.grading.worker.keeper import main; main()"
START_SECONDS = 60  # for the imports, also on a machine that is very busy
GRACE_SECONDS = 5  # what the keeper may take to end a step


class Unavailable(OSError):
    """There is no sandbox on this machine; no submission can be graded."""


class NotStarted(OSError):
    """This sandbox did not come up, through no fault of a student's."""


class Died(Exception):
    """The sandbox came down while a stranger's code ran."""


class Worker:
    """One sandbox for one submission; use it in a ``with``.

    Parameters
    ----------
    limits : Limits
    torch : bool
        Whether torch is in the room.
    by_hand : bool
        Whether torch is there without its derivatives, which the questions ask for.
    trusted : bool
        Run the same worker as a plain process, with its limits and without walls.

    Attributes
    ----------
    seconds, peak_mb : float
        The CPU time that it took and the memory of its largest process; after the end.

    Raises
    ------
    Unavailable, NotStarted
    """

    def __init__(self, limits, *, torch=False, by_hand=False, trusted=False):
        settings = asdict(limits) | {"torch": torch, "by_hand": by_hand}
        settings["process_mb"] = settings.pop("torch_process_mb") if torch else limits.process_mb
        self.seconds = self.peak_mb = 0.0
        self._group = None
        self._most = (limits.reply_mb + 1) << 20
        self._scratch = tempfile.TemporaryDirectory(prefix="course_rnn-") if trusted else None
        filters = None if trusted else _filters()
        try:
            command = _plain() if trusted else _walls(limits, torch, filters)
            home = self._scratch.name if trusted else "/tmp"
            nobody = os.geteuid() == 0 and not trusted  # outside of the sandbox too: limits do not count for root
            self._process = subprocess.Popen(
                [*command, json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=home if trusted else "/",
                env=_variables(home, str(environment.code()) if trusted else "/worker:/packages:/torch"),
                pass_fds=[filters.fileno()] if filters else [],
                bufsize=0,
                start_new_session=True,
                **({"user": NOBODY, "group": NOBODY, "extra_groups": []} if nobody else {}),
            )
        finally:
            if filters:
                filters.close()
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        try:
            if decode(receive(self._out, self._most, time.monotonic() + START_SECONDS)) != {"ready": True}:
                raise ValueError
            if not trusted:
                self._group = cgroup.Group(limits)
                self._group.take(self._process.pid)
        except (Closed, OSError, ValueError):  # a TimeoutError is an OSError
            said = self._last_words()
            self.close()
            if "bwrap:" in said:
                raise Unavailable(f"{said} {USERNS if 'namespace' in said or 'ermission' in said else ''}") from None
            raise NotStarted(f"The sandbox did not start. {said}") from None

    def ask(self, request, seconds, wall):
        """Send a request and return the reply, a dict.

        Parameters
        ----------
        request : dict
        seconds : float
            On a processor, or waiting for anything but a processor.
        wall : float
            Seconds on the clock.

        Raises
        ------
        Died
            There is none, or none that can be read. The worker is of no more use.
        """
        deadline = time.monotonic() + wall + GRACE_SECONDS
        try:
            send(self._in, encode(request | {"seconds": seconds, "wall": wall}), deadline)
            reply = decode(receive(self._out, self._most, deadline))
            _check(reply)
        except (AttributeError, Closed, TimeoutError, KeyError, TypeError, ValueError) as error:
            raise Died(type(error).__name__) from None
        return reply

    def close(self):
        """End everything that runs in the sandbox; nothing of it is left."""
        if self._process.returncode is not None:
            return
        self._process.stdin.close()  # the keeper goes when nobody asks any more, and its whole sandbox with it
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            self.peak_mb = float(decode(receive(self._out, self._most, deadline))["peak_mb"])
        except (Closed, TimeoutError, KeyError, TypeError, ValueError):  # the keeper did not come to its end
            self.peak_mb = 0.0
        if not _ended(self._out, deadline):
            self._process.kill()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = usage.ru_utime + usage.ru_stime
        self._process.stdout.close()
        self._process.stderr.close()
        if self._scratch:
            self._scratch.cleanup()
        if self._group:
            self._group.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _last_words(self):
        """What stood on stderr when it did not start: a line of bubblewrap's, or the last of a traceback."""
        os.set_blocking(self._process.stderr.fileno(), False)
        try:
            said = os.read(self._process.stderr.fileno(), 1 << 16).decode(errors="replace").strip()
        except BlockingIOError:
            said = ""
        return said.splitlines()[-1] if said else ""


def _check(reply):
    """Check that a reply has the form of one; what a question's trials say is not looked at.

    Raises
    ------
    KeyError, TypeError, ValueError
    """
    texts = [reply.get(key, "") for key in ("dropped", "stopped", "refused")] + reply.get("without", [])
    if not all(isinstance(text, str) for text in texts) or not 0 <= reply["spent"] < math.inf or "late" not in reply:
        raise ValueError("not a reply")


def _ended(fd, deadline):
    """Read to the end of what a process writes, which is the end of the process; False where it does not come."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(1000 * left) and not os.read(fd, 1 << 16):
            return True
    return False


def _plain():
    """The command of a worker without walls, for submissions that somebody trusts."""
    if os.name != "posix":
        raise Unavailable(ELSEWHERE)
    return [sys.executable, "-sPB", "-c", START]


def _walls(limits, torch, filters):
    """The command of a worker behind bubblewrap."""
    mounts = [(environment.code(), "/worker")]
    if torch:
        mounts += [(path, f"/torch/{path.name}") for path in environment.torch_packages()]
        mounts += environment.closed_doors()
    return [
        bubblewrap(),
        *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
        *("--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "worker"),
        *("--new-session", "--die-with-parent", "--as-pid-1"),
        *("--ro-bind", str(environment.room()), "/"),
        *("--proc", "/proc", "--dev", "/dev", "--ro-bind", "/dev/null", "/dev/zero"),
        *("--size", "1048576", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),
        *("--size", str(limits.scratch_mb << 20), "--tmpfs", "/tmp", "--tmpfs", "/torch"),
        *(word for source, target in mounts for word in ("--ro-bind", str(source), target)),
        *("--remount-ro", "/torch", "--chdir", "/tmp"),
        *(("--seccomp", str(filters.fileno())) if filters else ()),
        *("/python/bin/python3", "-sPSB", "-c", START),
    ]


def _variables(home, path):
    """The whole environment of a worker: nothing of ours."""
    return {
        "HOME": home,
        "TMPDIR": home,
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": path,
        "LD_LIBRARY_PATH": "/lib",  # of the room; elsewhere it is the system's own
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",  # a second grading is to find the same
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def _filters():
    """An open file with the program of forbidden system calls; None on a machine that it does not know."""
    program = seccomp.program() if sys.platform == "linux" else b""
    if not program:
        return None
    file = tempfile.TemporaryFile()  # noqa: SIM115  whoever starts a worker closes it
    file.write(program)
    file.seek(0)
    return file


@functools.cache
def bubblewrap() -> str:
    """The path of a bubblewrap that is new enough.

    Raises
    ------
    Unavailable
    """
    if sys.platform != "linux":
        raise Unavailable(ELSEWHERE)
    path = shutil.which("bwrap")
    if path is None:
        raise Unavailable(f"Grading needs bubblewrap: {INSTALL}.")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = tuple(map(int, re.findall(r"\d+", said)))
    if found < OLDEST:
        raise Unavailable(f"Grading needs bubblewrap 0.8 or newer, here is {said.split()[-1]}: {INSTALL}.")
    return path
