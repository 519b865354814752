// The page: follows the stream of changes, and draws what has changed, at most once a frame.

import { Controls } from "./controls.js";
import { follow } from "./feed.js";
import { Gantt } from "./gantt.js";
import { Store } from "./store.js";
import { Table } from "./table.js";
import { bytes, cores, element, setText, shortId, spanText, timeText } from "./text.js";
import { Why } from "./why.js";

const TICK_MS = 1_000;
const SAID_MS = 6_000;
const find = (id) => document.getElementById(id);

const store = new Store();
const controls = new Controls(store, say);
const why = new Why(find("why"), store, say);
const load = ([used, total]) => (total ? used / total : 0);

const nodes = new Table(find("node-rows"), {
  label: "Nodes",
  onSelect: (id) => controls.select(id),
  columns: [
    { title: "node", size: "id", text: (node) => node.id },
    { title: "health", size: "id", text: (node) => store.health(node), kind: (node) => store.health(node) },
    { title: "CPU", size: "cpu", text: (node) => ratio(node.cpu, cores), load: (node) => load(node.cpu ?? [0, 0]) },
    { title: "memory", size: "memory", wide: true, text: (node) => ratio(node.memory, bytes), load: (node) => load(node.memory ?? [0, 0]) },
    { title: "runs", size: "few", text: (node) => String(node.running ?? "") },
    { title: "waits", size: "few", text: (node) => String(node.waiting ?? "") },
    { title: "faults", wide: true, long: true, text: (node) => store.faultsOn(node.id).map((one) => one.Text).join("; ") },
  ],
});

const jobs = new Table(find("job-rows"), {
  label: "Jobs, newest first",
  onOpen: (id) => why.openJob(id),
  empty: "no job yet: submit an example",
  columns: [
    { title: "job", size: "id", text: (job) => shortId(job.id) },
    { title: "name", size: "name", long: true, text: (job) => job.name },
    { title: "type", wide: true, text: (job) => job.type },
    { title: "state", text: (job) => job.state, kind: (job) => job.state.toLowerCase() },
    { title: "done", size: "few", text: (job) => `${job.completed}/${job.type === "batch" ? job.count : job.executions}` },
    { title: "since", size: "few", wide: true, text: (job) => spanText(store.now() - job.created) },
  ],
});

const happenings = new Table(find("happening-rows"), {
  label: "Events, newest first",
  onOpen: openHappening,
  columns: [
    { title: "time", size: "time", text: (one) => timeText(one.time) },
    { title: "of", size: "id", text: (one) => shortId(one.execution ?? one.job ?? one.node ?? "") },
    { title: "node", size: "id", wide: true, text: (one) => one.node ?? "" },
    { title: "event", size: "rest", long: true, text: (one) => one.text },
  ],
});

const gantt = new Gantt(find("plot"), store, {
  onOpen: (execution) => why.openExecution(execution),
  onSay: (text) => setText(find("plot-now"), text),
});

for (const kind of ["waiting", "running", "completed", "failed", "cancelled", "fault"]) {
  find("legend").append(element("li", { "data-kind": kind }, kind));
}
find("find").addEventListener("input", drawJobs);
find("hold").addEventListener("change", drawHappenings);
find("span").addEventListener("change", (event) => {
  gantt.span = Number(event.target.value);
  gantt.draw();
});

find("busy").addEventListener("change", (event) => {
  gantt.busyOnly = event.target.checked;
  gantt.draw();
});

function openHappening(id) {
  const one = store.happenings.find((each) => String(each.n) === id);
  const execution = one && store.executions.get(one.execution);
  if (execution) why.openExecution(execution);
  else if (one?.job) why.openJob(one.job);
}

function ratio(pair, write) {
  return pair ? `${write(pair[0])} of ${write(pair[1])}` : "";
}

function drawJobs() {
  const wanted = find("find").value.trim().toLowerCase();
  const matches = (job) => `${job.id} ${job.name} ${job.state} ${job.type}`.toLowerCase().includes(wanted);
  const all = store.sortedJobs();
  jobs.show(wanted ? all.filter(matches) : all);
}

function drawHappenings() {
  if (find("hold").checked) return;
  happenings.show(store.happenings.toReversed().map((one) => ({ ...one, id: String(one.n) })));
}

function drawTotals() {
  for (const [name, count] of Object.entries(store.totals())) setText(find(`total-${name}`), count.toLocaleString("en"));
}

function drawTime() {
  setText(find("now"), store.clock.now ? `${new Date(store.now()).toISOString().slice(0, 19).replace("T", " ")} UTC` : "–");
}

let isDue = false;

function drawSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    nodes.show(store.sortedNodes());
    drawJobs();
    drawHappenings();
    drawTotals();
    drawTime();
    controls.draw();
    gantt.draw();
  });
}

let saying = 0;

function say(text, isProblem = false) {
  const said = find("said");
  said.textContent = text;
  said.classList.toggle("problem", isProblem);
  clearTimeout(saying);
  saying = setTimeout(() => (said.textContent = ""), SAID_MS);
}

follow(
  (batch) => {
    store.apply(batch);
    drawSoon();
  },
  (word) => {
    find("link").dataset.kind = word;
    setText(find("link"), word);
  },
);

setInterval(() => {
  if (document.hidden) return;
  drawTime();
  gantt.draw();
  jobs.draw();
}, TICK_MS);
