"""Live pages: an interpreter for the browser, gathered once into a cache, and put beside the pages of a built book.

``python -m course_rnn.pages.live``                   Python and its packages, as published
``python -m course_rnn.pages.live --wheels FOLDER``   packages from a folder, for trying only

npm brings the interpreter and the editor: exactly what book/live/package-lock.json says, by its checksums. Packages
compiled for the browser come from where Pyodide publishes them and are checked against the lock file that lies beside
the interpreter. The book's own extension, book/_ext/live.py, does the rest when the book is built.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import sys
import urllib.error
import urllib.request
import zipfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from course_rnn.pages import npm

SOURCES = Path("book/live")  # hand-written: the page's script, the worker, the editor's beginning, what npm installs
CACHE = Path("_build/live")
INTERPRETER = ("pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
LOCK = "pyodide-lock.json"
PAGE_FILES = ("live.js", "live.css", "worker.mjs", "session.py")
PUBLISHED = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"  # where Pyodide publishes its packages
NEEDED, WELCOME = "numpy", "matplotlib"
NOT_HERE = ("grading", "pages", "torch")  # parts of the package that no cell in a browser can use


def prepare(root=Path(), wheels=None, published=PUBLISHED):
    """Fill the cache with all that live pages are made of.

    Parameters
    ----------
    root : path
        Of the repository.
    wheels : path, optional
        A folder of wheels that were compiled for this interpreter, to be taken as they are: for trying. A book built
        with them says that it is not for publishing.
    published : str
        Where the wheels of the lock file lie; ``{version}`` is the interpreter's.

    Returns
    -------
    dict
        What stands in the cache's ``live.json``: the folder of the interpreter, and whether the wheels are stand-ins.

    Raises
    ------
    ValueError
        npm is missing or failed, a wheel cannot be had, or is not the one that the lock file names.
    """
    cache = (Path(root) / CACHE).absolute()
    packages, site = cache / "npm", cache / "site"
    npm.install(Path(root) / SOURCES, packages)
    shutil.copy2(Path(root) / SOURCES / "editor.mjs", packages)
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    modules = packages / "node_modules"
    esbuild = [modules / ".bin" / "esbuild", "editor.mjs", "--bundle", "--minify", "--format=esm"]
    npm.call([*esbuild, "--legal-comments=linked", "--log-level=warning", f"--outfile={site / 'editor.mjs'}"], packages)
    version = json.loads((modules / "pyodide" / "package.json").read_text())["version"]
    python = f"pyodide-{version}"  # its files have the same names in every version
    (site / python).mkdir()
    for name in INTERPRETER:
        shutil.copy2(modules / "pyodide" / name, site / python)
    lock = json.loads((modules / "pyodide" / LOCK).read_text())
    address = published.format(version=version)
    lock["packages"] = dict(_wheels(lock["packages"], site, cache / "wheels", wheels, address))
    (site / LOCK).write_text(json.dumps(lock))
    about = {"python": python, "stand_in": wheels is not None}
    (cache / "live.json").write_text(json.dumps(about))
    return about


def _wheels(known, site, kept, folder, address):
    """Put into `site` the wheels that there are; yields what the lock file says of each."""
    for name in (NEEDED, WELCOME):
        closure = _closure(known, name)
        if folder is not None and not all((Path(folder) / known[part]["file_name"]).is_file() for part in closure):
            if name == NEEDED:
                raise ValueError(f"{folder} has no {known[NEEDED]['file_name']}.")
            return  # no matplotlib in the folder: the pages do without figures
        for part in closure:
            entry = known[part]
            if folder is None:
                content = _fetched(entry, kept, address)
            else:
                content = (Path(folder) / entry["file_name"]).read_bytes()
                entry = entry | {"sha256": hashlib.sha256(content).hexdigest()}
            (site / entry["file_name"]).write_bytes(content)
            yield part, entry


def _closure(known, name):
    """A package and all that it depends on."""
    found, waiting = [], [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += known[name]["depends"]
    return found


def _fetched(entry, kept, address):
    """A published wheel, from the cache where it lies there; the lock file's checksum decides."""
    path = kept / entry["file_name"]
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
        try:
            with urllib.request.urlopen(address + entry["file_name"], timeout=60) as answer:
                content = answer.read()
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ValueError(
                f"{entry['file_name']} could not be fetched: {reason}. "
                "A folder that has it will do for trying: make live WHEELS=FOLDER"
            ) from None
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise ValueError(f"{address}{entry['file_name']} is not the file that {LOCK} names: its checksum differs.")
        kept.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path.read_bytes()


