"""Whatever a stranger hands in, it costs the grader little, and everybody gets a verdict.

Hypothesis makes notebooks, frames, replies, zips, rosters and tables: random ones, and small pieces a great many times,
which is what makes a regular expression or a parser slow. Nothing may cost this process more than a second on a
processor or 100 MB, nor end in anything but an answer or a sentence.
"""

import contextlib
import io
import json
import resource
import shutil
import struct
import time
import zipfile
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from grading_attacks import ONLY_TWO_QUESTIONS, RIGHT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_rnn.checking.effort import gradients
from course_rnn.grading import course, tables
from course_rnn.grading.grade import _beyond, _judged, grade_submission, hidden_cases
from course_rnn.grading.intake import lms as names
from course_rnn.grading.intake import roster, submissions, times
from course_rnn.grading.intake.files import Rejected
from course_rnn.grading.intake.submissions import Submission
from course_rnn.grading.limits import Limits
from course_rnn.grading.out import lms
from course_rnn.grading.room.sandbox import _check
from course_rnn.grading.room.session import Room
from course_rnn.grading.store import Verdict
from course_rnn.grading.text import file_name, plain
from course_rnn.grading.worker.frames import decode, encode, unpack
from course_rnn.grading.worker.reading import heading_of
from course_rnn.questions import chapters

pytestmark = pytest.mark.timeout(300)  # some hundred examples each
SECONDS, MEGABYTES = 1, 100
LIMITS = Limits(cell_seconds=1, question_seconds=1, total_seconds=10)
walled = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap: apt install bubblewrap")
quietly = settings(max_examples=100, suppress_health_check=list(HealthCheck))


@contextlib.contextmanager
def cheap():
    """What is done within costs this process little."""
    used, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - used < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < MEGABYTES << 10


SIGNS = "#=+-@'\",;|\t\n \\[]{}()*_0aé\u202e\ud800\x00"
pieces = st.text(SIGNS, max_size=4) | st.sampled_from(["worksheets", '{"cells":[', "# a", "_1_1_", "(1)", "\ufeff"])
repeated = st.builds(lambda piece, times: (piece * times)[:40_000], pieces, st.sampled_from([1, 2, 30, 1000, 20_000]))
texts = st.builds("".join, st.lists(repeated | st.text(max_size=20), max_size=4))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3))
cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | values,
        "source": texts | values,
        "input": values,
    },
)
books = st.fixed_dictionaries(
    {}, optional={"cells": st.lists(cells | values, max_size=5) | values, "worksheets": values, "metadata": values}
)
nested = st.builds(
    lambda opening, closing, depth: opening * depth + b"[]" + closing * depth,
    st.sampled_from([b"[", b'{"worksheets":[', b'{"cells":[', b'{"a":']),
    st.sampled_from([b"]", b"]}", b"}", b""]),
    st.integers(0, 3000),
)
notebooks = st.one_of(
    st.binary(max_size=2000),
    nested,
    st.builds(
        lambda piece, count: b'{"cells":[' + piece * count + b"0]}",
        st.sampled_from([b"{},", b"[],", b"0,"]),
        st.integers(0, 10**5),
    ),
    books.map(lambda book: json.dumps(book).encode()),
    books.map(lambda book: json.dumps(book)[:-3].encode()),
)


# ---------------------------------------------------------------------- notebooks


@pytest.fixture(scope="module")
def room():
    with Room(LIMITS) as room:
        yield room


@walled
@given(notebooks, texts)
@quietly
def test_reading_a_notebook_ends_with_its_cells_or_a_reason(room, content, heading):
    asked = {"notebook": {}, "answers": {"headings": [heading[:50]], "given": ["x"]}, "code": {"names": ["rnn_step"]}}
    for of, what in asked.items():
        with cheap():
            try:
                said = room.read(content, of, **what)
                parts = [unpack(said[name]) for name in ("cells", "answers", "code", "tokens") if name in said]
                assert parts and all(isinstance(text, str) for part in parts for text in part)
            except Rejected as error:
                assert 0 < len(str(error)) < 600


