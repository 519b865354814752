// The dialog that answers a click on an execution or a job: what was chosen, and what would have changed it.

import { explain, stopJob } from "./api.js";
import { element, phase, shortId, timeText } from "./text.js";

const FEW = 40;

export class Why {
  constructor(dialog, store, onSay) {
    this.dialog = dialog;
    this.store = store;
    this.onSay = onSay;
    this.title = dialog.querySelector("h2");
    this.body = dialog.querySelector("#why-body");
    this.asked = 0;
    dialog.querySelector("#why-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  openExecution(execution) {
    const job = this.store.jobs.get(execution.job);
    const facts = [
      `Execution ${shortId(execution.id)} of ${job?.name || shortId(execution.job)}: ${phase(execution)}`,
      execution.message,
    ];
    this.#open(`Why is it on ${execution.node}?`, facts.filter(Boolean), execution.job, { execution: execution.id });
  }

  openJob(jobId) {
    const job = this.store.jobs.get(jobId);
    if (!job) return;
    const facts = [`${job.name || shortId(job.id)}, ${job.type}: ${job.state}`, job.message].filter(Boolean);
    this.#open("Why does it run where it does?", facts, jobId, {}, this.#jobParts(job));
  }

  async #open(title, facts, jobId, query, more = []) {
    const asked = ++this.asked;
    this.title.textContent = title;
    const answer = element("div", {}, element("p", {}, "asking …"));
    this.body.replaceChildren(...facts.map((fact) => element("p", { class: "fact" }, fact)), ...more, answer);
    if (!this.dialog.open) this.dialog.showModal();
    this.title.focus();
    let parts;
    try {
      parts = (await explain(jobId, query)).Choices.reverse().map(choicePart);
    } catch (error) {
      parts = [element("p", { class: "note" }, error.message)];
    }
    if (asked === this.asked) answer.replaceChildren(...parts);
  }

  #jobParts(job) {
    const executions = this.store.executionsOf(job.id).slice(-FEW).reverse();
    const rows = executions.map((one) =>
      element(
        "li",
        {},
        element("button", { type: "button", onclick: () => this.openExecution(one) }, `${shortId(one.id)} on ${one.node}`),
        ` ${phase(one)}${one.message ? `: ${one.message}` : ""}`,
      ),
    );
    const isOver = ["Completed", "Failed", "Stopped"].includes(job.state);
    const stop = element("button", { type: "button", onclick: () => this.#stop(job) }, "Stop this job");
    return [element("ul", { class: "plain" }, ...rows), ...(isOver ? [] : [stop])];
  }

  async #stop(job) {
    try {
      await stopJob(job.id);
      this.onSay(`asked ${shortId(job.id)} to stop`);
      this.dialog.close();
    } catch (error) {
      this.body.append(element("p", { class: "note" }, error.message));
    }
  }
}

function choicePart(choice) {
  const placed = choice.Placed.map((one) => one.NodeID);
  const where = placed.length ? `chose ${listed(placed)}` : "chose no node";
  const parts = [element("h3", {}, `${timeText(Date.parse(choice.Time))}: ${where}`)];
  if (choice.Because.length) {
    parts.push(element("p", {}, "after"), element("ul", {}, ...choice.Because.map((one) => element("li", {}, one))));
  }
  const flips = choice.Nodes.filter((node) => node.Changes.length);
  if (flips.length) parts.push(flipPart(flips[0]));
  parts.push(nodeTable(choice.Nodes));
  return element("section", { class: "choice" }, ...parts);
}

function flipPart(node) {
  return element(
    "p", { class: "flip" }, "The next best, ", element("b", {}, node.NodeID), `, would have been chosen with ${node.Changes.join(" and ")}.`,
  );
}

function nodeTable(nodes) {
  const rules = nodes.find((node) => node.Rules.length)?.Rules.map((rule) => rule.Rule) ?? [];
  const head = ["node", "rank", "chosen with, or why not", ...rules];
  const body = element("tbody", {}, ...nodes.slice(0, FEW).map((node) => nodeRow(node, rules)));
  const table = element(
    "table", { class: "ranks" },
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))), body,
  );
  const parts = [element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ranks of the nodes" }, table)];
  if (nodes.length > FEW) {
    const more = element("button", { type: "button" }, `Show all ${nodes.length} nodes`);
    more.addEventListener("click", () => {
      body.append(...nodes.slice(FEW).map((node) => nodeRow(node, rules)));
      more.remove();
    });
    parts.push(more);
  }
  return element("div", {}, ...parts);
}

function nodeRow(node, rules) {
  const ranks = rules.map((_, at) => {
    const rule = node.Rules[at];
    if (!rule) return element("td", {}, "");
    return element("td", rule.Rank < 0 ? { class: "no", title: rule.Reason } : {}, rule.Rank < 0 ? "no" : String(rule.Rank));
  });
  const verdict = node.IsPlaced ? "chosen" : [node.Reason, node.Changes.join(" and ")].filter(Boolean).join("; with ");
  return element(
    "tr", node.IsPlaced ? { class: "placed" } : {},
    element("th", { scope: "row" }, node.NodeID),
    element("td", node.Rank < 0 ? { class: "no" } : {}, node.Rank < 0 ? "no" : String(node.Rank)),
    element("td", { class: "verdict" }, verdict),
    ...ranks,
  );
}

function listed(names) {
  const different = [...new Set(names)];
  return different.length > 6 ? `${different.length} nodes` : different.join(", ");
}
