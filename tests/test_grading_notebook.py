"""Reading a stranger's notebook: its code whatever its disorder, or a reason why not."""

import io
import json
import os
import tracemalloc
import zipfile
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from course_rnn.grading.intake.files import Rejected, assignment_of, fingerprint, read
from course_rnn.grading.limits import DEFAULTS, Limits
from course_rnn.grading.text import plain
from course_rnn.grading.worker import reading
from course_rnn.grading.worker.frames import unpack

KNOWN = ["02_simple_rnn", "02_simple_rnn_extra", "03_bidirectional_rnn"]


def code(*sources, **more):
    return [{"cell_type": "code", "source": source, **more} for source in sources]


def asked(content, limits=DEFAULTS):
    """What the room says of the bytes of a notebook."""
    command = {"of": "notebook", "content": np.frombuffer(content, np.uint8)}
    return reading.read(command, asdict(limits))


def parsed(book, limits=DEFAULTS):
    """The code cells and the assignment of a notebook."""
    said = asked(json.dumps(book).encode(), limits)
    return SimpleNamespace(cells=unpack(said["cells"]), assignment=said["assignment"])


# ---------------------------------------------------------------------- the file


def test_a_plain_file_is_read_whole(tmp_path):
    path = tmp_path / "lab.ipynb"
    path.write_bytes(b"{}" * 1000)
    assert read(path, DEFAULTS) == b"{}" * 1000


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "lab.ipynb").symlink_to(tmp_path / "secret")
    with pytest.raises(Rejected, match="is a link"):
        read(tmp_path / "lab.ipynb", DEFAULTS)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "lab.ipynb")
    with pytest.raises(Rejected, match="not a plain file"):
        read(tmp_path / "lab.ipynb", DEFAULTS)


def test_a_device_and_a_folder_are_no_files(tmp_path):
    for path in ("/dev/zero", tmp_path):
        with pytest.raises(Rejected, match="not a plain file"):
            read(path, DEFAULTS)


def test_a_file_that_is_not_there_is_rejected(tmp_path):
    with pytest.raises(Rejected, match="No such file"):
        read(tmp_path / "lab.ipynb", DEFAULTS)


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "lab.ipynb"
    with open(path, "wb") as file:
        file.truncate(3 << 20)
    assert len(read(path, Limits(notebook_mb=3))) == 3 << 20
    with pytest.raises(Rejected, match="3 MiB, and 2 MiB are allowed"):
        read(path, Limits(notebook_mb=2))


