"""Who handed in what: a folder, student folders, the zips of Moodle and Canvas, and what is none of these."""

import os
import stat
import zipfile

import pytest

from course_rnn.grading.intake import submissions
from course_rnn.grading.intake.submissions import collect
from course_rnn.grading.text import file_name

NOTEBOOK = '{"cells": []}'
ASSIGNMENTS = ("02_simple_rnn", "03_backprop")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    return folder


@pytest.fixture
def gather(tmp_path):
    """Collect and give what was found by student."""

    def gather(source):
        found, gather.left_out = collect(source, tmp_path / "unpacked", ASSIGNMENTS)
        assert [each.student for each in found] == sorted(each.student for each in found)
        return {each.student: each for each in found}

    return gather


def put(*paths, content=NOTEBOOK):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (10**9, 10**9))  # all at the same time


def zipped(path, *names, **contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, contents.get(name, NOTEBOOK))
    return path


def test_a_folder_of_files(folder, gather):
    put(folder / "ada.ipynb", folder / "bob (2).ipynb", folder / "02_simple_rnn_eve.IPYNB", folder / "notes.txt")
    put(folder / "02_simple_rnn.ipynb", folder / ".hidden.ipynb")
    found = gather(folder)
    assert list(found) == ["02_simple_rnn", "ada", "bob", "eve"]
    assert all(each.path.is_absolute() and not each.problem and each.submitted for each in found.values())
    assert gather.left_out == ["notes.txt: not a notebook."]


def test_a_folder_of_student_folders(folder, gather):
    put(folder / "ada" / "lab.ipynb", folder / "ada" / ".ipynb_checkpoints" / "lab-checkpoint.ipynb")
    put(
        folder / "bob" / "deep" / "down" / "lab (2).ipynb", folder / "bob" / "data.csv", folder / "__MACOSX" / "x.ipynb"
    )
    found = gather(folder)
    assert {name: each.path.name for name, each in found.items()} == {"ada": "lab.ipynb", "bob": "lab (2).ipynb"}
    assert not any(each.problem for each in found.values())


def test_the_submitted_folder_of_an_nbgrader_course(folder, tmp_path):
    put(folder / "ada" / "02_simple_rnn" / "02_simple_rnn.ipynb", folder / "ada" / "03_backprop" / "03_backprop.ipynb")
    found, _ = collect(folder, tmp_path / "unpacked", ASSIGNMENTS, "03_backprop")
    assert [(each.student, each.path.name, each.problem) for each in found] == [("ada", "03_backprop.ipynb", "")]


def test_a_single_notebook(folder, gather):
    put(folder / "02_simple_rnn_ada.ipynb")
    assert list(gather(folder / "02_simple_rnn_ada.ipynb")) == ["ada"]


@pytest.mark.parametrize("end", ["", "_"])
def test_a_zip_of_moodle_with_folders(tmp_path, gather, end):
    names = [
        f"Ada Lovelace_17_assignsubmission_file{end}/lab.ipynb",
        f"Ada Lovelace_18_assignsubmission_file{end}/a.ipynb",
    ]
    found = gather(zipped(tmp_path / "export.zip", *names, f"Bob_19_assignsubmission_onlinetext{end}/text.html"))
    assert list(found) == ["Ada Lovelace_17", "Ada Lovelace_18", "Bob_19"]
    assert found["Bob_19"].problem == "No notebook was handed in, only text.html."


def test_a_zip_of_moodle_without_folders(tmp_path, gather):
    found = gather(zipped(tmp_path / "export.zip", "Ada L_17_assignsubmission_file_02_simple_rnn.ipynb"))
    assert found["Ada L_17"].filename == "02_simple_rnn.ipynb" and not found["Ada L_17"].problem


def test_a_zip_of_canvas(tmp_path, gather):
    names = ["lovelaceada_101_5001_lab.ipynb", "byronbob_LATE_102_5002_02_simple_rnn-1.ipynb", "zed_103_5003_essay.pdf"]
    found = gather(zipped(tmp_path / "export.zip", *names))
    assert list(found) == ["byronbob_102", "lovelaceada_101", "zed_103"]
    assert found["byronbob_102"].filename == "02_simple_rnn-1.ipynb"
    assert found["zed_103"].problem == "No notebook was handed in, only zed_103_5003_essay.pdf."


def test_numbers_in_a_name_do_not_make_it_one_of_canvas(folder, gather):
    put(folder / "lab_2026_11_ada.ipynb", folder / "bob.ipynb")
    assert list(gather(folder)) == ["bob", "lab_2026_11_ada"]


