// How search results are ranked: what teaches comes before what is looked up, and a title before a text.
// Read by Sphinx' searchtools.js in place of its own table.
var Scorer = {
  /** One result: [page, title, anchor, description, score, file, kind]. Each word of the search that its title has counts. */
  score: ([page, title, , , score]) => {
    const words = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase().match(/\w{3,}/g) ?? [];
    const named = title.toLowerCase();
    const inTitle = 8 * words.filter((word) => named.includes(word)).length;
    const folder = [
      [/^book\/(0\d_|\d\d_)/, 40], // chapters
      [/^book\/(glossary|troubleshooting|notation|when_does)/, 20],
      [/^book\/index$/, 10],
      [/^exercises\//, 5],
      [/^solutions\//, -10],
      [/^book\/(atlas|claims|bibliography)$/, -15],
      [/^book\/(api_|gallery)|^(genindex|py-modindex)/, -20],
    ].find(([kind]) => kind.test(page));
    return score + inTitle + (folder?.[1] ?? 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 5, 1: 0, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
