"""Reading what a stranger handed in, inside the room: whatever that costs, it costs the room and not the grader.

Each request is done in a process of its own that is thrown away, with a limit on its time and memory, so that nothing
here needs to be careful about the size or the depth of what it reads.
"""

import io
import json
import re
import zipfile
import zlib

from course_rnn.grading.worker.frames import pack

NAMED = 200  # characters of a name in the metadata
LONGEST = 30_000  # characters of an answer to an open question: a cell of a spreadsheet holds 32,767
LONGEST_CODE = 20_000  # characters of an answer in code that are compared
LONGEST_SAID = 5_000  # characters of a cell's outputs that are shown
MOST_CELLS = 300  # that are shown
PICTURES = {"image/png", "image/jpeg"}
MOST_PICTURES = 4 << 20  # characters of all pictures of a notebook
TOKEN = re.compile(
    r"""(?P<left_out>\#[^\n]*|\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z))|"[^"\n]*"|'[^'\n]*'|\d[\w.]*|\w+|\S""",
    re.DOTALL | re.VERBOSE,
)
GIVEN = re.compile(r"^(?:\w+\.\w+\.check\(.*\)|[ \t]*raise NotImplementedError.*)$", re.MULTILINE)


class Refused(Exception):
    """Why a file cannot be read, as a sentence for its student."""


def read(command, settings):
    """What is asked of a notebook, or of the one in a zip; {"refused": a sentence} where it is none."""
    try:
        name, content = unzipped(command["content"].tobytes(), settings["notebook_mb"] << 20)
        book = parse(content)
        book["inside"] = name
        of = {"notebook": notebook, "answers": answers, "code": code, "cells": cells}
        return of[command["of"]](book, command, settings)
    except Refused as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": "The notebook takes too much memory to be read. Clear its outputs and hand it in again."}


def unzipped(content, most):
    """The name in a zip and the bytes of its notebook, the newest of several; "" and the bytes of what is no zip.

    Raises
    ------
    Refused
    """
    if not content.startswith(b"PK\3\4"):
        return "", content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = [entry for entry in archive.infolist() if is_notebook(entry.filename)]
            if not found:
                raise Refused("There is no notebook in the zip.")
            found.sort(key=lambda entry: entry.date_time)
            if len(found) > 1 and found[-1].date_time == found[-2].date_time:
                named = ", ".join(entry.filename[:NAMED] for entry in found[:5])
                raise Refused(f"There are {len(found)} notebooks in the zip, and none is the newest: {named}.")
            with archive.open(found[-1]) as file:
                inside = file.read(most + 1)
    except (ValueError, OSError, RuntimeError, EOFError, OverflowError, zlib.error, zipfile.BadZipFile) as error:
        raise Refused(f"The zip cannot be opened: {str(error)[:NAMED]}.") from None
    if len(inside) > most:
        raise Refused(
            f"The notebook in the zip has more than {most >> 20} MiB. Clear its outputs, and hand it in again."
        )
    return found[-1].filename.rpartition("/")[2][:NAMED], inside


def is_notebook(name):
    """Whether an entry of a zip is a notebook that its student made, not their system."""
    parts = name.split("/")
    return name.lower().endswith(".ipynb") and not any(part.startswith((".", "__MACOSX")) for part in parts)


def parse(content):
    """The JSON of a notebook.

    Raises
    ------
    Refused
    """
    try:
        book = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused("The file is not a whole notebook: its JSON cannot be read.") from None
    if cells_of(book) is None:
        raise Refused("The file is JSON, but not a notebook: it has no list of cells.")
    return book


def cells_of(book):
    """The list of cells of nbformat 4, or those of the worksheets of nbformat 3; None where there is neither."""
    if not isinstance(book, dict):
        return None
    if isinstance(book.get("cells"), list):
        return book["cells"]
    sheets = book.get("worksheets")
    if not isinstance(sheets, list) or not sheets:
        return None
    lists = [sheet.get("cells") if isinstance(sheet, dict) else None for sheet in sheets]
    return [cell for cells in lists for cell in cells] if all(isinstance(cells, list) for cells in lists) else None


