"""The sandbox holds whatever is in it, and the grader believes nothing that comes out of it."""

import ast
import contextlib
import json
import os
import platform
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from course_rnn.checking.question import Chapter
from course_rnn.grading.course import Plan
from course_rnn.grading.grade import grade_submission, hidden_cases
from course_rnn.grading.intake.submissions import Submission
from course_rnn.grading.limits import Limits
from course_rnn.grading.room import doctor, environment, sandbox, seccomp
from course_rnn.grading.room.sandbox import Unavailable, Worker
from course_rnn.grading.room.session import Session
from course_rnn.grading.worker import state
from course_rnn.grading.worker.absent import Absent
from course_rnn.grading.worker.frames import Closed, decode, encode, pack, receive, send
from course_rnn.grading.worker.state import plain_python
from course_rnn.questions import chapters

walled = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap: apt install bubblewrap")
LIMITS = Limits(cell_seconds=2, question_seconds=2, total_seconds=30)


def cell(source, number=1):
    return {"do": "cell", "source": pack([source]), "number": number, "only": "all"}


def call(name, *cases):
    return {"do": "call", "name": name, "library": "numpy", "cases": list(cases)}


def values(source, *cases, limits=LIMITS, **options):
    """What ``f`` of a notebook with one cell returns for each case."""
    with Session(limits, **options) as session:
        session.use([source])
        return [trial["values"] for trial in session.call("f", "numpy", cases)["trials"]]


class Two(Plan):
    """Two of the course's questions."""

    def __init__(self):
        super().__init__()
        self.chapter = Chapter("02_simple_rnn")
        known = chapters()["02_simple_rnn"].questions
        self.chapter.questions = {name: known[name] for name in ("rnn_step", "rnn_forward")}

    def chapters(self, student=""):
        return {self.chapter.name: self.chapter}


two_questions = Two


RIGHT = """
import numpy as np
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
def rnn_forward(x, h, *weights):
    states = []
    for x_t in x:
        h = rnn_step(x_t, h, *weights)
        states.append(h)
    return np.stack(states), h
"""


def graded(folder, *cells, limits=LIMITS, **options):
    path = folder / "02_simple_rnn.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source} for source in cells]}))
    return grade_submission(Submission("ada", path), seed=5, limits=limits, plan=two_questions(), **options)


# ---------------------------------------------------------------------- frames


def through(value):
    return decode(encode(value)[4:])


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "i4", "f2", "f4", "f8", "g", "c8", "c16", ">f8"])
def test_arrays_come_out_as_they_went_in(dtype):
    array = np.arange(-3, 21).reshape(2, 3, 4).astype(dtype)[:, ::-1]
    found = through({"x": array})["x"]
    assert found.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_arrays_without_entries_or_dimensions_keep_their_shape(shape):
    assert through(np.ones(shape)).shape == shape


def test_plain_values_come_out_as_they_went_in():
    value = {"a": [1, 2.5, "é\n", None, True, ["x"]], "b": {"": 1.5}.get("", 0), "c": np.float32(1.5), "d": np.int64(3)}
    found = through(value)
    assert found == value
    assert [type(found[name]) for name in "cd"] == [np.float32, np.int64]
    assert np.isnan(through(float("nan")))


@pytest.mark.parametrize("value", [object(), np.array([None]), np.array(["a"]), {1, 2}, b"bytes"])
def test_what_is_no_plain_value_is_not_sent(value):
    with pytest.raises(TypeError):
        encode(value)


def payload(header, body=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(header) if length is None else length) + header + body


@pytest.mark.parametrize(
    "evil",
    [
        b"",
        b"\x00",
        payload(b""),
        payload(b"{"),
        payload(b"\xff\xfe"),
        payload(b"[" * 10**5),
        payload(b"9" * 10**5),
        payload({"a": 1}, length=2**32 - 1),
        payload({"": ["<f8", [2**62, 2**62]]}),
        payload({"": ["<f8", [10**9]]}, b"12345678"),
        payload({"": ["<f8", [-1]]}, b"12345678"),
        payload({"": ["<f8", [True]]}, b"12345678"),
        payload({"": ["<f8", [1.0]]}, b"12345678"),
        payload({"": ["<f8", "1"]}, b"12345678"),
        payload({"": ["<f8", {"a": 1}]}, b"12345678"),
        payload({"": ["<f8", [1] * 65]}, b"12345678"),
        payload({"": ["|O", [1]]}, b"12345678"),
        payload({"": ["|V8", [1]]}, b"12345678"),
        payload({"": ["<U2", [1]]}, b"12345678"),
        payload({"": ["<f8", [1]], "x": 1}),
        payload({"": [["<f8"], [1]]}, b"12345678"),
        payload({"": 7}),
        payload({"": []}),
        payload([{"": ["<f8", [1]]}, {"": ["<f8", [1]]}], b"12345678"),
        payload(b" " * (2 << 20) + b"1"),
    ],
)
def test_an_evil_frame_is_a_value_error_and_nothing_else(evil):
    with pytest.raises(ValueError, match="not a frame"):
        decode(evil)


