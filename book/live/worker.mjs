// Python, in a worker: an endless loop in a cell leaves the page alive, and the page can end it.
const LIMIT = 512 * 2 ** 20; // bytes that Python may take: past it a cell gets a MemoryError, and the page goes on

const grow = WebAssembly.Memory.prototype.grow;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (this.buffer.byteLength + pages * 2 ** 16 > LIMIT) throw new RangeError("past the limit of this page");
  return grow.call(this, pages);
};

const instantiate = WebAssembly.instantiateStreaming;
WebAssembly.instantiateStreaming = (...given) =>
  instantiate(...given).catch((error) => {
    postMessage({ type: "failed", text: String(error) }); // Pyodide itself would say nothing and wait for ever
    throw error;
  });

let python, session, progress;
const PACKAGES = ["numpy", "tqdm", "course-rnn"];
const PROGRESS = "/progress.json"; // where course_rnn.questions keeps what is solved

async function start({ python: folder, lock, solved, interrupt }) {
  const { loadPyodide } = await import(`${folder}pyodide.mjs`);
  python = await loadPyodide({
    indexURL: folder,
    lockFileURL: lock,
    packages: PACKAGES,
    env: { HOME: "/home/pyodide", COURSE_RNN_PROGRESS: PROGRESS, MPLBACKEND: "Agg" },
    stdout: () => {},
    stderr: () => {},
  });
  const missing = PACKAGES.filter((name) => !(name in python.loadedPackages));
  if (missing.length) throw new Error(`could not load ${missing}`);
  if (interrupt) python.setInterruptBuffer(interrupt);
  progress = solved;
  if (solved) python.FS.writeFile(PROGRESS, solved);
  const { search } = new URL(import.meta.url); // the version, so that no browser shows an old file
  const code = await (await fetch(new URL(`session.py${search}`, import.meta.url))).text();
  session = python.toPy({}); // a namespace of its own, so that no cell can overwrite it
  python.runPython(code, { globals: session, filename: "session.py" });
  session.get("connect")((kind, text, alt) => postMessage({ type: "output", kind, text, alt }), LIMIT / 2 ** 20);
}

async function run({ source, name }) {
  if (session.get("draws")(source)) await load("matplotlib");
  const done = session.get("run")(source, name);
  const solved = python.FS.analyzePath(PROGRESS).exists ? python.FS.readFile(PROGRESS, { encoding: "utf8" }) : "";
  if (solved !== progress) postMessage({ type: "progress", solved: (progress = solved) });
  return done;
}

/** A package that only some cells need, where this build of the book has it; without it the cell says what is missing. */
async function load(name) {
  if (name in python.lockfile.packages && !(name in python.loadedPackages)) await python.loadPackage(name);
}

onmessage = async ({ data }) => {
  try {
    if (data.type === "start") {
      await start(data);
      postMessage({ type: "ready" });
    } else {
      postMessage({ type: "done", ok: await run(data) });
    }
  } catch (error) {
    postMessage({ type: "failed", text: String(error) }); // Python itself ended, or never began
  }
};