# ------------------------------------------------------------------------------------------------ for a built book


def read(root=Path()):
    """What the cache holds, as `prepare` returned it; None where there is none."""
    about = Path(root) / CACHE / "live.json"
    return json.loads(about.read_text()) if about.is_file() else None


def put(target, root=Path()):
    """Put into the folder `target` what live pages load, the package of the course among it.

    Returns
    -------
    dict
        ``lock``, the name of the lock file; ``version``, which changes when any file does; ``megabytes``, what a first
        run loads, compressed as servers send it.
    """
    target = Path(target)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(Path(root) / CACHE / "site", target)
    for name in PAGE_FILES:
        shutil.copy2(Path(root) / SOURCES / name, target)
    lock = json.loads((target / LOCK).read_text())
    for name, without in (("tqdm", ()), ("course-rnn", NOT_HERE)):
        lock["packages"][name] = pack(name, target, without)
    (target / LOCK).write_text(json.dumps(lock))
    digest = hashlib.sha256()
    for path in sorted(path for path in target.rglob("*") if path.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    python = read(root)["python"]
    loaded = [*(f"{python}/{name}" for name in INTERPRETER), *PAGE_FILES, "editor.mjs", LOCK]
    loaded += [lock["packages"][name]["file_name"] for name in (NEEDED, "tqdm", "course-rnn")]
    size = sum(len(gzip.compress((target / name).read_bytes(), 6)) for name in loaded)
    return {"lock": LOCK, "version": digest.hexdigest()[:12], "megabytes": round(size / 1e6, 1)}


def pack(name, folder, without=()):
    """Write an installed package as a wheel, without some of its parts; returns its entry in the lock file.

    The same files give the same bytes. The wheel's name holds their checksum, as its build number, so that no browser
    shows an old one.
    """
    installed = distribution(name)
    module = name.replace("-", "_")
    root = Path(find_spec(module).origin).parent
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    files = [path for path in files if path.relative_to(root).parts[0] not in without]
    about = f"{module}-{installed.version}.dist-info"
    parts = [(f"{module}/{path.relative_to(root).as_posix()}", path.read_bytes()) for path in files]
    parts.append((f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {installed.version}\n".encode()))
    digest = hashlib.sha256(b"".join(part.encode() + content for part, content in parts)).hexdigest()[:12]
    path = Path(folder) / f"{module}-{installed.version}-0{digest}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for part, content in parts:
            wheel.writestr(zipfile.ZipInfo(part), content, zipfile.ZIP_DEFLATED)
    return {
        "name": name,
        "version": installed.version,
        "file_name": path.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": [module],
        "depends": [],
    }


def main(arguments=None):
    """The command line: fill the cache."""
    parser = argparse.ArgumentParser(prog="python -m course_rnn.pages.live", description=main.__doc__)
    parser.add_argument("--wheels", type=Path, help="a folder of wheels, for trying: the book is then not to publish")
    options = parser.parse_args(arguments)
    try:
        about = prepare(wheels=options.wheels)
    except ValueError as error:
        sys.exit(str(error))
    kind = ", with stand-in wheels: for trying, not for publishing" if about["stand_in"] else ""
    print(f"Live pages are ready: {about['python']}{kind}. The next `make book` uses them.")


if __name__ == "__main__":
    main()