@walled
@given(notebooks)
@settings(quietly, max_examples=15)
def test_everybody_gets_a_verdict(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "questions.py").write_text(ONLY_TWO_QUESTIONS)
    (folder / "02_simple_rnn.ipynb").write_bytes(content)
    plan = course.read(folder / "questions.py")
    with cheap():
        verdict = grade_submission(
            Submission("ada", folder / "02_simple_rnn.ipynb"), plan=plan, seed=1, limits=LIMITS, alone=True
        )
    assert verdict.status in ("graded", "rejected") and Verdict.from_json(verdict.to_json()) == verdict


# ---------------------------------------------------------------------- what comes out of the room


@given(
    st.one_of(
        st.binary(max_size=500),
        st.builds(
            lambda header, body: struct.pack("<I", len(header)) + header + body,
            values.map(lambda value: json.dumps(value).encode()) | nested,
            st.binary(max_size=200),
        ),
        st.builds(
            lambda code, shape, count: encode([])[4:8] + json.dumps([{"": [code, shape]}] * count).encode(),
            st.sampled_from(["<f8", "|O", "<U9", "<f16", "?", 7]),
            st.lists(st.integers(-2, 2**63), max_size=70) | st.none(),
            st.integers(0, 9),
        ),
    )
)
@settings(quietly, max_examples=300)
def test_a_frame_is_plain_values_or_an_error(payload):
    with cheap(), contextlib.suppress(ValueError):
        decode(payload)


@given(values)
@settings(quietly, max_examples=200)
def test_a_reply_has_the_form_of_one_or_is_none(reply):
    with cheap(), contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        _check(reply)
        assert all(isinstance(reply.get(key, ""), str) for key in ("dropped", "stopped"))


arrays = st.builds(
    lambda shape, value, code: np.full(shape, value).astype(code),
    st.lists(st.integers(0, 3), max_size=4).map(tuple),
    st.sampled_from([0.0, 1.0, np.nan, np.inf, 1e300]),
    st.sampled_from(["f8", "f4", "f2", "?", "c16", "g"]),
)
trial = st.fixed_dictionaries(
    {},
    optional={
        "values": st.lists(arrays | values, max_size=3) | values,
        "after": st.dictionaries(st.sampled_from(["x", "h", "h0", "weight_ih"]), arrays | values) | values,
        "raised": values,
        "place": values,
        "to_do": values,
    },
)


@given(st.lists(trial | values, max_size=3) | values, st.integers(0, 9))
@settings(quietly, max_examples=200)
@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_reply_that_nobody_computed_is_worth_nothing(trials, copies):
    question = chapters()["02_simple_rnn"].questions["rnn_step"]
    cases = hidden_cases(question, 5, 8)
    if isinstance(trials, list):
        trials = (trials * (copies + 1))[:9]
    with cheap():
        result, _ = _judged(question, cases, {"trials": trials})
    assert result.points == 0 and len(result.message) < 5000


@cache
def asked_for_more():
    """A question that asks for gradients and one that has a budget, each with a case; made once."""
    found = [chapters()["03_deep_rnn"].questions["elman_step"], chapters()["08_gpu"].questions["hoisted_rnn"]]
    found = [(question, hidden_cases(question, 5, 8)[0]) for question in found]
    gradients(found[0][0].reference, found[0][1], found[0][0].returns)  # which imports torch
    return found


effort = st.fixed_dictionaries(
    {}, optional={"gradients": st.lists(arrays | values, max_size=7) | values, "problem": values, "count": values}
)


@given(effort | values)
@settings(quietly, max_examples=200)
@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore")
def test_what_an_answer_is_said_to_take_costs_a_sentence_at_most(reply):
    """A stranger's word for the gradients and operations of an answer: it is read, or the answer is worth nothing."""
    session = SimpleNamespace(effort=lambda *given, **rest: reply)
    for question, arguments in asked_for_more():
        with cheap():
            said = _beyond(question, arguments, session)
        counted = isinstance(reply, dict) and "count" in reply and question.budget
        assert said is None or (isinstance(said, str) and len(said) < 10_000)
        assert said or counted


