"""The claims page: what the sources say, row by row, where the book shows it, and what came out.

book/claims.yml is written by hand, book/claims.md is made from it, here or when the book is built::

    python -m course_rnn.claims

A claim names a page and a heading, and where a number belongs to it, the number as a cell under that heading prints
it. `faults` finds what has moved or changed since.
"""

import re
import textwrap
from pathlib import Path

import nbformat
import yaml
from mdit_py_plugins.anchors.index import slugify

BOOK = Path("book")
#: What a verdict means; "shown" is for what is no claim: a formula, a definition, a figure.
VERDICTS = {
    "holds": "came out as the source says",
    "qualified": "true under a condition that the source leaves out",
    "corrected": "an error, or a clash of conventions, put right",
    "fails": "did not come out",
    "shown": "a definition, a formula or a figure: nothing to test",
}
PARTS = {
    "A": "Motivation and data",
    "B": "Simple RNN",
    "C": "Inputs, outputs and modes",
    "D": "Deep RNN",
    "E": "Errors and clashes of convention",
    "F": "Bidirectional RNN",
    "G": "Encoder and decoder",
    "H": "Gradients",
    "I": "LSTM and GRU",
}
HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)


def read(book=BOOK):
    """The claims of a book as a list of dicts, in the order of the file."""
    return yaml.safe_load((book / "claims.yml").read_text(encoding="utf-8"))


def sections(path):
    """What a page prints under each heading, that of its subsections included: {heading: text of the outputs}."""
    path = Path(path)
    if path.suffix == ".md":
        return {heading: "" for _, heading in HEADING.findall(path.read_text(encoding="utf-8"))}
    printed, open_ = {}, []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for marks, heading in HEADING.findall(cell.source):
                open_ = [(depth, name) for depth, name in open_ if depth < len(marks)] + [(len(marks), heading)]
                printed.setdefault(heading, "")
        elif cell.cell_type == "code":
            text = "\n".join(map(output_text, cell.outputs))
            for _, heading in open_:
                printed[heading] += text + "\n"
    return printed


def output_text(output):
    """The text of one output of a cell."""
    return output.get("text") or output.get("data", {}).get("text/plain", "")


def file_of(page, book=BOOK):
    """The file of a page that claims.yml names without its ending; None where there is none."""
    return next((path for end in (".ipynb", ".md") if (path := book / f"{page}{end}").exists()), None)


def faults(claims, book=BOOK):
    """What is wrong with the claims: a verdict that is none, a page, heading or number that is not there."""
    found, read_pages = [], {}
    for claim in claims:
        row, page, heading = claim["row"], claim["page"], claim["heading"]
        if claim["verdict"] not in VERDICTS:
            found.append(f"{row}: the verdict {claim['verdict']} is none of {', '.join(VERDICTS)}")
        if claim["verdict"] in ("qualified", "corrected", "fails") and not claim.get("note"):
            found.append(f"{row}: {claim['verdict']} without a note that says what is right")
        path = file_of(page, book)
        if path is None:
            found.append(f"{row}: there is no page {page}")
            continue
        if page not in read_pages:
            read_pages[page] = sections(path)
        printed = read_pages[page]
        if heading not in printed:
            found.append(f"{row}: {page} has no heading {heading!r}")
        elif "number" in claim and str(claim["number"]) not in printed[heading]:
            found.append(f"{row}: {page} does not print {claim['number']!r} under {heading!r}")
    return found


def markdown(claims, book=BOOK):
    """The page as MyST Markdown."""
    counts = ", ".join(f"{sum(claim['verdict'] == verdict for claim in claims)} {verdict}" for verdict in VERDICTS)
    legend = "\n".join(f"{verdict}\n: {meaning}\n" for verdict, meaning in VERDICTS.items())
    intro = f"""\
        # Claims

        The course is built on five sources, named S0 to S4.
        This page goes through what they say, row by row, and says where the book shows it and what came out.
        A number stands here as the cell under that heading prints it, and a test looks whether it still does.

        | source | what it is |
        |---|---|
        | S0 | an article on recurrent networks: simple, deeper, bidirectional, sequence to sequence |
        | S1 | "Unfolding RNNs", after chapter 10 of {{cite:t}}`goodfellow2016deep` |
        | S2 | "RNNs explained" |
        | S3 | lecture slides on recurrent networks, by David Inouye |
        | S4 | an introduction to Elman networks |

        Of the {len(claims)} rows: {counts}.
        """
    parts = [textwrap.dedent(intro), legend]
    for letter, title in PARTS.items():
        rows = [table_row(claim, book) for claim in claims if claim["row"][0] == letter]
        if rows:
            header = "| row | the sources say | what came out | where |\n|---|---|---|---|"
            parts.append("\n".join([f"## {title}", "", header, *rows, ""]))
    return "\n".join(parts)


def table_row(claim, book):
    """One claim as a row of a table."""
    name = file_of(claim["page"], book).name
    where = f"[{claim['heading']}]({name}#{slugify(claim['heading'])})"
    source = f" ({claim['source']})" if claim.get("source") else ""
    found = f"**{claim['verdict']}**" + (f". {claim['note']}" if claim.get("note") else "")
    number = f" `{' '.join(str(claim['number']).split())}`" if "number" in claim else ""
    cells = (claim["row"], claim["claim"] + source, found + number, where)
    return "| " + " | ".join(cell.strip().replace("|", "\\|") for cell in cells) + " |"


def main():
    """Write book/claims.md, or say what is wrong with the claims."""
    claims = read()
    found = faults(claims)
    if found:
        raise SystemExit("\n".join(found))
    (BOOK / "claims.md").write_text(markdown(claims), encoding="utf-8")


if __name__ == "__main__":
    main()
