"""Control groups: what is written where, on a tree of plain files that stands in for the kernel's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_rnn.grading.limits import Limits
from course_rnn.grading.room import cgroup


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A group that was delegated to us, with two processes in it."""
    place = tmp_path / "scope"
    place.mkdir()
    (place / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (place / "cgroup.procs").write_text("11\n12\n")
    monkeypatch.delenv(cgroup.PLACE, raising=False)
    monkeypatch.setattr(cgroup, "own", lambda: place)
    cgroup.parent.cache_clear()
    yield place
    cgroup.parent.cache_clear()
    os.environ.pop(cgroup.PLACE, None)


def test_those_who_live_in_a_delegated_group_move_before_others_are_made(tree):
    assert cgroup.parent() == tree and os.environ[cgroup.PLACE] == str(tree)
    assert (tree / "grader" / "cgroup.procs").read_text() == "12"  # the kernel takes one after the other
    assert (tree / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_a_group_has_the_limits_of_a_submission_and_takes_all_of_its_processes(tree):
    group = cgroup.Group(Limits(memory_mb=100, processes=5))
    files = {name: (group.path / name).read_text() for name in ("memory.max", "pids.max", "cpu.weight")}
    assert files == {"memory.max": str(100 << 20), "pids.max": "13", "cpu.weight": "100"}
    taken, write = [], type(group.path).write_text
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text():
            assert process.poll() is None
        [child] = children.read_text().split()
        type(group.path).write_text = lambda path, text: taken.append(text) or write(path, text)
        group.take(process.pid)
    finally:
        type(group.path).write_text = write
        process.communicate(b"\n")
    assert taken == [str(process.pid), child]


@pytest.mark.parametrize("controllers", ["", "hugetlb", "memory pids"])
def test_without_the_controllers_there_are_no_groups_and_no_failure(tree, controllers):
    (tree / "cgroup.controllers").write_text(controllers)
    group = cgroup.Group(Limits())
    group.take(os.getpid())
    group.close()
    assert group.path is None and not (tree / "grader").exists()


def test_a_group_of_somebody_else_is_left_alone(tree):
    (tree / "cgroup.procs").unlink()  # as if it could not be read
    assert cgroup.parent() is None and cgroup.PLACE not in os.environ


def test_the_group_of_this_process_is_one_or_none():
    place = cgroup.own()
    assert place is None or (place / "cgroup.procs").is_file()
