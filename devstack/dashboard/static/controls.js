// The buttons: time, nodes, example jobs.

import { clearFault, injectFault, setSpeed, submitJob } from "./api.js";
import { EXAMPLES } from "./examples.js";
import { element, setText, shortId } from "./text.js";

const find = (id) => document.getElementById(id);

export class Controls {
  constructor(store, say) {
    this.store = store;
    this.say = say;
    this.node = "";
    this.speed = 1; // To go on with after a stop.
    find("example").append(...EXAMPLES.map(([name], at) => element("option", { value: at }, name)));
    this.#on("crash", () => this.#fault("crash"));
    this.#on("pause", () => this.#fault("pause"));
    this.#on("heal", () => this.#heal());
    this.#on("submit", () => this.#submit());
    this.#on("stop-time", () => this.#setSpeed(this.store.clock.speed ? 0 : this.speed));
    find("speed").addEventListener("change", (event) => this.#try(() => this.#setSpeed(Number(event.target.value))));
  }

  select(nodeId) {
    this.node = nodeId;
    this.draw();
  }

  draw() {
    const node = this.store.nodes.get(this.node);
    const faults = node ? this.store.faultsOn(node.id) : [];
    setText(find("selected-node"), node ? `${node.id}:` : "select a node");
    find("crash").disabled = !node?.power;
    find("pause").disabled = !node?.power || this.store.health(node) === "paused";
    find("heal").disabled = !node || (node.power && !faults.length);
    this.#drawClock();
  }

  #drawClock() {
    const { speed } = this.store.clock;
    const button = find("stop-time");
    const select = find("speed");
    setText(button, speed ? "Stop time" : "Let time go on");
    button.setAttribute("aria-pressed", speed === 0);
    if (!speed) return;
    this.speed = speed;
    if (![...select.options].some((option) => Number(option.value) === speed)) {
      select.append(element("option", { value: speed }, `${speed}×`));
    }
    if (document.activeElement !== select) select.value = speed;
  }

  #on(id, act) {
    find(id).addEventListener("click", () => this.#try(act));
  }

  async #try(act) {
    try {
      await act();
    } catch (error) {
      this.say(error.message, true);
    }
  }

  async #fault(word) {
    await injectFault({ [word]: this.node });
    this.say(`${word}: ${this.node}`);
  }

  async #heal() {
    const faults = this.store.faultsOn(this.node);
    for (const fault of faults) await clearFault(fault.ID);
    if (!faults.length) await injectFault({ restart: this.node });
    this.say(`healed ${this.node}`);
  }

  async #submit() {
    const [name, job] = EXAMPLES[find("example").value];
    const answer = await submitJob(job);
    this.say(`submitted ${name}: ${shortId(answer.JobID)}`);
  }

  async #setSpeed(speed) {
    await setSpeed(speed);
    this.say(speed ? `time goes ${speed} times as fast as the clock on the wall` : "time stands still; containers run on");
  }
}
