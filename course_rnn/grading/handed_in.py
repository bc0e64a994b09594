"""What a class handed in, read once more after it has been graded."""

import json
from pathlib import Path

from course_rnn.grading.assignments import chapters
from course_rnn.grading.intake.submissions import collect, sha256
from course_rnn.grading.limits import Limits
from course_rnn.grading.notebook import Rejected, fingerprint, parse, read

SETTINGS = "run.json"


def notebooks(folder, found):
    """Each student with the bytes of the notebook that their verdict is about, by name.

    The bytes are such as `notebook.parse` accepts; b"" where the file is no longer there, or another.

    Parameters
    ----------
    folder : path
        What `batch.grade_class` wrote.
    found : dict of str to Verdict

    Yields
    ------
    student : str
    content : bytes
    """
    folder = Path(folder)
    settings = json.loads((folder / SETTINGS).read_text())
    limits, known = Limits(**settings["limits"]), chapters(settings["questions"])
    handed_in, _ = collect(settings["submissions"], folder / "submissions", known, settings["assignment"])
    files = {sha256(each.path): each.path for each in handed_in}
    for student, verdict in sorted(found.items()):
        try:
            content = read(files[verdict.sha256], limits) if verdict.sha256 in files else b""
            if content:
                parse(content, limits)  # for its caps
            yield student, content if fingerprint(content) == verdict.sha256 else b""
        except Rejected:
            yield student, b""
