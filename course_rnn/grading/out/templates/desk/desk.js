// Keys for the desk. Every key also has a link or a button.
"use strict";
window.MathJax = {
  tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true },
  options: {
    ignoreHtmlClass: ".*",
    processHtmlClass: "tex",
    enableMenu: false,
    safeOptions: { allow: { URLs: "none", classes: "none", cssIDs: "none", styles: "none" } },
  },
  loader: { load: ["ui/safe"] },
};

const rows = [...document.querySelectorAll("[data-row]")];
const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

function step(by) {
  if (rows.length) {
    const place = rows.indexOf(document.activeElement);
    rows[Math.max(0, Math.min(rows.length - 1, place + by))].focus();
  } else {
    document.querySelector(by > 0 ? "a[rel=next]" : "a[rel=prev]")?.click();
  }
}

function comment(text) {
  const field = document.getElementById("comment");
  field.value = [field.value.trim(), text].filter(Boolean).join(" ");
  field.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "Enter") {
    (event.target.form ?? document.querySelector("form.decide"))?.requestSubmit();
  } else if (event.altKey && /^[1-9]$/.test(event.key)) {
    document.querySelectorAll("[data-comment]")[event.key - 1]?.click();
    event.preventDefault();
  } else if (!typing(event.target) && !event.ctrlKey && !event.altKey && !event.metaKey) {
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
  }
});
for (const button of document.querySelectorAll("[data-comment]")) {
  button.addEventListener("click", () => comment(button.dataset.comment));
}
