// Elements, addresses and numbers in words.
"use strict";

(() => {
  /** Make an element; attributes that are undefined or false are left out.
   * @param {string} tag
   * @param {Record<string, any>} [attributes]
   * @param {...(Node|string)} children
   * @returns {any} */
  atlas.make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  /** What the address asks for. */
  atlas.asked = () => new URLSearchParams(location.hash.slice(1));

  /** Address of what is asked for now, with changes; an empty value takes a name out.
   * @param {Record<string, string|string[]>} changes
   * @returns {string} */
  atlas.address = (changes) => {
    const asked = atlas.asked();
    for (const [name, value] of Object.entries(changes)) {
      asked.delete(name);
      for (const one of [value].flat()) if (one !== "") asked.append(name, one);
    }
    return `#${asked}`;
  };

  /** Address of genes side by side, seen as those are that are shown now. */
  atlas.addressOf = (/** @type {number[]} */ numbers) => {
    const seen = atlas.asked();
    const kept = new URLSearchParams();
    for (const number of numbers) kept.append("gene", atlas.chip.names[number]);
    for (const name of ["family", "path", "palette"]) {
      if (seen.has(name)) kept.set(name, /** @type {string} */ (seen.get(name)));
    }
    return `#${kept}`;
  };

  /** Options of a <select>, from names and what they mean.
   * @param {Record<string, string>} words */
  atlas.options = (words) =>
    Object.entries(words).map(([value, text]) => atlas.make("option", { value }, text));

  const digits = (/** @type {number} */ n) => new Intl.NumberFormat("en", {
    minimumFractionDigits: n, maximumFractionDigits: n,
  });
  const three = digits(3);
  const none = digits(0);
  atlas.share = (/** @type {number} */ x) => (Number.isNaN(x) ? "–" : three.format(x));
  atlas.whole = (/** @type {number} */ n) => none.format(n);
  atlas.small = (/** @type {number} */ x) => {
    if (Number.isNaN(x)) return "–";
    return x !== 0 && x < 0.001 ? x.toExponential(1) : x.toPrecision(2);
  };

  /** Name of a condition. */
  atlas.condition = (/** @type {number} */ number) => {
    const { treeSizes, weightRanges } = atlas.chip;
    const [v, r] = [Math.floor(number / weightRanges.length), number % weightRanges.length];
    return `V ${treeSizes[v]}, R ${weightRanges[r]}`;
  };

  /** Name of a gene for the eye: "CD33 (206120_at)". */
  atlas.title = (/** @type {number} */ number) => {
    const [name, symbol] = [atlas.chip.names[number], atlas.chip.symbols[number]];
    return symbol && symbol !== name ? `${symbol} (${name})` : name;
  };

  /** Genes whose name or symbol holds some text: those called so, those that begin so, the others.
   * @param {string} text
   * @returns {number[]} */
  atlas.search = (text) => {
    const { plainNames, plainSymbols } = atlas.chip;
    /** @type {number[][]} */
    const found = [[], [], []];
    for (let k = 0; k < plainNames.length; k++) {
      const [name, symbol] = [plainNames[k], plainSymbols[k]];
      if (!name.includes(text) && !symbol.includes(text)) continue;
      if (name === text || symbol === text) found[0].push(k);
      else found[name.startsWith(text) || symbol.startsWith(text) ? 1 : 2].push(k);
    }
    return found.flat();
  };
})();
