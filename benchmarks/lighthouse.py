"""How fast a page of the book is there, and how accessible: Lighthouse, as a phone on a slow network.

    python benchmarks/lighthouse.py [FOLDER] [--pages NAME ...] [--runs N] [--check]

FOLDER is a built book, by default _build/html. It is served on this machine, compressed as hosting services do, and
each page is loaded anew several times; medians are written to results/lighthouse.json, with the load of the machine.
Lighthouse simulates the phone (a slow network, a quarter of this processor's speed), so a busy machine gives lower
numbers. With --check the command fails where a goal is missed; the goals are those of `GOALS`.

Lighthouse is exactly what lighthouse/package-lock.json names; npm installs it, once.
"""

import argparse
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import date
from pathlib import Path
from statistics import median

from live import PROFILES, Host

from course_rnn import machine
from course_rnn.pages import npm

HERE = Path(__file__).parent
OUT = HERE / "results" / "lighthouse.json"
PAGES = ("book/index", "book/02_simple_rnn", "book/06_gradients", "book/07_lstm_gru")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {"fcp_s": "first-contentful-paint", "lcp_s": "largest-contentful-paint", "tbt_s": "total-blocking-time"}
#: What a page is to reach: at least, or at most.
GOALS = {"performance": 0.9, "accessibility": 1.0, "lcp_s": 2.5, "kb": 600, "html_kb": 300}
AT_LEAST = ("performance", "accessibility")
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"


def serve(folder):
    """Serve a folder on this machine; returns its address."""
    Host.profile = PROFILES["desktop"]  # Lighthouse has a network of its own
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Host, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def measure(address):
    """One load of a page: scores from 0 to 1, times in seconds, weights in thousands of bytes."""
    modules = npm.beside_python(HERE / "lighthouse", "lighthouse")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = [npm.tool("node"), modules / "lighthouse" / "cli" / "index.js", address, "--output=json"]
        command += [f"--output-path={out}", f"--chrome-flags={FLAGS}", "--quiet"]
        command += [f"--only-categories={','.join(CATEGORIES)}"]
        chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        subprocess.run(command, check=True, env=os.environ | {"CHROME_PATH": chromium or ""}, cwd=folder)
        report = json.loads(out.read_text())
    audits = report["audits"]
    requests = audits["network-requests"]["details"]["items"]
    found = {name: report["categories"][name]["score"] for name in CATEGORIES}
    found |= {name: audits[audit]["numericValue"] / 1000 for name, audit in TIMES.items()}
    found["cls"] = audits["cumulative-layout-shift"]["numericValue"]
    found["kb"] = sum(request.get("transferSize", 0) for request in requests) / 1000
    found["requests"] = len(requests)
    found["faults"] = sorted(
        ref["id"]
        for category in CATEGORIES[1:]
        for ref in report["categories"][category]["auditRefs"]
        if ref["weight"] and audits[ref["id"]]["score"] not in (1, None)
    )
    return found


def page(folder, address, name, runs):
    """The medians of several loads of a page; its faults are those of any load."""
    loads = [measure(f"{address}/{name}.html") for _ in range(runs)]
    numbers = {key: round(median(load[key] for load in loads), 3) for key in loads[0] if key != "faults"}
    numbers["performance_of_each"] = [load["performance"] for load in loads]
    numbers["html_kb"] = round((Path(folder) / f"{name}.html").stat().st_size / 1000, 1)
    return numbers | {"faults": sorted({fault for load in loads for fault in load["faults"]})}


def missed(results):
    """The goals that were not reached, a sentence each."""
    for name, numbers in results["pages"].items():
        for goal, limit in GOALS.items():
            short = numbers[goal] < limit if goal in AT_LEAST else numbers[goal] > limit
            if short:
                yield f"{name}: {goal} is {numbers[goal]}, the goal is {limit}"


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="_build/html")
    parser.add_argument("--pages", nargs="+", default=PAGES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args()
    address = serve(options.folder)
    load = os.getloadavg()[0]
    found = {name: page(options.folder, address, name, options.runs) for name in options.pages}
    results = {
        "date": date.today().isoformat(),
        "hardware": machine.hardware(),
        "load": {"before": round(load, 1), "after": round(os.getloadavg()[0], 1)},
        "runs": options.runs,
        "pages": found,
    }
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    for name, numbers in found.items():
        print(name, {key: value for key, value in numbers.items() if key != "faults"}, *numbers["faults"])
    faults = list(missed(results))
    print(*faults, sep="\n")
    if options.check and faults:
        sys.exit(1)


if __name__ == "__main__":
    main()