def test_a_zipped_folder_of_student_folders(tmp_path, gather):
    found = gather(zipped(tmp_path / "lab2.zip", "lab2/ada/x.ipynb", "lab2/bob/x.ipynb", "__MACOSX/lab2/ada/._x.ipynb"))
    assert list(found) == ["ada", "bob"]


def test_two_notebooks_are_a_problem_that_names_them(folder, gather):
    put(folder / "ada" / "a.ipynb", folder / "ada" / "b.ipynb", folder / "eve.ipynb", folder / "eve (1).ipynb")
    found = gather(folder)
    assert found["ada"].problem == "2 notebooks were handed in: a.ipynb, b.ipynb."
    assert "eve (1).ipynb, eve.ipynb" in found["eve"].problem


def test_of_two_notebooks_the_newer_counts_by_its_own_time(folder, gather):
    put(folder / "ada" / "a.ipynb", folder / "ada" / "b.ipynb", folder / "ada" / "c.ipynb")
    os.utime(folder / "ada" / "b.ipynb", (10**9 + 60, 10**9 + 60))
    found = gather(folder)["ada"]
    assert (found.path.name, found.problem) == ("b.ipynb", "")
    assert found.notes == ("Of 3 files that were handed in, the newest counts: b.ipynb.",)
    os.utime(folder / "ada" / "a.ipynb", (10**9 + 61, 10**9 + 61))
    assert gather(folder)["ada"].problem == "3 notebooks were handed in: a.ipynb, b.ipynb, c.ipynb.", (
        "a zip rounds times"
    )


def test_an_empty_folder_is_a_student_who_handed_in_nothing(folder, gather):
    (folder / "ada").mkdir()
    assert gather(folder)["ada"].problem == "Nothing was handed in."


def test_nothing_to_grade_is_said(folder, gather, tmp_path):
    for source in (folder, zipped(tmp_path / "empty.zip")):
        with pytest.raises(ValueError, match="There is no submission"):
            gather(source)
    broken = zipped(tmp_path / "broken.zip", "ada/lab.ipynb")
    broken.write_bytes(broken.read_bytes().replace(b"PK\1\2", b"PK\7\7"))
    with pytest.raises(ValueError, match="damaged zip"):
        gather(broken)
    put(tmp_path / "list.csv")
    with pytest.raises(ValueError, match="neither a folder, nor a zip, nor a notebook"):
        gather(tmp_path / "list.csv")


def test_links_are_never_followed(folder, gather, tmp_path):
    put(tmp_path / "secret" / "key.ipynb", folder / "zoe.ipynb")
    (folder / "ada.ipynb").symlink_to(tmp_path / "secret" / "key.ipynb")
    (folder / "bob").mkdir()
    (folder / "bob" / "inside").symlink_to(tmp_path / "secret")
    (folder / "eve").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret" / "key.ipynb", folder / "mal.ipynb")
    os.mkfifo(folder / "pip.ipynb")
    found = gather(folder)
    assert found["ada"].problem == "ada.ipynb is a link, not a file."
    assert found["bob"].problem == "No notebook was handed in, only inside."
    assert "hard link" in found["mal"].problem
    assert found["pip"].problem == "pip.ipynb is not a plain file."
    assert not found["zoe"].problem
    assert gather.left_out == ["eve: not a notebook."]


def test_names_of_any_kind_stay_text(folder, gather):
    names = ["a b", "it's", '"q"', "new\nline", "<b>bold</b>", "=1+1", "ünïcödé", "{{ 7 * 7 }}", "%s", "-rf"]
    for name in names:
        put(folder / f"{name}.ipynb".replace("/", "∕"))
    assert list(gather(folder)) == sorted(name.replace("/", "∕") for name in names)


def test_a_name_that_is_no_text_is_spelt_out(folder, gather):
    with open(os.fsencode(folder) + b"/ad\xff.ipynb", "w") as file:
        file.write(NOTEBOOK)
    found = gather(folder)
    assert list(found) == ["ad\\xff"] and found["ad\\xff"].path.exists()


# ---------------------------------------------------------------------- hostile zips


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "name", ["../evil.ipynb", "/tmp/evil.ipynb", "bob/../../evil.ipynb", "..\\evil.ipynb", "C:\\evil.ipynb"]
)
def test_a_name_in_a_zip_never_leads_out_of_the_folder(tmp_path, gather, name):
    archive = zipped(tmp_path / "export.zip", "ada/lab.ipynb", name)
    before = everything(tmp_path)
    found = gather(archive)
    assert [path for path in everything(tmp_path) if path not in before and not path.startswith("unpacked")] == []
    assert not found["ada"].problem
    assert gather.left_out == [f"{name}: the name leads out of the folder."]
    assert set(found) <= {"ada", "bob"} and ("bob" in found) == name.startswith("bob")


