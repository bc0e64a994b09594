"""What the students of tests/test_grading_hostile.py hand in, and what is fair to give for it."""

import json
from textwrap import dedent

STEP, FORWARD = 2, 3  # the points of the two questions
FULL = STEP + FORWARD
SECRET = "the instructor's secret 7919"
IMPORTS = "import numpy as np\n\nfrom course_rnn.questions import simple_rnn as q"
RIGHT_STEP = """
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)

q.rnn_step.check(rnn_step)
"""
RIGHT_STEP_IN_TORCH = """
import torch

def rnn_step(*arguments):
    x, h, weight_ih, weight_hh, bias_ih, bias_hh = map(torch.from_numpy, arguments)
    return torch.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
"""
RIGHT_FORWARD = """
def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    states = []
    for x_t in x:
        h0 = np.tanh(x_t @ weight_ih.T + bias_ih + h0 @ weight_hh.T + bias_hh)
        states.append(h0)
    return np.stack(states), h0

assert q.rnn_forward.check(rnn_forward).passed
"""
STUBS = """
def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    raise NotImplementedError  # your code here

def rnn_forward(x, h0, weight_ih, weight_hh, bias_ih, bias_hh):
    raise NotImplementedError  # your code here
"""
RIGHT = [IMPORTS, RIGHT_STEP, RIGHT_FORWARD]
ONLY_TWO_QUESTIONS = """
from course_rnn.checking.question import Chapter
from course_rnn.questions.simple_rnn import rnn_forward, rnn_step

chapter = Chapter("02_simple_rnn")
chapter.questions = {"rnn_step": rnn_step, "rnn_forward": rnn_forward}
"""


def book(cells, **changes):
    """A notebook with these code cells, as bytes."""
    cells = [dedent(cell) if isinstance(cell, str) else cell for cell in cells]
    code = {"cell_type": "code", "id": "same", "metadata": {}, "outputs": []}
    cells = [cell if isinstance(cell, dict) else code | {"source": cell} for cell in cells]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}).encode()


def attack(*cells):
    """Code that attacks, before all that is right: the attack must cost the rest nothing."""
    return book([IMPORTS, *cells, RIGHT_STEP, RIGHT_FORWARD])


def answers(body):
    """Both functions with the same body, which is no answer."""
    head = "(x, h, weight_ih, weight_hh, bias_ih, bias_hh):\n    "
    body = dedent(body).strip().replace("\n", "\n    ")
    return book([IMPORTS, f"def rnn_step{head}{body}\n\ndef rnn_forward{head}{body}"])


