"""The room that a stranger's code runs in: a root folder with a Python, NumPy and nothing else.

It is made once, of the Python that runs the grader, and kept in a cache. The system's own folders are not in it, so
wherever the course is installed, its answers are not in the room. Everybody may read it, as the user who runs
strangers' code owns nothing and may read nothing of ours.
"""

import ast
import compileall
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from py_compile import PycInvalidationMode

import numpy as np

PACKAGE = Path(__file__).parents[2]
#: All of the course that is in the room; of the checks only what knows no question.
IN_THE_ROOM = "grading/worker/*.py", "checking/compare.py", "checking/effort.py"
LEFT_OUT = shutil.ignore_patterns(
    "site-packages", "dist-packages", "test", "tests", "idlelib", "*tkinter*", "turtledemo", "ensurepip", "lib2to3",
    "pydoc_data", "config-*", "*.a", "__pycache__",
)  # fmt: skip
#: Where torch has recurrent layers in Python, what these are called, and what stands there instead.
DOORS = "torch/_decomp/decompositions.py", "torch/ao/nn/quantizable/modules/rnn.py"
LAYER = re.compile("rnn|lstm|gru|hidden", re.IGNORECASE)
CLOSED = {
    ast.FunctionDef: "def {name}(*args, **kwargs):\n    {raises}\n",
    ast.ClassDef: "class {name}:\n    def __init__(self, *args, **kwargs):\n        {raises}\n",
}
RAISES = """raise RuntimeError("torch's own recurrent layers cannot be used here: to build one is the question.")"""
#: What `import torch` reads, beside each other in one folder.
TORCH = ("torch", "torch.libs", "torchgen", "functorch", "nvidia", "sympy", "mpmath", "typing_extensions.py")


def cache():
    """The folder for what is made once: of the user's own cache, and of the system's where the user is root.

    The environment variable ``COURSE_RNN_CACHE`` names another.
    """
    if named := os.environ.get("COURSE_RNN_CACHE"):
        return Path(named)
    own = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path("/var/cache" if os.geteuid() == 0 else own) / "course_rnn"


@functools.cache
def room() -> Path:
    """The root folder, made if it is not there: /python, /packages, /lib, and places to mount on."""
    python = Path(sys.executable).resolve()
    recipe = Path(__file__).read_bytes()
    made_of = (recipe, sys.version, str(python), python.stat().st_mtime, np.__version__, np.__file__, _torch_version())
    return _once(f"room-{_hash(repr(made_of).encode())}", _furnish)


@functools.cache
def code() -> Path:
    """A folder with the worker's code, which everybody may read."""
    files = sorted(file for pattern in IN_THE_ROOM for file in PACKAGE.glob(pattern))
    contents = b"".join(file.read_bytes() for file in files)

    def write(folder):
        for file in files:  # each under its own name, and nothing around it
            inside = folder / "course_rnn" / file.relative_to(PACKAGE)
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, inside)
        _compile(folder)

    return _once(f"code-{_hash(contents)}", write)


@functools.cache
def torch_packages() -> tuple:
    """The files and folders that `import torch` reads: where they are, if everybody may read them, else a copy.

    Raises
    ------
    ModuleNotFoundError
    """
    spec = find_spec("torch")
    if spec is None:
        raise ModuleNotFoundError("The questions need torch, which is not installed: pip install torch")
    packages = Path(spec.origin).parent.parent
    found = [packages / name for name in TORCH if (packages / name).exists()]
    if not all(map(anybody_may_read, found)):
        folder = _once(f"torch-{_hash(f'{packages} {_torch_version()}'.encode())}", lambda to: _copy_torch(found, to))
        found = [folder / path.name for path in found]
    return tuple(found)


