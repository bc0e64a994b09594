"""Other processors are imitated, and what differs under one of them is named."""

import os
import re
import subprocess
import sys

import nbformat
import processors
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from processors import NEITHER, SETTINGS

HERE = {name for name, setting in SETTINGS.items() if processors.answer(setting)[0] == setting["OPENBLAS_CORETYPE"]}
PRODUCT = "import numpy as np, torch; x = np.linspace(0, 1, 999).reshape(37, 27); "


@pytest.fixture
def printed(tmp_path):
    """``printed(source, text)``: a notebook of one cell that printed a text when it was run."""

    def write(source, text):
        cell = new_code_cell(source, execution_count=1, outputs=[new_output("stream", name="stdout", text=text + "\n")])
        nbformat.write(new_notebook(cells=[cell]), tmp_path / "page.ipynb")
        return str(tmp_path / "page.ipynb")

    return write


def test_a_setting_is_what_it_says():
    """Every x86 processor has the instructions of the least setting, and it is another than the one we run on."""
    assert NEITHER in HERE
    for name in HERE:
        setting = SETTINGS[name]
        assert processors.answer(setting) == [setting["OPENBLAS_CORETYPE"], setting["ATEN_CPU_CAPABILITY"].upper()]


def test_a_page_that_holds_on_one_processor_only_is_named(printed, capsys, monkeypatch):
    asks = "from threadpoolctl import threadpool_info as t; import numpy; print(t()[0]['architecture'])"
    monkeypatch.setattr(processors, "SETTINGS", {name: SETTINGS[name] for name in HERE})
    assert processors.main([printed(asks, "Nehalem")]) == len(HERE) - 1
    said = re.split(r"^(\S.*): OpenBLAS .*\n", capsys.readouterr().out, flags=re.MULTILINE)
    blocks = dict(zip(said[1::2], said[2::2], strict=True))
    assert set(blocks) == HERE
    for name, block in blocks.items():
        if name == NEITHER:
            assert block.strip() == "0 of 1 differ"
        else:
            assert "page.ipynb Cell 0" in block and "'Nehalem\\n' == " in block and "  1 of 1 differ" in block
            assert "x1B" not in block


@pytest.mark.parametrize("drawn", ["x @ x.T", "np.tanh(x)", "torch.tensor(x) @ torch.tensor(x).T"])
def test_a_setting_changes_the_last_bits(drawn, tmp_path):
    """Else it would imitate nothing. The bytes of a result are compared."""
    source = f"import hashlib; {PRODUCT}print(hashlib.md5(np.asarray({drawn}).tobytes()).hexdigest())"

    def digest(setting):
        command = [sys.executable, "-c", source]
        environment = os.environ | setting
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

    assert len({digest(SETTINGS[name]) for name in HERE}) > 1


def test_what_cannot_be_imitated_is_said(capsys, monkeypatch):
    impossible = SETTINGS[NEITHER] | {"OPENBLAS_CORETYPE": "ABACUS"}
    monkeypatch.setattr(processors, "SETTINGS", {"abacus": impossible})
    assert processors.main([]) == 0
    assert capsys.readouterr().out.startswith("abacus: cannot be imitated here")
