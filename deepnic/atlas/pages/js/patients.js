// Patients, where the pages have any: the perfect trees of each gene that left one out vote.
"use strict";

(() => {
  const NAMED = 10; // genes that are named for and against
  const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

  atlas.loadPeople = () =>
    atlas.load("patients", async (/** @type {any} */ value) => {
      const { ids, label, ...rest } = value;
      const [names, labels] = await Promise.all([ids, label].map(atlas.unpackWords));
      return { ...(await atlas.unpackAll(rest)), ids: names, labels };
    });

  /** Votes of the trees of a gene, a patient each. */
  atlas.loadVotes = async (/** @type {number} */ gene) => {
    const { together } = atlas.chip;
    const n = (await atlas.loadPeople()).ids.length;
    const part = await atlas.load(`votes-${Math.floor(gene / together)}`, atlas.unpackAll);
    const first = (gene % together) * n;
    return { above: part.above.subarray(first, first + n), below: part.below.subarray(first, first + n) };
  };

  /** Mean vote, from -1 against to 1 for; NaN where no tree votes. */
  const voteOf = (/** @type {any} */ { above, below }, /** @type {number} */ k) => (2 * above[k] - below[k]) / below[k];

  const votesInWords = (/** @type {any} */ { above, below }, /** @type {number} */ k) =>
    below[k] ? `${atlas.whole(above[k])} of ${atlas.whole(below[k])} perfect trees that left the patient out say ${atlas.chip.positive}`
      : "no perfect tree left the patient out: undefined";

  const addressOf = (/** @type {any} */ people, /** @type {number} */ k) => `#${new URLSearchParams({ patient: people.ids[k] })}`;

  /** Colour of a vote. */
  const shade = (/** @type {any} */ people, /** @type {number} */ vote) =>
    atlas.css(Math.abs(vote), vote < 0 ? 1 : 0, people.palette);

  const legend = (/** @type {any} */ people) => [
    atlas.ramp(shade(people, -1), shade(people, 0), "all against, to even"),
    atlas.ramp(shade(people, 0), shade(people, 1), `even, to all for ${atlas.chip.positive}`),
    atlas.ramp(shade(people, NaN), shade(people, NaN), "undefined: no tree votes"),
  ];

  /** What the trees of a gene say of each patient: a cell each, class after class. */
  atlas.makeVotes = (/** @type {any} */ people, /** @type {any} */ votes) => {
    const reading = atlas.make("output", { class: "reading" }, "A cell each; point at one. A click opens the patient.");
    const tell = (/** @type {any} */ event) => {
      if (event.target.ariaLabel) reading.textContent = event.target.ariaLabel;
    };
    const classes = [1, 0].map((state) => {
      const some = people.ids.map((/** @type {string} */ _, /** @type {number} */ k) => k)
        .filter((/** @type {number} */ k) => people.positive[k] === state)
        .sort((/** @type {number} */ a, /** @type {number} */ b) => (voteOf(votes, b) || 0) - (voteOf(votes, a) || 0));
      const cells = some.map((/** @type {number} */ k) => atlas.make("a", {
        href: addressOf(people, k), style: `background: ${shade(people, voteOf(votes, k))}`,
        "aria-label": `${people.ids[k]}, ${people.labels[k]}: ${votesInWords(votes, k)}`,
      }));
      const name = state ? atlas.chip.positive : "others";
      return atlas.make("p", { class: "cells" }, atlas.make("b", {}, `${name} `), ...cells);
    });
    const box = atlas.make("div", { onpointerover: tell, onfocusin: tell }, ...classes);
    return atlas.section("What its trees say of each patient", atlas.make("ul", { class: "legend" }, ...legend(people)), box, reading);
  };

  /** All patients, in a table. */
  atlas.showPatients = async () => {
    const people = await atlas.loadPeople();
    const all = Array.from(people.above, (above, k) => above / people.below[k]);
    /** @type {any[][]} */
    const columns = [["Patient", people.ids], ["Class", people.labels], ["Share of votes", all, atlas.share]];
    for (const name of ["probability", "sure", "wrong"]) {
      if (people[name]) columns.push([name[0].toUpperCase() + name.slice(1), people[name], atlas.share]);
    }
    byId("patients-about").textContent = `Share of votes: of all perfect trees that left a patient out, those that say ${atlas.chip.positive}.`
      + (people.arm ? ` Probability of ${atlas.chip.positive} while held out in the study, how far it is from even (sure), and the share `
        + `of predictions that were wrong: of “${people.arm}”.` : "");
    atlas.fillTable(byId("patients-table"), columns, 2, (/** @type {number} */ k, /** @type {string} */ text) =>
      atlas.make("a", { href: addressOf(people, k) }, text));
  };

  /** One patient: all genes, a pixel each. */
  atlas.showPatient = async () => {
    const asked = atlas.asked().get("patient");
    const people = await atlas.loadPeople();
    const number = people.ids.indexOf(asked);
    if (number < 0) throw new Error(`these pages have no patient ${asked}: find one in the list of patients`);
    const votes = await atlas.load(`patient-${number}`, atlas.unpackAll);
    if (atlas.asked().get("patient") !== asked) return; // another was asked for meanwhile
    const order = rankedGenes();
    const values = Float32Array.from(order, (gene) => voteOf(votes, gene));
    byId("patient-heading").textContent = `Patient ${asked}, ${people.labels[number]}`;
    const study = people.arm && !Number.isNaN(people.probability[number])
      ? ` In the study “${people.arm}” gives a probability of ${atlas.share(people.probability[number])} of ${atlas.chip.positive}`
        + ` while the patient is held out; the share of its predictions that are wrong is ${atlas.share(people.wrong[number])}.` : "";
    byId("patient-about").textContent = `All genes, a pixel each: those whose trees are perfect most often come first, row by row.${study}`;
    byId("patient-legend").replaceChildren(...legend(people), atlas.make("li", {}, atlas.make("span", { class: "swatch empty" }), "no gene"));
    const reading = atlas.make("output", { id: "patient-reading", class: "reading", "aria-live": "polite" },
      "Point at a gene, or go from one to the next by the arrow keys; a click or Enter opens it.");
    const read = (/** @type {number} */ cell) => {
      figure.mark(cell);
      const gene = order[cell];
      reading.replaceChildren(...(gene === undefined ? ["No gene here."]
        : [atlas.make("a", { href: atlas.addressOf([gene]) }, atlas.title(gene)), `: ${votesInWords(votes, gene)}.`]));
    };
    const open = (/** @type {any} */ event) => {
      const link = reading.querySelector("a");
      if (link && (event.key === "Enter" || (event.type === "click" && event.pointerType !== "touch"))) link.click();
    };
    const label = `Votes of all genes on patient ${asked}; the arrow keys go from gene to gene, Enter opens one`;
    const figure = atlas.makeCanvas(label, reading.id, read);
    figure.addEventListener("click", open);
    figure.addEventListener("keydown", open);
    const sides = { colour: Array.from(values, (vote) => (vote < 0 ? 1 : 0)) };
    const layout = { side: Math.ceil(Math.sqrt(values.length)), cells: Uint32Array.from(values.keys()) };
    figure.draw(values.map(Math.abs), sides, layout, people.palette);
    byId("patient-image").replaceChildren(figure, reading);
    byId("patient-genes").replaceChildren(...sidesOf(votes));
  };

  /** Genes by NIC1, the largest first. */
  const rankedGenes = () => {
    const { mean, names } = atlas.chip;
    return Array.from(names.keys()).sort((a, b) => (mean[b] || 0) - (mean[a] || 0) || a - b);
  };

  /** Genes with most votes for, and against, beyond the others. */
  const sidesOf = (/** @type {any} */ votes) =>
    [[1, `Most for ${atlas.chip.positive}`], [-1, "Most against"]].map(([way, title]) => {
      const margin = (/** @type {number} */ k) => Number(way) * (2 * votes.above[k] - votes.below[k]);
      const first = Array.from(atlas.chip.names.keys()).filter((k) => margin(k) > 0)
        .sort((a, b) => margin(b) - margin(a) || a - b).slice(0, NAMED);
      const items = first.map((k) => atlas.make("li", {}, atlas.make("a", { href: atlas.addressOf([k]) }, atlas.title(k)),
        ` ${votes.above[k]} of ${votes.below[k]}`));
      return atlas.section(`${title}`, items.length ? atlas.make("ol", {}, ...items) : "No gene.");
    });
})();
