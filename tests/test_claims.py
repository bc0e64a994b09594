"""The claims page: every row of the sources, each with a page, a heading and a number that are really there."""

import itertools
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_rnn import claims

BOOK = Path(__file__).parent.parent / "book"
#: How many rows the inventory of the sources has, by table.
ROWS = {"A": 11, "B": 24, "C": 8, "D": 4, "E": 30, "F": 6, "G": 7, "H": 10, "I": 6}


def test_every_row_of_the_sources_is_there_once():
    rows = [claim["row"] for claim in claims.read(BOOK)]
    assert sorted(rows) == sorted(f"{letter}{k}" for letter, count in ROWS.items() for k in range(1, count + 1))


def test_what_the_claims_point_to_is_there():
    assert claims.faults(claims.read(BOOK), BOOK) == []


def test_the_page_has_a_row_for_every_claim():
    page, rows = claims.markdown(claims.read(BOOK), BOOK), claims.read(BOOK)
    assert all(f"\n| {claim['row']} | " in page and f"**{claim['verdict']}**" in page for claim in rows)


def others():
    """Ways in which what stands beside a label might have come out differently: a function of it each."""
    yield lambda rest: f"{rest}, or not"
    flip = {"True": "False", "False": "True"}
    count = itertools.count(2)
    for of_number in (lambda n: f"-{n}", lambda n: f"{n}9", lambda n: str(next(count) ** 2)):
        yield lambda rest, of=of_number: claims.NUMBER.sub(lambda n: flip.get(n[0]) or of(n[0].lstrip("+-")), rest)


def test_every_condition_could_have_failed(monkeypatch):
    """A condition that holds whatever comes out would show nothing."""
    beside, pages, empty = claims.rest_of, {}, []
    for claim in claims.read(BOOK):
        page = claims.file_of(claim["page"], BOOK)
        printed = pages.setdefault(page, claims.sections(page))[claim["heading"]]
        for condition in claim.get("shows", ()):
            if "record" in condition:  # the other way round it must not hold
                turned = condition | {"better": condition["than"], "than": condition["better"]}
                empty += [claim["row"]] * claims.holds(turned, printed)
                continue
            outcomes = []
            for other in others():
                monkeypatch.setattr(claims, "rest_of", lambda where, text, of=other: of(beside(where, text)))
                outcomes.append(claims.holds(condition, printed))
            empty += [f"{claim['row']}: {condition}"] * all(outcomes)
            monkeypatch.undo()
    assert empty == []


# ------------------------------------------------------------- faults that are found


@pytest.fixture
def book(tmp_path):
    text = "accuracy 0.97\n0.90 of a linear model\nchance  0.25 1.0\naccuracy  0.5\n"
    printed = new_output("stream", text=text + "equal: True\nfound: ifog\nweights 1,296\nloss   2e-4\n")
    cells = [
        new_markdown_cell("# A page"),
        new_markdown_cell("## One"),
        new_markdown_cell("### Within one"),
        new_code_cell("1", outputs=[printed]),
        new_markdown_cell("## Two"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "page.ipynb")
    return tmp_path


CLAIM = {
    "row": "A1",
    "claim": "It works.",
    "page": "page",
    "heading": "One",
    "verdict": "holds",
    "shows": [{"line": "accuracy", "is": ">", "than": 0.9}],
}


def with_condition(**condition):
    return {"shows": [{"line": "accuracy"} | condition]}


@pytest.mark.parametrize("heading", ["A page", "One", "Within one"])
def test_a_number_is_found_under_a_heading_and_its_subsections(book, heading):
    assert claims.faults([CLAIM | {"heading": heading}], book) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"is": "=", "than": 0.97},
        {"is": "=", "than": 0.96, "within": 0.02},
        {"is": "<", "than": {"line": "chance", "at": 1}},
        {"line": "of a linear model", "is": "<", "than": {"line": "accuracy"}},
        {"line": "accuracy", "after": "chance", "is": "=", "than": 0.5},
        {"line": "equal:", "is": "=", "than": True},
        {"line": "found:", "says": "ifog"},
        {"line": "weights", "is": ">=", "than": 1296},
        {"line": "loss", "is": "<", "than": 1e-3},
    ],
)
def test_conditions_that_hold(book, condition):
    assert claims.faults([CLAIM | with_condition(**condition)], book) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"verdict": "true"}, "A1: the verdict true is none of"),
        ({"verdict": "fails"}, "A1: fails without a note"),
        ({"verdict": "withdrawn"}, "A1: withdrawn without a note"),
        ({"page": "gone"}, "A1: there is no page gone"),
        ({"heading": "Three"}, "A1: page has no heading 'Three'"),
        ({"shows": []}, "A1: give either what it shows, or the reason"),
        ({"reason": "A definition."}, "A1: give either what it shows, or the reason"),
        ({"heading": "Two"}, "A1: there is no line 'accuracy', under 'Two' of page"),
        (with_condition(**{"is": ">", "than": 0.98}), "A1: under 'One' of page it does not hold that accuracy > 0.98"),
        (with_condition(**{"is": "=", "than": 0.96, "within": 0.005}), "A1: under 'One' of page it does not hold"),
        (with_condition(**{"at": 1, "is": ">", "than": 0}), "A1: the line 'accuracy' has no number at 1"),
        (with_condition(after="then", **{"is": ">", "than": 0}), "A1: there is no line 'then'"),
        (with_condition(line="found:", says="fiog"), "A1: under 'One' of page it does not hold that found: fiog"),
    ],
)
def test_a_fault_is_found(book, change, fault):
    assert [found for found in claims.faults([CLAIM | change], book) if found.startswith(fault)]


def test_a_condition_on_a_record_is_that_of_its_intervals(book, monkeypatch):
    about = {"task": "", "rung": 10, "setting": {}}
    models = {"LSTM": 1.0, "RNN": 2.0, "GRU": 1.0}
    record = {
        "metric": {"lower_is_better": True, "log": False},
        "rungs": {"10": 5},
        "models": {model: {"baseline": False} for model in models},
        "chosen": [about | {"model": model} for model in models],
        "trials": [
            about | {"model": m, "seed": s, "items": 3, "blocks": [loss] * 3}
            for m, loss in models.items()
            for s in range(5)
        ],
    }
    monkeypatch.setattr(claims, "results", {"toy": record}.__getitem__)

    def faults(better, than):
        condition = {"record": "toy", "better": better, "than": than, "rung": 10}
        return claims.faults([CLAIM | {"shows": [condition]}], book)

    assert faults("LSTM", "RNN") == []
    assert "does not hold that RNN is ahead of LSTM after 10 s, in the record toy" in faults("RNN", "LSTM")[0]
    assert faults("LSTM", "GRU") and faults("GRU", "LSTM")  # they cannot be told apart
