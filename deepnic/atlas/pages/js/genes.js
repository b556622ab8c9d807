// One gene, or up to four side by side.
"use strict";

(() => {
  const MOST = 4;
  const form = /** @type {any} */ (document.getElementById("choices"));
  const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const DEFAULTS = { family: "distinct", path: "linear", palette: "clear" };
  /** @type {any[]} */
  let articles = [];

  /** Begin: what can be chosen. */
  atlas.startGenes = () => {
    const { families, paths, palettes } = atlas.chip;
    const words = (/** @type {any} */ rows) =>
      Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, `${name}: ${/** @type {any} */ (row).words ?? row}`]));
    form.family.append(...atlas.options(words(families)));
    form.path.append(...atlas.options(words(paths)));
    form.palette.append(...atlas.options(words(palettes)));
    form.addEventListener("change", (/** @type {any} */ event) => {
      if (event.target === form.beside) return addBeside();
      location.hash = atlas.address({ [event.target.name]: event.target.value });
    });
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      addBeside();
    });
    form.beside.addEventListener("input", () => {
      const text = form.beside.value.trim().toLowerCase();
      const found = text ? atlas.search(text).slice(0, 12) : [];
      byId("matches").replaceChildren(...found.map((/** @type {number} */ k) =>
        atlas.make("option", { value: atlas.chip.names[k] }, atlas.title(k))));
    });
  };

  /** Load what the first gene will need; should that fail, it is told when a gene is asked for. */
  atlas.prepareGenes = () => {
    const { family, path } = choices();
    const needed = [atlas.loadFamily(family), atlas.loadFamily("base"), atlas.loadLayout(family, path)];
    Promise.all(needed).catch(() => {});
  };

  const addBeside = () => {
    const text = form.beside.value.trim().toLowerCase();
    const [found] = text ? atlas.search(text) : [];
    if (found === undefined) return;
    form.beside.value = "";
    location.hash = atlas.addressOf([...new Set([...shownGenes(), found])].slice(-MOST));
  };

  const shownGenes = () => articles.map(({ gene }) => gene.number);

  /** What the address asks for, what it leaves open by default. */
  const choices = () => {
    const asked = atlas.asked();
    const known = { family: atlas.chip.families, path: atlas.chip.paths, palette: atlas.chip.palettes };
    return Object.fromEntries(Object.entries(DEFAULTS).map(([name, usual]) => {
      const value = asked.get(name) ?? usual;
      return [name, value in known[/** @type {keyof known} */ (name)] ? value : usual];
    }));
  };

  /** Show the genes that the address names. */
  atlas.showGenes = async () => {
    const { numberOf } = atlas.chip;
    const address = location.hash;
    const named = atlas.asked().getAll("gene").slice(0, MOST);
    const strange = named.filter((/** @type {string} */ name) => !numberOf.has(name));
    if (strange.length) throw new Error(`the chip has no gene ${strange[0]}: find one in the list`);
    const { family, path, palette } = choices();
    const numbers = [...new Set(named.map((/** @type {string} */ name) => numberOf.get(name)))];
    const [members, base, layout, ...genes] = await Promise.all([
      atlas.loadFamily(family), atlas.loadFamily("base"), atlas.loadLayout(family, path),
      ...numbers.map(atlas.loadGene),
    ]);
    if (location.hash !== address) return; // another was asked for meanwhile
    Object.assign(form.family, { value: family });
    Object.assign(form.path, { value: path });
    Object.assign(form.palette, { value: palette });
    const colours = atlas.chip.palettes[palette];
    const look = { members, base, layout, colours };
    articles = genes.map((gene) => makeArticle(gene, look));
    byId("articles").replaceChildren(...articles.map(({ article }) => article));
    byId("genes-heading").textContent = genes.map(({ number }) => atlas.title(number)).join(" beside ");
    byId("about").textContent = describe(look);
    showLegend(look);
  };

  const describe = (/** @type {any} */ { members, layout }) => {
    const { trees, treeSizes, weightRanges } = atlas.chip;
    const [n, conditions] = [members.colour.length, treeSizes.length * weightRanges.length];
    return `${atlas.whole(n)} combinations under ${conditions} conditions, ${atlas.whole(n * conditions)} pixels on `
      + `${layout.side} × ${layout.side} cells, in the order of ${layout.order}; ${trees} trees of the gene under each condition.`;
  };

  const showLegend = (/** @type {any} */ { members, base, colours }) => {
    const { meanings } = atlas.chip;
    const here = new Set([...members.colour, ...base.colour]);
    const swatch = (/** @type {string} */ style) => atlas.make("span", { class: "swatch", style });
    const items = meanings.flatMap((/** @type {string} */ words, /** @type {number} */ code) => !here.has(code) ? [] : [
      [`background: linear-gradient(to right, ${atlas.css(0, code, colours)}, ${atlas.css(1, code, colours)})`, `${words}, 0 to 1`],
    ]);
    items.push([`background: ${atlas.css(NaN, 0, colours)}`, "undefined"]);
    byId("legend").replaceChildren(
      ...items.map((/** @type {string[]} */ [style, words]) => atlas.make("li", {}, swatch(style), words)),
      atlas.make("li", {}, atlas.make("span", { class: "swatch empty" }), "no pixel"),
    );
  };

  /** Tell of a pixel, in every article. */
  const readPixel = (/** @type {any} */ look, /** @type {number} */ cell) => {
    const pixel = look.layout.pixels[cell];
    for (const { gene, image, figure, reading } of articles) {
      figure.mark(cell);
      reading.replaceChildren(...(pixel < 0 ? ["No pixel here."] : pixelLines(gene, image, look.members, pixel)));
    }
  };

  const pixelLines = (/** @type {any} */ gene, /** @type {any} */ image, /** @type {any} */ family, /** @type {number} */ pixel) => {
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

  const makeArticle = (/** @type {any} */ gene, /** @type {any} */ look) => {
    const title = atlas.title(gene.number);
    const id = `gene-${gene.number}`;
    const image = atlas.imageOf(gene.counts, look.members);
    const published = look.members === look.base ? image : atlas.imageOf(gene.counts, look.base);
    const reading = atlas.make("output", { id: `${id}-reading`, class: "reading", "aria-live": "polite" },
      "Point at a pixel, or go from one to the next by the arrow keys.");
    const figure = atlas.makeCanvas(title, reading.id, (/** @type {number} */ cell) => readPixel(look, cell));
    figure.draw(image.values, look.members, look.layout, look.colours);
    const tell = atlas.make("output", { class: "reading" }, "Tree sizes V go down each tile, weight ranges R across.");
    const tiles = atlas.makeTiles(published, look.base, look.colours, (/** @type {number} */ pixel) =>
      tell.replaceChildren(...pixelLines(gene, published, look.base, pixel)));
    const article = atlas.make("article", { "aria-labelledby": id },
      atlas.make("div", {}, atlas.make("h3", { id }, title), facts(gene), figure, reading),
      atlas.make("div", {}, section("Ten criteria", criteriaTable(gene)),
        section("The 30 published images", tell, tiles), section("Most alike", alikeList(gene))));
    return { gene, image, figure, reading, article };
  };

  const section = (/** @type {string} */ title, /** @type {any[]} */ ...children) =>
    atlas.make("details", { open: "" }, atlas.make("summary", {}, title), ...children);

  const facts = (/** @type {any} */ { number }) => {
    const { q, direction, positive } = atlas.chip;
    const words = [];
    if (direction) words.push([`no clear direction`, `higher in ${positive}`, `lower in ${positive}`][direction[number]]);
    if (q && !Number.isNaN(q[number])) words.push(`q = ${atlas.small(q[number])}`);
    const others = atlas.asked().getAll("gene").filter((/** @type {string} */ name) => name !== atlas.chip.names[number]);
    const line = atlas.make("p", { class: "facts" }, words.join(", "));
    if (others.length) line.append(" ", atlas.make("a", { href: atlas.address({ gene: others }) }, "take away"));
    return line;
  };

  const criteriaTable = (/** @type {any} */ { number }) => {
    const { mean, strongest, names } = atlas.chip;
    const rows = atlas.criteria.map((/** @type {any} */ one, /** @type {number} */ k) => {
      const at = strongest[k * names.length + number];
      return atlas.make("tr", {},
        atlas.make("th", { scope: "row" }, `${one.short}, ${one.name}`),
        atlas.make("td", { class: "number" }, atlas.share(mean[k * names.length + number])),
        atlas.make("td", {}, at < 255 ? atlas.condition(at) : "–"));
    });
    const head = ["Criterion", "Mean", "Strongest at"].map((text) => atlas.make("th", { scope: "col" }, text));
    return atlas.make("table", {}, atlas.make("thead", {}, atlas.make("tr", {}, ...head)), atlas.make("tbody", {}, ...rows));
  };

  const alikeList = (/** @type {any} */ gene) => {
    const { trees, treeSizes, weightRanges } = atlas.chip;
    const all = atlas.whole(trees * treeSizes.length * weightRanges.length);
    const items = Array.from(gene.alike, (/** @type {number} */ other, /** @type {number} */ k) => {
      const beside = [...new Set([...atlas.asked().getAll("gene").map((/** @type {string} */ name) => atlas.chip.numberOf.get(name)), other])];
      return atlas.make("li", {},
        atlas.make("a", { href: atlas.addressOf([other]) }, atlas.title(other)),
        ` ${atlas.whole(gene.trees[k])} of ${all} trees differ `,
        ...(beside.length <= MOST ? [atlas.make("a", { href: atlas.addressOf(beside), "aria-label": `set ${atlas.title(other)} beside` }, "beside")] : []));
    });
    return atlas.make("ol", {}, ...items);
  };
})();
