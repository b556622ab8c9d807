// Which view the address asks for.
"use strict";

(() => {
  const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const VIEWS = ["list", "genes", "map", "patients", "patient", "study"];
  let last = "";

  /** Parts that these pages have and others may lack. */
  const parts = () => ["patients", "study"].filter((part) => atlas.chip[part]);

  const view = () => {
    const asked = atlas.asked();
    if (asked.has("gene")) return "genes";
    if (asked.has("patient") && atlas.chip.patients) return "patient";
    const named = asked.get("view") ?? "list";
    return ["map", ...parts()].includes(named) ? named : "list";
  };

  /** Show it; what goes wrong is told in the page. */
  const route = async () => {
    const name = view();
    const show = {
      list: atlas.showList, genes: atlas.showGenes, map: atlas.showMap,
      patients: atlas.showPatients, patient: atlas.showPatient, study: atlas.showStudy,
    }[/** @type {"list"} */ (name)];
    byId("failure").hidden = true;
    try {
      await show();
    } catch (error) {
      byId("failure").textContent = /** @type {Error} */ (error).message;
      byId("failure").hidden = false;
    }
    for (const one of VIEWS) byId(one).hidden = one !== name;
    const heading = byId(`${name}-heading`);
    document.title = `${heading.textContent} · ${atlas.chip.title}`;
    // a view is a page to who hears it; at the start, and on the same one, the focus stays
    if (last && last !== name) {
      scrollTo(0, 0);
      heading.focus({ preventScroll: true });
    }
    last = name;
    document.documentElement.dataset.shown = location.hash || "#";
  };

  const start = async () => {
    byId("to-key").addEventListener("click", (/** @type {Event} */ event) => {
      event.preventDefault(); // the address says what is shown
      byId("key").scrollIntoView();
      byId("key-heading").focus({ preventScroll: true });
    });
    try {
      atlas.chip = await atlas.loadChip();
    } catch (error) {
      byId("failure").textContent = /** @type {Error} */ (error).message;
      byId("failure").hidden = false;
      return;
    }
    const { criteria, names, symbols, title, about, version, trees, treeSizes, weightRanges } = atlas.chip;
    atlas.chip.numberOf = new Map(names.map((/** @type {string} */ name, /** @type {number} */ k) => [name, k]));
    atlas.chip.plainNames = names.map((/** @type {string} */ name) => name.toLowerCase());
    atlas.chip.plainSymbols = symbols.map((/** @type {string} */ name) => name.toLowerCase());
    byId("title").textContent = title;
    byId("criteria").append(...criteria.map((/** @type {any} */ one) =>
      atlas.make("li", {}, atlas.make("b", {}, one.name), `: trees that ${one.rule}`)));
    byId("whom").textContent = `${about} Nothing is loaded from elsewhere.`;
    for (const part of parts()) /** @type {any} */ (document.querySelector(`[data-part=${part}]`)).hidden = false;
    byId("made").textContent = `Made by deepnic ${version} of ${atlas.whole(names.length)} genes: ${trees} trees of each under `
      + `${treeSizes.length * weightRanges.length} conditions, V ${treeSizes.join(", ")} and R ${weightRanges.join(", ")}.`;
    atlas.startList();
    atlas.startGenes();
    addEventListener("hashchange", route);
    await route();
    atlas.prepareGenes();
  };

  start();
})();