def test_a_fingerprint_is_that_of_a_plain_file_and_costs_little_where_it_is_too_large(tmp_path):
    (tmp_path / "a.ipynb").write_text("")
    (tmp_path / "link").symlink_to("a.ipynb")
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
    known = {name: fingerprint(tmp_path / name, DEFAULTS) for name in ("a.ipynb", "link", "pipe", "none", "", "sparse")}
    assert known["a.ipynb"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [known[name] for name in ("link", "pipe", "none", "")] == [""] * 4
    assert len(known["sparse"]) == 64
    os.utime(tmp_path / "sparse", (1, 1))
    assert fingerprint(tmp_path / "sparse", DEFAULTS) != known["sparse"]


# ---------------------------------------------------------------------- the cells


@pytest.mark.parametrize("source", ["x = 1\ny = 2", ["x = 1\n", "y = 2"], ["x = 1\n", None, 7, "y = 2"]])
def test_source_is_a_text_or_lines(source):
    assert parsed({"cells": code(source)}).cells == ["x = 1\ny = 2"]


def test_only_code_counts_and_the_order_stays():
    cells = [*code("a"), {"cell_type": "markdown", "source": "b"}, None, 3, [], {}, *code("c", None, {"d": 1})]
    assert parsed({"cells": cells}).cells == ["a", "c", "", ""]


def test_the_older_format_is_read():
    sheets = [{"cells": [{"cell_type": "code", "input": ["x\n", "y"]}]}, {"cells": code("z")}]
    assert parsed({"nbformat": 3, "worksheets": sheets}).cells == ["x\ny", "z"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"cells": [', b"\xff\xfe", b"\x00" * 9, b"[" * 10**5, b"9" * 10**5, b'{"cells": []', b"not json"],
)
def test_what_is_no_json_is_rejected(content):
    assert "JSON cannot be read" in asked(content)["refused"]


@pytest.mark.parametrize("book", [[], 7, "text", None, {}, {"cells": {}}, {"worksheets": [7]}, {"worksheets": []}])
def test_json_that_is_no_notebook_is_rejected(book):
    assert "not a notebook" in asked(json.dumps(book).encode())["refused"]


@pytest.mark.parametrize("depth", [2, 20, 500, 100_000])
def test_worksheets_in_worksheets_are_no_notebook_however_deep(depth):
    book = b'{"worksheets":[' * depth + b'{"cells":[]}' + b"]}" * depth
    assert "notebook" in asked(book)["refused"]


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# a", (1, "a")),
        ("###  b c ##", (3, "b c")),
        ("#no", (0, "")),
        ("a # b", (0, "")),
        ("#", (0, "")),
        ("", (0, "")),
    ],
)
def test_a_heading_has_a_level_and_a_text(line, heading):
    assert reading.heading_of(line) == heading


def test_too_many_cells_and_too_much_code_are_rejected():
    assert "1001 code cells" in asked(json.dumps({"cells": code(*["1"] * 1001)}).encode())["refused"]
    book = json.dumps({"cells": code("#" * 2000, "#" * 2000)}).encode()
    assert "3 KiB of code, and 2 KiB" in asked(book, Limits(code_kb=2))["refused"]


# ---------------------------------------------------------------------- which assignment


def test_metadata_tell_the_assignment():
    found = parsed({"cells": [], "metadata": {"course_rnn": {"assignment": "03_bidirectional_rnn"}}})
    assert assignment_of(found.assignment, "02_simple_rnn.ipynb", KNOWN) == "03_bidirectional_rnn"


@pytest.mark.parametrize("metadata", [None, [], {"course_rnn": 3}, {"course_rnn": {"assignment": ["x"]}}])
def test_metadata_in_disorder_tell_nothing(metadata):
    assert parsed({"cells": [], "metadata": metadata}).assignment == ""


def test_an_assignment_that_nobody_knows_is_not_taken_from_metadata():
    assert assignment_of("../../etc", "02_simple_rnn.ipynb", KNOWN) == "02_simple_rnn"


@pytest.mark.parametrize(
    "name", ["02_simple_rnn.ipynb", "02_simple_rnn (2).ipynb", "ada_02_simple_rnn-1.ipynb", "Åsa 02_simple_rnn.ipynb"]
)
def test_the_file_name_tells_the_assignment(name):
    assert assignment_of("", name, KNOWN) == "02_simple_rnn"


def test_of_two_names_that_fit_the_longer_counts():
    assert assignment_of("", "02_simple_rnn_extra.ipynb", KNOWN) == "02_simple_rnn_extra"


@pytest.mark.parametrize("name", ["lab (2).ipynb", "102_simple_rnn.ipynb", "02_simple_rnns.ipynb", ""])
def test_where_nothing_tells_the_assignment_it_is_rejected(name):
    with pytest.raises(Rejected, match="which assignment"):
        assignment_of("", name, KNOWN)


# ---------------------------------------------------------------------- a stranger's words


def test_words_are_kept_and_tricks_are_not():
    assert plain("Grüße, 世界: <b>&amp;") == "Grüße, 世界: <b>&amp;"
    assert plain("a\nb") == "a b"
    assert plain("\x1b[31m\u202e\ud800\x00\u200b") == "�[31m����"
    plain("\ud800").encode()


def test_words_are_cut():
    assert plain("x" * 10**6, 10) == "x" * 10


@pytest.mark.parametrize("value", [None, 7, {}, ["x"]])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(TypeError, match="no text"):
        plain(value)


# ---------------------------------------------------------------------- a zip in the place of a notebook


def zip_of(**contents):
    """The bytes of a zip with some files, each a minute after the one before."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for minute, (name, text) in enumerate(contents.items()):
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 16, 12, minute, 0)), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def test_of_the_notebooks_in_a_zip_the_newest_is_read():
    old, new = (json.dumps({"cells": code(text)}) for text in ("old", "new"))
    said = asked(zip_of(**{"a.ipynb": old, "deep/b.ipynb": new, "__MACOSX/deep/._b.ipynb": "", "c.txt": ""}))
    assert unpack(said["cells"]) == ["new"] and said["inside"] == "b.ipynb"


def test_of_two_of_the_same_time_none_is_read():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("a.ipynb", "b.ipynb"):
            archive.writestr(zipfile.ZipInfo(name), "{}")
    assert "2 notebooks in the zip, and none is the newest: a.ipynb, b.ipynb" in asked(content.getvalue())["refused"]


@pytest.mark.parametrize(
    "content", [b"PK\3\4", zip_of(a="x"), zip_of(**{"a.zip": "x"}), zip_of(**{"a.ipynb": "{"})[:60]]
)
def test_a_zip_without_a_notebook_is_refused(content):
    assert asked(content)["refused"]


def test_a_zip_bomb_is_unpacked_only_so_far_that_it_is_seen_to_be_too_large():
    said = asked(zip_of(**{"a.ipynb": b"0" * (300 << 20)}), Limits(notebook_mb=2))
    assert "more than 2 MiB" in said["refused"]
    tracemalloc.start()
    asked(zip_of(**{"a.ipynb": b"0" * (60 << 20)}), Limits(notebook_mb=2))
    assert tracemalloc.get_traced_memory()[1] < 80 << 20
    tracemalloc.stop()


# ---------------------------------------------------------------------- what a person sees of a notebook


def seen(book, *headings):
    """The cells as the desk gets them."""
    command = {"of": "cells", "headings": headings, "content": np.frombuffer(json.dumps(book).encode(), np.uint8)}
    return [json.loads(line) for line in unpack(reading.read(command, asdict(DEFAULTS))["cells"])]


def test_cells_are_seen_with_outputs_and_pictures_and_where_they_stand():
    outputs = [
        {"output_type": "stream", "text": ["a", "b"]},
        {"output_type": "display_data", "data": {"image/png": "aGk=\n", "text/plain": "<Figure>"}},
        {"output_type": "error", "ename": "NameError", "evalue": "x"},
    ]
    attached = {"a.png": {"image/jpeg": "aGk=", "text/html": "<b>"}}
    cells = [
        {"cell_type": "markdown", "source": "# Why\nSay why.\n## More"},
        {"cell_type": "markdown", "source": "", "attachments": attached},
        {"cell_type": "code", "source": "f()", "outputs": outputs},
        {"cell_type": "markdown", "source": "# The end"},
    ]
    first, second, third, last = seen({"cells": cells}, "Why", "more", "none")
    assert [each["under"] for each in (first, second, third, last)] == [[0, 1], [0, 1], [0, 1], []]
    assert second["pictures"] == ["image/jpeg;aGk="]
    assert third["said"] == "ab\nNameError: x"
    assert third["pictures"] == ["image/png;aGk="]


@pytest.mark.parametrize(
    "cell",
    [
        3,
        {},
        {"cell_type": 3, "source": 4, "outputs": 5, "attachments": 6},
        {"cell_type": "code", "outputs": [3, {"data": 3}, {"text": 3}, {"data": {"image/png": 3, "text/plain": [3]}}]},
        {"cell_type": "markdown", "attachments": {"a": 3, "b": {"image/png": {}}}},
    ],
    ids=str,
)
def test_a_cell_in_disorder_is_seen_as_far_as_it_goes(cell):
    assert all(isinstance(each["source"], str) and not each["pictures"] for each in seen({"cells": [cell]}, "Why"))


def test_pictures_have_a_limit_together():
    picture = {"output_type": "display_data", "data": {"image/png": "A" * (3 << 20)}}
    found = seen({"cells": code("f()", outputs=[picture]) * 3})
    assert [len(each["pictures"]) for each in found] == [1, 0, 0]
