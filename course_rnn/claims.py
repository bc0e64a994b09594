"""The claims page: what the sources say, row by row, where the book shows it, and what came out.

book/claims.yml is written by hand, book/claims.md is made from it, here or when the book is built::

    python -m course_rnn.claims

A claim names a page and a heading and what is shown there: conditions on the numbers that cells under that heading
print, or on the record of an experiment. Where there is nothing to measure it says why. `faults` finds what has moved,
and every condition that does not hold.

=====================================================  ==========================================================
``{line: "EEG, one channel", is: ">", than: 0.5}``     the line that begins so: its first number is greater
``{line: RNN, at: 1, is: "<", than: {line: linear}}``  its second number is less than the first of another line
``{line: "L  = 10", after: "wh = 1.0", is: "=", …}``   the first such line after another
``{line: "found:", says: ifog}``                       what follows is this text
``{record: english, better: LSTM, than: n-grams, rung: 160}``  ahead in the record, and the interval excludes a tie
=====================================================  ==========================================================

``within`` is the tolerance of ``=``; True and False are numbers, too.
"""

import operator
import re
import textwrap
from pathlib import Path

import nbformat
import yaml
from mdit_py_plugins.anchors.index import slugify

from course_rnn import evidence
from course_rnn.data import results

BOOK = Path("book")
#: What a verdict means; "shown" is for what is no claim: a formula, a definition, a figure.
VERDICTS = {
    "holds": "came out as the source says",
    "qualified": "true under a condition that the source leaves out",
    "corrected": "an error, or a clash of conventions, put right",
    "fails": "did not come out",
    "shown": "a definition, a formula or a figure",
    "withdrawn": "a charge against a source that was wrong",
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
NUMBER = re.compile(r"True|False|[-+]?\d[\d,]*(?:\.\d*)?(?:e[-+]?\d+)?")
COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
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
    """What is wrong with the claims: an unknown verdict, a page or heading that is not there, what does not hold."""
    found, read_pages = [], {}
    for claim in claims:
        row, page, heading = claim["row"], claim["page"], claim["heading"]
        if claim["verdict"] not in VERDICTS:
            found.append(f"{row}: the verdict {claim['verdict']} is none of {', '.join(VERDICTS)}")
        if claim["verdict"] in ("qualified", "corrected", "fails", "withdrawn") and not claim.get("note"):
            found.append(f"{row}: {claim['verdict']} without a note that says what is right")
        if bool(claim.get("shows")) == bool(claim.get("reason")):
            found.append(f"{row}: give either what it shows, or the reason why there is nothing to measure")
        path = file_of(page, book)
        if path is None:
            found.append(f"{row}: there is no page {page}")
            continue
        if page not in read_pages:
            read_pages[page] = sections(path)
        printed = read_pages[page]
        if heading not in printed:
            found.append(f"{row}: {page} has no heading {heading!r}")
            continue
        for condition in claim.get("shows", ()):
            try:
                if not holds(condition, printed[heading]):
                    found.append(f"{row}: under {heading!r} of {page} it does not hold that {in_words(condition)}")
            except ValueError as error:
                found.append(f"{row}: {error}, under {heading!r} of {page}")
    return found


def holds(condition, printed):
    """Whether a condition holds of what is printed, or of the record that it names.

    Raises
    ------
    ValueError
        If there is no such line, number or record.

    Examples
    --------
    >>> printed = "share right   test\\nRNN     0.65  0.66\\ncounts  0.72  0.73"
    >>> holds({"line": "RNN", "at": 1, "is": "<", "than": {"line": "counts", "at": 1}}, printed)
    True
    >>> holds({"line": "RNN", "is": "=", "than": 0.7, "within": 0.02}, printed)
    False
    """
    if "record" in condition:
        record = results(condition["record"])
        one, other, rung = condition["better"], condition["than"], condition.get("rung")
        return evidence.verdict(record, one, other, condition.get("task", ""), rung).startswith(f"{one} is ahead of")
    if "says" in condition:
        return rest_of(condition, printed) == condition["says"]
    value, than = number_of(condition, printed), condition["than"]
    than = number_of(than, printed) if isinstance(than, dict) else than
    if condition["is"] == "=":
        return abs(value - than) <= condition.get("within", 0)
    return COMPARED[condition["is"]](value, than)


def rest_of(where, printed):
    """What stands beside a label, in the first line that begins or ends with it, after another line if one is named."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    if "after" in where:
        first = next((k for k, line in enumerate(lines) if line.startswith(_one_space(where["after"]))), None)
        if first is None:
            raise ValueError(f"there is no line {where['after']!r}")
        lines = lines[first + 1 :]
    label = _one_space(where["line"])
    for line in lines:
        if line.startswith(label):
            return line.removeprefix(label).strip()
    for line in lines:
        if line.endswith(label):
            return line.removesuffix(label).strip()
    raise ValueError(f"there is no line {where['line']!r}")


def number_of(where, printed):
    """The number, True or False at a place of such a line."""
    rest, at = rest_of(where, printed), where.get("at", 0)
    found = NUMBER.findall(rest)
    if not -len(found) <= at < len(found):
        raise ValueError(f"the line {where['line']!r} has no number at {at}")
    return {"True": True, "False": False}.get(found[at]) if found[at][0] in "TF" else float(found[at].replace(",", ""))


def in_words(condition):
    """A condition as a reader meets it."""
    if "record" in condition:
        after = f" after {condition['rung']:g} s" if "rung" in condition else ""
        return f"{condition['better']} is ahead of {condition['than']}{after}, in the record {condition['record']}"
    label = _one_space(f"{condition['after']}, " if "after" in condition else "") + " " + _one_space(condition["line"])
    label = label.strip().rstrip(":") + (f" [{condition['at']}]" if condition.get("at") else "")
    if "says" in condition:
        return f"{label}: {condition['says']}"
    than = condition["than"]
    than = _one_space(than["line"]).rstrip(":") if isinstance(than, dict) else than
    within = f" ± {condition['within']:g}" if condition.get("within") else ""
    sign = {"<=": "≤", ">=": "≥"}.get(condition["is"], condition["is"])
    return f"{label} {sign} {than}{within}"


def _one_space(text):
    return " ".join(str(text).split())


def markdown(claims, book=BOOK):
    """The page as MyST Markdown."""
    counts = ", ".join(f"{sum(claim['verdict'] == verdict for claim in claims)} {verdict}" for verdict in VERDICTS)
    legend = "\n".join(f"{verdict}\n: {meaning}\n" for verdict, meaning in VERDICTS.items())
    intro = f"""\
        # Claims

        The course is built on five sources, named S0 to S4.
        This page goes through what they say, row by row, and says where the book shows it and what came out.
        What is shown there stands here as conditions on what its cells print, and a test looks whether they hold.
        The page is for whoever maintains or doubts the book; a reader meets its results in the chapters.

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
    shown = "; ".join(f"`{in_words(condition)}`" for condition in claim.get("shows", ()))
    shown = f" {shown}" if shown else f" *{claim['reason']}*"
    cells = (claim["row"], claim["claim"] + source, found + shown, where)
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
