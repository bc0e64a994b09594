// What a page does once it is there: formulas and tables shrink until they fit, a tap enlarges a picture that the screen
// has made small, and a link inside the book shows what it leads to. Without this script everything can still be read.

// ---------------------------------------------------------------- when something comes near the screen, it is made to fit
{
  // how small each may become, as a share of its size: about nine pixels
  const KINDS = { "div.math .formula": 0.5, table: 0.6, "div.cell_output pre": 0.66 };
  const fit = (all) => {
    for (const one of all) {
      one.style.removeProperty("--fit");
      one.classList.remove("too-wide");
    }
    const shares = all.map((one) => {
      const box = one.tagName === "TABLE" ? one.parentElement : one;
      return box.clientWidth / Math.max(one.scrollWidth, one.offsetWidth, 1);
    }); // all are measured before any is changed: one layout
    shares.forEach((share, i) => {
      const one = all[i];
      const least = Object.entries(KINDS).find(([kind]) => one.matches(kind))[1];
      if (share >= 1) return;
      // what would become too small keeps its size: a table's rows become lists, a printed line is broken, or it scrolls
      if (0.97 * share >= least || one.matches(".formula")) one.style.setProperty("--fit", Math.max(least, 0.97 * share).toFixed(3));
      else giveWay(one, least);
    });
    // padding does not shrink: a table that is still too wide gives way as well
    for (const one of all) if (one.tagName === "TABLE" && one.offsetWidth > one.parentElement.clientWidth + 1) giveWay(one);
  };
  const giveWay = (one, least) => {
    if (one.tagName === "TABLE") {
      one.style.removeProperty("--fit");
      label(one);
    } else one.style.setProperty("--fit", least);
    one.classList.add("too-wide");
  };
  /** Write into each cell the name of its column, which a list of its row shows. */
  const label = (table) => {
    const names = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr")) [...row.cells].forEach((cell, i) => (cell.dataset.column = names[i] ?? ""));
  };

  const enlarge = (image) => {
    const dialog = document.createElement("dialog");
    const close = document.createElement("button");
    const large = document.createElement("img");
    Object.assign(dialog, { className: "enlarged" });
    Object.assign(close, { className: "btn", type: "button", textContent: "Close" });
    Object.assign(large, { src: image.src, alt: image.alt, className: image.className });
    large.style.width = `${Math.max(image.naturalWidth, 1.6 * image.clientWidth)}px`;
    dialog.setAttribute("aria-label", "Picture, enlarged");
    dialog.append(close, large);
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); image.focus(); });
    document.body.append(dialog);
    dialog.showModal();
  };
  /** A picture that the screen has made small is a button that enlarges it. */
  const offer = (image) => {
    const small = image.clientWidth && image.clientWidth < 0.85 * image.naturalWidth;
    if (!small || image.closest("a")) return;
    Object.assign(image, { tabIndex: 0, title: "Enlarge" });
    image.setAttribute("role", "button");
    image.onclick = () => enlarge(image);
    image.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      enlarge(image);
    };
  };

  const near = new IntersectionObserver((entries) => {
    const shown = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    shown.forEach((one) => near.unobserve(one));
    fit(shown.filter((one) => one.tagName !== "IMG"));
    for (const image of shown.filter((one) => one.tagName === "IMG"))
      image.complete ? offer(image) : image.addEventListener("load", () => offer(image), { once: true });
  }, { rootMargin: "800px" });
  const watch = () => {
    near.disconnect();
    for (const one of document.querySelectorAll([...Object.keys(KINDS), "img"].map((kind) => `.bd-article ${kind}`).join())) near.observe(one);
  };
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) watch(); // a phone's bar that comes and goes changes the height alone
    width = innerWidth;
  });
  document.fonts.ready.then(watch);
}

// ---------------------------------------------------------------- a link shows what it leads to
if (matchMedia("(hover: hover)").matches) {
  const pages = new Map(); // address -> the page, once fetched
  const page = (address) => {
    if (address === location.href.split("#")[0]) return document;
    if (!pages.has(address)) {
      const parsed = fetch(address).then((answer) => answer.text()).then((text) => new DOMParser().parseFromString(text, "text/html"));
      pages.set(address, parsed);
    }
    return pages.get(address);
  };
  /** The part of a page that a place on it stands for; null where it says nothing more than the link. */
  const part = (place) => {
    if (place.matches("dt")) return [place, place.nextElementSibling];
    if (place.matches("section, h1, h2, h3")) {
      const section = place.closest("section");
      return section && [section.querySelector("h1, h2, h3"), section.querySelector(":scope > p")];
    }
    return [place.closest("figure, div.math, div.citation, .bibtex, tr") ?? place];
  };
  const box = document.createElement("div");
  Object.assign(box, { className: "preview", id: "preview", hidden: true });
  box.setAttribute("role", "tooltip");
  let wanted = null;
  const hide = () => {
    wanted?.removeAttribute("aria-describedby");
    wanted = null;
    box.hidden = true;
  };
  const show = async (link) => {
    wanted = link;
    await new Promise((resolve) => setTimeout(resolve, 250));
    if (wanted !== link) return;
    const [address, id] = link.href.split("#");
    let found;
    try {
      const place = (await page(address)).getElementById(decodeURIComponent(id));
      found = place && part(place)?.filter(Boolean);
    } catch {
      return; // opened from a folder, or offline
    }
    if (!found?.length || wanted !== link) return;
    box.replaceChildren(...found.map((one) => document.importNode(one, true)));
    for (const gone of box.querySelectorAll(".headerlink, .viewcode-link, script")) gone.remove();
    for (const named of [...box.querySelectorAll("[id]")]) named.removeAttribute("id");
    box.hidden = false;
    const { left, bottom, top } = link.getBoundingClientRect();
    const below = bottom + box.offsetHeight + 16 < innerHeight;
    box.style.left = `${Math.max(8, Math.min(left, innerWidth - box.offsetWidth - 16)) + scrollX}px`;
    box.style.top = `${(below ? bottom + 6 : top - box.offsetHeight - 6) + scrollY}px`;
    link.setAttribute("aria-describedby", "preview");
  };
  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(box);
    for (const link of document.querySelectorAll(".bd-article a.reference.internal[href*='#']:not(.headerlink)")) {
      link.addEventListener("pointerenter", () => show(link));
      link.addEventListener("focus", () => show(link));
      for (const leave of ["pointerleave", "blur"]) link.addEventListener(leave, hide);
    }
    addEventListener("keydown", (event) => event.key === "Escape" && hide());
  });
}
