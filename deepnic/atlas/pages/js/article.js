// What is told of one gene, in the pages and in a notebook: its image, a pixel of it in words, the
// ten criteria and the 30 published images.
"use strict";

(() => {
  /** What is seen of genes, in a sentence. */
  atlas.describe = (/** @type {any} */ { members, layout }) => {
    const { trees, treeSizes, weightRanges } = atlas.chip;
    const [n, conditions] = [members.colour.length, treeSizes.length * weightRanges.length];
    return `${atlas.whole(n)} combinations under ${conditions} conditions, ${atlas.whole(n * conditions)} pixels on `
      + `${layout.side} × ${layout.side} cells, in the order of ${layout.order}; ${trees} trees of the gene under each condition.`;
  };

  /** Items of a legend: what the colours mean. */
  atlas.makeLegend = (/** @type {any} */ { members, base, colours }) => {
    const { meanings } = atlas.chip;
    const here = new Set([...members.colour, ...base.colour]);
    const items = meanings.flatMap((/** @type {string} */ words, /** @type {number} */ code) => !here.has(code) ? [] : [
      atlas.ramp(atlas.css(0, code, colours), atlas.css(1, code, colours), `${words}, 0 to 1`),
    ]);
    const nothing = atlas.css(NaN, 0, colours);
    return [
      ...items, atlas.ramp(nothing, nothing, "undefined"),
      atlas.make("li", {}, atlas.make("span", { class: "swatch empty" }), "no pixel"),
    ];
  };

  /** Item of a legend: from one colour to another.
   * @param {string} from
   * @param {string} to
   * @param {string} words */
  atlas.ramp = (from, to, words) =>
    atlas.make("li", {}, atlas.make("span", { class: "swatch", style: `background: linear-gradient(to right, ${from}, ${to})` }), words);

  atlas.pixelLines = (/** @type {any} */ image, /** @type {any} */ family, /** @type {number} */ pixel) => {
    const { treeSizes, weightRanges } = atlas.chip;
    const n = treeSizes.length * weightRanges.length;
    const roles = family.roles[Math.floor(pixel / n)];
    const [above, below] = image.parts(pixel);
    const { counts, rule } = atlas.pixelWords(roles, above, below, Boolean(family.published));
    return [
      atlas.make("b", {}, atlas.label(roles)), ` at ${atlas.condition(pixel % n)}: ${counts}`,
      below ? `, ${atlas.share(image.values[pixel])}. ` : ". ", atlas.make("span", { class: "soft" }, rule),
    ];
  };

  atlas.section = (/** @type {string} */ title, /** @type {any[]} */ ...children) =>
    atlas.make("details", { open: "" }, atlas.make("summary", {}, title), ...children);

  /** Parts of what is told of a gene.
   * @param {any} gene
   * @param {any} look Functions, places and colours.
   * @param {(cell: number) => void} choose Called with the cell that is pointed at. */
  atlas.makeGene = (gene, look, choose) => {
    const image = atlas.imageOf(gene.counts, look.members);
    const published = look.members === look.base ? image : atlas.imageOf(gene.counts, look.base);
    const reading = atlas.make("output", { id: `gene-${gene.number}-reading`, class: "reading", "aria-live": "polite" },
      "Point at a pixel, or go from one to the next by the arrow keys.");
    const label = `ROP-image of ${atlas.title(gene.number)}; the arrow keys go from pixel to pixel`;
    const figure = atlas.makeCanvas(label, reading.id, choose);
    figure.draw(image.values, look.members, look.layout, look.colours);
    const tell = atlas.make("output", { class: "reading" }, "Beside each tile are tree sizes V, below it weight ranges R.");
    const tiles = atlas.makeTiles(published, look.base, look.colours, (/** @type {number} */ pixel) =>
      tell.replaceChildren(...atlas.pixelLines(published, look.base, pixel)));
    const read = (/** @type {number} */ cell) => {
      const pixel = look.layout.pixels[cell];
      figure.mark(cell);
      reading.replaceChildren(...(pixel < 0 ? ["No pixel here."] : atlas.pixelLines(image, look.members, pixel)));
    };
    const sections = [
      atlas.section("Ten criteria", criteriaTable(gene)), atlas.section("The 30 published images", tell, tiles),
    ];
    return { gene, figure, reading, read, sections };
  };

  /** One gene and nothing else, in a notebook.
   * @param {ShadowRoot} root
   * @param {Record<string, any>} data Of an atlas of this gene alone.
   * @param {string} css */
  atlas.showAlone = async (root, data, css) => {
    for (const [name, value] of Object.entries(data)) atlas.put(name, value);
    const { family, path } = data.choice;
    atlas.chip = await atlas.loadChip();
    const [members, base, layout, gene] = await Promise.all([
      atlas.loadFamily(family), atlas.loadFamily("base"), atlas.loadLayout(family, path), atlas.loadGene(0),
    ]);
    const look = { members, base, layout, colours: atlas.chip.palettes.clear };
    const { figure, reading, read, sections } = atlas.makeGene(gene, look, (/** @type {number} */ cell) => read(cell));
    root.append(
      atlas.make("style", {}, css), atlas.make("h3", {}, atlas.title(0)),
      atlas.make("p", { class: "soft" }, atlas.describe(look)), atlas.make("ul", { class: "legend" }, ...atlas.makeLegend(look)),
      atlas.make("div", { class: "two" }, atlas.make("div", {}, figure, reading), atlas.make("div", {}, ...sections)),
    );
  };

  const criteriaTable = (/** @type {any} */ { number }) => {
    const { mean, strongest, names } = atlas.chip;
    const rows = atlas.chip.criteria.map((/** @type {any} */ one, /** @type {number} */ k) => {
      const at = strongest[k * names.length + number];
      return atlas.make("tr", {},
        atlas.make("th", { scope: "row" }, `${one.short}, ${one.name}`),
        atlas.make("td", { class: "number" }, atlas.share(mean[k * names.length + number])),
        atlas.make("td", {}, at < 255 ? atlas.condition(at) : "–"));
    });
    const head = ["Criterion", "Mean", "Strongest at"].map((text) => atlas.make("th", { scope: "col" }, text));
    return atlas.make("table", {}, atlas.make("thead", {}, atlas.make("tr", {}, ...head)), atlas.make("tbody", {}, ...rows));
  };
})();