def sources(book):
    """All cells as pairs of their type and their text, in order.

    Examples
    --------
    >>> sources({"cells": [{"cell_type": "code", "source": ["x = 1\\n", "y = 2"]}]})
    [('code', 'x = 1\\ny = 2')]
    """
    cells = [cell for cell in cells_of(book) if isinstance(cell, dict)]
    return [(kind, source_of(cell)) for cell in cells if isinstance(kind := cell.get("cell_type"), str)]


def source_of(cell):
    """The text of a cell; "" where it has none."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def notebook(book, command, settings):
    """The code cells, what the metadata name, and whether the code imports torch."""
    found = [source for kind, source in sources(book) if kind == "code"]
    if len(found) > settings["cells"]:
        raise Refused(f"The notebook has {len(found)} code cells, and {settings['cells']} are allowed.")
    size = sum(map(len, found))
    if size > settings["code_kb"] << 10:
        raise Refused(f"The notebook has {size >> 10} KiB of code, and {settings['code_kb']} KiB are allowed.")
    lines = (line for source in found for line in source.splitlines())
    torch = any("import" in line and re.search(r"\btorch\b", line) for line in lines)
    names = {name: named(book, name) for name in ("assignment", "student")}
    return {"cells": pack(found), "torch": torch, "inside": book["inside"]} | names


def named(book, name):
    """What the metadata of the course say, "" for nothing."""
    value = book
    for key in ("metadata", "course_rnn", name):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and len(value) <= NAMED else ""


def answers(book, command, settings):
    """What stands under each of some headings."""
    given, found = set(command["given"]), sources(book)
    return {"answers": pack(answer_under(heading, found, given) for heading in command["headings"])}


def cells(book, command, settings):
    """What a person sees of a notebook: of each cell a line of JSON; and what stands under some headings.

    Each line is {"kind", "source", "said", "pictures", "under"}: what the outputs say, pictures as "type;base64", and
    the numbers of the headings that the cell stands under.
    """
    left, lines, level = MOST_PICTURES, [], [0] * len(command["headings"])
    for cell in filter(lambda cell: isinstance(cell, dict), cells_of(book)[:MOST_CELLS]):
        kind, source = cell.get("cell_type"), source_of(cell)
        under = set()
        for line in source.splitlines() if kind == "markdown" and source else [""]:
            depth, title = heading_of(line)
            for number, heading in enumerate(command["headings"] if depth else ()):
                if level[number] and depth <= level[number]:
                    level[number] = 0
                if not level[number] and title.casefold() == heading.casefold():
                    level[number] = depth
            under |= {number for number, depth in enumerate(level) if depth}
        said, seen = outputs_of(cell)
        pictures = []
        for picture in seen:
            if len(picture) <= left:
                pictures.append(picture)
                left -= len(picture)
        shown = {"kind": str(kind)[:NAMED], "source": source[:LONGEST_CODE], "said": said[:LONGEST_SAID]}
        lines.append(json.dumps(shown | {"pictures": pictures, "under": sorted(under)}))
    return {"cells": pack(lines)}


def outputs_of(cell):
    """The texts of a cell's outputs, together, and its pictures, those that are attached to it among them."""
    said, pictures = [], []
    outputs, attached = cell.get("outputs"), cell.get("attachments")
    bundles = list(attached.values()) if isinstance(attached, dict) else []
    for output in outputs if isinstance(outputs, list) else []:
        output = output if isinstance(output, dict) else {}
        data = output.get("data") if isinstance(output.get("data"), dict) else {}
        bundles.append(data)
        for text in (output.get("text"), None if PICTURES & data.keys() else data.get("text/plain")):
            said.append("".join(line for line in text if isinstance(line, str)) if isinstance(text, list) else text)
        said += [f"{output.get('ename')}: {output.get('evalue')}"] if output.get("output_type") == "error" else []
    for bundle in bundles:
        for kind in sorted(PICTURES & bundle.keys()) if isinstance(bundle, dict) else ():
            content = bundle[kind]
            content = "".join(content) if isinstance(content, list) else content
            if isinstance(content, str):
                pictures.append(f"{kind};{''.join(content.split())}")
    return "\n".join(text for text in said if isinstance(text, str)), pictures


