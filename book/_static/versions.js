// Says on the page of an old version, or of the one in work, that it is one, and leads to the same page of the newest.
(async () => {
  if (!location.protocol.startsWith("http")) return; // opened from a folder: there are no others beside it
  const root = new URL(document.documentElement.dataset.content_root, location.href);
  const here = DOCUMENTATION_OPTIONS.VERSION;
  let versions;
  try {
    versions = await (await fetch(new URL("../versions.json", root))).json();
  } catch {
    return; // it stands alone
  }
  if (!here || here === versions.newest) return;
  const page = location.pathname.slice(root.pathname.length);
  const newest = new URL(`../stable/${page}`, root);
  const there = (await fetch(newest, { method: "HEAD" })).ok ? newest : new URL("../stable/", root);
  const link = document.createElement("a");
  link.href = there;
  link.textContent = `Read version ${versions.newest}, the newest.`;
  const banner = document.createElement("aside");
  banner.className = "other-version";
  banner.setAttribute("aria-label", "Version");
  const what = versions.released.includes(here) ? `This is version ${here}, an old one.` : "This is the book in work.";
  banner.append(`${what} `, link);
  document.querySelector("article").prepend(banner);
})();