@functools.cache
def closed_doors() -> tuple:
    """What stands in the room in the place of some files of torch: pairs of a file and where it goes.

    torch writes its recurrent layers in Python as well, for its compiler and for quantised networks. In the room these
    files are without them, and so is their byte code.
    """
    packages = Path(find_spec("torch").origin).parent.parent
    there = {name: packages / name for name in DOORS if (packages / name).exists()}
    written = {name: _without_layers(path.read_text(encoding="utf-8")) for name, path in there.items()}

    def write(folder):
        for name, text in written.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        _compile(folder)

    folder = _once(f"doors-{_hash(repr((written, sys.version)).encode())}", write)
    names = [each for name in there for each in (name, cache_from_source(name)) if (packages / each).exists()]
    return tuple((folder / name, f"/torch/{name}") for name in names)


def _without_layers(source):
    """A module whose functions and classes around recurrent layers raise, as those of torch do in the room."""
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if type(node) in CLOSED and LAYER.search(node.name):  # their decorators stay: others look for what these note
            lines[node.lineno - 1 : node.end_lineno] = [CLOSED[type(node)].format(name=node.name, raises=RAISES)]
    return "".join(lines)


def anybody_may_read(path) -> bool:
    """Whether the sandbox, which root starts as the user nobody, and another user as themselves, can reach a path."""
    path = Path(path).resolve()
    if os.geteuid() != 0:
        return True
    return all(each.stat().st_mode & 0o005 == 0o005 for each in path.parents) and path.stat().st_mode & 0o004 != 0


def _torch_version():
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""


def _hash(contents):
    return hashlib.sha256(contents).hexdigest()[:16]


def _once(name, make):
    """A folder of the cache, made whole or not at all, whoever else makes it at the same time."""
    folder = cache() / name
    if folder.is_dir() and folder.stat().st_uid == os.geteuid():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-") as new:
        new = Path(new) / name
        new.mkdir()
        make(new)
        _open_to_all(new)
        try:
            new.rename(folder)
        except OSError:  # somebody was faster
            if not folder.is_dir():
                raise
    return folder


def _furnish(root):
    """Fill a root folder."""
    python, library = Path(sys.executable).resolve(), Path(os.__file__).parent
    packages = Path(np.__file__).parent.parent
    for place in ("proc", "dev", "tmp", "torch", "worker", "lib", "packages", "python/bin"):
        (root / place).mkdir(parents=True)
    shutil.copy2(python, root / "python/bin/python3")
    _copy(library, root / "python" / sys.platlibdir / library.name)
    for name in ("numpy", "numpy.libs"):
        if (packages / name).is_dir():
            _copy(packages / name, root / "packages" / name)
    binaries = [root / "python/bin/python3", *root.rglob("*.so"), *root.rglob("*.so.*")]
    if _torch_version():
        torch = Path(find_spec("torch").origin).parent
        binaries += [*torch.glob("*.so"), *torch.glob("lib/*.so*")]
    for needed in _libraries(binaries):
        loader = re.match(r"ld-|ld\d*\.", needed.name)  # the kernel wants it where it is
        place = root / str(needed).lstrip("/") if loader else root / "lib" / needed.name
        if not {root, packages} & set(needed.parents):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(needed, place)
    _compile(root)


def _copy(source, target):
    shutil.copytree(source, target, ignore=LEFT_OUT, ignore_dangling_symlinks=True)


def _libraries(binaries):
    """The shared libraries that the loader finds for some programs and libraries."""
    said = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return sorted({Path(path) for path in re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", said, flags=re.MULTILINE)})


def _compile(folder):
    """Byte code for every module: an import that finds none, or an old one, compiles it for each student again."""
    compileall.compile_dir(
        folder, quiet=2, stripdir=folder, prependdir="/", invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )


def _copy_torch(found, to):
    for path in found:
        if path.is_dir():
            shutil.copytree(path, to / path.name, copy_function=_link)
        else:
            _link(path, to / path.name)


def _link(source, target):
    """A second name of the same file where that can be, as these are 700 MB and more; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _open_to_all(folder):
    for top, _, files in os.walk(folder):
        os.chmod(top, 0o755)
        for name in files:
            path = Path(top, name)
            mode = path.stat().st_mode
            if mode & 0o444 != 0o444:
                path.chmod(mode | 0o444)
