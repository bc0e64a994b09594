"""The pages and the CSV of a class: right numbers, and a student's text stays text wherever it is shown."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from grading_store import keep

from course_rnn.checking.project import Mark, Project
from course_rnn.checking.trial import Trial
from course_rnn.grading.marks import named
from course_rnn.grading.out import overview, report
from course_rnn.grading.out.overview import histogram, misconceptions
from course_rnn.grading.out.report import write_report
from course_rnn.grading.store import Verdict
from course_rnn.grading.tables import as_text
from course_rnn.grading.text import file_name

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "a\nb\tc",
    "../../index",
    "</title></style><b>",
    "\u202egnp.exe",
    "&lt;b&gt;",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\n=1",
    '=HYPERLINK("http://x")',
    "＝1",
    "bob;=1",
    "bob,=1",
    'b";=1',
]


def answer(points, most, cause="", message=""):
    return {"points": points, "max": most, "message": message, "cause": cause}


def verdict(student, rnn_step, rnn_forward, cause="", status="graded", messages=()):
    questions = {
        "rnn_step": answer(
            rnn_step, 2, cause, f"h_next is wrong.\nLikely cause: about {cause}." if cause else "Passed."
        ),
        "rnn_forward": answer(rnn_forward, 3, message="Passed."),
    }
    graded = status == "graded"
    score = rnn_step + rnn_forward if graded else None
    questions = questions if graded else {}
    return Verdict(student, "02_simple_rnn", "1", "ab" * 32, 7, status, score, 5, questions, list(messages))


CLASS = [
    verdict("ada", 2, 3),
    verdict("bob", 0, 3, cause="without_tanh"),
    verdict("cyd", 0, 0, cause="without_tanh", messages=["Code cell 3 stopped: NameError"]),
    verdict("dot", 0, 0, cause="column_form"),
    verdict("eve", 0, 0, status="rejected", messages=["2 notebooks were handed in: a.ipynb, b.ipynb."]),
    verdict("fay", 0, 0, status="ungraded", messages=["RuntimeError: our fault"]),
]


@pytest.fixture
def pages(tmp_path):
    """Write the report of some verdicts and give its folder."""

    def pages(found):
        keep(tmp_path, {each.student: each for each in found})
        assert write_report(tmp_path) == tmp_path / "index.html"
        return tmp_path

    return pages


class Text(HTMLParser):
    """What a reader sees of a page, and the elements and addresses that it has."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.tags, self.links = [], [""], []
        self.feed(page.read_text(encoding="utf-8").replace("<wbr>", ""))
        self.close()
        self.text = " ".join(" ".join(self.seen).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]
        assert not [name for name, _ in attributes if name.startswith("on")]

    def handle_data(self, data):
        if self.tags[-1] != "style":
            self.seen.append(data)


def test_the_class_page_says_how_it_went(pages):
    text = Text(pages(CLASS) / "index.html").text
    for said in ("6 handed in", "4 graded", "1 rejected", "1 ungraded", "2.0 mean, of 5", "1.5 median"):
        assert said in text
    assert "eve rejected 2 notebooks were handed in: a.ipynb, b.ipynb." in text
    assert "rnn_step 25 % 5–70 % 0.5 of 2" in text and "rnn_forward 50 % 15–85 % 1.5 of 3" in text
    assert "0 2 1 0 2 0 3 1 4 0 5 1" in text, "the histogram as numbers"
    assert re.search(
        r"without_tanh in rnn_step 2 students About without_tanh\. .*column_form in rnn_step 1 student About", text
    )


def test_each_student_has_a_page_with_a_link(pages):
    folder = pages(CLASS)
    links = Text(folder / "index.html").links
    assert links == [f"feedback/{each.student}.html" for each in CLASS]
    assert all((folder / link).is_file() for link in links)
    text = Text(folder / "feedback" / "bob.html").text
    assert "3 of 5 points" in text and "rnn_step : not yet 0 of 2" in text and "rnn_forward : passed 3 of 3" in text
    assert "h_next is wrong. Likely cause: about without_tanh." in text
    assert "Code cell 3 stopped: NameError" in Text(folder / "feedback" / "cyd.html").text
    assert "points" not in Text(folder / "feedback" / "fay.html").text
    assert "does not count against you" in Text(folder / "feedback" / "fay.html").text


