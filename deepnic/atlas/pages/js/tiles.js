// The 30 published images of a gene: a tile each, tree sizes V down, weight ranges R across.
"use strict";

(() => {
  const SIZE = 12; // of a pixel
  const MARGIN = 14; // of the axes

  /** @param {any} image Of the base family.
   * @param {any} family
   * @param {any} palette
   * @param {(pixel: number) => void} choose
   * @returns {any} */
  atlas.makeTiles = (image, family, palette, choose) => {
    const tiles = Array.from(family.roles, (/** @type {number} */ roles, f) =>
      atlas.make("figure", {}, tile(image, family, palette, f), atlas.make("figcaption", {}, atlas.label(roles))));
    const sheet = atlas.make("div", { class: "tiles" }, ...tiles);
    const point = (/** @type {any} */ event) => {
      const pixel = event.target.getAttribute?.("data-pixel");
      if (pixel !== null && pixel !== undefined) choose(Number(pixel));
    };
    sheet.addEventListener("pointerover", point);
    sheet.addEventListener("pointerdown", point);
    return sheet;
  };

  /** Columns or rows in their order: positions of values, sorted. */
  const sorted = (/** @type {number[]} */ values, /** @type {number} */ way) =>
    Array.from(values.keys()).sort((a, b) => way * (values[a] - values[b]));

  const tile = (
    /** @type {any} */ image, /** @type {any} */ family, /** @type {any} */ palette, /** @type {number} */ f,
  ) => {
    const { treeSizes, weightRanges } = atlas.chip;
    const [rows, columns] = [sorted(treeSizes, -1), sorted(weightRanges, 1)];
    const n = treeSizes.length * weightRanges.length;
    const [width, height] = [columns.length * SIZE, rows.length * SIZE];
    const parts = [];
    let best = -1;
    rows.forEach((v, y) => columns.forEach((r, x) => {
      const pixel = f * n + v * weightRanges.length + r;
      const fill = atlas.css(image.values[pixel], family.colour[f], palette);
      parts.push(`<rect x="${MARGIN + x * SIZE}" y="${y * SIZE}" width="${SIZE}" height="${SIZE}" fill="${fill}" data-pixel="${pixel}"/>`);
      if (image.values[pixel] > 0 && !(image.values[pixel] <= image.values[best])) best = pixel;
    }));
    parts.push(`<rect class="border" x="${MARGIN}" y="0" width="${width}" height="${height}"/>`);
    rows.forEach((v, y) => parts.push(
      `<text x="${MARGIN - 3}" y="${(y + 0.75) * SIZE}" text-anchor="end">${treeSizes[v]}</text>`));
    columns.forEach((r, x) => parts.push(
      `<text x="${MARGIN + (x + 0.5) * SIZE}" y="${height + 10}" text-anchor="middle">${weightRanges[r]}</text>`));
    const label = atlas.label(family.roles[f]);
    const words = best < 0 ? "0 or undefined everywhere"
      : `largest ${atlas.share(image.values[best])}, at ${atlas.condition(best % n)}`;
    const holder = document.createElement("template");
    holder.innerHTML = `<svg viewBox="0 0 ${MARGIN + width + 1} ${height + MARGIN}" role="img" aria-label="${label}: ${words}">${parts.join("")}</svg>`;
    return holder.content;
  };
})();
