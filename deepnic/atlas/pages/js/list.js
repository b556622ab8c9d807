// The list: find a gene as one types, sort and filter.
"use strict";

(() => {
  const STEP = 100; // rows that are shown at once
  const MOST_BESIDE = 4;
  const form = /** @type {any} */ (document.getElementById("filters"));
  const body = () => /** @type {any} */ (document.querySelector("#table tbody"));
  /** Genes that are ticked, to be set side by side. */
  const ticked = new Set();
  /** @type {number[]} */
  let order = [];
  let shown = 0;

  /** Columns of the list: how they are called, sorted and written. */
  const columns = () => {
    const { names, symbols, mean, q, direction } = atlas.chip;
    const n = names.length;
    /** @type {any[]} */
    const found = [{ id: "gene", head: "Gene", words: names }];
    if (symbols.some(Boolean)) found.push({ id: "symbol", head: "Symbol", words: symbols });
    if (direction) {
      const words = ["", "higher", "lower"];
      found.push({ id: "direction", head: "Direction", words: { at: (/** @type {number} */ k) => words[direction[k]] } });
    }
    if (q) found.push({ id: "q", head: "q", values: q, write: atlas.small, rising: true });
    atlas.chip.criteria.forEach((/** @type {any} */ one, /** @type {number} */ k) => {
      const values = mean.subarray(k * n, (k + 1) * n);
      found.push({ id: `${k + 1}`, head: one.short, note: one.name, values, write: atlas.share });
    });
    return found;
  };

  /** Begin: what does not change while the page is open. */
  atlas.startList = () => {
    const { q, direction } = atlas.chip;
    const words = atlas.chip.criteria.map((/** @type {any} */ one, /** @type {number} */ k) => [
      `${k + 1}`, `${one.short}, ${one.name}`,
    ]);
    form.by.append(...atlas.options(Object.fromEntries(words)));
    for (const [name, values] of Object.entries({ q, direction })) {
      form.querySelector(`[data-column=${name}]`).hidden = !values;
    }
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      if (form.find.value.trim() && order.length) location.hash = atlas.addressOf([order[0]]);
    });
    form.addEventListener("input", () => {
      const asked = ["find", "by", "least", "most", "direction"].map((name) => [name, form[name].value]);
      const changes = Object.fromEntries(asked);
      if (!changes.least) changes.by = "";
      location.replace(atlas.address(changes)); // typing makes no step of "back"
    });
    document.getElementById("more")?.addEventListener("click", () => showRows(STEP));
    body().addEventListener("change", tick);
  };

  /** Show what the address asks for. */
  atlas.showList = () => {
    const asked = atlas.asked();
    for (const name of ["find", "least", "most", "direction"]) {
      const value = asked.get(name) ?? "";
      if (form[name].value !== value) form[name].value = value;
    }
    form.by.value = asked.get("by") ?? form.by.value;
    const all = columns();
    const sorted = all.find(({ id }) => id === asked.get("sort")) ?? all.find(({ id }) => id === "1");
    const turned = asked.get("turned") === "yes";
    // what one types is answered by how well it fits, until a heading is pressed
    const fits = Boolean((asked.get("find") ?? "").trim()) && !asked.has("sort");
    order = fits ? select(asked) : arrange(select(asked), sorted, turned);
    showHead(all, sorted, turned, fits);
    const n = atlas.whole(order.length);
    /** @type {any} */ (document.getElementById("found")).textContent =
      `${n} of ${atlas.whole(atlas.chip.names.length)} genes`;
    body().replaceChildren();
    shown = 0;
    showRows(STEP);
    showTicked();
  };

  /** Genes that the filters let through, in the order of the search. */
  const select = (/** @type {URLSearchParams} */ asked) => {
    const { names, mean, q, direction } = atlas.chip;
    const text = (asked.get("find") ?? "").trim().toLowerCase();
    let found = text ? atlas.search(text) : Array.from(names.keys());
    const least = asked.get("least");
    if (least) {
      const first = (Number(asked.get("by") ?? 1) - 1) * names.length;
      found = found.filter((/** @type {number} */ k) => mean[first + k] >= Math.fround(Number(least)));
    }
    const most = asked.get("most");
    if (most && q) found = found.filter((/** @type {number} */ k) => q[k] <= Number(most));
    const way = ["", "higher", "lower"].indexOf(asked.get("direction") ?? "");
    if (way > 0 && direction) found = found.filter((/** @type {number} */ k) => direction[k] === way);
    return found;
  };

  /** Sort: numbers from the largest down (q from the smallest up), what has none last. */
  const arrange = (
    /** @type {number[]} */ genes, /** @type {any} */ column, /** @type {boolean} */ turned,
  ) => {
    const way = turned ? -1 : 1;
    const { values, words, rising } = column;
    if (words) {
      const at = (/** @type {number} */ k) => words.at(k);
      return genes.sort((a, b) => way * (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0) || a - b);
    }
    const key = (/** @type {number} */ k) =>
      Number.isNaN(values[k]) ? Infinity : way * (rising ? values[k] : -values[k]);
    return genes.sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      return x === y ? a - b : x < y ? -1 : 1;
    });
  };

  const showHead = (
    /** @type {any[]} */ all, /** @type {any} */ sorted, /** @type {boolean} */ turned, /** @type {boolean} */ fits,
  ) => {
    const row = atlas.make("tr", {}, atlas.make("th", { scope: "col" }, atlas.make("span", { class: "unseen" }, "Side by side")));
    for (const column of all) {
      const is = column === sorted && !fits;
      const falling = Boolean(column.values && !column.rising) !== turned;
      const press = () => {
        location.hash = atlas.address({ sort: column.id, turned: is && !turned ? "yes" : "" });
      };
      const button = atlas.make("button", { type: "button", onclick: press, title: column.note }, column.head);
      row.append(atlas.make("th", {
        scope: "col", class: classOf(column, sorted), "aria-sort": is && (falling ? "descending" : "ascending"),
      }, button));
    }
    document.querySelector("#table thead")?.replaceChildren(row);
  };

  const classOf = (/** @type {any} */ column, /** @type {any} */ sorted) => {
    const main = sorted.values && sorted.id !== "q" ? sorted.id : "1"; // all that a phone shows
    const kind = column.values ? "number" : "";
    return /^\d+$/.test(column.id) && column.id !== main ? `${kind} other` : kind;
  };

  const showRows = (/** @type {number} */ more) => {
    const all = columns();
    const asked = atlas.asked();
    const sorted = all.find(({ id }) => id === asked.get("sort")) ?? all.find(({ id }) => id === "1");
    const n = atlas.chip.names.length;
    const rows = order.slice(shown, shown + more).map((gene) => {
      const title = atlas.title(gene);
      const box = atlas.make("input", { type: "checkbox", value: gene, "aria-label": `set ${title} beside others` });
      box.checked = ticked.has(gene);
      const row = atlas.make("tr", {}, atlas.make("td", {}, box));
      for (const column of all) {
        const text = column.words ? column.words.at(gene) : column.write(column.values[gene]);
        const strongest = atlas.chip.strongest[(Number(column.id) - 1) * n + gene];
        const note = strongest < 255 ? `strongest at ${atlas.condition(strongest)}` : undefined;
        if (column.id === "gene") {
          row.append(atlas.make("th", { scope: "row" }, atlas.make("a", { href: atlas.addressOf([gene]) }, text)));
        } else row.append(atlas.make("td", { class: classOf(column, sorted), title: note }, text));
      }
      return row;
    });
    body().append(...rows);
    shown += rows.length;
    /** @type {any} */ (document.getElementById("more")).hidden = shown >= order.length;
  };

  const tick = (/** @type {any} */ event) => {
    const gene = Number(event.target.value);
    if (event.target.checked && ticked.size < MOST_BESIDE) ticked.add(gene);
    else ticked.delete(gene);
    event.target.checked = ticked.has(gene);
    showTicked();
  };

  const showTicked = () => {
    const line = /** @type {any} */ (document.getElementById("chosen"));
    const genes = [...ticked];
    line.hidden = !genes.length;
    const link = atlas.make("a", { href: atlas.addressOf(genes) }, `Show ${genes.length} side by side`);
    const names = genes.map(atlas.title).join(", ");
    const clear = atlas.make("button", { type: "button", onclick: () => {
      ticked.clear();
      for (const box of body().querySelectorAll("input")) box.checked = false;
      showTicked();
    } }, "untick all");
    line.replaceChildren(link, `: ${names} `, clear);
  };
})();