#: Name of a student: what they hand in, the fair score, and a text that their verdict holds.
CLASS = {
    # ------------------------------------------------------------------ honest work
    "right": (book(RIGHT), FULL, "The hidden checks passed."),
    "nothing done": (book([IMPORTS, STUBS]), 0, "Still to do."),
    "no cells": (book([]), 0, "There is no function rnn_step"),
    "first question": (book([IMPORTS, STUBS, RIGHT_STEP]), STEP, "Still to do."),
    "second question": (book([IMPORTS, STUBS, RIGHT_FORWARD]), FORWARD, "Still to do."),
    "known mistake": (
        book([IMPORTS, RIGHT_STEP.replace("+ h @ weight_hh.T", ""), RIGHT_FORWARD]),
        FORWARD,
        "without_recurrence",
    ),
    "syntax error": (book([IMPORTS, "def rnn_step(:", RIGHT_FORWARD]), FORWARD, "Code cell 2 stopped: SyntaxError"),
    "warning": (attack("import warnings; warnings.warn('mine', RuntimeWarning); np.log(np.zeros(1))"), FULL, ""),
    "prints much": (
        attack("""
            import sys
            print('x' * 10**8)
            sys.stderr.write('x' * 10**7)
            """),
        FULL,
        "",
    ),
    "right in torch": (
        book([IMPORTS, RIGHT_STEP_IN_TORCH]),
        STEP,
        "There is no function rnn_forward",
    ),
    "negative strides": (
        attack(RIGHT_FORWARD.replace("np.stack(states), h0", "np.stack(states[::-1])[::-1], h0")),
        FULL,
        "",
    ),
    # ------------------------------------------------------------------ notebooks in disorder
    "no metadata": (book(RIGHT, metadata=None), FULL, ""),
    "foreign kernel": (book(RIGHT, metadata={"kernelspec": {"name": "ir", "language": "R"}}), FULL, ""),
    "old format": (
        json.dumps(
            {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": c} for c in RIGHT]}]}
        ).encode(),
        FULL,
        "",
    ),
    "source in lines": (book([cell.splitlines(keepends=True) for cell in RIGHT]), FULL, ""),
    "cells twice": (book([*RIGHT, *RIGHT]), FULL, ""),
    "no checks": (book([cell.replace("q.", "#").replace("assert", "#") for cell in RIGHT]), FULL, ""),
    "broken cells": (book([*RIGHT, 7, None, "1 / 0"], cells_of_mine=[[]]), FULL, "ZeroDivisionError"),
    "magics": (
        attack(
            """
            %matplotlib inline
            !pip install torch
            files = !ls
            %time x = 3
            np.tanh?
            """,
            """
            %%bash
            rm -rf /
            """,
            """
            %%time
            y = x
            """,
            """
            import matplotlib.pyplot as plt
            fig, ax = plt.subplots()
            ax.plot([1])
            plt.show()
            display(fig)
            """,
            """
            from ipywidgets import interact
            @interact(n=(1, 5))
            def show(n): ...
            get_ipython().magic('x')
            """,
            """
            from tqdm import tqdm
            assert len(list(tqdm(range(3)))) == 3
            assert (x, y) == (3, 3)
            """,
        ),
        FULL,
        "",
    ),
    # ------------------------------------------------------------------ never ending, exploding
    "endless cell": (attack("while True: pass"), FULL, "did not end within 2 seconds"),
    "endless and stubborn": (
        attack(
            """
            import signal
            for n in range(1, 32):
                try: signal.signal(n, signal.SIG_IGN)
                except OSError: pass
            while True:
                try:
                    while True: pass
                except BaseException: pass
            """
        ),
        FULL,
        "did not end",
    ),
    "endless function": (
        book(
            [
                IMPORTS,
                RIGHT_STEP,
                """
            def rnn_forward(*a):
                while True: pass
            """,
            ]
        ),
        STEP,
        "did not end",
    ),
    "sleeps": (attack("import time; time.sleep(10**6)"), FULL, "did not end"),
    "stops itself": (attack("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"), FULL, "did not end"),
    "stops everybody": (attack("import os, signal; os.kill(-1, signal.SIGSTOP)"), FULL, ""),
    "endless regex": (attack("import re; re.match('(a+)+b', 'a' * 60)"), FULL, "did not end"),
    "100 GB at once": (attack("big = np.ones(100 * 2**27)"), FULL, "MemoryError"),
    "20 GB slowly": (
        attack("""
            big = []
            while True: big.append(np.ones(2**20))
            """),
        FULL,
        "Code cell 2",
    ),
    "huge shape": (answers("return np.broadcast_to(x.flat[0], (2**40, 3))"), 0, "MemoryError"),
    "huge reply": (answers("return np.ones((50, 2**20))"), 0, ""),
    "million values": (answers("return [1.0] * 10**6"), 0, "1000000 values"),
    "large reply": (answers("return np.ones((3, 2**20))"), 0, "too large"),
    "deep list": (
        answers("""
            x = []
            for i in range(10**5): x = [x]
            return x
            """),
        0,
        "",
    ),
    # ------------------------------------------------------------------ leaving, crashing, forking
    "sys.exit": (attack("import sys; sys.exit()"), FULL, "SystemExit"),
    "sys.exit in the function": (book([IMPORTS, RIGHT_FORWARD, "def rnn_step(*a): raise SystemExit"]), FORWARD, ""),
    "os._exit": (attack("import os; os._exit(0)"), FULL, "ended the whole process"),
    "segfault": (attack("import ctypes; ctypes.string_at(0)"), FULL, "ended the whole process"),
    "abort": (attack("import os; os.abort()"), FULL, "ended the whole process"),
    "endless recursion": (
        attack("""
            import sys; sys.setrecursionlimit(10**9)
            def f(): return [f() for _ in 'a']
            f()
            """),
        FULL,
        "Code cell 2",
    ),
    "kills everybody": (attack("import os, signal; os.kill(-1, signal.SIGKILL)"), FULL, ""),
    "kills everybody, and leaves": (attack("import os; os.kill(-1, 9); os._exit(1)"), FULL, "brought the sandbox down"),
    "kills everybody when called": (
        book(
            [
                *RIGHT,
                """
            def rnn_step(*a):
                import os
                os.kill(-1, 9)
                os._exit(1)
            """,
            ]
        ),
        FORWARD,
        "brought the sandbox down",
    ),
    "kills the keeper": (
        attack("""
            import os, signal
            for n in range(1, 65): os.kill(1, n)
            """),
        FULL,
        "",
    ),
    "150 forks": (
        attack("""
            import os
            for _ in range(150): os.fork()
            """),
        FULL,
        "",
    ),
    "fork bomb": (
        attack("""
            import os
            while True:
                try: os.fork()
                except OSError: pass
            """),
        FULL,
        "Code cell 2",
    ),
    "forks full of memory": (
        attack(
            """
            import os
            for _ in range(14):
                if os.fork() == 0: break
            big = []
            while True: big.append(np.ones(2**20))
            """
        ),
        FULL,
        "Code cell 2",
    ),
    "shared memory": (
        attack(
            """
            import mmap, os
            for _ in range(12):
                if os.fork() == 0: break
            for _ in range(8):
                m = mmap.mmap(-1, 2**26)
                m.write(b'x' * 2**26)
                globals()[f'm{_}'] = m
            while True: pass
            """
        ),
        FULL,
        "Code cell 2",
    ),
    "memory that nobody counts": (
        attack(
            """
            import ctypes, os
            c = ctypes.CDLL(None)
            assert c.shmget(0, 2**30, 0o1600) == -1
            os.memfd_create('x')
            """
        ),
        FULL,
        "PermissionError",
    ),
    "few threads": (
        attack("""
            import threading, time
            threading.Thread(target=time.sleep, args=(99,)).start()
            """),
        FULL,
        "",
    ),
    "threads": (
        attack("""
            import threading, time
            while True: threading.Thread(target=time.sleep, args=(99,)).start()
            """),
        FULL,
        "Code cell 2",
    ),
    "daemon": (
        attack(
            """
            import ctypes, os, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    ctypes.CDLL(None).prctl(15, b'hostile-daemon', 0, 0, 0)
                    while True: time.sleep(1)
                os._exit(0)
            """
        ),
        FULL,
        "",
    ),
    "all descriptors": (
        attack("""
            import os
            while True: os.pipe()
            """),
        FULL,
        "Too many open files",
    ),
    # ------------------------------------------------------------------ files
    "deletes everything": (
        attack(
            """
            import os, shutil
            for top in ('/', '/tmp', '/worker', '/packages', '/proc', '.', '..'):
                shutil.rmtree(top, ignore_errors=True)
            os.listdir('/python')
            """
        ),
        FULL,
        "",
    ),
    "fills the disk": (
        attack("""
            with open('/tmp/big', 'wb') as f:
                while True: f.write(bytes(2**20))
            """),
        FULL,
        "Code cell 2",
    ),
    "many files": (
        attack("for i in range(10**5):\n    with open(f'/dev/shm/{i}', 'wb') as file: file.write(bytes(4096))"),
        FULL,
        "Code cell 2",
    ),
    "writes outside": (
        attack(
            """
            for path in ('/worker/x', '/python/x', '/dev/x', '/x', '/proc/sys/kernel/hostname', '/etc/x'):
                try: open(path, 'w')
                except OSError: pass
                else: raise RuntimeError('written ' + path)
            """
        ),
        FULL,
        "",
    ),
    "reads the instructor": (
        attack(
            """
            import glob, os
            seen = str(dict(os.environ))
            for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
                try: seen += open(path).read()
                except OSError: pass
            for top, _, names in os.walk('/'):
                if top.startswith(('/proc', '/dev', '/python', '/packages', '/lib')): continue
                for name in names:
                    try: seen += open(os.path.join(top, name), errors='replace').read()
                    except OSError: pass
            raise RuntimeError('secret' if 'the instructor' + chr(39) + 's secret' in seen else 'nothing there')
            """
        ),
        FULL,
        "RuntimeError: nothing there",
    ),
    "changes the gradebook": (
        attack(
            """
            import glob, os
            for path in GRADEBOOKS + glob.glob('/**/grades.sqlite', recursive=True):
                for mode in ('w', 'a'):
                    try: open(path, mode).write('100')
                    except OSError: pass
            """
        ),
        FULL,
        "",
    ),
    "network": (
        attack(
            """
            import socket, urllib.request
            try: urllib.request.urlopen('http://127.0.0.1:PORT', timeout=1)
            except OSError: socket.create_connection(('127.0.0.1', PORT), timeout=1)
            """
        ),
        FULL,
        "Operation not permitted",
    ),
    "new namespaces": (
        attack(
            """
            import ctypes
            c = ctypes.CDLL(None, use_errno=True)
            raise RuntimeError([c.unshare(0x10000000), c.ptrace(16, 1, 0, 0), c.mount(b'a', b'/tmp', b'tmpfs', 0, 0)])
            """
        ),
        FULL,
        "[-1, -1, -1]",
    ),
    # ------------------------------------------------------------------ looking for the answers
    "imports the answer": (
        book(
            [
                IMPORTS,
                "from course_rnn.numpy import rnn_step",
                "from course_rnn.questions.simple_rnn import rnn_forward",
            ]
        ),
        0,
        "",
    ),
    "calls the answer": (
        answers("""
            import course_rnn.numpy as rnp
            return rnp.rnn_step(x, h, weight_ih, weight_hh)
            """),
        0,
        "",
    ),
    "calls the reference": (
        answers("""
            from course_rnn.questions import simple_rnn
            return simple_rnn.rnn_step.reference(x, h, weight_ih)
            """),
        0,
        "",
    ),
    "prints the solution": (
        attack("""
            text = q.rnn_step.solution()
            exec(str(text))
            assert 'rnn_step' not in globals()
            """),
        FULL,
        "Code cell 2",
    ),
    "searches the disk": (
        book(
            [
                IMPORTS,
                STUBS,
                """
            import os
            words = 'weight' + '_hh'
            for top, _, names in os.walk('/'):
                for name in names:
                    if not top.startswith('/proc') and not top.startswith('/sys') and name.endswith(('.py', '.ipynb')):
                        text = open(os.path.join(top, name), errors='replace').read()
                        if words in text: raise RuntimeError('found ' + top)
            raise RuntimeError('not one')
            """,
            ]
        ),
        0,
        "RuntimeError: not one",
    ),
    "searches the memory": (
        answers(
            """
            import gc, sys
            frame = sys._getframe()
            while frame:
                for value in frame.f_locals.values():
                    for name in ('reference', 'expected', 'want', 'solution'):
                        if hasattr(value, name): return getattr(value, name)(x, h, weight_ih, weight_hh)
                frame = frame.f_back
            for value in gc.get_objects():
                if type(value).__name__ == 'Question': return value.reference(x, h, weight_ih, weight_hh)
            return 0
            """
        ),
        0,
        "",
    ),
    "reads the keeper": (answers("return open('/proc/1/mem', 'rb').read(1)"), 0, "PermissionError"),
    "torch's own cell": (
        book(
            [
                IMPORTS,
                """
            import torch
            def rnn_step(x, h, *weights):
                return torch.rnn_tanh_cell(*map(torch.from_numpy, (x, h, *weights)))
            """,
                """
            def rnn_forward(x, h0, *weights):
                rnn = torch.nn.RNN(x.shape[2], h0.shape[1]).double()
                for own, given in zip(rnn.parameters(), weights): own.data = torch.from_numpy(given)
                y, h = rnn(torch.from_numpy(x), torch.from_numpy(h0)[None])
                return y, h[0]
            """,
            ]
        ),
        0,
        "torch's own recurrent layers cannot be used here",
    ),
    "torch's own operator": (
        book(
            [
                IMPORTS,
                """
            import torch, gc
            for o in gc.get_objects():
                if 'dispatch' in type(o).__name__.lower() and hasattr(o, 'reset'): o.reset()
            def rnn_step(x, h, *weights):
                return torch.ops.aten.rnn_tanh_cell(*map(torch.from_numpy, (x, h, *weights)))
            """,
            ]
        ),
        0,
        "torch's own recurrent layers cannot be used here",
    ),
    # ------------------------------------------------------------------ pretending to be right
    "patches numpy": (
        book(
            [
                IMPORTS,
                STUBS.replace("raise NotImplementedError", "return 0"),
                """
            np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
            np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
            np.abs = np.absolute = lambda *a, **k: 0
            np.ndarray.max = 0
            """,
            ]
        ),
        0,
        "Code cell 3 stopped",
    ),
    "patches the language": (
        book(
            [
                IMPORTS,
                STUBS.replace("raise NotImplementedError", "return 0"),
                """
            import builtins, ast, sys
            builtins.abs = builtins.max = lambda *a: 0
            builtins.all = builtins.any = lambda *a: True
            class Always(ast.NodeTransformer):
                def visit_Assert(self, node): return ast.Pass()
            get_ipython().ast_transformers.append(Always())
            get_ipython().set_custom_exc((Exception,), lambda *a: None)
            type(get_ipython()).showtraceback = lambda *a, **k: None
            sys.excepthook = lambda *a: None
            """,
            ]
        ),
        0,
        "has shape ()",
    ),
    "always equal": (
        book(
            [
                IMPORTS,
                """
            class Equal(np.ndarray):
                def __eq__(self, other): return np.bool_(True)
                __sub__ = __rsub__ = lambda self, o: 0 * self
                def __array_ufunc__(self, *a, **k): return True
                def __array_function__(self, *a, **k): return True
            def rnn_step(x, h, *w): return np.zeros(h.shape).view(Equal)
            """,
            ]
        ),
        0,
        "",
    ),
    "any shape": (
        answers(
            """
            class Any:
                shape = dtype = ndim = property(lambda self: self)
                __eq__ = __le__ = lambda self, o: True
                def __array__(self, *a, **k): raise SystemExit
            return Any()
            """
        ),
        0,
        "",
    ),
    "not a number": (answers("return np.full(h.shape, np.nan)"), 0, "nan"),
    "infinite": (answers("return np.full(h.shape, np.inf)"), 0, "inf"),
    "stored": (answers("return np.zeros(h.shape), h"), 0, ""),
    "the input": (answers("return h"), 0, "wrong values"),
    "wrong dtype": (answers("return (x[:, :1] * 0 + h).astype(str)"), 0, ""),
    "complex": (answers("return h * 1j"), 0, "dtype complex128"),
    "no dimensions": (answers("return np.array(1.0)"), 0, "shape ()"),
    "objects": (answers("return np.array([object()] * 3)"), 0, "is a ndarray, expected an array of numbers"),
    "pickle": (
        answers("""
            class P:
                def __reduce__(self): return exec, ('raise SystemExit',)
            return P()
            """),
        0,
        "is a P,",
    ),
    "signals to the grader": (answers("return {'trials': [], 'missing': False}"), 0, "is a dict"),
    "text with tricks": (
        answers("raise ValueError('<script>alert(1)</script>\\x1b[31m\\u202e\\ud800=1+1')"),
        0,
        "<script>alert(1)",
    ),
    "error that fails": (
        answers("""
            class E(Exception):
                def __str__(self): raise SystemExit
            raise E
            """),
        0,
        "",
    ),
    "error without end": (answers("raise ValueError('x' * 10**7)"), 0, "ValueError: xxx"),
    # ------------------------------------------------------------------ on the channel
    "forged replies": (
        book(
            [
                IMPORTS,
                STUBS,
                """
            import json, os, struct
            values = {'values': [1.0], 'changed': ''}
            for text in ({'trials': [values] * 8}, {'stopped': ''}, {'pid': 1}, {'pid': -1}, {'dropped': 5}, [], 7):
                head = json.dumps(text).encode()
                frame = struct.pack('<II', len(head) + 4, len(head)) + head
                for fd in range(64):
                    try: os.write(fd, frame)
                    except OSError: pass
            """,
            ]
        ),
        0,
        "",
    ),
    "forged when called": (
        answers(
            """
            import json, os, struct
            head = json.dumps({'trials': [{'values': [{'': ['<f8', [2**62, 2**62]]}], 'changed': {}}] * 8}).encode()
            for fd in range(64):
                try: os.write(fd, struct.pack('<II', len(head) + 4, len(head)) + head)
                except OSError: pass
            """
        ),
        0,
        "wrote where only the grader writes",
    ),
    "floods every descriptor": (
        attack(
            """
            import os, threading
            def flood(fd):
                try:
                    while True: os.write(fd, b'\\xff' * 65536)
                except OSError: pass
            for fd in range(64): threading.Thread(target=flood, args=(fd,), daemon=True).start()
            while True: pass
            """
        ),
        FULL,
        "Code cell 2",
    ),
    "closes every descriptor": (attack("import os; os.closerange(0, 1000)"), FULL, ""),
    "reads every descriptor": (
        attack(
            """
            import os
            for fd in range(64):
                try:
                    os.set_blocking(fd, False)
                    os.read(fd, 10**6)
                except OSError: pass
            """
        ),
        FULL,
        "",
    ),
    # ------------------------------------------------------------------ what an outside attack found
    "worksheets in worksheets": (b'{"worksheets":[' * 60 + b'{"cells":[]}' + b"]}" * 60, "rejected", "not a notebook"),
    "worksheets, very deep": (b'{"worksheets":[' * 480 + b"[]" + b"]}" * 480, "rejected", "not a notebook"),
    "worksheets without end": (b'{"worksheets":[' * 10**5, "rejected", "JSON cannot be read"),
    "a heading of spaces": (book([*RIGHT, {"cell_type": "markdown", "source": "# a" + " " * 20_000 + "b"}]), FULL, ""),
    "decomposed by torch": (
        book(
            [
                IMPORTS,
                """
            import torch
            def rnn_forward(x, h0, *weights):
                layer = torch._decomp.decomposition_table[torch.ops.aten.rnn_tanh.input]
                x, h0, *weights = map(torch.from_numpy, (x, h0, *weights))
                y, h = layer(x, h0[None], weights, True, 1, 0.0, False, False, False)
                return y, h[0]
            """,
                """
            import torch._decomp.decompositions
            def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
                cell = torch._decomp.decompositions.rnn_cell(torch.tanh)
                x = x @ weight_ih.T + bias_ih
                return cell(*map(torch.from_numpy, (x, h)), None, None, *map(torch.from_numpy, (weight_hh, bias_hh)))
            """,
            ]
        ),
        0,
        "torch's own recurrent layers cannot be used here",
    ),
    "the compiler's source": (
        book(
            [
                IMPORTS,
                """
            import ast, torch
            for path in ("_decomp/decompositions.py", "ao/nn/quantizable/modules/rnn.py"):
                source = open("/torch/torch/" + path).read()
                for node in ast.parse(source).body:
                    if "lstm" in getattr(node, "name", "").lower() and "chunk" in ast.unparse(node):
                        raise RuntimeError("found " + node.name)
            raise RuntimeError("not there")
            """,
            ]
        ),
        0,
        "RuntimeError: not there",
    ),
    "a quantised cell": (
        book(
            [
                IMPORTS,
                """
            import torch
            from torch.ao.nn.quantizable.modules.rnn import LSTMCell
            def rnn_step(x, h, *weights):
                return LSTMCell(x.shape[1], h.shape[1])(torch.from_numpy(x))[0]
            """,
            ]
        ),
        0,
        "torch's own recurrent layers cannot be used here",
    ),
    "torch's derivatives": (
        attack(
            """
            import torch
            x = torch.ones(3, requires_grad=True)
            found = [x.sum().requires_grad, float(torch.func.grad(lambda x: (x * x).sum())(x.detach()).sum())]
            found += [float(torch.func.jvp(torch.sin, (x.detach(),), (x.detach(),))[1].sum())]
            raise RuntimeError(found)
            """
        ),
        FULL,
        "RuntimeError: [False, 0.0, 0.0]",
    ),
    "shared pages that nobody counts": (
        attack(
            """
            import mmap
            kept = []
            for _ in range(20):
                pages = mmap.mmap(-1, 2**26)
                pages.write(bytes(2**26))
                pages.madvise(mmap.MADV_DONTNEED)
                kept.append(pages)
            """
        ),
        FULL,
        "PermissionError",
    ),
    "shared pages of the device zero": (
        attack(
            """
            import mmap, os
            mmap.mmap(os.open('/dev/zero', os.O_RDWR), 2**26, mmap.MAP_SHARED)
            """
        ),
        FULL,
        "Code cell 2 stopped",
    ),
    "empty files": (
        attack("for i in range(10**6):\n    open(f'/tmp/{i}', 'wb').close()"),
        FULL,
        "more than 4096 files",
    ),
    "a demo without end in the same cell": (
        book([IMPORTS, RIGHT_STEP + "while True: pass\n", RIGHT_FORWARD]),
        FULL,
        "did not end within 2 seconds",
    ),
    "a demo that crashes in the same cell": (
        book([IMPORTS, RIGHT_STEP + "import ctypes\nctypes.string_at(0)\n", RIGHT_FORWARD]),
        FULL,
        "ended the whole process",
    ),
    "a library that is not here": (
        book(["import pandas as pd\nfrom scipy.stats import norm\n" + IMPORTS, "pd.DataFrame({})", *RIGHT[1:]]),
        FULL,
        "did without pandas, scipy, which is not here",
    ),
    "tries a library": (
        attack("try: import torch\nexcept ImportError: torch = None\nassert torch.ones(2).sum() == 2"),
        FULL,
        "",
    ),
    "tries one that is not here": (
        attack("try: import cupy as np\nexcept ImportError: import numpy as np\nassert np.ones(2).sum() == 2"),
        FULL,
        "",
    ),
    "a timer that is left": (attack("import signal; signal.setitimer(signal.ITIMER_REAL, 0.5, 0.1)"), FULL, ""),
    "a line that begins with a percent sign": (attack("%matplotlib inline\nx = (7\n  % 4)\nassert x == 3"), FULL, ""),
    "changes its input and the judge": (
        book(
            [
                IMPORTS,
                """
            def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
                import sys
                sys._getframe(1).f_globals['equal'] = lambda *a: True
                h_next = np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
                x += 1
                return h_next
            """,
            ]
        ),
        0,
        "changed its input x in place",
    ),
    # ------------------------------------------------------------------ more of the kind
    "pages in pipes": (
        attack(
            """
            import ctypes, os
            pages = ctypes.create_string_buffer(2**21)
            class Vector(ctypes.Structure): _fields_ = [('at', ctypes.c_void_p), ('size', ctypes.c_size_t)]
            vector, libc = Vector(ctypes.addressof(pages), 4096), ctypes.CDLL(None, use_errno=True)
            raise RuntimeError(libc.vmsplice(os.pipe()[1], ctypes.byref(vector), 1, 0), ctypes.get_errno())
            """
        ),
        FULL,
        "RuntimeError: (-1, 1)",
    ),
    "socket pairs": (attack("import socket; socket.socketpair()"), FULL, "Operation not permitted"),
    "a session of its own": (attack("import os; os.setsid()"), FULL, "Operation not permitted"),
    "spins in many processes": (
        attack("import os\nfor _ in range(12):\n    if os.fork() == 0: break\nwhile True: pass"),
        FULL,
        "did not end within 2 seconds",
    ),
    "naps": (attack("import time\nwhile True: time.sleep(0.001)"), FULL, "did not end within 2 seconds"),
    "children that nobody counts": (
        attack(
            """
            import os, signal, time
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            while True:
                if os.fork() == 0:
                    sum(range(10**5))
                    os._exit(0)
                time.sleep(0.002)
            """
        ),
        FULL,
        "Code cell 2",
    ),
    "ignores that its time is up": (
        attack("import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\nwhile True: pass"),
        FULL,
        "was left out: it did not end",
    ),
    "catches that its time is up": (
        attack("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
        FULL,
        "did not end within 2 seconds",
    ),
    "signals to the state": (
        attack("import os, signal\nfor n in (10, 12, 14, 15, 2, 1): os.kill(os.getppid(), n)"),
        None,
        "",
    ),
    "defines without end": (
        attack("def f(x=[None for _ in iter(int, 1)]): pass"),
        FULL,
        "did not end within 2 seconds",
    ),
    "a class that runs without end": (attack("class A:\n    while True: pass"), FULL, "did not end within 2 seconds"),
    "modules of its own": (
        attack(
            """
            for name in ('numpy', 'json', 'ast', 'random', 'sitecustomize'):
                open(f'/tmp/{name}.py', 'w').write('raise SystemExit')
            import importlib, sys
            sys.path.insert(0, '/tmp')
            """
        ),
        FULL,
        "",
    ),
    "folders in folders": (
        attack("import os\nfor i in range(10**5):\n    os.mkdir('d')\n    os.chdir('d')"),
        FULL,
        "Code cell 2",
    ),
    "many links": (
        attack("import os\nopen('/tmp/a', 'w').close()\nfor i in range(10**5): os.link('/tmp/a', f'/tmp/b{i}')"),
        FULL,
        "more than 4096 files",
    ),
    "folders that nobody may enter": (
        attack(
            """
            import os
            for i in range(30):
                os.mkdir(f'/tmp/{i}')
                for j in range(200): open(f'/tmp/{i}/{j}', 'w').close()
                os.chmod(f'/tmp/{i}', 0)
            """
        ),
        FULL,
        "Code cell 2",
    ),
    "odd file names": (
        attack("import os\nfor n in (b'\\xff', b'a\\nb', b'x' * 255): os.mkfifo(b'/tmp/' + n)"),
        FULL,
        "",
    ),
    "half a character": (book([IMPORTS, "x = '\ud800'", RIGHT_STEP, RIGHT_FORWARD]), FULL, ""),
    "a long cell in Chinese": (attack("# " + "世界" * 100_000), FULL, ""),
    "a mark of the byte order": (b"\xef\xbb\xbf" + book(RIGHT), FULL, ""),
    "two bytes a character": (json.dumps(json.loads(book(RIGHT))).encode("utf-16"), FULL, ""),
    "keys without end": (
        b'{"cells": [], "metadata": {' + b",".join(b'"%d": 0' % k for k in range(10**6)) + b"}}",
        0,
        "There is no function rnn_step",
    ),
    "lines without end": (book([["1\n"] * 10**5, *RIGHT]), FULL, ""),
    "numbers that are none": (
        b'{"nbformat": NaN, "nbformat_minor": 1e999, ' + book(RIGHT)[1:],
        FULL,
        "",
    ),
    "cells twice over": (book(RIGHT)[:-1] + b', "cells": []}', 0, "There is no function rnn_step"),
    "a name of ten megabytes": (
        book(RIGHT, metadata={"course_rnn": {"assignment": "x" * 10**7, "student": ["x"] * 10**5}}),
        FULL,
        "",
    ),
    "carries a hidden case out": (
        answers("raise ValueError(' '.join(f'{v:.17g}' for v in x.ravel()))"),
        0,
        "…",
    ),
    "a reply that comes late": (
        attack(
            """
            import os, threading, time
            def later():
                time.sleep(1)
                for fd in range(64):
                    try: os.write(fd, b'\\x10\\0\\0\\0garbage')
                    except OSError: pass
            threading.Thread(target=later, daemon=True).start()
            """
        ),
        None,
        "",
    ),
    "patches the worker": (
        book(
            [
                IMPORTS,
                STUBS,
                """
            import gc, types
            for function in [f for f in gc.get_objects() if isinstance(f, types.FunctionType)]:
                if function.__name__ in ('trial', 'portable', 'plain_array', 'afterwards', 'as_tuple'):
                    function.__code__ = (lambda *a, **k: {'values': [1.0], 'after': {}}).__code__
            """,
            ]
        ),
        0,
        "",
    ),
    "breaks what the worker needs": (
        attack("import ast, builtins\nast.parse = builtins.compile = builtins.exec = None"),
        None,
        "",
    ),
    "an argument in disorder": (
        book(
            [
                IMPORTS,
                RIGHT_STEP,
                """
            def rnn_forward(x, *a):
                x.resize((1, 1, 1), refcheck=False)
                return x, x
            """,
            ]
        ),
        STEP,
        "",
    ),
    "values without end": (
        answers("""
            class Endless(list):
                def __iter__(self):
                    while True: yield 1.0
            return Endless([1.0])
            """),
        0,
        "",
    ),
    # ------------------------------------------------------------------ no notebook
    "60 MB": (book([*RIGHT, "#" * (60 << 20)]), "rejected", "60 MiB"),
    "2 MB of code": (book([*RIGHT, "#" * (2 << 20)]), "rejected", "2048 KiB of code"),
    "cut short": (book(RIGHT)[:-20], "rejected", "JSON cannot be read"),
    "empty file": (b"", "rejected", "JSON cannot be read"),
    "binary": (bytes(range(256)) * 99, "rejected", "JSON cannot be read"),
    "JSON, no notebook": (b'{"cells": 7}', "rejected", "not a notebook"),
    "a list": (b"[1, 2]", "rejected", "not a notebook"),
    "deep JSON": (b"[" * 100_000, "rejected", "JSON cannot be read"),
    "wide JSON": (b'{"cells": [' + b"[]," * 10**6 + b"[]]}", 0, "There is no function rnn_step"),
    "long number": (b'{"cells": [' + b"9" * 10**6 + b"]}", "rejected", "JSON cannot be read"),
    "many cells": (book(["1"] * 2000), "rejected", "2000 code cells"),
}

FORGE = """
import os
head = b%r
length = len(head).to_bytes(4, "little")
for fd in range(64):
    try: os.write(fd, (len(head) + 4).to_bytes(4, "little") + length + head)
    except OSError: pass
"""
FORGED = (
    b'{"step": 2}',
    b'{"step": 3, "pid": 1}',
    b'{"step": 2, "stopped": 7}',
    b"[]",
    b"7",
    b"{}",
    b'{"stopped": 7}',
    b'{"dropped": 7}',
    b'{"pid": 1}',
    b'{"pid": -1}',
    b'{"pid": "x"}',
    b'{"step": 2, "stopped": "", "late": true}',
    b'{"step": 2, "dropped": "x", "late": true, "spent": -1000000}',
    b'{"step": 2, "stopped": "", "without": 7}',
    b'{"step": 2, "stopped": "", "without": [[], 7]}',
    b'{"step": 2, "stopped": "", "spent": 1e999}',
    b"{{",
)
CLASS |= {f"forges {text.decode()}": (attack(FORGE.replace("%r", repr(text)[1:])), FULL, "") for text in FORGED}

#: What is tried, by the first of each kind, in the order of the class.
KINDS = {
    "right": "honest work, done in part, in torch, with warnings",
    "no metadata": "notebooks in disorder: other formats, kernels, magics, doubled cells",
    "endless cell": "never ending: loops, regular expressions, memory",
    "sys.exit": "leaving, crashing, killing, forking, threads, daemons",
    "deletes everything": "files, the instructor's secrets, the gradebook, the network",
    "imports the answer": "looking for the answers: imports, disk, memory, torch's own layers",
    "patches numpy": "pretending to be right: patches, subclasses, stored values, tricks in texts",
    "forged replies": "forging and flooding on the channel to the grader",
    "worksheets in worksheets": "what an outside attack found: parsing, doors of torch, memory, time, definitions",
    "pages in pipes": "more of the kind: kernel memory, processes that nobody counts, bytes of notebooks, the worker",
    "60 MB": "no notebook: too large, cut short, binary, too deep",
    'forges {"step": 2}': "replies that a cell forges, byte by byte",
}
TABLE = "| what is handed in | notebooks |\n|---|--:|\n"


def table():
    """The battery by kinds, as the instructors' page shows it."""
    counts, kind = {}, ""
    for name in CLASS:
        kind = KINDS.get(name, kind)
        counts[kind] = counts.get(kind, 0) + 1
    rows = [f"| {kind} | {count} |\n" for kind, count in counts.items()]
    return TABLE + "".join(rows) + f"| **together** | **{len(CLASS)}** |\n"
