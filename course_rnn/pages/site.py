"""A published site from built books: each version keeps its folder, and the front door leads to the newest.

    python -m course_rnn.pages.site OUT ADDRESS NAME=FOLDER ...

NAME is a version, such as 0.2.0, or ``dev``; FOLDER is the book that was built as it. OUT gets a folder for each,
``stable/`` with the newest version (``dev`` until there is one), and at the root what a host and search engines look
for there.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

RELEASE = re.compile(r"\d+(\.\d+)*")
DOOR = '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=stable/">\
<link rel="canonical" href="{address}/stable/book/index.html"><title>Recurrent Neural Networks</title>\
<a href="stable/">Recurrent Neural Networks</a></html>\n'


def newest(names):
    """The highest of the released versions; None where nothing is released."""
    released = [name for name in names if RELEASE.fullmatch(name)]
    return max(released, key=lambda name: [int(part) for part in name.split(".")], default=None)


def assemble(out, address, books):
    """Write the site.

    Parameters
    ----------
    out : path
        A folder that does not exist yet.
    address : str
        Where the site will stand.
    books : dict
        Version -> the folder of its built book.

    Raises
    ------
    ValueError
        A folder holds no book, a name is neither a version nor ``dev``, or there is none.
    """
    out, address = Path(out), address.rstrip("/")
    for name, folder in books.items():
        if not (name == "dev" or RELEASE.fullmatch(name)):
            raise ValueError(f"{name} is neither a version nor dev.")
        if not Path(folder, "book", "index.html").is_file():
            raise ValueError(f"{folder} holds no built book.")
    if not books:
        raise ValueError("There is no book to publish.")
    latest = newest(books) or "dev"
    for name, folder in books.items():
        shutil.copytree(folder, out / name)
    shutil.copytree(books[latest], out / "stable")
    for name in ("404.html", "sitemap.xml"):  # a host looks for them at the root
        if (out / "stable" / name).is_file():
            shutil.copy2(out / "stable" / name, out)
    released = sorted((name for name in books if name != "dev"), key=lambda name: [int(p) for p in name.split(".")])
    (out / "versions.json").write_text(json.dumps({"newest": latest, "released": released}) + "\n")
    (out / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address}/sitemap.xml\n")
    (out / "index.html").write_text(DOOR.format(address=address))
    (out / ".nojekyll").touch()  # or folders that begin with _ would be left out


def main(arguments=None):
    """The command line: a site from books."""
    parser = argparse.ArgumentParser(prog="python -m course_rnn.pages.site", description=main.__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("address")
    parser.add_argument("books", nargs="+", metavar="NAME=FOLDER")
    options = parser.parse_args(arguments)
    assemble(options.out, options.address, dict(book.split("=", 1) for book in options.books))


if __name__ == "__main__":
    main()
