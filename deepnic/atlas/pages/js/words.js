// Criteria and pixels in words.
"use strict";

(() => {
  /** Criteria above and below the line, numbered from 0.
   * @param {number} roles A digit to the base 3 for each: 1 above, 2 below.
   * @returns {{event: number[], given: number[]}} */
  atlas.roles = (roles) => {
    /** @type {{event: number[], given: number[]}} */
    const sets = { event: [], given: [] };
    for (let k = 0; k < 10; k++) {
      const role = Math.floor(roles / 3 ** k) % 3;
      if (role === 1) sets.event.push(k);
      if (role === 2) sets.given.push(k);
    }
    return sets;
  };

  const AND = new Intl.ListFormat("en-GB", { style: "long", type: "conjunction" });

  const join = (/** @type {number[]} */ set) => set.map((k) => k + 1).join("+");

  /** "2+7 | 1", or "NIC2" of a single criterion as published. */
  atlas.label = (/** @type {number} */ roles) => {
    const { event, given } = atlas.roles(roles);
    const single = event.length === 1 && join(given) === (event[0] === 0 ? "" : "1");
    return single ? `NIC${event[0] + 1}` : `${join(event) || "∅"} | ${join(given) || "∅"}`;
  };

  // all criteria say "perfect" as well: it is left out where another says it
  const rules = (/** @type {number[]} */ set) => {
    const others = set.filter((k) => k !== 0);
    return AND.format(others.map((k) => atlas.chip.criteria[k].rule));
  };
  const trees = (/** @type {number[]} */ given) => {
    if (!given.length) return "trees";
    return rules(given) ? `perfect trees that ${rules(given)}` : "perfect trees";
  };

  /** A pixel in words: what is divided, and the rule.
   * @param {number} roles
   * @param {number} above
   * @param {number} below
   * @param {boolean} published Whether criteria 5 and 6 are shown by the published formulas.
   * @returns {{counts: string, rule: string}} */
  atlas.pixelWords = (roles, above, below, published) => {
    const { event, given } = atlas.roles(roles);
    const label = atlas.label(roles);
    const what = rules(event) || (event.length ? "are perfect" : "there are");
    let counts = `${atlas.whole(above)} of ${atlas.whole(below)} ${trees(given)}`;
    let rule = `Of the ${trees(given)}, the share that ${what}.`;
    if (!event.length) rule = `Of the ${trees(given)}, all of them.`;
    if (published && label === "NIC5") {
      counts = "fourth root of NIC3 × NIC4";
      rule = "The fourth root of NIC3 × NIC4: high where all positive and all negative are both common.";
    }
    if (published && label === "NIC6") {
      counts = `1 less ${counts}`;
      rule = `1 less the share of the ${trees(given)} that ${what}.`;
    }
    return { counts: below ? counts : `no ${trees(given)}: undefined`, rule };
  };
})();
