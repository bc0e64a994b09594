// Live pages: the cells of an exercise, and those of a chapter that are marked, are edited and run where they stand.
// This script is on every page. The editor is loaded when a cell is touched, Python when one is run for the first time.
(() => {
  const book = JSON.parse(document.getElementById("live-book").textContent);
  const page = book.page; // null on a page without live cells
  const here = new URL(book.root, location.href).href; // the root of the book
  const base = `${here}_static/live/`;

  // ------------------------------------------------------------------ what is kept, in this browser and nowhere else
  const KEPT = "course_rnn/";
  const keep = {
    get(name) {
      try { return localStorage.getItem(KEPT + name); } catch { return null; }
    },
    set(name, value) {
      try {
        value ? localStorage.setItem(KEPT + name, value) : localStorage.removeItem(KEPT + name);
        return true;
      } catch { return false; } // storage is full, or this browser keeps nothing
    },
    clear() {
      try {
        Object.keys(localStorage).filter((name) => name.startsWith(KEPT)).forEach((name) => localStorage.removeItem(name));
      } catch { /* nothing was kept */ }
    },
  };
  const parsed = (text, otherwise) => {
    try { return JSON.parse(text) ?? otherwise; } catch { return otherwise; }
  };
  const solvedIn = (chapter) => {
    const points = parsed(keep.get("progress"), {})[chapter] ?? {};
    const questions = book.questions[chapter];
    return Object.keys(questions).filter((name) => points[name] >= questions[name]).length;
  };

  // ------------------------------------------------------------------ small helpers for the page
  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (typeof value === "boolean") made.toggleAttribute(name, value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };
  const button = (text, onclick, attributes = {}) =>
    element("button", { type: "button", class: "btn btn-sm", onclick, ...attributes }, ...[text].flat());
  const signed = (sign, text) => [element("span", { "aria-hidden": "true" }, `${sign} `), text];

  // ------------------------------------------------------------------ progress in the list of contents, on every page
  function showProgress() {
    for (const link of document.querySelectorAll(".bd-sidebar-primary a.reference.internal")) {
      const chapter = link.pathname.match(/\/exercises\/(\w+)\.html$/)?.[1];
      const kept = book.questions[chapter] && (solvedIn(chapter) || keep.get(`answers/exercises/${chapter}`));
      let badge = link.querySelector(".live-badge");
      if (!kept) { badge?.remove(); continue; }
      if (!badge) link.append((badge = element("span", { class: "live-badge" })));
      const of = Object.keys(book.questions[chapter]).length;
      badge.replaceChildren(
        element("span", { "aria-hidden": "true" }, `${solvedIn(chapter)}/${of}`),
        element("span", { class: "visually-hidden" }, `, ${solvedIn(chapter)} of ${of} questions solved`),
      );
    }
    const line = document.querySelector(".live-progress");
    if (line && book.questions[page.chapter]) {
      const of = Object.keys(book.questions[page.chapter]).length;
      line.textContent = `${solvedIn(page.chapter)} of ${of} questions solved.`;
    }
  }

  /** The front page's door leads back to where the reader was. */
  function showTheWayBack() {
    const last = keep.get("last");
    const door = document.querySelector("a.live-start, .live-start a");
    if (door && last && book.pages[last]) {
      door.href = `${here}${last}.html`;
      door.textContent = `Go on in your browser: ${book.pages[last]}`;
    }
  }

  // ------------------------------------------------------------------ Python, in a worker
  const python = {
    worker: null, ready: null, waiting: null, interrupt: null,

    /** Why Python cannot run here, as a sentence; "" where it can. */
    obstacle() {
      if (location.protocol === "file:")
        return "This page was opened as a file, and a browser lets no file start Python. In the folder of the course, run “make serve” and open http://localhost:8000.";
      if (typeof WebAssembly !== "object" || typeof Worker !== "function")
        return "This browser has no WebAssembly, in which Python runs here. It may be old, or locked: try another one, or download the notebook.";
      return "";
    },

    /** Start Python if it is not running; resolves when it is. */
    start() {
      return (this.ready ??= new Promise((resolve, reject) => {
        this.worker = new Worker(`${base}worker.mjs?${book.version}`, { type: "module" });
        this.waiting = { resolve, reject };
        this.worker.onmessage = ({ data }) => this.hear(data);
        this.worker.onerror = (event) => { event.preventDefault?.(); this.fail(event.message ?? ""); };
        this.interrupt = crossOriginIsolated ? new Uint8Array(new SharedArrayBuffer(1)) : null;
        const solved = keep.get("progress") ?? "";
        this.worker.postMessage({ type: "start", python: `${base}${book.python}/`, lock: base + book.lock, solved, interrupt: this.interrupt });
      }));
    },

    hear(message) {
      if (message.type === "ready") this.waiting.resolve();
      else if (message.type === "output") this.output(message);
      else if (message.type === "progress") { keep.set("progress", message.solved); showProgress(); }
      else if (message.type === "done") this.waiting.resolve(message.ok);
      else this.fail(message.text);
    },

    run(source, name, output) {
      this.output = output;
      return new Promise((resolve, reject) => {
        this.waiting = { resolve, reject };
        this.worker.postMessage({ type: "run", source, name });
      });
    },

    /** Something outside any cell went wrong: the next run begins anew. */
    fail(text) {
      const { reject } = this.waiting;
      this.end();
      if (/memory/i.test(text))
        reject("This device has not enough free memory for Python. Close other pages and try again, or download the notebook.");
      else if (/fetch|load|import|network|404/i.test(text) || !text)
        reject("Python could not be loaded. Is this device offline? Once it is back, press Run again.");
      else reject(`Python ended: ${text.split("\n")[0]} It starts anew with the next run.`);
    },

    end() {
      this.worker?.terminate();
      this.worker = this.ready = null;
      cells.forEach((cell) => (cell.ran = false));
    },

    /** Stop what runs: politely where the server's headers allow shared memory, else by ending the worker. */
    async stop() {
      const { waiting } = this;
      if (this.interrupt) {
        this.interrupt[0] = 2;
        const late = new Promise((resolve) => setTimeout(resolve, 1500, "late"));
        if ((await Promise.race([running, late])) !== "late") return;
      }
      this.end();
      waiting.reject("Stopped. Python starts anew with the next run: “Run all above” makes again what was made before.");
    },
  };

  // ------------------------------------------------------------------ cells
  let editor = null; // the module with the editor, once loaded
  let running = null; // a promise while something runs
  const own = (id) => id.startsWith("own-");

  class Cell {
    constructor(data) {
      Object.assign(this, data);
      this.box = document.getElementById(`live-${data.id}`);
      this.input = this.box.querySelector(".cell_input");
      if (!this.input.querySelector("pre")) this.input.append(element("pre"));
      this.original = this.input.querySelector("pre").textContent.trimEnd();
      this.text = answers[this.id] ?? this.original;
      this.label = this.question ?? (own(this.id) ? "your own cell" : "cell");
      if (own(this.id)) this.input.dataset.label = "Your own cell";
      this.printed = this.box.querySelector(".cell_output");
      this.build();
      if (this.text !== this.original) this.show(this.text);
    }

    build() {
      this.runButton = button(signed("▶", "Run"), () => run([this]), { title: "Shift+Enter" });
      this.stopButton = button(signed("■", "Stop"), () => python.stop(), { hidden: true });
      this.editButton = button("Edit", () => this.edit(true));
      this.resetButton = button("Start over", () => this.reset(), { hidden: this.text === this.original });
      const ask = (what) => () => run([], [`q.${this.question}.${what}()`, this]);
      this.bar = element("div", { class: "live-bar", role: "group", "aria-label": `Buttons of ${this.label}` });
      if (this.torch) this.bar.append(this.needsTorch());
      else this.bar.append(this.runButton, this.stopButton, button("Run all above", () => run(cells.slice(0, cells.indexOf(this) + 1))));
      if (this.question) this.bar.append(button("Hint", ask("hint")), button("Solution", ask("solution")));
      this.bar.append(this.editButton, this.resetButton);
      this.status = element("p", { class: "live-status", role: "status" });
      this.out = element("div", { class: "live-out", role: "region", "aria-label": `Result of ${this.label}`, "aria-live": "polite" });
      this.input.after(this.bar, this.status, this.out);
      this.input.querySelector("pre").addEventListener("click", () => this.edit(true));
    }

    needsTorch() {
      return element(
        "p", { class: "live-torch" },
        "This one needs torch, which does not run in a browser. Write your answer here if you like: ",
        button("download the notebook", download, { class: "btn live-inline" }),
        " and run it in JupyterLab, or use a launch button at the top of the page where there is one.",
      );
    }

    /** Put a text into the cell, whether it has an editor already or not. */
    show(text) {
      if (this.view) this.view.replace(text);
      else {
        this.input.querySelector("pre").textContent = text;
        this.changed(text);
      }
    }

    changed(text) {
      this.text = text;
      this.resetButton.hidden = text === this.original;
      if (text === this.original) delete answers[this.id];
      else answers[this.id] = text;
      if (!keep.set(`answers/${page.name}`, Object.keys(answers).length ? JSON.stringify(answers) : "") && this.view)
        this.say("This browser keeps nothing: download the notebook before you close the page.");
      if (Object.keys(answers).length) keep.set("last", page.name);
    }

    /** Turn the code into an editor; where the editor cannot be loaded, into a plain box for text. */
    async edit(focus) {
      await loadEditor();
      if (!this.view) {
        const keydown = (event) => event.stopPropagation(); // the theme takes "/" for its search
        const parent = element("div", { class: "live-editor highlight", onkeydown: keydown });
        (this.input.querySelector("div.highlight")?.parentElement ?? this.input.firstElementChild).replaceWith(parent);
        this.view = editor.edit({
          parent, text: this.text, label: `Code of ${this.label}`,
          changed: (text) => this.changed(text), run: () => this.torch || run([this]),
        });
        this.editButton.remove();
      }
      if (focus) this.view.focus();
    }

    reset() {
      this.show(this.original);
      this.out.replaceChildren();
      this.say("As it was in the book.");
    }

    say(text) { this.status.textContent = text; }

    /** Add to the result what came from Python. */
    output({ kind, text, alt }) {
      if (kind === "html") {
        const shown = element("div", { class: "live-html" });
        shown.innerHTML = editor.clean(text);
        this.out.append(shown);
      } else if (kind === "picture") {
        const data = new Blob([text], { type: "image/svg+xml" });
        this.out.append(element("img", { src: URL.createObjectURL(data), alt }));
      } else {
        let last = this.out.lastElementChild;
        if (last?.dataset.kind !== kind) {
          last = element("pre", { "data-kind": kind, "aria-hidden": String(kind === "bar") });
          this.out.append(last);
        }
        if (kind === "bar") last.replaceChildren(text);
        else last.append(text);
      }
    }

    begin() {
      this.out.replaceChildren();
      if (!this.printed) return;
      if (page.kind === "exercise") this.printed.hidden = true; // it only says "to do"
      else if (!this.out.dataset.label) {
        this.out.dataset.label = "Yours";
        this.printed.dataset.label = "In the book";
      }
    }
  }

  async function loadEditor() {
    editor ??= await import(`${base}editor.mjs?${book.version}`);
    return editor;
  }

  /** Run cells in order, after those that they need; `asked` is [code, cell]: code to run for a cell, beside its own. */
  async function run(wanted, asked) {
    if (running) return;
    const target = asked?.[1] ?? wanted.at(-1);
    const obstacle = python.obstacle();
    if (obstacle) return target.say(obstacle);
    const before = cells.slice(0, cells.indexOf(target)).filter((cell) => cell.first && !cell.ran && !cell.torch);
    const queue = [...new Set([...before, ...wanted])].filter((cell) => !cell.torch);
    let done;
    running = new Promise((resolve) => (done = resolve));
    cells.forEach((cell) => cell.bar.querySelectorAll("button").forEach((b) => (b.disabled = b !== cell.stopButton && b !== cell.editButton)));
    target.runButton.hidden = true;
    target.stopButton.hidden = false;
    let cell = target;
    try {
      target.say(python.ready ? "Running …" : `Starting Python: ${book.size} the first time, then from this browser's memory …`);
      await loadEditor();
      await python.start();
      for (cell of queue) if (!(await runOne(cell, target))) return;
      if (asked) {
        target.begin();
        await python.run(asked[0], "the button", (message) => target.output(message));
      }
      target.say("");
    } catch (text) {
      target.say(typeof text === "string" ? text : "The editor could not be loaded. Is this device offline?");
    } finally {
      cells.forEach((each) => each.bar.querySelectorAll("button").forEach((b) => (b.disabled = false)));
      target.runButton.hidden = false;
      target.stopButton.hidden = true;
      running = null;
      done();
    }
  }

  async function runOne(cell, target) {
    if (cell !== target) cell.say("Running …");
    target.say(cell === target ? "Running …" : `Running what comes before, ${cell.label} …`);
    cell.begin();
    const started = performance.now();
    const output = (message) => cell.output(message);
    const ok = (!cell.setup || cell.ran || (await python.run(cell.setup, "the cells above", output))) && (await python.run(cell.text, cell.label, output));
    cell.ran = ok;
    cell.out.dataset.ms = Math.round(performance.now() - started);
    if (cell !== target) cell.say("");
    if (!ok) target.say(cell === target ? "" : `${cell.label} above stopped: see there.`);
    else if (!cell.out.hasChildNodes()) cell.say("Done. It shows nothing.");
    return ok;
  }

  // ------------------------------------------------------------------ the page's own bar
  async function download() {
    const note = document.querySelector(".live-note");
    try {
      const notebook = await (await fetch(here + page.notebook)).json();
      for (const cell of notebook.cells.filter((cell) => cell.cell_type === "code")) {
        Object.assign(cell, { outputs: [], execution_count: null });
        if (cell.id in answers) cell.source = answers[cell.id];
      }
      for (const cell of cells.filter((cell) => own(cell.id) && cell.text))
        notebook.cells.push({ cell_type: "code", id: cell.id, metadata: {}, source: cell.text, outputs: [], execution_count: null });
      const file = new Blob([JSON.stringify(notebook, null, 1) + "\n"], { type: "application/x-ipynb+json" });
      const link = element("a", { href: URL.createObjectURL(file), download: page.name.split("/").pop() + ".ipynb" });
      link.click();
      note.textContent = "The notebook holds your answers. Hand it in, or open it here or in JupyterLab.";
    } catch {
      note.textContent = python.obstacle() || "The notebook could not be fetched. Is this device offline?";
    }
  }

  async function open(file) {
    const note = document.querySelector(".live-note");
    const notebook = parsed(await file.text(), {});
    const source = (cell) => (Array.isArray(cell.source) ? cell.source.join("") : String(cell.source ?? "")).trimEnd();
    const theirs = (Array.isArray(notebook.cells) ? notebook.cells : []).filter((cell) => cell?.cell_type === "code");
    const found = cells.map((cell) => {
      const same = (other) => other.id === cell.id || (cell.question && source(other).includes(`q.${cell.question}.check(${cell.question})`));
      return [cell, theirs.find(same)];
    }).filter(([, other]) => other);
    if (!found.length) {
      note.textContent = `${file.name} holds no cell of this page: is it another chapter's notebook?`;
      return;
    }
    for (const [cell, other] of found) cell.show(source(other));
    note.textContent = `Opened ${file.name}: ${Object.keys(answers).length} of ${found.length} cells differ from the book.`;
  }

  function askToDelete() {
    const deleted = (all) => () => {
      dialog.close();
      python.end(); // it knows what was solved
      cells.forEach((cell) => {
        cell.show(cell.original);
        cell.out.replaceChildren();
        cell.say("");
      });
      const { [page.chapter]: _, ...others } = parsed(keep.get("progress"), {});
      keep.set("progress", Object.keys(others).length ? JSON.stringify(others) : "");
      if (keep.get("last") === page.name) keep.set("last", "");
      if (all) keep.clear();
      document.querySelector(".live-note").textContent = all ? "Nothing is kept any more." : "What was kept of this page is deleted.";
      showProgress();
    };
    const dialog = element(
      "dialog", { class: "live-dialog", "aria-label": "Delete what is kept" },
      element("p", {}, "Your answers and your progress are kept in this browser only. Download the notebook first if you want to keep them."),
      element("div", { class: "live-bar" },
        button("Delete this page's", deleted(false)), button("Delete all pages'", deleted(true)), button("Keep", () => dialog.close())),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function pageBar() {
    const file = element("input", { type: "file", accept: ".ipynb", hidden: true, "aria-label": "Notebook to open",
      onchange: async () => { await open(file.files[0]); file.value = ""; } });
    const words = page.kind === "exercise" ? "Solve this page here." : "Cells with a Run button run here: change them and compare.";
    return element(
      "section", { class: "live-page", "aria-label": "This page in your browser" },
      element("p", {}, `${words} Python runs in your browser, and nothing you write leaves it. `, element("span", { class: "live-progress" })),
      element("p", { class: "live-help" }, "Shift+Enter runs a cell; Escape and then Tab leaves it."),
      book.stand_in ? element("p", { class: "live-stand-in" }, "A build for trying: not for publishing.") : "",
      element("div", { class: "live-bar", role: "group", "aria-label": "This page" },
        page.kind === "exercise" ? button(signed("▶", "Run all"), () => run(cells.filter((cell) => !cell.torch))) : "",
        button("Download as notebook", download), button("Open a notebook …", () => file.click()), file,
        button("Delete what is kept …", askToDelete)),
      element("p", { class: "live-note", role: "status" }),
    );
  }

  // ------------------------------------------------------------------ begin
  const answers = page ? parsed(keep.get(`answers/${page.name}`), {}) : {};
  const cells = [];
  document.addEventListener("DOMContentLoaded", () => {
    if (page) {
      const bar = pageBar();
      cells.push(...page.cells.filter((cell) => document.getElementById(`live-${cell.id}`)).map((cell) => new Cell(cell)));
      // an exercise begins with it, where the page keeps a place free; a chapter has it before the first cell that runs
      const place = document.querySelector(".live-place");
      place ? place.replaceWith(bar) : cells[0].box.before(bar);
      const problem = python.obstacle();
      if (problem) bar.querySelector(".live-note").textContent = problem;
    }
    showProgress();
    showTheWayBack();
  });
})();
