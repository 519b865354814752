// A table of many rows: only those that can be seen are in the document. The keyboard goes through all of them.

import { element, setText } from "./text.js";

const ROW = 26;
const EXTRA = 6;
let tables = 0;

export class Table {
  // A column is {title, text(row)} and may have load(row) from 0 to 1, kind(row) for a class, and wide (left out where
  // there is little room). `onSelect` hears of the row that the selection is on, `onOpen` of the one that is opened.
  constructor(host, { label, columns, onSelect = () => {}, onOpen = null, empty = "nothing yet" }) {
    this.host = host;
    this.columns = columns;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.rows = [];
    this.selected = "";
    this.number = ++tables;
    this.body = element("tbody");
    this.above = element("tr", { class: "space", "aria-hidden": "true" }, element("td"));
    this.below = element("tr", { class: "space", "aria-hidden": "true" }, element("td"));
    const head = element("tr", { "aria-rowindex": "1" }, ...columns.map((one) => cell("th", one, one.title)));
    this.grid = element(
      "table",
      { role: "grid", "aria-label": label, tabindex: "0", "aria-colcount": columns.length },
      element("thead", {}, head),
      this.body,
    );
    this.nothing = element("p", { class: "empty" }, empty);
    this.body.append(this.above, this.below);
    this.shown = [];
    host.append(this.grid, this.nothing);
    host.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(host);
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    this.body.addEventListener("click", (event) => this.#click(event));
  }

  show(rows) {
    this.rows = rows;
    this.draw();
  }

  draw() {
    const { host, rows } = this;
    const first = Math.max(0, Math.floor(host.scrollTop / ROW) - EXTRA);
    const count = Math.min(rows.length - first, Math.ceil(host.clientHeight / ROW) + 2 * EXTRA);
    while (this.shown.length < count) this.#addRow();
    while (this.shown.length > Math.max(0, count)) this.shown.pop().remove();
    this.above.firstChild.style.height = `${first * ROW}px`;
    this.below.firstChild.style.height = `${Math.max(0, rows.length - first - count) * ROW}px`;
    this.shown.forEach((shown, at) => this.#fill(shown, rows[first + at], first + at));
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.nothing.hidden = rows.length > 0;
    const active = this.shown.find((shown) => shown.dataset.id === this.selected);
    if (active) this.grid.setAttribute("aria-activedescendant", active.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  select(id) {
    this.selected = id;
    this.draw();
    this.onSelect(id);
  }

  #addRow() {
    const row = element("tr", { id: `row-${this.number}-${this.shown.length}` });
    row.append(...this.columns.map((one) => cell("td", one, "")));
    this.shown.push(row);
    this.below.before(row);
  }

  #fill(shown, row, at) {
    shown.dataset.id = row.id;
    shown.setAttribute("aria-rowindex", at + 2);
    shown.setAttribute("aria-selected", row.id === this.selected);
    this.columns.forEach((column, index) => {
      const td = shown.children[index];
      setText(td, column.text(row));
      if (column.kind) td.dataset.kind = column.kind(row);
      if (column.load) td.style.setProperty("--load", `${Math.round(Math.min(1, column.load(row)) * 100)}%`);
      if (column.long) td.title = column.text(row);
    });
  }

  #key(event) {
    const at = this.rows.findIndex((row) => row.id === this.selected);
    const page = Math.max(1, Math.floor(this.host.clientHeight / ROW) - 2);
    const last = this.rows.length - 1;
    const steps = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last,
    };
    if ((event.key === "Enter" || event.key === " ") && at >= 0 && this.onOpen) this.onOpen(this.selected);
    else if (event.key in steps && last >= 0) this.#go(Math.min(last, Math.max(0, steps[event.key])));
    else return;
    event.preventDefault();
  }

  #go(at) {
    const { host } = this;
    const head = this.grid.tHead.offsetHeight;
    const top = at * ROW;
    if (top < host.scrollTop) host.scrollTop = top;
    else if (top + ROW + head > host.scrollTop + host.clientHeight) host.scrollTop = top + ROW + head - host.clientHeight;
    this.select(this.rows[at].id);
  }

  #click(event) {
    const id = event.target.closest("tr")?.dataset.id;
    if (!id) return;
    this.select(id);
    if (this.onOpen) this.onOpen(id);
  }
}

function cell(name, column, text) {
  const classes = [column.load ? "load" : "", column.wide ? "wide" : "", column.size ?? ""].filter(Boolean).join(" ");
  const attributes = name === "th" ? { scope: "col", class: classes } : { class: classes };
  return element(name, attributes, text);
}