# ---------------------------------------------------------------------- names, zips and tables


parts = st.text("ab._-0 \n\x1b\u202e(", min_size=1, max_size=9) | st.sampled_from(["..", "x" * 300, "a.ipynb"])
odd = ["ada_1_2_a.ipynb", "a_1_assignsubmission_file_b.ipynb", "/a.ipynb", "d/" * 900 + "a.ipynb"]
entries = st.tuples(
    st.lists(parts, max_size=30).map("/".join) | st.sampled_from(odd),
    st.binary(max_size=50) | st.just(bytes(2 << 20)),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)


@given(st.lists(entries, max_size=6), st.integers(0, 5000), st.integers(0, 255))
@settings(quietly, max_examples=150)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_is_a_class_or_a_sentence(tmp_path_factory, contents, place, byte):
    folder = tmp_path_factory.mktemp("zip")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content, method in contents:
            archive.writestr(zipfile.ZipInfo(name or "x"), content, method)
    damaged = bytearray(made.getvalue())
    damaged[place % len(damaged)] ^= byte
    (folder / "export.zip").write_bytes(damaged)
    with cheap(), contextlib.suppress(ValueError):
        found, left_out = submissions.collect(folder / "export.zip", folder / "unpacked", ["02_simple_rnn"])
        assert all(each.path.is_relative_to(folder / "unpacked") for each in found) and all(left_out)
    assert {path.name for path in folder.iterdir()} <= {"export.zip", "unpacked"}


HEADERS = [
    "student,name,lms\n",
    "student,submitted\n",
    "Student,ID,Section,HW (1)\n",
    "Identifier,Grade,Last modified (grade)\n",
]
csvs = st.builds(lambda header, rows: header + rows, st.sampled_from(HEADERS) | texts, texts)


@given(csvs)
@settings(quietly, max_examples=150)
def test_a_table_is_read_or_what_is_wrong_is_said(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    verdicts = {"a": Verdict("a", "hw", "1", "", 1, "graded", 1.0, 2.0)}
    grades = SimpleNamespace(verdicts=verdicts, overrides={}, pending=set())
    readers = (
        lambda: tables.read(path, ["student"]),
        lambda: roster.read(path),
        lambda: times.read(path, None),
        lambda: lms.canvas(grades, path),
        lambda: lms.moodle(grades, path),
    )
    for reader in readers:
        with cheap(), contextlib.suppress(ValueError):
            reader()


@given(texts)
@settings(quietly, max_examples=200)
def test_a_text_is_made_safe_and_comes_back(text):
    with cheap():
        assert tables.as_it_was(tables.as_text(text)) == text
        assert len(plain(text)) <= 500 and len(file_name(text)) < 80
        assert not roster.LMS.fullmatch(text) or text


@pytest.mark.parametrize("sign", "=-'\";\t \n#_0a")
def test_a_sign_that_comes_a_great_many_times_costs_little(sign):
    """Where an expression looks again and again at the same place, one of these takes seconds."""
    for other in "=-'\";\t \n#_0a":
        for text in (sign * 30_000 + other, (sign + other) * 15_000):
            with cheap():
                assert tables.as_it_was(tables.as_text(text)) == text
                file_name(text), heading_of(text), roster.LMS.fullmatch(text)
                names.named(text[:255])
                tables.delimiter_of(text), tables.number(text)


def test_the_fuzzer_knows_a_right_answer_when_it_sees_one():
    """What is worth nothing above is worth something where somebody computed it."""
    question = chapters()["02_simple_rnn"].questions["rnn_step"]
    names = {"np": np, "q": SimpleNamespace(rnn_step=SimpleNamespace(check=lambda function: None))}
    exec(RIGHT[1], names)
    cases = hidden_cases(question, 5, 8)
    trials = [{"values": [names["rnn_step"](**case)], "after": dict(case)} for case in cases]
    assert _judged(question, cases, {"trials": trials})[0].points == question.points