def test_a_student_does_not_learn_the_seed_or_who_else_is_there(pages):
    page = (pages([replace(each, seed=987654321) for each in CLASS]) / "feedback" / "bob.html").read_text()
    assert "987654321" not in page and "ada" not in page


def test_pages_need_nothing_from_anywhere_and_run_nothing(pages):
    folder = pages(CLASS)
    for page in [folder / "index.html", *folder.glob("feedback/*.html")]:
        text = page.read_text()
        assert "default-src 'none'" in text and "<script" not in text
        assert "http://" not in text and "https://" not in text
        assert 'lang="en"' in text and "width=device-width" in text and "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_student_wrote_stays_text(pages, text):
    plain, hostile = verdict("name", 0, 0, "cause", messages=["message"]), verdict(text, 0, 0, text, messages=[text])
    plain_folder = pages([plain])
    expected = {name: Text(plain_folder / name).tags for name in ("index.html", "feedback/name.html")}
    folder = pages([hostile])
    page = folder / report.page_of(file_name(text))
    assert page.parent == folder / "feedback" and Text(folder / "index.html").tags == expected["index.html"]
    assert len(Text(page).tags) - len(expected["feedback/name.html"]) == text.count("\n")  # lines become paragraphs
    for shown in (folder / "index.html", page):
        assert " ".join(text.split()) in Text(shown).text
    [link] = Text(folder / "index.html").links
    assert link.startswith("feedback/")


def test_what_an_instructor_should_look_at_is_on_the_class_page_and_costs_no_mark(pages):
    said = "The notebook was made for bob, and ada handed it in."
    folder = pages([replace(verdict("ada", 2, 3), look=[said]), *CLASS[1:]])
    feedback = Text(folder / "feedback" / "ada.html").text
    assert said in Text(folder / "index.html").text
    assert "5 of 5" in feedback and said not in feedback


def test_whoever_got_points_for_the_file_of_somebody_else_is_looked_at(pages):
    same = [replace(verdict(name, 2, 3), sha256="ab") for name in ("ada", "bob")]
    empty = [replace(verdict(name, 0, 0), sha256="cd") for name in ("cyd", "dot")]
    text = Text(pages([*same, *empty]) / "index.html").text
    assert "The same file, byte by byte, was handed in by bob." in text and "handed in by ada." in text
    assert "by cyd" not in text and "by dot" not in text, "the exercise as it was handed out is nobody's"


def test_names_that_differ_in_capitals_have_a_page_each_on_any_system(pages):
    folder = pages([verdict(name, 1, 1) for name in ("ada", "ADA", "bob")])
    names = [path.name for path in (folder / "feedback").iterdir()]
    assert len({name.casefold() for name in names}) == 3 and "bob.html" in names
    for link in Text(folder / "index.html").links:
        assert (folder / link).is_file()


def test_a_name_of_half_a_character_can_be_written(pages):
    said = replace(verdict("ada", 1, 1), messages=["a\udcff"])
    assert "\\udcff" in Text(pages([said]) / "feedback" / "ada.html").text


def test_several_assignments_stand_side_by_side(pages):
    text = Text(pages([*CLASS, replace(verdict("zoe", 2, 3), assignment="03_backprop")]) / "index.html").text
    assert text.index("02_simple_rnn") < text.index("03_backprop") and "5.0 mean" in text


def test_a_class_where_nobody_could_be_graded_has_a_page(pages):
    assert "0 graded" in Text(pages(CLASS[-2:]) / "index.html").text


def test_without_verdicts_there_is_no_report(tmp_path):
    with pytest.raises(ValueError, match="There are no verdicts"):
        write_report(tmp_path)


