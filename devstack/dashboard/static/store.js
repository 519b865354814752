// What the page knows: nodes, jobs, executions, the latest events, active faults, and virtual time.

const MOST_JOBS = 12_000;
const MOST_EXECUTIONS = 25_000;
const MOST_HAPPENINGS = 1_000;
const MOST_BANDS = 500;

const byName = new Intl.Collator("en", { numeric: true });

export class Store {
  constructor() {
    this.forget();
  }

  forget() {
    this.nodes = new Map();
    this.jobs = new Map();
    this.executions = new Map();
    this.happenings = [];
    this.faults = [];
    this.bands = []; // {machine, text, from, to}; `to` is 0 while the fault lasts.
    this.lanes = new Map(); // By node: its executions in order of creation, and how many slots they need.
    this.clock = { now: 0, read: performance.now(), speed: 1 };
    this.nodeOrder = null;
    this.jobOrder = null;
  }

  // Take in one batch of the stream.
  apply(batch) {
    if (batch.fresh) this.forget();
    this.clock = { now: batch.now, read: performance.now(), speed: batch.speed };
    for (const node of batch.nodes) {
      if (!this.nodes.has(node.id)) this.nodeOrder = null;
      this.nodes.set(node.id, node);
    }
    for (const job of batch.jobs) {
      if (!this.jobs.has(job.id)) this.jobOrder = null;
      this.jobs.set(job.id, job);
    }
    for (const execution of batch.executions) this.#place(execution);
    for (const one of batch.happenings) this.happenings.push(one);
    if (this.happenings.length > MOST_HAPPENINGS) this.happenings.splice(0, this.happenings.length - MOST_HAPPENINGS);
    this.#noteFaults(batch.faults);
    this.#trim();
  }

  // Virtual time in milliseconds, as it runs on between two batches.
  now() {
    const { now, read, speed } = this.clock;
    return now + (performance.now() - read) * speed;
  }

  sortedNodes() {
    this.nodeOrder ??= [...this.nodes.keys()].sort(byName.compare);
    return this.nodeOrder.map((id) => this.nodes.get(id));
  }

  // Newest first.
  sortedJobs() {
    this.jobOrder ??= [...this.jobs.values()]
      .sort((one, other) => other.created - one.created || (one.id < other.id ? -1 : 1))
      .map((job) => job.id);
    return this.jobOrder.map((id) => this.jobs.get(id));
  }

  executionsOf(jobId) {
    return [...this.executions.values()].filter((execution) => execution.job === jobId);
  }

  faultsOn(nodeId) {
    return this.faults.filter((fault) => fault.Machines.includes(nodeId));
  }

  health(node) {
    const paused = this.faultsOn(node.id).some((fault) => "pause" in fault.Fault && fault.State === "active");
    if (!node.power) return "off";
    if (paused) return "paused";
    if (node.membership !== "approved") return node.membership;
    return node.connected ? "healthy" : "disconnected";
  }

  totals() {
    let running = 0;
    let failed = 0;
    for (const execution of this.executions.values()) running += execution.began && !execution.over ? 1 : 0;
    for (const job of this.jobs.values()) failed += job.state === "Failed" ? 1 : 0;
    return { nodes: this.nodes.size, jobs: this.jobs.size, running, failed };
  }

  // Each execution keeps its slot in its node's lane: the lowest that was free when it came.
  #place(execution) {
    const known = this.executions.get(execution.id);
    if (known) {
      Object.assign(known, execution);
      return;
    }
    let lane = this.lanes.get(execution.node);
    if (!lane) this.lanes.set(execution.node, (lane = { executions: [], slots: [] }));
    const free = lane.slots.findIndex((last) => last.over && last.changed <= execution.created);
    execution.slot = free < 0 ? lane.slots.length : free;
    lane.slots[execution.slot] = execution;
    lane.executions.push(execution);
    this.executions.set(execution.id, execution);
  }

  #noteFaults(faults) {
    const now = this.clock.now;
    const active = new Set();
    for (const fault of faults.filter((one) => one.State === "active")) {
      for (const machine of fault.Machines) {
        const key = `${fault.ID} ${machine}`;
        active.add(key);
        if (this.bands.some((band) => band.key === key)) continue;
        this.bands.push({ key, machine, text: fault.Text, from: Date.parse(fault.Begins), to: 0 });
      }
    }
    for (const band of this.bands) if (!band.to && !active.has(band.key)) band.to = now;
    this.bands = this.bands.slice(-MOST_BANDS);
    this.faults = faults;
  }

  // Forget what has been over for the longest.
  #trim() {
    if (this.jobs.size > MOST_JOBS) {
      for (const job of this.sortedJobs().slice(MOST_JOBS * 0.9)) this.jobs.delete(job.id);
      this.jobOrder = null;
    }
    if (this.executions.size > MOST_EXECUTIONS) {
      const over = [...this.executions.values()].filter((one) => one.over).sort((a, b) => a.changed - b.changed);
      const gone = new Set(over.slice(0, MOST_EXECUTIONS / 5).map((one) => one.id));
      for (const id of gone) this.executions.delete(id);
      for (const lane of this.lanes.values()) lane.executions = lane.executions.filter((one) => !gone.has(one.id));
    }
  }
}
