"""Measure how long each notebook of the course takes: a fresh kernel, all its cells, nothing written back.

A reader waits for the wall time; the CPU time of the kernel is steadier. The result goes to
benchmarks/results/notebooks.json, with the time of a build of the book, cold and warm.

    python benchmarks/notebooks.py
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course_rnn import machine

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "notebooks.json"
LIMITS = {"book": 40, "solutions": 10, "exercises": 10}  # seconds, on two cores


def run(path):
    """Run a copy of a notebook beside it, as some read files; wall and CPU seconds of everything that it starts."""
    copy = Path(shutil.copy(path, path.with_name(f".timed-{path.name}")))
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        subprocess.run([sys.executable, "-m", "course_rnn.notebooks", copy], cwd=ROOT, check=True, capture_output=True)
    finally:
        copy.unlink()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(time.perf_counter() - wall, 1), "cpu_s": round(cpu, 1)}


def build(folder):
    """Wall seconds of a build of the book into an empty folder, and of a second one that finds nothing changed."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--toc", "book/_toc.yml", "--quiet"]
    seconds = []
    for _ in range(2):
        begin = time.perf_counter()
        subprocess.run([*command, "--path-output", folder], cwd=ROOT, check=True, capture_output=True)
        seconds.append(round(time.perf_counter() - begin, 1))
    return dict(zip(("cold_s", "warm_s"), seconds, strict=True))


def main():
    """Run every notebook, print a table and write the result."""
    rows = {}
    for part, limit in LIMITS.items():
        for path in sorted((ROOT / part).glob("*.ipynb")):
            row = rows[f"{part}/{path.name}"] = run(path)
            over = f"   over {limit} s" if row["cpu_s"] > limit else ""
            print(f"{part}/{path.name:<32} wall {row['wall_s']:6.1f} s   CPU {row['cpu_s']:6.1f} s{over}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        book = build(folder)
    print(f"build of the book: cold {book['cold_s']} s, warm {book['warm_s']} s")
    print(f"all notebooks: {sum(row['wall_s'] for row in rows.values()):.0f} s, one after the other")
    versions = machine.versions("numpy", "torch", "nbclient")
    result = {"hardware": machine.hardware(), "versions": versions, "notebooks": rows, "build": book}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
