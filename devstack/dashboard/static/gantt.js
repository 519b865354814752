// A lane for each node, a bar for each execution, a band for each fault, up to now. Only what can be seen is drawn.

import { phase, shortId, spanText, timeText } from "./text.js";

const LANE = 22;
const AXIS = 20;
const LABEL = 84;
const PAD = 3;
const PHASES = ["waiting", "running", "completed", "failed", "cancelled"];
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

export class Gantt {
  constructor(plot, store, { onOpen, onSay }) {
    this.plot = plot;
    this.canvas = plot.querySelector("canvas");
    this.space = plot.appendChild(document.createElement("div"));
    this.store = store;
    this.onOpen = onOpen;
    this.onSay = onSay;
    this.span = 0; // Seconds that are shown; 0: all.
    this.busyOnly = false;
    this.selected = "";
    this.colours = null;
    this.bars = []; // What was drawn, for the mouse.
    plot.addEventListener("scroll", () => this.draw(), { passive: true });
    plot.addEventListener("click", (event) => this.#click(event));
    plot.addEventListener("mousemove", (event) => this.#hover(event));
    plot.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = null;
      this.draw();
    });
  }

  draw() {
    const { plot, canvas } = this;
    const hasWork = (node) => !this.busyOnly || this.store.lanes.get(node.id)?.executions.length;
    const nodes = this.store.sortedNodes().filter((node) => node.type === "compute" && hasWork(node));
    const scale = devicePixelRatio || 1;
    const width = plot.clientWidth;
    const height = plot.clientHeight;
    if (canvas.width !== width * scale || canvas.height !== height * scale) {
      canvas.width = width * scale;
      canvas.height = height * scale;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.space.style.height = `${Math.max(0, nodes.length * LANE + AXIS - height)}px`;
    this.colours ??= readColours(plot);
    this.nodes = nodes;
    this.bars = [];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = this.colours.font;
    context.textBaseline = "middle";
    this.#measure(width);
    this.#drawAxis(context, width, height);
    const first = Math.floor(plot.scrollTop / LANE);
    const last = Math.min(nodes.length, first + Math.ceil((height - AXIS) / LANE) + 1);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height - AXIS);
    context.clip();
    for (let at = first; at < last; at++) this.#drawLane(context, nodes[at], at * LANE - plot.scrollTop, at % 2, width);
    context.restore();
  }

