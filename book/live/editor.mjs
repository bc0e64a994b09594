// The editor of a cell, and the guard that strangers' HTML passes: everything that comes from npm, bundled by `make live`.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tagHighlighter, tags } from "@lezer/highlight";
import DOMPurify from "dompurify";

// the classes that the page itself uses for code, so that an editor has its colours, by day and by night
const colours = tagHighlighter([
  { tag: tags.keyword, class: "k" },
  { tag: [tags.bool, tags.null], class: "kc" },
  { tag: tags.comment, class: "c1" },
  { tag: tags.string, class: "s1" },
  { tag: tags.number, class: "mi" },
  { tag: tags.function(tags.definition(tags.variableName)), class: "nf" },
]);

/** HTML as it may stand in the page: no script, no handler, nothing that loads from elsewhere. */
export const clean = (html) =>
  DOMPurify.sanitize(html, { FORBID_TAGS: ["form", "style"], ALLOWED_URI_REGEXP: /^(?:#|\.\.?\/|data:image\/)/i });

/** An editor in `parent`; `changed(text)` is called after every change, `run()` on Shift+Enter. */
export function edit({ parent, text, label, changed, run }) {
  const view = new EditorView({
    parent,
    doc: text,
    extensions: [
      keymap.of([
        { key: "Shift-Enter", run: () => (run(), true) },
        { key: "Mod-Enter", run: () => (run(), true) },
        ...defaultKeymap,
        ...historyKeymap,
        indentWithTab, // Escape and then Tab leaves the editor
      ]),
      history(),
      lineNumbers(), // a check names lines
      python(),
      indentUnit.of("    "),
      EditorState.tabSize.of(4),
      indentOnInput(),
      bracketMatching(),
      syntaxHighlighting(colours),
      EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off" }),
      EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
    ],
  });
  return {
    focus: () => view.focus(),
    text: () => view.state.doc.toString(),
    replace: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
  };
}
