"""A control group for each sandbox, where this machine lets us make one: the kernel then counts all of its memory.

The keeper of a sandbox counts as well, but cannot see what the kernel holds for it, such as the names of files. Groups
are to be had inside of one that was delegated to us::

    systemd-run --user --scope -p Delegate=yes course-rnn grade ...

Source: the kernel's documentation, admin-guide/cgroup-v2, above all "Delegation" and "No Internal Process Constraint".
"""

import contextlib
import functools
import os
import re
import tempfile
from pathlib import Path

CONTROLLERS = "memory", "pids", "cpu"
OURS = 8  # processes of a sandbox that are no submission's: bubblewrap's and the keeper
PLACE = "COURSE_RNN_CGROUP"  # for the processes of a local cluster, which find themselves moved


@functools.cache
def parent():
    """The group in which others can be made, with the controllers that we need; None where there is none.

    What runs in the group that was delegated to us, moves into one of its own first, as the kernel wants it.
    """
    if named := os.environ.get(PLACE):
        return Path(named)
    place = own()
    if place is None:
        return None
    try:
        if not set(CONTROLLERS) <= set((place / "cgroup.controllers").read_text().split()):
            return None
        grader = place / "grader"
        grader.mkdir(exist_ok=True)
        for pid in (place / "cgroup.procs").read_text().split():
            (grader / "cgroup.procs").write_text(pid)
        (place / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
    except OSError:  # it is not ours, or somebody else's processes are in it
        return None
    os.environ[PLACE] = str(place)
    return place


def own():
    """The folder of the group that this process is in, of cgroup v2; None where there is no such hierarchy."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text()
        groups = Path("/proc/self/cgroup").read_text()
    except OSError:
        return None
    mount = re.search(r"^(?:\S+ ){3}(\S+) (\S+) .* - cgroup2 ", mounts, re.MULTILINE)
    group = re.search(r"^0::(\S+)$", groups, re.MULTILINE)
    if not (mount and group):
        return None
    root, where = mount.groups()
    inside = os.path.relpath(group[1], root)
    return None if inside.startswith("..") else Path(where, inside)


class Group:
    """A group for one sandbox; nothing where there is none to be had.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits):
        self.path, place = None, parent()
        if place is None:
            return
        path = Path(tempfile.mkdtemp(prefix="room-", dir=place))
        (path / "memory.max").write_text(str(limits.memory_mb << 20))
        (path / "pids.max").write_text(str(limits.processes + OURS))
        (path / "cpu.weight").write_text("100")  # the same for everybody, however many processes they start
        with contextlib.suppress(OSError):  # where there is no swap
            (path / "memory.swap.max").write_text("0")
        self.path = path

    def take(self, pid):
        """Take a process and all that it has started into the group."""
        if self.path is None:
            return
        found, waiting = [], [pid]
        while waiting:
            found.append(waiting.pop())
            with contextlib.suppress(OSError):
                waiting += Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text().split()
        for each in found:
            (self.path / "cgroup.procs").write_text(str(each))

    def close(self):
        """Remove the group, in which nobody lives any more."""
        if self.path is not None:
            with contextlib.suppress(OSError):  # its last process is still going
                self.path.rmdir()
