// All genes in the plane: a point each, to point at and to click.
"use strict";

(() => {
  const SIZE = 720; // of the map, in CSS pixels
  const EDGE = 8;
  const NEAR = 12; // how far from a point one may click
  const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  /** @type {any} */
  let canvas;
  /** @type {Float32Array} */
  let places;

  const start = () => {
    const words = atlas.chip.criteria.map((/** @type {any} */ one, /** @type {number} */ k) => [`${k}`, `${one.short}, ${one.name}`]);
    byId("map-by").append(...atlas.options(Object.fromEntries(words)));
    byId("map-by").addEventListener("change", draw);
    canvas = atlas.make("canvas", { role: "img", "aria-label": "Map of all genes; the list finds them by name" });
    byId("map-image").append(canvas);
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const gene = nearest(event);
      byId("map-reading").textContent = gene < 0 ? "Point at a gene; a click opens it." : tell(gene);
    });
    canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => {
      const gene = nearest(event);
      if (gene >= 0) location.hash = atlas.addressOf([gene]);
    });
  };

  atlas.showMap = async () => {
    const map = await atlas.load("map", async (/** @type {any} */ value) => ({
      ...value, places: await atlas.unpack(value.places),
    }));
    places = map.places;
    if (!canvas) start();
    byId("map-about").textContent = `Genes whose trees are of the same signatures lie together (${map.method} of the counts).`;
    draw();
  };

  const tell = (/** @type {number} */ gene) => {
    const k = Number(byId("map-by").value);
    const { mean, names } = atlas.chip;
    return `${atlas.title(gene)}: ${atlas.chip.criteria[k].short} ${atlas.share(mean[k * names.length + gene])}`;
  };

  /** Points, the largest values last so that they lie on top. */
  const draw = () => {
    const { mean, names, palettes } = atlas.chip;
    const n = names.length;
    const values = mean.subarray(Number(byId("map-by").value) * n, (Number(byId("map-by").value) + 1) * n);
    // from the least to the most there is: of few patients most trees of all genes are perfect
    let [least, most] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
    const scale = `Black is ${atlas.share(least)}, orange ${atlas.share(most)}; sand is undefined.`;
    byId("map-scale").textContent = most > -Infinity ? scale : "Undefined everywhere.";
    const order = Array.from(values.keys()).sort((a, b) => (values[a] || -1) - (values[b] || -1));
    canvas.width = canvas.height = SIZE;
    const context = canvas.getContext("2d");
    const size = n > 5000 ? 2 : n > 500 ? 4 : 7;
    for (const gene of order) {
      context.fillStyle = atlas.css(values[gene] - least ? (values[gene] - least) / (most - least) : 0 * values[gene], 3, palettes.clear);
      const [x, y] = at(gene);
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
  };

  const at = (/** @type {number} */ gene) =>
    [0, 1].map((k) => EDGE + places[2 * gene + k] * (SIZE - 2 * EDGE));

  /** Gene that is pointed at, or -1. */
  const nearest = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const scale = SIZE / box.width;
    const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    let [best, least] = [-1, (NEAR * scale) ** 2];
    for (let gene = 0; gene < places.length / 2; gene++) {
      const [u, v] = at(gene);
      const distance = (u - x) ** 2 + (v - y) ** 2;
      if (distance < least) [best, least] = [gene, distance];
    }
    return best;
  };
})();
