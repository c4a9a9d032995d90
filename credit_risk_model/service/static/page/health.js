// The state of the service, what the probes answer, and the truth table.

import { byId, duration, element, human, prose, say } from "./dom.js";

const GONE = {
  state: "gone",
  prediction: "none",
  note: "Nothing answers at this address: the process has ended, or does not answer in time. The page keeps asking.",
};

/** Shows the health; `table` is the content of states.json. */
export class Health {
  constructor(table) {
    this.probes = table.probes;
    this.states = [...table.states, GONE];
    this.since = null;
    this.name = "";
    this.tiles = this.probes.map((probe) => this.#tile(probe));
    byId("probes").replaceChildren(...this.tiles.map((tile) => tile.node));
    const titles = ["State", ...this.probes.map((probe) => probe.name), "Prediction"];
    const head = titles.map((title) => element("th", { scope: "col" }, title));
    byId("truth").tHead.replaceChildren(element("tr", {}, ...head));
    byId("truth").tBodies[0].replaceChildren(...this.states.map((row) => this.#row(row)));
  }

  /** Return the names of the states that fit to answers and metrics; without metrics it may be several. */
  statesOf(answers, reading) {
    if (answers.every((answer) => !answer)) return [GONE.state];
    const told = reading?.all("service_state").find(({ value }) => value === 1);
    if (told) return [told.labels.state];
    const fits = (row) => this.probes.every((probe, index) => !answers[index] || answers[index].status === row[probe.column]);
    return this.states.filter((row) => row !== GONE && fits(row)).map((row) => row.state);
  }

  /** Show the answers of the probes, null where there was none, and the states that follow from them. */
  show(answers, states) {
    this.tiles.forEach((tile, index) => this.#answer(tile, answers[index]));
    const name = states.join(" or ") || "unknown";
    const now = Date.now();
    if (name !== this.name) {
      this.#note(name, now);
      this.since = now;
      this.name = name;
      byId("state").dataset.state = states.length === 1 ? name : "unknown";
      say(byId("state-name"), name);
      const notes = this.states.filter((row) => states.includes(row.state)).map((row) => row.note);
      byId("state-note").replaceChildren(...prose(notes.join(" ")));
      say(byId("announcement"), `The service is ${name}.`);
      for (const row of byId("truth").tBodies[0].rows) {
        if (states.includes(row.dataset.state)) row.setAttribute("aria-current", "true");
        else row.removeAttribute("aria-current");
      }
    }
    say(byId("state-since"), `for ${duration(Math.floor((now - this.since) / 1000))}`);
  }

  #tile({ name, path, meaning }) {
    const answer = element("dd", { class: "answer" }, "…");
    const seconds = element("dd", { class: "time" });
    const detail = element("dd", { class: "detail" }, "–");
    const about = [element("dd", { class: "detail path" }, path), element("dd", { class: "meaning" }, meaning)];
    return { node: element("div", {}, element("dt", {}, name), answer, seconds, detail, ...about), answer, seconds, detail };
  }

  #answer({ node, answer, seconds, detail }, response) {
    node.dataset.good = String(response?.status === 200);
    say(answer, response ? String(response.status) : "none");
    say(seconds, response ? duration(response.seconds) : "");
    say(detail, response ? human(response.word.toLowerCase()) : "–");
  }

  #row(row) {
    const codes = this.probes.map((probe) => String(row[probe.column] ?? "none"));
    const prediction = row.prediction + (row.retry_after ? " + Retry-After" : "");
    const cells = [...codes, prediction].map((text) => element("td", {}, text));
    return element("tr", { "data-state": row.state }, element("th", { scope: "row" }, row.state), ...cells);
  }

  #note(name, now) {
    const time = new Date(now).toLocaleTimeString("en", { hour12: false });
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    byId("changes").prepend(element("li", { "data-state": name }, dot, `${time} ${name}`));
    while (byId("changes").children.length > 50) byId("changes").lastChild.remove();
  }
}
