// One image on a canvas: a pixel is read by pointing at it, or by the arrow keys.
"use strict";

(() => {
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  /** Canvas of a gene with the mark of a cell.
   * @param {string} label
   * @param {string} reading Id of what tells of the pixel.
   * @param {(cell: number) => void} choose Called with the cell that is pointed at.
   * @returns {any} */
  atlas.makeCanvas = (label, reading, choose) => {
    const canvas = atlas.make("canvas", {
      tabindex: "0", role: "application", "aria-roledescription": "image", "aria-describedby": reading,
      "aria-label": label,
    });
    const mark = atlas.make("div", { class: "mark", hidden: "" });
    const figure = atlas.make("div", { class: "image" }, canvas, mark);
    let cell = 0;

    const point = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      const side = canvas.width;
      const at = (/** @type {number} */ x, /** @type {number} */ size) =>
        Math.min(side - 1, Math.max(0, Math.floor((x / size) * side)));
      choose(at(event.clientY - box.top, box.height) * side + at(event.clientX - box.left, box.width));
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = STEPS[/** @type {keyof STEPS} */ (event.key)];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const side = canvas.width;
      const [row, column] = [Math.floor(cell / side) + step[0], (cell % side) + step[1]];
      const inside = row >= 0 && row < side && column >= 0 && column < side;
      choose(mark.hidden || !inside ? cell : row * side + column);
    });

    /** Draw an image; the mark goes. */
    figure.draw = (/** @type {any[]} */ ...what) => {
      atlas.draw(canvas, ...what);
      canvas.classList.toggle("fine", canvas.width > 400); // more pixels than the screen has room for
      mark.hidden = true;
      cell = 0;
    };
    /** Mark a cell. */
    figure.mark = (/** @type {number} */ number) => {
      cell = number;
      const side = canvas.width;
      const percent = (/** @type {number} */ k) => `${(100 * k) / side}%`;
      Object.assign(mark.style, {
        top: percent(Math.floor(cell / side)), left: percent(cell % side),
        width: percent(1), height: percent(1),
      });
      mark.hidden = false;
    };
    return figure;
  };
})();