  // From when to when, and how many pixels a millisecond has.
  #measure(width) {
    const until = this.store.now();
    let from = until - this.span * 1000;
    if (!this.span) {
      from = until - 30_000;
      for (const lane of this.store.lanes.values()) {
        if (lane.executions.length) from = Math.min(from, lane.executions[0].created);
      }
    }
    this.from = from;
    this.until = until;
    this.perMs = (width - LABEL - 8) / Math.max(1, until - from);
  }

  #x(ms) {
    return LABEL + (Math.max(ms, this.from) - this.from) * this.perMs;
  }

  #drawAxis(context, width, height) {
    const wanted = ((this.until - this.from) / 1000 / (width - LABEL)) * 90;
    const step = (STEPS_S.find((one) => one >= wanted) ?? 86_400 * Math.ceil(wanted / 86_400)) * 1000;
    context.strokeStyle = this.colours.line;
    context.fillStyle = this.colours.dim;
    context.textAlign = "center";
    for (let at = Math.ceil(this.from / step) * step; at < this.until; at += step) {
      const x = Math.round(this.#x(at)) + 0.5;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, height - AXIS);
      context.stroke();
      if (x > LABEL + 24 && x < width - 28) context.fillText(timeText(at), x, height - AXIS / 2);
    }
  }

  #drawLane(context, node, top, isOdd, width) {
    if (isOdd) {
      context.fillStyle = this.colours.stripe;
      context.fillRect(0, top, width, LANE);
    }
    for (const band of this.store.bands) if (band.machine === node.id) this.#drawBand(context, band, top);
    const lane = this.store.lanes.get(node.id);
    if (lane) this.#drawBars(context, lane, top);
    context.fillStyle = this.store.health(node) === "healthy" ? this.colours.text : this.colours.failed;
    context.textAlign = "left";
    context.fillText(fitted(context, node.id, LABEL - 10), 6, top + LANE / 2);
  }

  #drawBand(context, band, top) {
    const left = this.#x(band.from);
    const right = this.#x(band.to || this.until);
    if (right <= LABEL) return;
    context.fillStyle = this.colours.band;
    context.fillRect(left, top, right - left, LANE);
  }

  #drawBars(context, lane, top) {
    const slots = Math.min(lane.slots.length, 6);
    const high = (LANE - 2 * PAD) / slots;
    const reached = new Map(); // By slot and phase: up to where there is one.
    const seen = lane.executions.filter((one) => !one.over || one.changed >= this.from);
    // Where there are more than can lie side by side, what waits lies below what runs.
    const waiting = seen.filter((one) => phase(one) === "waiting");
    for (const execution of [...waiting, ...seen.filter((one) => phase(one) !== "waiting")]) {
      const end = execution.over ? execution.changed : this.until;
      const left = this.#x(execution.created);
      const wide = Math.max(2, this.#x(end) - left);
      const bar = { execution, left, top: top + PAD + (execution.slot % slots) * high, wide, high: Math.max(2, high - 1) };
      this.bars.push(bar);
      // Where very many lie one over the other, those that would add nothing are not drawn.
      const key = `${execution.slot % slots} ${phase(execution)}`;
      if (execution.id !== this.selected && left + wide <= (reached.get(key) ?? 0)) continue;
      reached.set(key, left + wide);
      this.#drawBar(context, bar);
    }
  }

  #drawBar(context, { execution, left, top, wide, high }) {
    const kind = phase(execution);
    const started = execution.began ? this.#x(execution.began) : left;
    context.fillStyle = this.colours[kind];
    if (kind === "waiting") context.fillRect(left, top + high / 2 - 1, wide, 2);
    else {
      // What it waited for its node is a thin line.
      if (started - left > 1) context.fillRect(left, top + high / 2 - 0.5, started - left, 1);
      context.fillRect(Math.min(started, left + wide - 2), top, Math.max(2, left + wide - started), high);
    }
    if (kind === "failed" && wide > 6 && high > 5) {
      context.strokeStyle = this.colours.back;
      context.beginPath();
      context.moveTo(left + wide - 5, top + 1);
      context.lineTo(left + wide - 1, top + high - 1);
      context.moveTo(left + wide - 1, top + 1);
      context.lineTo(left + wide - 5, top + high - 1);
      context.stroke();
    }
    if (execution.id === this.selected) {
      context.strokeStyle = this.colours.text;
      context.lineWidth = 2;
      context.strokeRect(left - 1, top - 1, wide + 2, high + 2);
      context.lineWidth = 1;
    }
  }

  // ---- mouse and keyboard ----

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return this.bars.findLast(
      (bar) => x >= bar.left - 2 && x <= bar.left + bar.wide + 2 && y >= bar.top - 1 && y <= bar.top + bar.high + 1,
    )?.execution;
  }

  #click(event) {
    const execution = this.#at(event);
    if (!execution) return;
    this.selected = execution.id;
    this.draw();
    this.onOpen(execution);
  }

  #hover(event) {
    const execution = this.#at(event);
    this.plot.title = execution ? this.describe(execution) : "";
    this.plot.classList.toggle("over-bar", Boolean(execution));
  }

  #key(event) {
    const current = this.store.executions.get(this.selected);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = [...this.store.executions.values()];
    if (event.key === "Enter" && current) this.onOpen(current);
    else if (event.key === "Home") this.#select(all[0]);
    else if (event.key === "End") this.#select(all.at(-1));
    else if (step && event.key.match(/Left|Right/)) this.#select(this.#beside(current, step));
    else if (step) this.#select(this.#onNextLane(current, step));
    else return;
    event.preventDefault();
  }

  // The next or previous one on the same node; the latest of all if none is selected.
  #beside(current, step) {
    if (!current) return [...this.store.executions.values()].at(-1);
    const lane = this.store.lanes.get(current.node).executions;
    return lane[lane.indexOf(current) + step] ?? current;
  }

  // The one nearest in time on the next node that has any.
  #onNextLane(current, step) {
    if (!current) return this.#beside(current, step);
    let at = this.nodes.findIndex((node) => node.id === current.node) + step;
    for (; at >= 0 && at < this.nodes.length; at += step) {
      const lane = this.store.lanes.get(this.nodes[at].id)?.executions ?? [];
      if (!lane.length) continue;
      const far = (one) => Math.abs(one.created - current.created);
      return lane.reduce((best, one) => (far(one) < far(best) ? one : best));
    }
    return current;
  }

  #select(execution) {
    if (!execution) return;
    this.selected = execution.id;
    const top = this.nodes.findIndex((node) => node.id === execution.node) * LANE;
    const room = this.plot.clientHeight - AXIS - LANE;
    if (top < this.plot.scrollTop) this.plot.scrollTop = top;
    else if (top > this.plot.scrollTop + room) this.plot.scrollTop = top - room;
    this.draw();
    this.onSay(this.describe(execution));
  }

  describe(execution) {
    const job = this.store.jobs.get(execution.job);
    const end = execution.over ? execution.changed : this.store.now();
    const name = job?.name || shortId(execution.job);
    return `${name} on ${execution.node}: ${phase(execution)}, ${spanText(end - execution.created)}`;
  }
}

function readColours(plot) {
  const style = getComputedStyle(plot);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = [...PHASES, "text", "dim", "line", "stripe", "band", "back"];
  const colours = Object.fromEntries(names.map((name) => [name, read(name)]));
  return { ...colours, font: `12px ${style.fontFamily}` };
}

function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  while (text.length > 3 && context.measureText(`${text}…`).width > width) text = text.slice(0, -1);
  return `${text}…`;
}
