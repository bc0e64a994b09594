"""Answers as strangers hand them in, written before the checker's rules were read: whole functions, wrong and right.

Each module has what a notebook gives, then answers; a comment above an answer says what is true of it.
`# wrong:` or `# two:` is the cause of what is wrong, and `# says:` a pattern that a message which names it contains
(of two mistakes, two patterns); `# right:` says in which way it is written. A pattern can err, so `read.json` holds
the judgement of a reader, message by message. One half, A, was there to mend the rules by; B measures.
"""

import ast
import dataclasses
import importlib
import linecache
import random
import re
from pathlib import Path

from course_rnn.checking.question import Question

CHAPTERS = (
    "sequential_data",
    "simple_rnn",
    "deep_rnn",
    "bidirectional_rnn",
    "seq2seq",
    "gradients",
    "lstm_gru",
    "gpu",
    "outlook",
)


@dataclasses.dataclass(frozen=True)
class Answer:
    """One function as it was handed in, and what is true of it."""

    name: str  # of the question
    kind: str  # wrong, two or right
    about: str  # the true cause, or the way in which it is written
    says: tuple[str, ...]  # patterns, each of which a right message contains
    source: str
    given: str  # what the notebook has above it
    half: str  # A or B

    @property
    def key(self):
        return f"{self.name}: {self.about}"

    def function(self):
        """The answer, as a notebook would have made it: its source can be looked up."""
        file = f"<answer {self.key}>"
        linecache.cache[file] = len(self.source), None, self.source.splitlines(keepends=True), file
        scope = {"__name__": "__main__"}
        exec(compile(self.given, "<given>", "exec"), scope)
        exec(compile(self.source, file, "exec"), scope)
        return scope[self.name]


def questions():
    """Name -> question, each once, where it belongs."""
    found = {}
    for chapter in CHAPTERS:
        module = importlib.import_module(f"course_rnn.questions.{chapter}")
        found |= {name: value for name, value in vars(module).items() if isinstance(value, Question)}
    return found


def answers():
    """All answers, each in its half, by a draw that stays the same; those to questions that are gone are left out."""
    draw, found, asked = random.Random(23), [], questions()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name != "__init__.py":
            given, *parts = re.split(r"\n(?=# (?:wrong|two|right): )", path.read_text())
            found += [read(given, part, draw.choice("AB")) for part in parts]
    return [answer for answer in found if answer.name in asked]


def read(given, part, half):
    """The answer that stands in one part of a module."""
    kind, about = re.match(r"# (\w+): (.*)", part).groups()
    says = tuple(re.findall(r"^# says: (.*)$", part, re.MULTILINE))
    source = part[part.index("\ndef ") + 1 :].rstrip() + "\n"
    (name,) = (node.name for node in ast.parse(source).body)
    return Answer(name, kind, about, says, source, given, half)
