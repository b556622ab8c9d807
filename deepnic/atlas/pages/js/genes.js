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
    const people = atlas.chip.patients && await atlas.loadPeople();
    const votes = people ? await Promise.all(numbers.map(atlas.loadVotes)) : [];
    if (location.hash !== address) return; // another was asked for meanwhile
    Object.assign(form.family, { value: family });
    Object.assign(form.path, { value: path });
    Object.assign(form.palette, { value: palette });
    const colours = atlas.chip.palettes[palette];
    const look = { members, base, layout, colours };
    articles = genes.map((gene, k) => makeArticle(gene, look, people && atlas.makeVotes(people, votes[k])));
    byId("articles").replaceChildren(...articles.map(({ article }) => article));
    byId("genes-heading").textContent = genes.map(({ number }) => atlas.title(number)).join(" beside ");
    byId("about").textContent = atlas.describe(look);
    byId("legend").replaceChildren(...atlas.makeLegend(look));
  };

  const makeArticle = (/** @type {any} */ gene, /** @type {any} */ look, /** @type {any} */ patients) => {
    const id = `gene-${gene.number}`;
    // a pixel is told of in every article
    const made = atlas.makeGene(gene, look, (/** @type {number} */ cell) => articles.forEach(({ read }) => read(cell)));
    const { figure, reading, sections } = made;
    const article = atlas.make("article", { "aria-labelledby": id },
      atlas.make("div", {}, atlas.make("h3", { id }, atlas.title(gene.number)), facts(gene), figure, reading),
      atlas.make("div", {}, ...(patients ? [patients] : []), ...sections, atlas.section("Most alike", alikeList(gene))));
    return { ...made, article };
  };

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