def test_the_histogram_counts_everybody_once():
    for scores, most in (([0, 0.5, 4.99, 5], 5), ([0, 50, 99.5, 100], 100), ([0, 13], 13), ([0, 2.5], 2.5), ([0], 0.5)):
        bars = histogram(scores, most)
        assert sum(bars.values()) == len(scores) and len(bars) <= overview.MOST_BARS + 1
    assert list(histogram([], 100)) == [
        "0 to 8",
        "9 to 17",
        "18 to 26",
        "27 to 35",
        "36 to 44",
        "45 to 53",
        "54 to 62",
        "63 to 71",
        "72 to 80",
        "81 to 89",
        "90 to 98",
        "99 to 100",
    ]


def test_misconceptions_are_sorted_by_how_many_share_them():
    found = misconceptions([each for each in CLASS if each.status == "graded"])
    assert [(each["cause"], each["students"]) for each in found] == [
        ("without_tanh", ["bob", "cyd"]),
        ("column_form", ["dot"]),
    ]


# ---------------------------------------------------------------------- the CSV


def rows(folder, **dialect):
    with open(folder / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, **dialect))


def test_the_csv_has_a_line_for_each_student(pages):
    found = rows(pages(CLASS))
    assert found[0] == ["student", "assignment", "status", "score", "max_score", "rnn_step", "rnn_forward", "messages"]
    assert found[2] == ["bob", "02_simple_rnn", "graded", "3", "5", "0", "3", ""]
    assert found[5][:6] == ["eve", "02_simple_rnn", "rejected", "", "5", ""], "no score, not 0"
    assert len(found) == 1 + len(CLASS)


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("delimiter", ",;\t")
def test_no_cell_begins_a_formula_however_a_spreadsheet_splits_it(pages, text, delimiter):
    for row in rows(pages([verdict(text, 2, 3, messages=[text])]), delimiter=delimiter):
        for cell in row:
            assert cell.lstrip(" \t\r\n\"'")[:1] not in tuple("=+@＝＋＠") or cell.lstrip(' \t\r\n"')[0] == "'", cell
            assert not cell.lstrip(' \t\r\n"').startswith("-")


def test_ordinary_text_is_left_as_it_is():
    for text in ("Ada Lovelace", "O'Neill", "Ada-Mae", "a = b", "x@y.org", "1 + 1", "-0.5"[1:], "Müller, Ada"):
        assert as_text(text) == text


# ---------------------------------------------------------------------- what a class shares


def variant(student, told, alike=""):
    """A verdict in which the first question was answered in another convention, or in an unknown way."""
    found = verdict(student, 0, 3, cause="time_column" if told else "")
    message = f"h is wrong.\nLikely cause: {told}" if told else "h is wrong."
    found.questions["rnn_step"] |= {"message": message, "alike": alike}
    return replace(found, times={"rnn_step": 0.5 if student == "ada" else 1.5})


VARIANTS = [
    variant("ada", "it takes time first where yours takes the batch."),
    variant("bob", "it takes time first where yours ends with the sigmoid."),
    variant("cyd", "it takes time first where yours takes the batch."),
    variant("dot", "", "3f2a9c11d0be"),
    variant("eve", "", "3f2a9c11d0be"),
    variant("fay", "", "000000000000"),
    replace(verdict("una", 0, 0, status="missing"), sha256=""),
]


def test_each_sentence_about_a_shared_mistake_is_true_of_those_it_is_counted_for(pages):
    [mistake] = misconceptions([each for each in VARIANTS if each.status == "graded"])
    assert mistake["students"] == ["ada", "cyd", "bob"]
    assert mistake["told"] == {
        "It takes time first where yours takes the batch.": ["ada", "cyd"],
        "It takes time first where yours ends with the sigmoid.": ["bob"],
    }
    text = Text(pages(VARIANTS) / "index.html").text
    assert (
        "3 students 2: It takes time first where yours takes the batch. 1: It takes time first where yours ends" in text
    )