def test_a_link_in_a_zip_becomes_a_file_that_says_where_it_wanted_to_lead(tmp_path, gather):
    entry = zipfile.ZipInfo("eve/lab.ipynb")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    path = gather(tmp_path / "export.zip")["eve"].path
    assert not path.is_symlink() and path.read_text() == "/etc/passwd"


def test_a_zip_bomb_is_unpacked_only_so_far_that_it_is_seen_to_be_too_large(tmp_path, gather, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST", 3 << 20)
    archive = zipped(tmp_path / "export.zip", "eve/lab.ipynb", **{"eve/lab.ipynb": b"0" * (50 << 20)})
    assert gather(archive)["eve"].path.stat().st_size == 3 << 20


def test_other_files_of_a_zip_are_not_unpacked(tmp_path, gather):
    archive = zipped(tmp_path / "export.zip", "ada/lab.ipynb", "ada/data.bin", **{"ada/data.bin": b"0" * 1000})
    assert (gather(archive)["ada"].path.parent / "data.bin").stat().st_size == 0


def test_a_name_that_stands_twice_does_not_overwrite(tmp_path, gather):
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ada/lab.ipynb", "first")
        archive.writestr("ada/lab.ipynb", "second")
    assert gather(tmp_path / "export.zip")["ada"].path.read_text() == "first"
    assert "ada/lab.ipynb" in gather.left_out[0]


@pytest.mark.parametrize("name", ["x" * 300 + ".ipynb", "ada/lab.ipynb/more.ipynb"])
def test_a_name_that_cannot_be_a_file_is_left_out_and_said(tmp_path, gather, name):
    assert list(gather(zipped(tmp_path / "export.zip", "ada/lab.ipynb", name))) == ["ada"]
    assert gather.left_out[0].startswith(name[:200])


def test_a_damaged_entry_is_left_out_and_said(tmp_path, gather):
    archive = zipped(tmp_path / "export.zip", "ada/lab.ipynb", "bob/lab.ipynb")
    content = bytearray(archive.read_bytes())
    content[content.index(b"bob/lab.ipynb") + 20] ^= 255
    archive.write_bytes(content)
    assert not gather(archive)["ada"].problem
    assert gather.left_out[0].startswith("bob/lab.ipynb")


def test_unpacking_again_starts_from_an_empty_folder(tmp_path, gather):
    gather(zipped(tmp_path / "export.zip", "ada/lab.ipynb"))
    assert list(gather(zipped(tmp_path / "export.zip", "bob/lab.ipynb"))) == ["bob"]


# ---------------------------------------------------------------------- names and hashes


def test_a_file_name_is_plain_short_and_its_own():
    names = [
        "../../etc/passwd",
        "..",
        "",
        "a/b",
        "a\\b",
        "a\0b",
        "x" * 300,
        "CON:",
        "con",
        "LPT1.x",
        "<script>",
        "a\nb",
        "ada",
        "[ab]*",
    ]
    made = [file_name(name) for name in names]
    assert len(set(made)) == len(names)
    for name in made:
        assert 0 < len(name.encode()) < 255 and name[0] != "." and not set(name) & set('/\\\0<>:"|?*[]\n')
    assert file_name("ada") == "ada"
    assert file_name(file_name("a/b")) != file_name("a/b"), "nobody can take the page of another"
    assert file_name("con").startswith("con-") and file_name("console") == "console"


def test_folders_that_are_very_deep_or_very_full_are_looked_at_only_so_far(folder, gather):
    deep = folder / "ada"
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir(parents=True)
    (deep / "lab.ipynb").write_text(NOTEBOOK)
    (folder / "bob").mkdir()
    for number in range(submissions.MOST_FILES + 200):
        (folder / "bob" / f"{number}.txt").touch()
    found = gather(folder)
    assert found["ada"].problem == "Nothing was handed in." and found["bob"].problem.startswith(
        "No notebook was handed in"
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_that_may_ask_for_gigabytes_is_not_unpacked(tmp_path, gather, method):
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("ada/lab.ipynb", NOTEBOOK)
        archive.writestr("bob/lab.ipynb", NOTEBOOK, method)
    gather(tmp_path / "export.zip")
    assert "bob/lab.ipynb: it is compressed in an unusual way." in gather.left_out


def test_what_a_student_has_in_a_zip_has_one_limit(tmp_path, gather, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST", 3 << 20)
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"eve/{number}.ipynb", b"0" * (2 << 20))
        archive.writestr("ada/lab.ipynb", NOTEBOOK)
    found = gather(tmp_path / "export.zip")
    sizes = sum(path.stat().st_size for path in (tmp_path / "unpacked" / "eve").iterdir())
    assert sizes == 3 << 20 and not found["ada"].problem