def answer_under(heading, cells, given=()):
    """What a notebook says under a heading, up to the next one of its level; lines that were handed out are left out.

    Examples
    --------
    >>> cells = [("markdown", "# Why\\nSay why."), ("markdown", "Because."), ("markdown", "# The end")]
    >>> answer_under("Why", cells, given=["Say why."])
    'Because.'
    """
    lines, level = [], 0
    for kind, source in cells:
        for line in source.splitlines():
            depth, title = heading_of(line) if kind == "markdown" else (0, "")
            if depth and level and depth <= level:
                level = 0
            if depth and not level and title.casefold() == heading.casefold():
                level = depth
            elif level and line.strip() not in given:
                lines.append(line)
        lines.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:LONGEST]


def heading_of(line):
    """The level and the text of a heading in Markdown; (0, "") for any other line.

    Examples
    --------
    >>> heading_of("## An open question ##"), heading_of("#no")
    ((2, 'An open question'), (0, ''))
    """
    text = line.lstrip("#")
    level = len(line) - len(text)
    return (level, text.strip().rstrip("#").rstrip()) if level and text[:1].isspace() else (0, "")


def code(book, command, settings):
    """For each of some functions the cell in which it is written, and its tokens, a line for each."""
    written, cells = answers_of(sources(book), command["names"]), sources(book)
    cut = ["\n".join(tokens(with_helpers(source, cells), name)) for name, source in written.items()]
    return {"names": list(written), "code": pack(each[:LONGEST_CODE] for each in written.values()), "tokens": pack(cut)}


def answers_of(cells, names):
    """By function the code cell in which a student wrote it, the last one if there are several."""
    written = [source for kind, source in cells if kind == "code"]
    found = {}
    for name in names:
        for source in reversed(written):
            if defined(name, source):
                found[name] = source
                break
    return found


def defined(name, source):
    """Whether a cell defines a function, also as ``name = ...``."""
    return re.search(rf"^(?:def {re.escape(name)}\b|{re.escape(name)}\s*=[^=])", source, re.MULTILINE)


def with_helpers(source, cells):
    """An answer with the other code cells before it that define what it calls: a body may have been moved there."""
    helpers, own = [], set(re.findall(r"^def (\w+)", source, re.MULTILINE))
    for kind, cell in cells:
        names = set(re.findall(r"^def (\w+)", cell, re.MULTILINE)) - own if kind == "code" else ()
        if any(re.search(rf"\b{name}\(", source) for name in names):
            helpers.append(cell)
    return "\n\n".join([*helpers, source])


def tokens(source, name):
    """What a student wrote themselves, as a list of tokens, in which all names of their own are the same.

    Examples
    --------
    >>> tokens("def double(x):\\n    'Twice x.'\\n    y = 2 * x  # why not\\n    return y", "double")[1:]
    ['own', '=', '2', '*', 'x', 'return', 'own']
    """
    source = re.sub(rf"^def {name}\b[^:]*:", "", GIVEN.sub("", source[:LONGEST_CODE]), flags=re.MULTILINE)
    source = TOKEN.sub(lambda found: " " if found["left_out"] else found[0], source)
    lines = [[found[0] for found in TOKEN.finditer(line)] for line in source.splitlines()]
    own = set().union(*map(assigned, lines))
    return ["own" if word in own else word for line in lines for word in line]


def assigned(line):
    """The names that a line of tokens gives values to."""
    places = [place for place, sign in enumerate(line) if sign == "=" and "=" not in line[place + 1 : place + 2]]
    if line[:1] == ["for"] and "in" in line:
        before = line[1 : line.index("in")]
    elif places and not {"(", "!", "<", ">"} & set(line[: places[0]]) and "=" not in line[: places[0]]:
        before = line[: places[0]]
    else:
        before = []
    return {word for word in before if word.isidentifier()}