def test_answers_that_err_alike_without_a_known_cause_stand_together(pages):
    folder = pages(VARIANTS)
    clusters = overview.unnamed([each for each in VARIANTS if each.status == "graded"])
    assert [(each["alike"], each["students"]) for each in clusters] == [
        ("3f2a9c11d0be", ["dot", "eve"]),
        ("000000000000", ["fay"]),
    ]
    assert "rnn_step , 2 students: h is wrong. dot , eve" in Text(folder / "index.html").text


def test_the_class_page_counts_who_handed_in_nothing(pages):
    text = Text(pages(VARIANTS) / "index.html").text
    assert "6 handed in of 7" in text and "Handed in nothing una" in text
    assert "Nothing was handed in." in Text(pages(VARIANTS) / "feedback" / "una.html").text


def test_what_a_class_reached_in_a_project_is_shown_without_names(pages):
    found = [verdict("ada", 2, 3), verdict("bob", 1, 3), verdict("cyd", 0, 3)]
    asked = {"unit": "nats a step", "marks": (Mark("a", 2.0, 0), Mark("b", 1.0, 2)), "doubtful": -9}
    inputs, target = {"x": np.zeros(1)}, np.zeros(1)
    for each, score in zip(found, (-1.25, 0.5, None), strict=True):
        about = "p1", "rnn_step", ("x",), 2, None, lambda x: x.shape, lambda values, targets, score=score: score
        result = (
            Project(*about, **asked).judge([(inputs, target)], [Trial(inputs, (target,))], "hidden") if score else None
        )
        each.questions["rnn_step"]["message"] = result.message if score else "There is no function rnn_step."
    folder = pages(found)
    assert "rnn_step , nats a step, all that was reached: -1.25, 0.5." in Text(folder / "index.html").text
    [assignment] = json.loads((folder / "class.json").read_text())["assignments"].values()
    expected = {"rnn_step": {"unit": "nats a step", "scores": [-1.25, 0.5]}, "rnn_forward": None}
    assert assignment["reached"] == expected


def test_the_numbers_of_the_class_page_are_a_table_and_json(pages):
    folder = pages(VARIANTS)
    with open(folder / "questions.csv", encoding="utf-8-sig", newline="") as file:
        [step, forward] = csv.DictReader(file)
    assert (step["question"], step["answers"], step["passed"], step["seconds"]) == ("rnn_step", "6", "0", "1.5")
    assert (forward["pass_rate"], forward["pass_rate_low"], forward["seconds"]) == ("1.0", "0.61", "")
    found = json.loads((folder / "class.json").read_text())
    assert found["counts"] == {"graded": 6, "missing": 1}
    [assignment] = found["assignments"].values()
    assert [each["students"] for each in assignment["unnamed"]] == [["dot", "eve"], ["fay"]]
    assert [row["question"] for row in found["questions"]] == ["rnn_step", "rnn_forward"]


def test_a_mistake_that_got_a_name_is_told_to_all_who_make_it(pages):
    folder = pages(VARIANTS)
    line = 'rnn_step,3f2a9c11d0be,one_step_late,"the first state is the start, not the first step.",M. Curie'
    (folder / named.FILE).write_text(f"{','.join(named.COLUMNS)}\n{line}\n")
    write_report(folder)
    text = Text(folder / "index.html").text
    assert "one_step_late in rnn_step 2 students The first state is the start, not the first step." in text
    told = Text(folder / "feedback" / "dot.html").text
    assert "h is wrong. Likely cause: the first state is the start, not the first step." in told
    assert "one_step_late" not in Text(folder / "feedback" / "fay.html").text
    for wrong, said in (("One Step", "is no name"), ("one_step", "sentence is empty")):
        text = f"{','.join(named.COLUMNS)}\nrnn_step,3f2a9c11d0be,{wrong},,M. Curie\n"
        (folder / named.FILE).write_text(text)
        with pytest.raises(ValueError, match=rf"mistakes\.csv, line 2: .*{said}"):
            write_report(folder)
