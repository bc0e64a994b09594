// The network of the front page: each letter that is typed is a step, computed here, with the weights of network.js.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector(".reader");
  if (!place) return;
  const { letters, W, U, b, V, c } = NETWORK;
  const dot = (row, vector) => row.reduce((sum, weight, i) => sum + weight * vector[i], 0);

  // h' = tanh(W x + U h + b), and the softmax of V h' + c: course_rnn/landing.py, `read`
  const step = (h, letter) => b.map((bias, k) => Math.tanh(W[k][letters.indexOf(letter)] + dot(U[k], h) + bias));
  const chances = (h) => {
    const powers = V.map((row, i) => Math.exp(dot(row, h) + c[i]));
    const sum = powers.reduce((a, power) => a + power);
    return powers.map((power) => power / sum);
  };
  const name = (letter) => (letter === letters[0] ? "end" : letter);

  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const input = make("input", { type: "text", maxlength: 12, value: "sequence", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const word = make("label", {}, "Type a word, and watch the states: ", input);
  const columns = make("div", { class: "reader-steps", "aria-hidden": "true" });
  const guesses = make("div", { class: "reader-guesses", "aria-hidden": "true" });
  const said = make("p", { class: "visually-hidden", role: "status" });

  function read() {
    const text = [...input.value.toLowerCase()].filter((letter) => letters.indexOf(letter) > 0);
    let h = step(b.map(() => 0), letters[0]);
    const drawn = text.map((letter) => {
      h = step(h, letter);
      const cells = h.map((value) => make("i", { class: value > 0 ? "on" : "off", style: `--much: ${Math.abs(value).toFixed(2)}` }));
      return make("div", {}, make("div", { class: "reader-state" }, ...cells), make("b", {}, letter));
    });
    for (let t = 0; t < drawn.length; t++) if (t >= columns.childElementCount) drawn[t].className = "new";
    columns.replaceChildren(...drawn);
    const best = chances(h).map((chance, i) => [chance, name(letters[i])]).sort((one, other) => other[0] - one[0]).slice(0, 5);
    guesses.replaceChildren("next:", ...best.map(([chance, letter]) =>
      make("span", { style: `--chance: ${(100 * chance).toFixed(0)}%` }, make("b", {}, letter), ` ${(100 * chance).toFixed(0)} %`)));
    said.textContent = `After “${text.join("")}” the network expects ${best.slice(0, 2).map(([chance, letter]) => `${letter}, ${(100 * chance).toFixed(0)} %`).join("; ")}.`;
  }

  input.addEventListener("input", read);
  input.addEventListener("keydown", (event) => event.stopPropagation()); // the theme takes "/" for its search
  place.replaceChildren(word, columns, guesses, said);
  read();
});
