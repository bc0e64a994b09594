"""Measure the grader beside nbgrader's own autograder, on the same submissions in one run.

A class answers the two questions of examples/leaky_integrator.py. Both graders run as commands, in turns, so that a
slow minute of the machine hits both: ours with one process and with two, nbgrader's with the one that it has. CPU time
is that of a command and everything that it started. Then a class of 50 and one of 1,000 show whether memory grows.
The result goes to benchmarks/results/grading.json.

    python benchmarks/grading.py
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import nbformat
import psutil

from course_rnn import machine
from course_rnn.grading import course
from course_rnn.grading.out.handouts import points_id, release, with_metadata
from course_rnn.grading.store import Store

RESULT = Path(__file__).resolve().parent / "results" / "grading.json"
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "leaky_integrator.py"
NAME = EXAMPLE.stem
ROUNDS, STUDENTS, SMALL, LARGE = 3, 24, 50, 1000
PAUSE = 0.1  # seconds between two looks at the memory
STUB = "    raise NotImplementedError  # your code here"
FORWARD = """    h, y = np.zeros_like(x[0]), []
    for x_t in x:
        h = leaky_step(h, x_t, leak)
        y.append(h)
    return np.stack(y)"""
STEPS = [
    "    return (1 - leak) * h + leak * x",
    "    return leak * h + (1 - leak) * x",
    "    return h + leak * x",
    STUB,
]
NOTES = (
    "CPU seconds: of the command and all that it started, start-up included. Throughput: submissions a minute between "
    "the first verdict and the last. Both graders run the same four kinds of answers. The sandbox is ours alone: "
    "nbgrader runs the students' code in the kernel that computes the score. Peak memory: of the coordinating process, "
    "and of the largest grading process; the sandboxes have limits of their own."
)


def hand_in(folder, students, exercise):
    """Write the notebooks of a class, as nbgrader expects them; four kinds of answers in turn."""
    for student in range(students):
        notebook = nbformat.from_dict(exercise)
        answers = {"leaky_step": STEPS[student % len(STEPS)], "leaky_forward": FORWARD}
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = cell.source.replace(STUB, answers.get(name, STUB))
        path = folder / f"student{student:04}" / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def nbgrader_course(root, chapter, solution):
    """An nbgrader course whose checks give the points of the visible cases; returns its exercise."""
    source = with_metadata(solution, chapter)
    for cell in source.cells:
        for name in chapter.questions:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == points_id(name):
                where = f"import sys\nsys.path.insert(0, {str(EXAMPLE.parent)!r})\nimport {NAME} as q"
                cell.source = f"{where}\nresult = q.{name}.check({name})\ndisplay(result)\nresult.points"
    path = root / "source" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    stub = f'ClearSolutions.code_stub = {{"python": "{STUB.strip()}"}}'
    (root / "nbgrader_config.py").write_text(f"get_config().{stub}\n")
    command("nbgrader", "generate_assignment", NAME, cwd=root)
    return nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)


def command(*arguments, cwd=None, watch=None):
    """Run a command of this environment; returns its wall and CPU seconds."""
    folder = os.path.dirname(sys.executable)
    environment = os.environ | {"PATH": os.pathsep.join([folder, os.environ["PATH"]]), "OMP_NUM_THREADS": "1"}
    environment |= {"OPENBLAS_NUM_THREADS": "1"}
    wall, cpu = time.perf_counter(), cpu_of_children()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(list(map(str, arguments)), cwd=cwd, env=environment, stdout=log, stderr=log)
        while watch and process.poll() is None:
            watch(process.pid)
            time.sleep(PAUSE)
        if process.wait():
            log.seek(0)
            raise SystemExit(f"{arguments} failed:\n{log.read().decode()[-3000:]}")
    return {"wall_s": time.perf_counter() - wall, "cpu_s": cpu_of_children() - cpu}


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def verdicts_of(folder):
    """The verdicts that are in a folder of grades so far."""
    try:
        with Store(folder) as store:
            return store.verdicts()
    except (ValueError, OSError):  # there are none yet
        return {}


class Watch:
    """Follows a run of ours: how many verdicts there are when, and the largest memory of its processes."""

    def __init__(self, out):
        self.out = out
        self.seen = []  # (seconds, verdicts)
        self.peak = {"coordinator": 0, "grading process": 0}

    def __call__(self, pid):
        done = len(verdicts_of(self.out))
        if done and (not self.seen or done > self.seen[-1][1]):
            self.seen.append((time.perf_counter(), done))
        try:
            processes = psutil.Process(pid).children(recursive=True)
            self.look("coordinator", pid)
            for process in processes:
                if "spawn_main" in " ".join(process.cmdline()):
                    self.look("grading process", process.pid)
        except (psutil.Error, OSError):
            pass  # it has just ended

    def look(self, role, pid):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                self.peak[role] = max(self.peak[role], int(line.split()[1]) / 1024)

    def per_minute(self):
        (first, before), (last, after) = self.seen[0], self.seen[-1]
        return 60 * (after - before) / (last - first)


def ours(submissions, out, jobs):
    """Grade a class with our command; what it took, and what the scores are."""
    watch = Watch(out)
    options = "--assignment", NAME, "--questions", EXAMPLE, "--seed", "0123456789abcdef", "--jobs", jobs
    took = command("course-rnn", "grade", submissions, "--out", out, *options, watch=watch)
    scores = {student: verdict.score for student, verdict in verdicts_of(out).items()}
    took |= {"submissions_per_minute": watch.per_minute(), "peak_mb": watch.peak}
    return took, scores


def theirs(root):
    """Grade the same class with nbgrader; what it took, and what the scores are."""
    from nbgrader.api import Gradebook

    took = command("nbgrader", "autograde", NAME, "--force", cwd=root)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        return took, {each.student_id: each.score for each in gradebook.assignment_submissions(NAME)}


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 2) if isinstance(value, float) else value


def main():
    chapter = course.read(EXAMPLE).chapters()[NAME]
    solution = nbformat.read(EXAMPLE.with_suffix(".ipynb"), as_version=4)
    runs = {"ours, 1 process": [], "ours, 2 processes": [], "nbgrader": []}
    memory = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        hand_in(root / "course" / "submitted", STUDENTS, nbgrader_course(root / "course", chapter, solution))
        for turn in range(ROUNDS):
            for jobs, name in ((1, "ours, 1 process"), (2, "ours, 2 processes")):
                took, scores = ours(root / "course" / "submitted", root / f"grades-{turn}-{jobs}", jobs)
                runs[name].append(took)
                print(f"{name}: {took['cpu_s'] / STUDENTS:.2f} CPU s a submission", flush=True)
            took, their_scores = theirs(root / "course")
            runs["nbgrader"].append(took)
            print(f"nbgrader: {took['cpu_s'] / STUDENTS:.2f} CPU s a submission", flush=True)
            if scores != their_scores:
                raise SystemExit(f"The graders disagree: {scores} and {their_scores}")
        for students in (SMALL, LARGE):
            hand_in(root / f"class-{students}", students, release(solution, chapter))
            memory[students], _ = ours(root / f"class-{students}", root / f"grades-{students}", jobs=2)
            print(f"{students} submissions: {memory[students]}", flush=True)
    for took in runs.values():
        for each in took:
            each["cpu_s_per_submission"] = each["cpu_s"] / STUDENTS
    middle = {
        name: {key: median(each[key] for each in took) for key in took[0] if key != "peak_mb"}
        for name, took in runs.items()
    }
    one, two = (middle[name] for name in ("ours, 1 process", "ours, 2 processes"))
    result = {
        "hardware": machine.hardware(),
        "versions": machine.versions("course-rnn", "nbgrader", "numpy", "distributed"),
        "notes": NOTES,
        "submissions": STUDENTS,
        "questions": len(chapter.questions),
        "rounds": ROUNDS,
        "medians": middle,
        "times_less_cpu_than_nbgrader": middle["nbgrader"]["cpu_s"] / one["cpu_s"],
        "speedup_of_2_processes": two["submissions_per_minute"] / one["submissions_per_minute"],
        "class_sizes": memory,
        "memory_of_1000_over_50": {
            role: memory[LARGE]["peak_mb"][role] / memory[SMALL]["peak_mb"][role] for role in memory[SMALL]["peak_mb"]
        },
        "all_rounds": runs,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rounded(result), indent=2) + "\n")


if __name__ == "__main__":
    main()
