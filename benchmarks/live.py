"""Measure what a live page weighs and how long it takes: the first run, the next one, and the check of a wrong answer.

The built book, with the cache of `make live`, is served as a web host serves it: compressed, and to be kept for ten
minutes. "desktop" is 1280 pixels wide and has the whole speed of this machine; "phone" is 390 pixels wide, its network
brings 10 Mbit/s after 100 ms. The processor is this machine's in both. Times are from the click to the result.

    make live && make book && course-rnn bench live      writes benchmarks/results/live.json
"""

import functools
import gzip
import http.server
import json
import os
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from course_rnn import machine

SITE = Path("_build/html")
RESULT = Path(__file__).parent / "results" / "live.json"
RUNS = 3
PROFILES = {
    "desktop": {"width": 1280, "bytes_per_second": None, "delay": 0.0},
    "phone": {"width": 390, "bytes_per_second": 10e6 / 8, "delay": 0.1},
}
PAGE, CELL = "exercises/02_simple_rnn.html", "#live-5c971eab"  # rnn_step
WRONG = """def rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return np.tanh(x @ weight_ih.T + bias_ih + bias_hh)


q.rnn_step.check(rnn_step)"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


class Host(http.server.SimpleHTTPRequestHandler):
    """Sends files compressed and at the speed of a profile, and counts what it sends."""

    protocol_version = "HTTP/1.1"
    profile, sent, lock = None, {}, threading.Lock()

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.is_dir() or not path.is_file():
            return self.send_error(404)
        content = compressed(path)
        time.sleep(self.profile["delay"])
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        speed = self.profile["bytes_per_second"]
        for start in range(0, len(content), 1 << 16):
            part = content[start : start + (1 << 16)]
            if speed:
                with self.lock:  # all connections share the network
                    time.sleep(len(part) / speed)
            self.wfile.write(part)
        self.sent[self.path.partition("?")[0]] = len(content)

    def log_message(self, *_):
        pass


@functools.cache
def compressed(path):
    return gzip.compress(path.read_bytes(), 6)


def click(page, name):
    """Seconds from the press of a button of the cell to rest."""
    cell = page.locator(CELL)
    start = time.perf_counter()
    cell.get_by_role("button", name=name, exact=True).click()
    cell.locator(".live-out .live-html").wait_for(timeout=300_000)
    return time.perf_counter() - start


def measure(browser, address, profile):
    """One reader: the first run ever, the first after the page was opened again, and the check of a wrong answer."""
    Host.profile = profile
    context = browser.new_context(viewport={"width": profile["width"], "height": 850})
    page = context.new_page()
    found = {}
    for visit in ("first", "cached"):
        Host.sent.clear()
        page.goto(f"{address}/{PAGE}", wait_until="networkidle")
        found[f"{visit} page bytes"] = sum(Host.sent.values())
        Host.sent.clear()
        found[f"{visit} run seconds"] = click(page, "Run")
        found[f"{visit} run bytes"] = sum(Host.sent.values())
        if visit == "first":
            found["files"] = dict(sorted(Host.sent.items()))
    cell = page.locator(CELL)
    cell.get_by_role("button", name="Edit", exact=True).click()
    cell.locator(".cm-content").fill(WRONG)
    cell.get_by_role("button", name="Run", exact=True).click()
    cell.get_by_text("Likely cause").wait_for()
    found["wrong answer seconds"] = int(cell.locator(".live-out").get_attribute("data-ms")) / 1000
    context.close()
    return found


def main():
    """Measure every profile several times and write the medians."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Host, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for path in (SITE / "_static" / "live").rglob("*"):
        if path.is_file():
            compressed(path)  # before any clock runs
    result = {"settings": {"runs": RUNS, "page": PAGE, "profiles": PROFILES}, "median": {}}
    result["machine"] = machine.hardware()
    result["machine"]["load before"] = round(os.getloadavg()[0], 1)  # above the cores: times are upper bounds
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        result["machine"]["browser"] = f"Chromium {browser.version}"
        for name, profile in PROFILES.items():
            runs = [measure(browser, address, profile) for _ in range(RUNS)]
            result["files"] = runs[0].pop("files")
            median = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
            result["median"][name] = median
            print(name, median, file=sys.stderr)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
