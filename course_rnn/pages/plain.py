r"""Notebooks in plain Markdown, which every viewer shows, and the way from there to the book's own marks.

JupyterLab, Colab, VS Code and nbconvert know nothing of directives and roles. So a notebook is written plainly, and
`marked` turns it into what the book is built from:

=========================================================  =========================================================
in the notebook                                            in the book
=========================================================  =========================================================
``> **Predict first**`` and the lines quoted below it      an admonition of that title
``<details>``, ``<summary>``                               a dropdown
``([Elman, 1990](address))``, ``[Elman (1990)](address)``  a citation, where the address is that of a work
``\tag{2.1}``, ``[(2.1)](#eq-2-1)``                        a numbered equation and a link to it
``**Figure 2.1.** What it shows.``                         the caption of the figure above
``[Figure 2.1](#fig-2-1)``                                 a link to it
=========================================================  =========================================================

Whoever writes may use either form: `plain`, which runs whenever a notebook is written, makes the first of the second,
and counts equations and figures anew, so that one may be put between others.
"""

import re
from functools import cache
from itertools import count
from pathlib import Path

BIBLIOGRAPHY = Path("book/references.bib")
#: Which kind of box a title belongs to; what no pattern fits is a note.
KINDS = {r"error": "warning", r"^Predict": "tip"}
NOTE = "Note"

DIRECTIVE = re.compile(
    r"^(:{3,}|`{3,})\{(admonition|dropdown|note)\}[ ]*([^\n]*)\n((?::\w+:[^\n]*\n)*)\n?(.*?)\n?^\1$",
    re.DOTALL | re.MULTILINE,
)
BOX = re.compile(r"^> \*\*(.+)\*\*\n>\n((?:>.*(?:\n|\Z))+)", re.MULTILINE)
FOLD = re.compile(r"^<details>\n<summary>([^\n]+)</summary>\n\n(.*?)\n\n</details>$", re.DOTALL | re.MULTILINE)
ROLE = re.compile(r"\{cite:([pt])\}`([^`]+)`")
LINK = r"\[[^\[\]]+\]\(([^()\s]+)\)"
LINKS = re.compile(rf"\({LINK}(?:; {LINK})*\)|{LINK}")
EQUATION = re.compile(r"^\$\$\n(.*?)\n?[ ]*\$\$(?:[ ]\((eq-[\w-]+)\))?$", re.DOTALL | re.MULTILINE)
TAG = re.compile(r"\s*\\tag\{(\w+\.\d+)\}")
EQUATION_LINK = re.compile(r"\{eq\}`(eq-[\w-]+)`|\[\(\w+\.\d+\)\]\(#(eq-[\w-]+)\)")
CAPTION = re.compile(r"^\*\*Figure(?: (\w+\.\d+))?\.\*\*[ ](?:\{#(fig-[\w-]+)\}[ ])?", re.MULTILINE)
FIGURE_LINK = re.compile(r"\[Figure(?: \w+\.\d+)?\]\(#(fig-[\w-]+)\)")
FENCE = re.compile(r"^(```+).*?^\1$", re.DOTALL | re.MULTILINE)


# ------------------------------------------------------------------------------------------------------ the works cited


@cache
def works(bibliography=BIBLIOGRAPHY):
    """The works that can be cited: key -> (authors as they are named in a text, year, address); {} without a file.

    The address is the DOI's, arXiv's or the one given, else the work's place on the page of the bibliography.
    """
    from pybtex.database import parse_file  # part of what builds the book

    if not Path(bibliography).exists():
        return {}
    entries = parse_file(str(bibliography), "bibtex").entries
    return {key: (_authors(entry), entry.fields["year"], _address(key, entry.fields)) for key, entry in entries.items()}


def _authors(entry):
    names = [
        " ".join(map(str, [*person.rich_prelast_names, *person.rich_last_names])) for person in entry.persons["author"]
    ]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def _address(key, fields):
    text = " ".join(fields.get(name, "") for name in ("note", "journal", "howpublished"))
    arxiv = fields.get("eprint") or next(iter(re.findall(r"arXiv:(\d{4}\.\d{4,5})", text)), None)
    found = (
        (f"https://doi.org/{fields['doi']}" if "doi" in fields else None)
        or (f"https://arxiv.org/abs/{arxiv}" if arxiv else None)
        or fields.get("url")
        or next(iter(re.findall(r"\\url\{(.*?)\}", text)), None)
        or f"bibliography.md#{key}"
    )
    return found.replace("(", "%28").replace(")", "%29")  # which would end a link


# -------------------------------------------------------------------------------------------------- what a notebook has


