// What all scripts share, and how data come in.
//
// Classic scripts with one namespace, `atlas`: of file:// browsers load no ES module, as each file
// is an origin of its own there, and answer no `fetch`. A <script> they load; so that data are
// scripts as well, each of which calls `atlas.put`.
"use strict";

/** @typedef {{dtype: string, data: string}} Packed */
/** @typedef {{number: number, name: string, symbol: string, counts: Uint8Array|Uint16Array,
 *   alike: Uint32Array, trees: Uint32Array}} Gene */

/** @type {any} */
var atlas = {};

(() => {
  /** @type {Record<string, any>} */
  const ARRAYS = {
    uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array,
    float32: Float32Array, float64: Float64Array,
  };
  /** @type {Map<string, (value: any) => void>} */
  const waiting = new Map();
  /** @type {Map<string, Promise<any>>} */
  const values = new Map();

  /** What came before it was asked for: in a notebook.
   * @type {Map<string, any>} */
  const early = new Map();

  /** Take what a script of data holds. */
  atlas.put = (/** @type {string} */ name, /** @type {any} */ value) => {
    const take = waiting.get(name);
    if (take) take(value);
    else early.set(name, value);
    waiting.delete(name);
  };

  /** Load a script of data, once, and make of it what is used.
   * @param {string} name
   * @param {(value: any) => any} make
   * @returns {Promise<any>} */
  atlas.load = (name, make = (value) => value) => {
    if (!values.has(name)) {
      const arrived = early.has(name) ? Promise.resolve(early.get(name)) : new Promise((resolve, reject) => {
        waiting.set(name, resolve);
        const script = document.createElement("script");
        script.src = `data/${name}.js`;
        script.onload = () => script.remove();
        script.onerror = () => {
          values.delete(name); // it may be there the next time
          reject(new Error(`data/${name}.js is missing: copy the folder whole`));
        };
        document.head.append(script);
      });
      values.set(name, arrived.then(make));
    }
    return /** @type {Promise<any>} */ (values.get(name));
  };

  /** Give an array back.
   * @param {Packed} packed
   * @returns {Promise<any>} */
  atlas.unpack = async ({ dtype, data }) => {
    const text = atob(data);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    const { DecompressionStream } = /** @type {any} */ (globalThis); // younger than Debian's TypeScript
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new ARRAYS[dtype](await new Response(stream).arrayBuffer());
  };

  /** @returns {Promise<string[]>} */
  atlas.unpackWords = async (/** @type {Packed} */ packed) =>
    JSON.parse(new TextDecoder().decode(await atlas.unpack(packed)));

  /** Unpack all arrays of an object, one level deep. */
  atlas.unpackAll = async (/** @type {any} */ value) => {
    const entries = Object.entries(value).map(async ([name, one]) => [
      name, one?.dtype ? await atlas.unpack(one) : one,
    ]);
    return Object.fromEntries(await Promise.all(entries));
  };

  /** The list of genes, and what can be chosen. */
  atlas.loadChip = () =>
    atlas.load("chip", async (/** @type {any} */ value) => {
      const [names, symbols] = await Promise.all(
        [value.names, value.symbols].map(atlas.unpackWords),
      );
      const { names: _n, symbols: _s, ...rest } = value;
      return { ...(await atlas.unpackAll(rest)), names, symbols };
    });

  atlas.loadFamily = (/** @type {string} */ name) => atlas.load(`family-${name}`, atlas.unpackAll);

  atlas.loadLayout = (/** @type {string} */ family, /** @type {string} */ path) =>
    atlas.load(`layout-${family}-${path}`, async (/** @type {any} */ value) => {
      const cells = await atlas.unpack(value.cells);
      for (let k = 1; k < cells.length; k++) cells[k] += cells[k - 1]; // modulo 2**32, as packed
      const pixels = new Int32Array(value.side ** 2).fill(-1);
      cells.forEach((/** @type {number} */ cell, /** @type {number} */ pixel) => {
        pixels[cell] = pixel;
      });
      return { side: value.side, order: value.order, cells, pixels };
    });

  /** @returns {Promise<Gene>} */
  atlas.loadGene = async (/** @type {number} */ number) => {
    const { together, names, symbols } = atlas.chip;
    const part = await atlas.load(`genes-${Math.floor(number / together)}`, atlas.unpackAll);
    const n = Math.min(together, names.length - Math.floor(number / together) * together);
    const slice = (/** @type {any} */ all) => {
      const length = all.length / n;
      return all.subarray((number % together) * length, ((number % together) + 1) * length);
    };
    return {
      number, name: names[number], symbol: symbols[number], counts: slice(part.counts),
      alike: slice(part.alike), trees: slice(part.trees),
    };
  };
})();