@pytest.fixture
def pipe():
    ends = os.pipe()
    for fd in ends:
        os.set_blocking(fd, False)
    yield ends
    for fd in ends:
        with contextlib.suppress(OSError):
            os.close(fd)


def test_a_frame_goes_through_a_pipe(pipe):
    frame = encode({"x": np.arange(1000)})
    send(pipe[1], frame)
    assert receive(pipe[0]) == frame[4:]


def test_a_frame_that_is_too_long_is_not_read(pipe):
    os.write(pipe[1], b"\xff" * 4000)
    with pytest.raises(ValueError, match="4294967295 bytes"):
        receive(pipe[0], most=1000)


def test_half_a_frame_is_not_waited_for_longer_than_the_deadline(pipe):
    os.write(pipe[1], encode({"x": 1})[:-1])
    with pytest.raises(TimeoutError):
        receive(pipe[0], deadline=time.monotonic() + 0.05)


def test_nobody_reading_is_not_waited_for_longer_than_the_deadline(pipe):
    with pytest.raises(TimeoutError):
        send(pipe[1], bytes(10**6), deadline=time.monotonic() + 0.05)


def test_the_end_of_the_other_side_is_told(pipe):
    os.write(pipe[1], b"\x09\x00")
    os.close(pipe[1])
    with pytest.raises(Closed):
        receive(pipe[0])


# ---------------------------------------------------------------------- what a notebook may contain


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("x = 1 % 2", "x = 1 % 2"),
        ('"""\n% not magic\n!\n"""', '"""\n% not magic\n!\n"""'),
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("for i in x:\n    !ls\n    y = i", "for i in x:\n    pass\n    y = i"),
        ("%time x = f(1)", "x = f(1)"),
        ("files = !ls *.py\nx = %pwd", "files = None\nx = None"),
        ("np.tanh?\n?np.tanh\nnp.tanh??", "pass\npass\npass"),
        ("%%time\nx = 1", "pass\nx = 1"),
        ("\n%%capture out\nx = 1", "pass\npass\nx = 1"),
        ("%%bash\nrm -rf /", ""),
        ("x = (1,\n", "x = (1,"),
    ],
)
def test_what_only_a_notebook_understands_is_taken_out(source, plain):
    assert plain_python(source) == plain


def test_what_is_absent_does_nothing():
    fig, (left, *others) = Absent()
    assert isinstance(fig, Absent) and isinstance(left, Absent) and others == []
    assert isinstance((left[0].plot([1], label="x") + 1) @ -left, Absent)
    assert list(left) == [] and len(left) == 0 and 3 not in left
    assert f"{left:.2f}" == "" and float(left) == 0.0
    with left as inside:
        inside.x = 3
        inside[0] = 3

    @left.decorator(n=1)
    def function(): ...

    class Widget(left.Box):
        pass

    assert isinstance(function(), Absent) and isinstance(Widget(), Absent)


# ---------------------------------------------------------------------- the walls


@walled
def test_every_denied_call_is_denied():
    column, _ = seccomp.ARCHITECTURES[platform.machine()]
    numbers = [call[column] for call in seccomp.DENIED.values()]
    source = f"""
import ctypes, numpy as np
def f():
    library = ctypes.CDLL(None, use_errno=True)
    found = []
    for number in {numbers}:
        ctypes.set_errno(0)
        found.append((library.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()))
    return np.array(found)
"""
    [[found]] = values(source, {})
    assert found.tolist() == [[-1, 1]] * len(numbers)


