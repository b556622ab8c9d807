// What a study found, where the pages are given one; and tables that a press on a heading sorts.
"use strict";

(() => {
  const byId = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

  /** Fill a table; a heading sorts by its column, what has no number comes last.
   * @param {any} table
   * @param {any[][]} columns Heading, values, and for numbers how they are written.
   * @param {number} by Column that it is sorted by at first.
   * @param {(row: number, text: string) => any} [name] Makes the cell of the first column. */
  atlas.fillTable = (table, columns, by, name = (_, text) => text) => {
    let turned = false;
    const compare = (/** @type {any} */ a, /** @type {any} */ b) => {
      const way = turned ? -1 : 1;
      if (!columns[by][2]) return way * (a < b ? -1 : a > b ? 1 : 0);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
      return way * (b - a);
    };
    const kind = (/** @type {any[]} */ column) => (column[2] ? "number" : "");
    const show = () => {
      const values = columns[by][1];
      const order = Array.from(values.keys()).sort((a, b) => compare(values[a], values[b]) || a - b);
      const heads = columns.map((column, k) => {
        const press = () => {
          [by, turned] = [k, k === by && !turned];
          show();
          table.querySelectorAll("thead button")[k].focus();
        };
        const falling = Boolean(column[2]) !== turned;
        return atlas.make("th", { scope: "col", class: kind(column), "aria-sort": k === by && (falling ? "descending" : "ascending") },
          atlas.make("button", { type: "button", onclick: press }, column[0]));
      });
      const rows = order.map((row) => atlas.make("tr", {}, ...columns.map((column, k) => {
        const text = column[2] ? column[2](column[1][row]) : column[1][row];
        return k ? atlas.make("td", { class: kind(column) }, text) : atlas.make("th", { scope: "row" }, name(row, text));
      })));
      table.tHead.replaceChildren(atlas.make("tr", {}, ...heads));
      table.tBodies[0].replaceChildren(...rows);
    };
    show();
  };

  atlas.showStudy = async () => {
    const { name, sentences, arms, report } = await atlas.load("study");
    byId("study-heading").textContent = `What the study ${name} found`;
    byId("study-sentences").replaceChildren(...sentences.map((/** @type {string} */ one) => atlas.make("p", {}, one)));
    byId("study-report").replaceChildren(...(report
      ? [atlas.make("a", { href: report }, "The report of the study"), ", where it lies beside these pages."]
      : ["All of it is in the report of the study, which is not beside these pages."]));
    const of = (/** @type {string} */ column) => arms.map((/** @type {any} */ one) => one[column] ?? NaN);
    const points = (/** @type {number} */ x) => (Number.isNaN(x) ? "–" : (100 * x).toFixed(1));
    atlas.fillTable(byId("study-table"), [
      ["Arm", of("arm")], ["Cohort", of("cohort")], ["Mean", of("mean"), points], ["From", of("low"), points], ["To", of("high"), points],
    ], 2);
  };
})();
