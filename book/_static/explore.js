// Moves the sliders of course_rnn.explore on the built page: picks the picture and the text of the values set.
// The first picture stands in the page; the others are fetched when a reader reaches for a slider.
document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll("figure.explore")) {
    const { pictures, frames } = JSON.parse(figure.querySelector("script").textContent);
    const image = figure.querySelector("img");
    pictures[0][0] = image.getAttribute("src");
    const sliders = [...figure.querySelectorAll("input")];
    const labels = sliders.map((slider) => JSON.parse(slider.dataset.labels));
    const fetchAll = () => pictures.forEach(([source]) => (new Image().src = source));
    const show = () => {
      let index = 0;
      sliders.forEach((slider, i) => {
        const label = labels[i][slider.valueAsNumber];
        index = index * labels[i].length + slider.valueAsNumber;
        slider.nextElementSibling.textContent = label;
        slider.setAttribute("aria-valuetext", label);
      });
      const [picture, text] = frames[index];
      if (index || image.getAttribute("src") !== pictures[picture][0]) image.removeAttribute("height"); // frames differ in shape
      [image.src, image.width] = pictures[picture];
      image.alt = text;
    };
    sliders.forEach((slider) => slider.addEventListener("input", show));
    for (const reach of ["pointerenter", "focusin"]) figure.addEventListener(reach, fetchAll, { once: true });
    show(); // a browser may restore an earlier position on reload
  }
});
