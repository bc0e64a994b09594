"""Submissions that are alike: a copy is found however it is dressed up, and what all must write alike is none."""

from dataclasses import asdict, replace

import nbformat
import pytest
from click.testing import CliRunner
from grading_store import keep, sha256
from nbformat.v4 import new_code_cell, new_notebook
from test_grading_report import HOSTILE, Text, verdict

from course_rnn import cli
from course_rnn.grading.limits import Limits
from course_rnn.grading.out.similarity import FEWEST, LONG, SEVERAL, alike
from course_rnn.grading.worker.reading import answers_of, tokens, with_helpers

SIGNATURE = '''def rnn_forward(x, h0, weight_ih,
                weight_hh):
    """All states (T, B, H)."""
'''
LOOP = """    h, states = h0, []
    for x_t in x:
        a = x_t @ weight_ih.T + h @ weight_hh.T
        h = np.tanh(a)
        states.append(h)
    return np.stack(states), h
"""
RENAMED = """    # my own idea
    state, out = h0, []
    for step in x:
        pre = step @ weight_ih.T + state @ weight_hh.T

        state = np.tanh(pre)  # squash
        out.append(state)
    return np.stack(out), state
"""
OTHER = """    T, B, _ = x.shape
    y = np.empty((T, B, weight_hh.shape[0]), dtype=x.dtype)
    previous = h0
    for t in range(T):
        y[t] = previous = np.tanh(np.einsum("bd,hd->bh", x[t], weight_ih) + previous.dot(weight_hh.transpose()))
    return y, previous
"""


def rings(*bodies, signature=SIGNATURE, **options):
    """The rings of students s0, s1, ... with their similarities."""
    code = [signature + body for body in bodies]
    written = {f"s{k}": {"rnn_forward": (each, tokens(each, "rnn_forward"))} for k, each in enumerate(code)}
    return [(ring.students, round(ring.least, 2), round(ring.most, 2)) for ring in alike(written, **options)]


def test_a_copy_with_other_names_comments_and_spaces_is_the_same():
    assert rings(LOOP, RENAMED) == [(("s0", "s1"), 1.0, 1.0)]


def test_a_copy_with_a_line_more_is_still_alike():
    assert 0.9 < rings(LOOP, LOOP.replace("    return", "    assert len(states)\n    return"))[0][1] < 1


def test_another_way_to_write_it_is_not_alike():
    assert rings(LOOP, OTHER) == [] and rings(LOOP, OTHER, least=0)[0][1] < 0.6


def test_what_was_handed_out_does_not_count():
    stub = SIGNATURE + "    raise NotImplementedError  # your code here\n\n\nq.rnn_forward.check(rnn_forward)\n"
    assert tokens(stub, "rnn_forward") == []
    assert tokens(SIGNATURE + LOOP, "rnn_forward") == tokens(LOOP, "rnn_forward")


def test_the_similarity_is_that_of_the_longest_common_subsequence():
    one, other = (" ".join(f"{word}({k})" for k in range(20)) for word in "fg")
    assert len(tokens(one, "x")) == 80 and rings(one, other, signature="", least=0) == [(("s0", "s1"), 0.75, 0.75)]


def test_short_answers_are_not_compared():
    short = "    return np.tanh(x @ weight_ih.T + h @ weight_hh.T)\n"
    assert 10 < len(tokens(short, "rnn_forward")) < FEWEST and rings(short, short, least=0) == []


def test_what_many_of_the_class_wrote_says_nothing():
    others = [OTHER.replace("einsum", f"einsum{k}") for k in range(4)]
    assert [len(ring[0]) for ring in rings(*[LOOP] * SEVERAL, *others, least=1)] == [SEVERAL]
    assert rings(*[LOOP] * (SEVERAL + 1), *others, least=1) == []
    many = rings(*[LOOP] * 6, *[f"{OTHER}    {k}\n" * (k + 1) for k in range(34)], least=1)
    assert [len(ring[0]) for ring in many] == [6], "of many, few"


def test_a_long_answer_is_a_ring_however_many_have_it():
    long = LOOP.replace("    return", "    assert len(states) == len(x)\n" * 9 + "    return")
    assert len(tokens(long, "rnn_forward")) > LONG
    others = [OTHER.replace("einsum", f"einsum{k}") for k in range(4)]
    assert [len(ring[0]) for ring in rings(*[long] * 12, *others, least=1)] == [12]


def test_who_is_alike_by_steps_is_in_one_ring_and_the_largest_comes_first():
    more = LOOP.replace("    return", "    assert len(states)\n    return")
    most = more.replace("    return", "    assert len(x)\n    return")
    found = rings(most, LOOP, OTHER, RENAMED, more, OTHER, least=0.92)
    assert [ring[0] for ring in found] == [("s0", "s1", "s3", "s4"), ("s2", "s5")]
    assert found[0][1] < found[0][2] == 1


def test_a_body_that_was_moved_to_another_cell_is_compared_too():
    helper = SIGNATURE.replace("rnn_forward", "helper") + LOOP
    cells = [("code", helper), ("code", "rnn_forward = lambda *all: helper(*all)")]
    [answer] = answers_of(cells, ["rnn_forward"]).values()
    assert answer == cells[1][1] and with_helpers(answer, cells).startswith(helper)
    assert with_helpers(helper, cells) == helper


def test_the_last_cell_with_the_function_is_the_answer():
    cells = [
        ("code", "def f():\n    1"),
        ("markdown", "def f():"),
        ("code", "y = 2\ndef f():\n    2"),
        ("code", "def ff(): 3"),
    ]
    assert answers_of(cells, ["f", "g"]) == {"f": "y = 2\ndef f():\n    2"}


@pytest.mark.parametrize(
    "code", ["'" * 9, '"""', "def f(", "\\", "\x00", "(" * 5000, "=" * 5000, "a," * 9000, "é = 1", "\n" * 9000]
)
def test_code_that_is_none_is_cut_into_tokens_all_the_same(code):
    assert isinstance(tokens(code, "f"), list)


@pytest.fixture
def graded(tmp_path):
    """A graded class of three, two of which wrote the same."""
    bodies = {"ada": LOOP, "bob": RENAMED + "    # " + " ".join(HOSTILE).replace("\n", " "), "<b>cyd</b>": OTHER}
    folder, found = tmp_path / "class", {}
    folder.mkdir()
    for number, (who, body) in enumerate(bodies.items()):
        path = folder / f"{number}.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(SIGNATURE + body)]), path)
        found[who] = replace(verdict(who, 2, 3), sha256=sha256(path))
    paths = {who: folder / f"{number}.ipynb" for number, who in enumerate(bodies)}
    keep(tmp_path, found, {"limits": asdict(Limits())}, paths)
    return tmp_path


def test_a_page_shows_all_sides_and_says_that_it_is_no_verdict(graded):
    run = CliRunner().invoke(cli.main, ["similar", str(graded)])
    assert run.exit_code == 0 and f"1 rings to look at: {graded / 'similar.html'}" in run.output
    page = Text(graded / "similar.html")
    assert "This is a hint where to look, and no verdict." in page.text and "ada and bob : 100 % alike" in page.text
    assert "states.append(h)" in page.text and "out.append(state)" in page.text and "cyd" not in page.text
    assert "<script>alert(1)</script>" in page.text and "script" not in page.tags and page.links == []


def test_least_is_how_much_they_must_agree(graded):
    run = CliRunner().invoke(cli.main, ["similar", str(graded), "--least", "0"])
    assert "1 rings" in run.output and "<b>cyd</b>" in Text(graded / "similar.html").text