def plain(cells, number, known):
    r"""The Markdown cells of a notebook without directives and roles, equations and figures counted from 1.

    Parameters
    ----------
    cells : list of str
    number : str
        What stands before the point in the numbers: "2" in chapter 2.
    known : dict
        The `works` that can be cited.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        A work is cited that is not known, or a link leads to an equation or a figure that is not there.

    Examples
    --------
    >>> print(*plain([":::{dropdown} The answer\nIt is 4.\n:::"], "2", {}))
    <details>
    <summary>The answer</summary>
    <BLANKLINE>
    It is 4.
    <BLANKLINE>
    </details>
    """
    cells = [_outside_code(cell, lambda text: _plain_text(text, known)) for cell in cells]
    names, equations, figures = {}, count(1), count(1)

    def equation(match):
        body, name = match.groups()
        tag = TAG.search(body)
        if not (name or tag):
            return match[0]
        new = f"{number}.{next(equations)}"
        names[name or _anchor("eq", tag[1])] = new
        return f"$$\n{TAG.sub('', body)} \\tag{{{new}}}\n$$"

    def caption(match):
        new = f"{number}.{next(figures)}"
        names[match[2] or _anchor("fig", match[1] or new)] = new
        return f"**Figure {new}.** "

    cells = [_outside_code(cell, lambda text: CAPTION.sub(caption, EQUATION.sub(equation, text))) for cell in cells]

    def link(kind, text):
        def written(match):
            name = next(filter(None, match.groups()))
            if name not in names:
                raise ValueError(f"A link leads to {name}, which is not on this page.")
            return text.format(names[name], _anchor(kind, names[name]))

        return written

    equation_link, figure_link = link("eq", "[({})](#{})"), link("fig", "[Figure {}](#{})")
    return [FIGURE_LINK.sub(figure_link, EQUATION_LINK.sub(equation_link, cell)) for cell in cells]


def _plain_text(text, known):
    return ROLE.sub(lambda match: _plain_citation(match, known), DIRECTIVE.sub(_plain_box, text))


def _plain_box(match):
    _, kind, title, _, body = match.groups()
    if kind == "dropdown":
        return f"<details>\n<summary>{title}</summary>\n\n{body.strip()}\n\n</details>"
    quoted = "\n".join(f"> {line}".rstrip() for line in body.strip().splitlines())
    return f"> **{title or NOTE}**\n>\n{quoted}"


def _plain_citation(match, known):
    kind, keys = match.groups()
    keys = [key.strip() for key in keys.split(",")]
    missing = [key for key in keys if key not in known]
    if missing:
        raise ValueError(f"{BIBLIOGRAPHY} has no {', '.join(missing)}.")
    cited = [known[key] for key in keys]
    if kind == "t":
        return ", ".join(f"[{authors} ({year})]({address})" for authors, year, address in cited)
    return f"({'; '.join(f'[{authors}, {year}]({address})' for authors, year, address in cited)})"


def _anchor(kind, number):
    return f"{kind}-{number.replace('.', '-')}"


def _outside_code(text, change):
    """The text with everything changed but what stands between fences."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        if fence[0].lstrip("`").startswith("{"):  # a directive, not code
            continue
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


# ------------------------------------------------------------------------------------------------- what the book is of


def marked(text, known):
    r"""One Markdown cell with the marks that the book is built from; see `plain` for the arguments.

    Examples
    --------
    >>> print(marked("> **Predict first**\n>\n> How many?", {}))
    :::{admonition} Predict first
    :class: tip
    How many?
    :::
    """
    keys = {address: key for key, (_, _, address) in known.items()}

    def citation(match):
        addresses = re.findall(LINK, match[0])
        if not set(addresses) <= keys.keys():
            return match[0]
        cited = ",".join(keys[address] for address in addresses)
        return f"{{cite:{'p' if match[0][0] == '(' else 't'}}}`{cited}`"

    def equation(match):
        tag = TAG.search(match[1])
        return f"({_anchor('eq', tag[1])})=\n{match[0]}" if tag else match[0]

    def change(text):
        text = LINKS.sub(citation, EQUATION.sub(equation, text))
        text = FIGURE_LINK.sub(lambda match: f"{{ref}}`{match[0][1:].partition(']')[0]} <{match[1]}>`", text)
        return FOLD.sub(_dropdown, BOX.sub(_admonition, text))

    return _outside_code(text, change)


def _admonition(match):
    title, body = match[1], re.sub(r"^> ?", "", match[2], flags=re.MULTILINE).rstrip("\n")
    end = "\n" if match[2].endswith("\n") else ""
    if title == NOTE:
        return f":::{{note}}\n{body}\n:::{end}"
    kind = next((kind for pattern, kind in KINDS.items() if re.search(pattern, title)), "note")
    return f":::{{admonition}} {title}\n:class: {kind}\n{body}\n:::{end}"


def _dropdown(match):
    return f"::::{{dropdown}} {match[1]}\n{match[2]}\n::::"


def with_captions(cells):
    """Cells of a notebook in which a caption belongs to its figure: the last thing above it that is an image.

    A caption that stands below anything else, such as an explorer, becomes a paragraph of its own kind.
    """
    above = None
    for cell in cells:
        if cell["cell_type"] == "code":
            above = cell
            continue
        text = cell["source"]
        match = CAPTION.match(text)
        if match and above is not None and _is_picture(above):
            caption, _, rest = text.partition("\n\n")
            figure = {"caption": " ".join(caption.split("\n")), "name": _anchor("fig", match[1])}
            above["metadata"].setdefault("mystnb", {})["figure"] = figure
            text = rest
        cell["source"] = re.sub(rf"{CAPTION.pattern}.*(?:\n(?!\n).*)*", _paragraph, text, flags=re.MULTILINE)
        above = None
    return cells


def _paragraph(match):
    return f"({_anchor('fig', match[1])})=\n:::{{div}} figure-caption\n{match[0].strip()}\n:::\n"


def _is_picture(cell):
    kinds = [kind for output in cell["outputs"] for kind in output.get("data", {})]
    return any(kind.startswith("image/") for kind in kinds) and "text/html" not in kinds