def test_the_filter_names_the_calls_of_this_kernel():
    """The numbers are those of the system's own headers, where these are installed."""
    header = Path(
        "/usr/include/asm-generic/unistd.h"
        if platform.machine() == "aarch64"
        else f"/usr/include/{platform.machine()}-linux-gnu/asm/unistd_64.h"
    )
    column, _ = seccomp.ARCHITECTURES.get(platform.machine(), (0, 0))
    known = (
        dict(line.split()[1:3] for line in header.read_text().splitlines() if line.startswith("#define __NR_"))
        if (header.exists())
        else {}
    )
    for name, numbers in seccomp.DENIED.items():
        assert known.get(f"__NR_{name}", str(numbers[column])) == str(numbers[column])


@walled
def test_every_limit_is_in_force_in_the_room():
    source = """
import resource
def f():
    names = ("AS", "CPU", "FSIZE", "CORE", "NOFILE", "NPROC")
    return [limit for name in names for limit in resource.getrlimit(getattr(resource, "RLIMIT_" + name))]
"""
    limits = Limits(process_mb=500, total_seconds=50, scratch_mb=5, files=50, processes=7)
    [found] = values(source, {}, limits=limits)
    wanted = [500 << 20, 51, 5 << 20, 0, 50, 7]
    assert [int(value) for value in found] == [value for value in wanted for _ in ("soft", "hard")]


@walled
def test_the_walls_alone_keep_the_network_out(monkeypatch):
    monkeypatch.setattr(seccomp, "program", lambda machine=None: b"")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        source = f"import socket\ndef f(): return socket.create_connection({address}, timeout=1)"
        with Session(LIMITS) as session:
            session.use([source])
            [trial] = session.call("f", "numpy", [{}])["trials"]
    assert "ConnectionRefusedError" in trial["raised"]


@walled
def test_the_room_holds_python_numpy_and_nothing_else():
    room = environment.room()
    assert {path.name for path in (room / "packages").iterdir()} <= {"numpy", "numpy.libs"}
    assert not list(room.rglob("*course_rnn*")) and not list(room.rglob("site-packages"))
    code = environment.code()
    names = {path.relative_to(code).as_posix().removeprefix("course_rnn/") for path in code.rglob("*.py")}
    of_the_worker = {name for name in names if name.startswith("grading/worker/")}
    assert names - of_the_worker == {"checking/compare.py", "checking/effort.py"}
    assert of_the_worker == {f"grading/worker/{path.name}" for path in Path(state.__file__).parent.glob("*.py")}


@walled
def test_everybody_can_read_the_room():
    assert environment.anybody_may_read(environment.room())
    assert environment.anybody_may_read(environment.code())
    for path in environment.room().rglob("*"):
        assert path.stat().st_mode & 0o004, path


def test_the_code_in_the_room_needs_nothing_of_the_rest_of_the_course():
    """What it imports of the course, wherever it does, is in the room."""
    code = environment.code()
    for file in code.rglob("*.py"):
        imports = (n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, (ast.Import, ast.ImportFrom)))
        for node in imports:
            for alias in node.names:
                name = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                path = code.joinpath(*name.split("."))
                there = path.with_suffix(".py").exists() or path.parent.with_suffix(".py").exists()
                assert there or not name.startswith("course_rnn"), f"{file.name} needs {name}"


