// Images of genes, bit for bit as deepnic makes them: sums are whole, and a quotient of them is
// rounded to single precision once.
"use strict";

(() => {
  const SIGNATURES = 37;

  /** Trees of a gene in each set of signatures, under each condition.
   * @param {Uint8Array|Uint16Array} counts (condition, signature)
   * @param {Uint8Array} sets (set, signature)
   * @returns {Int32Array} (set, condition) */
  const addUp = (counts, sets) => {
    const [nSets, nConditions] = [sets.length / SIGNATURES, counts.length / SIGNATURES];
    const sums = new Int32Array(nSets * nConditions);
    for (let s = 0; s < nSets; s++) {
      for (let c = 0; c < nConditions; c++) {
        let sum = 0;
        for (let k = 0; k < SIGNATURES; k++) {
          sum += sets[s * SIGNATURES + k] * counts[c * SIGNATURES + k];
        }
        sums[s * nConditions + c] = sum;
      }
    }
    return sums;
  };

  /** Pixels of a gene: (combination, condition), NaN where undefined.
   * @param {Uint8Array|Uint16Array} counts
   * @param {any} family
   * @returns {{values: Float32Array, parts: (pixel: number) => [number, number]}} */
  atlas.imageOf = (counts, family) => {
    const n = counts.length / SIGNATURES;
    const sums = addUp(counts, family.sets);
    const values = new Float32Array(family.above.length * n);
    for (let f = 0; f < family.above.length; f++) {
      const [above, below] = [family.above[f] * n, family.below[f] * n];
      for (let c = 0; c < n; c++) values[f * n + c] = sums[above + c] / sums[below + c];
    }
    if (family.published) showAsPublished(values, n);
    const parts = (/** @type {number} */ pixel) => {
      const [f, c] = [Math.floor(pixel / n), pixel % n];
      return /** @type {[number, number]} */ (
        [sums[family.above[f] * n + c], sums[family.below[f] * n + c]]
      );
    };
    return { values, parts };
  };

  /** NIC5 = (NIC3 x NIC4)^(1/4) and NIC6 = 1 - N6/N1, the fifth and sixth of the base family. */
  const showAsPublished = (/** @type {Float32Array} */ values, /** @type {number} */ n) => {
    const root = (/** @type {number} */ x) => Math.fround(Math.sqrt(x));
    for (let c = 0; c < n; c++) {
      values[4 * n + c] = root(root(Math.fround(values[2 * n + c] * values[3 * n + c])));
      values[5 * n + c] = 1 - values[5 * n + c];
    }
  };

  /** Colour of a value, into bytes that round halves to even, as NumPy does.
   * @param {Uint8ClampedArray} into
   * @param {number} at
   * @param {number} value
   * @param {number} code Of the colour family.
   * @param {any} palette */
  atlas.colour = (into, at, value, code, palette) => {
    const { zero, one, undefined: nothing } = palette;
    for (let k = 0; k < 3; k++) {
      into[at + k] = Number.isNaN(value) ? nothing[k] : zero[k] + value * (one[code][k] - zero[k]);
    }
    into[at + 3] = 255;
  };

  atlas.css = (/** @type {number} */ value, /** @type {number} */ code, /** @type {any} */ palette) => {
    const rgba = new Uint8ClampedArray(4);
    atlas.colour(rgba, 0, value, code, palette);
    return `rgb(${rgba.subarray(0, 3).join(" ")})`;
  };

  /** Draw pixels along a path; a cell without a pixel stays transparent.
   * @param {HTMLCanvasElement} canvas
   * @param {Float32Array} values
   * @param {any} family
   * @param {any} layout
   * @param {any} palette */
  atlas.draw = (canvas, values, family, layout, palette) => {
    canvas.width = canvas.height = layout.side;
    const image = new ImageData(layout.side, layout.side);
    const n = values.length / family.colour.length;
    for (let pixel = 0; pixel < values.length; pixel++) {
      const code = family.colour[Math.floor(pixel / n)];
      atlas.colour(image.data, 4 * layout.cells[pixel], values[pixel], code, palette);
    }
    /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  };
})();