def test_a_folder_of_the_cache_is_made_once_however_many_ask(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RNN_CACHE", str(tmp_path / "cache"))
    together, made, found = threading.Barrier(4), [], []

    def make(folder):
        made.append(folder)
        together.wait(timeout=10)
        (folder / "file").write_text("whole")

    threads = [threading.Thread(target=lambda: found.append(environment._once("x", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(found) == 4  # at the same time
    assert set(found) == {tmp_path / "cache" / "x"} == {environment._once("x", None)}
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["x"]
    assert (found[0] / "file").read_text() == "whole"


def test_a_folder_of_the_cache_that_could_not_be_made_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RNN_CACHE", str(tmp_path))

    def make(folder):
        (folder / "half").write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        environment._once("x", make)
    assert list(tmp_path.iterdir()) == []


@walled
@pytest.mark.parametrize("torch", [False, True])
def test_nobody_runs_the_worker(torch):
    """Outside of the sandbox too: the limits do not hold for root."""
    with Worker(LIMITS, torch=torch) as worker:
        status = Path(f"/proc/{worker._process.pid}/status").read_text().splitlines()
    users = next(line.split()[1:] for line in status if line.startswith("Uid:"))
    assert set(users) == {str(os.geteuid() or sandbox.NOBODY)}


@walled
def test_nothing_runs_after_the_end():
    with Worker(LIMITS) as worker:
        worker.ask(cell("import os, time\nif os.fork() == 0:\n    os.setpgid(0, 0)\n    time.sleep(999)"), 2, 9)
        pid = worker._process.pid
        inside = [int(path.parts[2]) for path in Path("/proc").glob("[0-9]*/ns/pid") if _same_space(path, pid)]
        assert len(inside) >= 2
    assert not any(Path(f"/proc/{process}").exists() for process in inside)


def _same_space(path, pid):
    try:
        child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        return os.readlink(path) == os.readlink(f"/proc/{child}/ns/pid")
    except (OSError, IndexError):
        return False


@walled
def test_the_worker_goes_with_the_grader():
    """Also where nobody is left to end it: the grader was killed."""
    code = """
from course_rnn.grading.course import Plan
from course_rnn.grading.limits import DEFAULTS
from course_rnn.grading.room.sandbox import Worker
from course_rnn.grading.worker.frames import pack
worker = Worker(DEFAULTS)
print(worker._process.pid, flush=True)
worker.ask({"do": "cell", "source": pack(["while True: pass"]), "number": 1, "only": "all"}, 99, 99)
"""
    grader = sandbox.subprocess.Popen([sys.executable, "-c", code], stdout=sandbox.subprocess.PIPE, text=True)
    pid = int(grader.stdout.readline())
    grader.kill()
    grader.wait()
    ends = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < ends:
        os.sched_yield()
    assert not _runs(pid)
    grader.stdout.close()


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ---------------------------------------------------------------------- arguments and answers


@walled
def test_a_function_gets_what_the_case_holds_and_the_grader_gets_what_it_returns():
    source = """
import numpy as np
def f(x, n, p, words, none, flag, mask):
    assert (type(n), type(p), type(words), none, flag) == (int, float, list, None, True)
    assert mask.dtype == bool and x.dtype == np.float32
    return x.T, n, p, mask, words, np.float64(p), [1.5]
"""
    x, mask = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([True, False])
    case = {"x": x, "n": 3, "p": 0.1, "words": ["a", "é"], "none": None, "flag": True, "mask": mask}
    [found] = values(source, case)
    np.testing.assert_array_equal(found[0], x.T)
    assert found[0].dtype == np.float32
    assert [found[1], found[2], found[5]] == [3, 0.1, 0.1]
    assert found[3].dtype == bool and found[4] == {"type": "list"} and found[6].tolist() == [1.5]


@walled
def test_a_case_is_not_changed_by_the_case_before():
    source = "seen = []\ndef f(x):\n    x += 1\n    seen.append(1)\n    return x, len(seen)"
    with Session(LIMITS) as session:
        session.use([source])
        trials = session.call("f", "numpy", [{"x": np.zeros(2)}, {"x": np.zeros(2)}])["trials"]
        again = session.call("f", "numpy", [{"x": np.zeros(2)}])["trials"]
    assert [trial["after"]["x"].tolist() for trial in trials] == [[1, 1], [1, 1]]
    assert [trial["values"][0].tolist() for trial in trials] == [[1, 1]] * 2
    assert again[0]["values"][1] == 1  # nothing is carried from question to question


@walled
def test_tensors_are_handed_over_where_the_question_is_one_of_torch():
    source = """
import torch
def f(x, n):
    assert isinstance(x, torch.Tensor)
    x += n
    return x.requires_grad_()
"""
    with Session(LIMITS, torch=True) as session:
        session.use([source])
        [trial] = session.call("f", "torch", [{"x": np.zeros(2, dtype=np.float32), "n": 2}])["trials"]
    assert trial["values"][0].tolist() == [2, 2] and trial["values"][0].dtype == np.float32
    assert trial["after"]["x"].tolist() == [2, 2]


@walled
def test_torch_trains_in_the_room():
    """Optimisers, too, import what they need; a fork after a backward pass still works."""
    limits = replace(LIMITS, cell_seconds=30, total_seconds=90)  # the optimisers import much
    source = """
import torch
layer = torch.nn.Linear(2, 1)
optimizer = torch.optim.Adam(layer.parameters())
def f():
    layer(torch.ones(2)).backward()
    optimizer.step()
    return True
f()
"""
    with Session(limits, torch=True) as session:
        session.use([source, "f()"])
        [trial] = session.call("f", "numpy", [{}])["trials"]
    assert session.notes == {}
    assert trial["values"] == [True]


@walled
def test_a_cell_that_stops_keeps_what_it_did_and_one_that_is_dropped_does_not():
    cells = ["x = 1", "y = 2\n1 / 0", "x = 5\nimport os; os._exit(0)", "def f(): return x, y"]
    with Session(LIMITS) as session:
        session.use(cells)
        [trial] = session.call("f", "numpy", [{}])["trials"]
    assert [int(value) for value in trial["values"]] == [1, 2]
    assert session.notes == {
        2: "Code cell 2 stopped: ZeroDivisionError: division by zero, at line 2 of your cell: 1 / 0",
        3: "Code cell 3 was left out: it ended the whole process: a crash, or os._exit.",
    }


@walled
def test_after_what_stops_a_cell_it_still_defines_what_nothing_else_does():
    cells = ["def f(): return 1, g()", "1 / 0\nimport math\ndef f(): return 2\ndef g(): return math.floor(3.5)\nx = 1"]
    with Session(LIMITS) as session:
        session.use(cells)
        [trial] = session.call("f", "numpy", [{}])["trials"]
        assert session.call("x", "numpy", [{}])["missing"], "what only computes is not run"
    assert [int(value) for value in trial["values"]] == [1, 3], "what was there before, stays"
    assert list(session.notes) == [2]


@walled
def test_a_missing_module_is_a_stand_in_from_where_it_is_imported():
    cells = ["x = 1\nimport none.such as n, seaborn\nn.plot(x)\nx += 1\ndef f(): return x", "def g(): import scipy"]
    with Session(LIMITS) as session:
        session.use(cells)
        [trial] = session.call("f", "numpy", [{}])["trials"]
        [other] = session.call("g", "numpy", [{}])["trials"]
    assert int(trial["values"][0]) == 2, "nothing is run twice"
    assert session.notes == {1: "Code cell 1 did without none, seaborn, which is not here."}
    assert "ModuleNotFoundError" in other["raised"], "a function that needs one says so"


@walled
def test_a_fork_that_a_cell_makes_is_not_taken_for_the_cell():
    source = "import os, time\nif os.fork():\n    time.sleep(0.3)\n    x = 1\nelse:\n    x = 2\ndef f(): return x"
    assert values(source, {}) == [[1]]


@walled
def test_what_is_random_in_the_room_is_the_same_the_next_time():
    source = "import numpy as np, random\ndef f(): return np.random.rand(), random.random(), hash('x')"
    assert values(source, {}) == values(source, {})


# ---------------------------------------------------------------------- a worker that lies

LIES = {
    "says nothing": "time.sleep(99)",
    "leaves": "",
    "half a frame": "say(b'\\x64\\x00\\x00\\x00{'); time.sleep(99)",
    "a frame without end": "say(b'\\xff' * 10**6)",
    "no JSON": "say(frame(b'{{{{'))",
    "a list": "say(frame(b'[]'))",
    "huge array": 'say(frame(b\'{"trials": [{"values": [{"": ["<f8", [1000000000000]]}]}]}\'))',
    "pickle": "import pickle; say(frame(pickle.dumps(print)))",
    "a flood": "while True: say(frame(b'{}') * 10**4)",
}
LIAR = """
import os, struct, sys, time
def say(data):
    while data:
        data = data[os.write(1, data):]
def frame(header):
    return struct.pack("<II", len(header) + 4, len(header)) + header
say(frame(b'{"ready": true}'))
sys.stdin.buffer.read(1)
say(READ)
"""


def liar(code):
    """The command of a worker that reads the notebook as it should, and then runs this code."""
    told = {
        "cells": pack([RIGHT]),
        "torch": False,
        "assignment": "",
        "student": "",
        "inside": "",
        "spent": 0,
        "late": False,
    }
    return [sys.executable, "-c", LIAR.replace("READ", repr(encode(told))) + code]


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_is_given_up_in_time_and_scores_nothing(lie, monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "_plain", lambda: liar(LIES[lie]))
    monkeypatch.setattr(sandbox, "GRACE_SECONDS", 0.2)
    limits = Limits(cell_seconds=0.1, question_seconds=0.1, total_seconds=20, restarts=1)
    verdict = graded(tmp_path, RIGHT, limits=limits, trusted=True)
    assert (verdict.status, verdict.score) == ("graded", 0)


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        '{"trials": 7}',
        '{"trials": [7]}',
        '{"trials": [{}]}',
        '{"trials": []}',
        '{"trials": [{"values": 7, "after": {}}]}',
        '{"trials": [{"values": [], "after": 7}]}',
        '{"trials": [{"values": [{}], "after": {}}]}',
        '{"trials": [{"raised": 7}]}',
        '{"dropped": "x"}',
        '{"dropped": 7}',
        '{"missing": 1}',
        '{"stopped": ""}',
        '{"stopped": 7}',
    ],
)
def test_a_reply_in_disorder_scores_nothing(reply, monkeypatch, tmp_path):
    reply = json.dumps({"spent": 0, "late": False} | json.loads(reply))
    loop = f"while sys.stdin.buffer.read(1): say(frame({reply.encode()!r}))"
    monkeypatch.setattr(sandbox, "_plain", lambda: liar(loop))
    verdict = graded(tmp_path, RIGHT, trusted=True)
    assert (verdict.status, verdict.score) == ("graded", 0)
    assert len(verdict.questions["rnn_step"]["message"]) < 200


# ---------------------------------------------------------------------- faults of ours


@pytest.fixture
def bwrap(monkeypatch):
    """Puts another program in bubblewrap's place; gives the folder that it is in."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))  # where everybody may read
    folder.chmod(0o777)

    def put(script):
        (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return folder

    sandbox.bubblewrap.cache_clear()
    yield put
    sandbox.bubblewrap.cache_clear()
    shutil.rmtree(folder)


NEW = '[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit\n'


def test_without_bubblewrap_nothing_is_graded_and_it_says_what_to_install(bwrap, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="apt install bubblewrap"):
        graded(tmp_path, RIGHT)
    assert "apt install bubblewrap" in doctor.shown(doctor.checks())


def test_an_old_bubblewrap_is_refused(bwrap):
    bwrap("echo bubblewrap 0.4.1")
    with pytest.raises(Unavailable, match=r"0\.8 or newer, here is 0\.4\.1"):
        sandbox.bubblewrap()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_than_on_linux_it_says_what_to_do(system, bwrap, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(Unavailable, match="WSL 2"):
        sandbox.bubblewrap()


def test_where_user_namespaces_are_not_allowed_it_says_what_to_set(bwrap, tmp_path):
    bwrap(NEW + "echo bwrap: No permissions to create new namespace >&2")
    with pytest.raises(Unavailable, match="apparmor_restrict_unprivileged_userns=0"):
        graded(tmp_path, RIGHT)


def test_a_sandbox_that_does_not_start_leaves_the_submission_ungraded_and_never_zero(bwrap, tmp_path):
    folder = bwrap(NEW + 'echo x >> "${0%/*}/tried"; exit 1')
    verdict = graded(tmp_path, RIGHT)
    assert (verdict.status, verdict.score) == ("ungraded", None)
    assert "did not start" in verdict.messages[0]
    assert (folder / "tried").read_text() == "x\n" * 3


def test_a_fault_of_the_grader_leaves_the_submission_ungraded(tmp_path, monkeypatch):
    plan = two_questions()
    monkeypatch.setattr("course_rnn.grading.grade.hidden_cases", lambda *_: 1 / 0)
    path = tmp_path / "02_simple_rnn.ipynb"
    path.write_text('{"cells": []}')
    verdict = grade_submission(Submission("ada", path), seed=5, plan=plan, trusted=True)
    assert (verdict.status, verdict.score) == ("ungraded", None)
    assert "ZeroDivisionError" in verdict.messages[0]


def test_an_assignment_that_is_not_there_is_the_callers_error(tmp_path):
    with pytest.raises(ValueError, match=r"no assignment 7\. There are: 02_simple_rnn"):
        graded(tmp_path, RIGHT, assignment="7")


# ---------------------------------------------------------------------- the grade


@walled
def test_the_same_submission_gets_the_same_verdict(tmp_path):
    one, two = (graded(tmp_path, RIGHT.replace("+ bias_hh", ""), "import os; os._exit(0)") for _ in range(2))
    assert replace(one, seconds=0, peak_mb=0, times={}) == replace(two, seconds=0, peak_mb=0, times={})
    assert one.questions["rnn_step"]["cause"] == "without_bias_hh"
    assert one.seconds > 0 and 5 < one.peak_mb < 1000


@walled
def test_who_waits_for_a_processor_loses_nothing(tmp_path):
    """A cell of one second on a processor, with a limit of two, beside ten processes that want it too."""
    burn = "import time\nwhile time.process_time() < 1: pass\nburnt = True"
    spins = [sandbox.subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(10)]
    try:
        verdict = graded(tmp_path, burn, "assert burnt", RIGHT)
    finally:
        for process in spins:
            process.kill()
            process.wait()
    assert (verdict.score, verdict.messages) == (verdict.max_score, [])


@walled
def test_what_the_machine_has_no_time_for_is_tried_again_alone_before_it_costs_a_mark(tmp_path):
    limits = replace(LIMITS, patience=0.5)  # half of its seconds are all that it may have on the clock
    loop = "import time\nwhile True: time.process_time()"
    first = graded(tmp_path, RIGHT, loop, limits=limits)
    assert (first.status, first.score) == ("ungraded", None) and "too busy" in first.messages[0]
    alone = graded(tmp_path, RIGHT, loop, limits=limits, alone=True)
    assert (alone.status, alone.score) == ("graded", alone.max_score) and "too busy" in alone.messages[0]


@walled
def test_a_notebook_that_was_made_for_somebody_else_is_graded_and_shown(tmp_path):
    path = tmp_path / "lab.ipynb"
    cells = [{"cell_type": "code", "source": RIGHT}]
    metadata = {"course_rnn": {"student": "bob", "assignment": "07_lstm_gru"}}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata}))
    verdict = grade_submission(Submission("ada", path), seed=5, plan=two_questions(), assignment="02_simple_rnn")
    assert verdict.score == verdict.max_score
    assert verdict.look == [
        "The notebook was made for bob, and ada handed it in.",
        "The notebook says that it is 07_lstm_gru. It was graded as 02_simple_rnn.",
    ]


@walled
def test_derivatives_are_there_for_questions_of_torch_and_for_no_others():
    source = "import torch\nx = torch.ones(3, requires_grad=True)\ndef f(): return x.sum().requires_grad"
    for by_hand, wanted in ((False, [1]), (True, [0])):
        with Session(replace(LIMITS, cell_seconds=30, total_seconds=60), torch=True, by_hand=by_hand) as session:
            session.use([source])
            [trial] = session.call("f", "numpy", [{}])["trials"]
        assert [int(value) for value in trial["values"]] == wanted


def test_hidden_cases_follow_from_the_seed_alone():
    questions = two_questions().chapter.questions
    first, again, other = (hidden_cases(questions["rnn_step"], seed, 8) for seed in (1, 1, 2**200))
    assert encode(first) == encode(again) != encode(other)
    shapes = {case["x"].shape for case in first}
    assert len(shapes) > 4


@walled
def test_what_is_not_reached_in_time_gets_no_points_and_is_told(tmp_path):
    limits = Limits(cell_seconds=60, question_seconds=60, total_seconds=1.5)
    began = time.monotonic()
    verdict = graded(tmp_path, RIGHT, "while True: pass", limits=limits)
    assert (verdict.status, verdict.score) == ("graded", 0)
    assert "took more than 1.5 seconds" in verdict.questions["rnn_forward"]["message"]
    assert time.monotonic() - began < 30


@walled
def test_whoever_brings_the_sandbox_down_again_and_again_gets_no_more_of_them(tmp_path):
    down = "import os; os.kill(-1, 9); os._exit(0)"
    once = graded(tmp_path, RIGHT, down, limits=replace(LIMITS, restarts=1))
    assert once.score == once.max_score
    twice = graded(tmp_path, RIGHT, down, down, limits=replace(LIMITS, restarts=1))
    assert (twice.status, twice.score) == ("graded", 0)


@walled
def test_grading_leaves_no_descriptor_open(tmp_path):
    graded(tmp_path, RIGHT)
    before = set(os.listdir("/proc/self/fd"))
    graded(tmp_path, RIGHT, "import os; os.kill(-1, 9); os._exit(0)", "print('x' * 10**6)")
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_trusted_submissions_get_the_same_grade_without_a_sandbox(tmp_path):
    left = "import os, time\nif os.fork() == 0: time.sleep(998)"
    verdict = graded(tmp_path, RIGHT, "1 / 0", left, "while True: pass", trusted=True)
    assert verdict.score == verdict.max_score
    assert [message[:19] for message in verdict.messages] == ["Code cell 2 stopped", "Code cell 4 stopped"]


@walled
@pytest.mark.parametrize("name", chapters())
@pytest.mark.parametrize("folder", ["solutions", "exercises"])
def test_solutions_get_full_marks_and_exercises_none(folder, name):
    path = Path(__file__).parent.parent / folder / f"{name}.ipynb"
    verdict = grade_submission(Submission("ada", path), seed=3)
    wanted = {"solutions": verdict.max_score, "exercises": 0}[folder]
    assert (verdict.status, verdict.score) == ("graded", wanted), verdict
    assert verdict.max_score > 0


@walled
def test_the_doctor_finds_this_machine_well():
    found = doctor.checks()
    assert all(check.ok for check in found), doctor.shown(found)
    assert len(found) >= 10


@walled
def test_the_doctor_sees_a_room_that_is_open_to_the_network(monkeypatch):
    """Without the filter and the walls around the network, the check of the network fails: it can fail."""
    walls = sandbox._walls
    monkeypatch.setattr(seccomp, "program", lambda machine=None: b"")
    monkeypatch.setattr(sandbox, "_walls", lambda *a: [word for each in walls(*a) for word in _with_network(each)])
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(doctor, "PROBE", doctor.PROBE.replace(", 9)", f", {listener.getsockname()[1]})"))
    ill = [check.name for check in doctor.checks() if not check.ok]
    listener.close()
    assert {"No network inside", "System calls are filtered"} <= set(ill)


def _with_network(word):
    return ["--unshare-ipc", "--unshare-pid", "--unshare-uts"] if word == "--unshare-all" else [word]


# ---------------------------------------------------------------------- limits


def test_every_limit_says_what_it_is():
    assert all(field.metadata["help"] for field in fields(Limits))


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_a_limit_of_less_than_nothing_is_refused(name):
    with pytest.raises(ValueError, match=name):
        Limits(**{name: -1})


# ---------------------------------------------------------------------- what a right answer takes


class Only(Plan):
    """One of the course's questions."""

    def __init__(self, chapter, name):
        super().__init__()
        self.chapter = Chapter(chapter)
        self.chapter.questions = {name: chapters()[chapter].questions[name]}

    def chapters(self, student=""):
        return {self.chapter.name: self.chapter}


HOISTED = """
import numpy as np
def hoisted_rnn(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    {before}
    h, y = h0, []
    for t in range(len(x)):
        h = np.tanh({a_t} + h @ weight_hh.T)
        y.append(h)
    return {a}, np.stack(y)
"""
HOIST = {"before": "a = x @ weight_ih.T + bias_ih + bias_hh", "a_t": "a[t]", "a": "a"}
LOOP = {
    "before": "bias = bias_ih + bias_hh",
    "a_t": "x[t] @ weight_ih.T + bias",
    "a": "np.stack([x_t @ weight_ih.T + bias for x_t in x])",
}
ELMAN = """
import torch
def elman_step(x, h, weight_h, bias_h, weight_o, bias_o):
    h_next = torch.tanh(torch.cat([x, h], dim=1) @ weight_h.T + bias_h)
    return h_next{change}, h_next @ weight_o.T + bias_o
"""


@walled
@pytest.mark.parametrize(
    ("chapter", "name", "source", "sentence"),
    [
        ("08_gpu", "hoisted_rnn", HOISTED.format(**HOIST), ""),
        ("08_gpu", "hoisted_rnn", HOISTED.format(**LOOP), "120 matrix products for 40 steps"),
        ("03_deep_rnn", "elman_step", ELMAN.format(change=""), ""),
        ("03_deep_rnn", "elman_step", ELMAN.format(change=".detach()"), "no gradient goes through it"),
        ("03_deep_rnn", "elman_step", ELMAN.format(change=" + 0 * x.sum()"), ""),
    ],
)
def test_grading_asks_of_an_answer_what_its_check_asks(chapter, name, source, sentence, tmp_path):
    """Right values are not all: a check also counts products, and asks for gradients where an answer is trained."""
    path = tmp_path / f"{chapter}.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source}]}))
    verdict = grade_submission(Submission("ada", path), seed=5, limits=LIMITS, plan=Only(chapter, name))
    found = verdict.questions[name]
    assert found["points"] == (0 if sentence else found["max"]), found["message"]
    assert sentence in found["message"]
