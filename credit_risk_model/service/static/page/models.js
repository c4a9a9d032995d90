// The table of the models: what was loaded, and what became of the predictions.

import { byId, duration, element, human, number, say } from "./dom.js";

const FIRST = ["Model", "Version", "Loaded in", "Running", "Waiting"];
const LAST = ["p50", "p99"]; // of the last five minutes
const BAD = ["expired", "failed"];

/** Shows the models; `known` are those of `/api/models`, `cards` the paths of model cards by name. */
export class Models {
  constructor() {
    this.known = [];
    this.cards = new Map();
    this.shape = "";
    this.cells = new Map();
  }

  /** Show a reading of `/metrics`, or null without metrics; `speed` has the times by path. */
  show(reading, speed) {
    byId("no-metrics").hidden = reading !== null || !this.known.length;
    const loads = reading?.all("model_load_seconds") ?? [];
    const names = loads.length ? loads.map(({ labels }) => labels.model) : this.known.map((model) => model.qualified_name);
    const outcomes = [...new Set(reading?.all("model_predictions_total").map(({ labels }) => labels.outcome))];
    const shape = JSON.stringify([names, outcomes, this.known, [...this.cards]]);
    if (shape !== this.shape && (names.length || !this.shape)) {
      this.shape = shape;
      this.#build(names, outcomes);
    }
    if (reading) for (const name of names) this.#update(name, outcomes, reading, speed);
  }

  #build(names, outcomes) {
    const titles = [...FIRST, ...outcomes.map(human), ...LAST];
    const heads = titles.map((title, index) => element("th", { scope: "col", class: index > 1 && "number" }, title));
    this.cells.clear();
    byId("models").tHead.replaceChildren(element("tr", {}, ...heads));
    const empty = element("tr", {}, element("td", { colspan: titles.length }, "No model is loaded yet."));
    byId("models").tBodies[0].replaceChildren(...(names.length ? names.map((name) => this.#row(name, titles)) : [empty]));
  }

  #row(name, titles) {
    const known = this.known.find((model) => model.qualified_name === name);
    const card = this.cards.has(name) ? [" · ", element("a", { href: this.cards.get(name) }, "Model card")] : [];
    const small = known ? [element("small", {}, name, ...card)] : [];
    const head = element("th", { scope: "row", title: known?.description }, known?.display_name ?? name, ...small);
    const cells = titles.slice(1).map((title, index) => {
      const cell = element("td", { "data-label": title, class: index > 0 && "number" });
      this.cells.set(`${name} ${title}`, cell);
      return cell;
    });
    return element("tr", {}, head, ...cells);
  }

  #update(model, outcomes, reading, speed) {
    const put = (title, text) => say(this.cells.get(`${model} ${title}`), text);
    const count = (name, labels = {}) => {
      const value = reading.value(name, { model, ...labels });
      return value === undefined ? "" : number(value, 15);
    };
    const info = reading.all("model_info").find(({ labels }) => labels.model === model)?.labels;
    const version = this.cells.get(`${model} Version`);
    if (info && version.textContent !== info.version + info.digest) {
      const digest = element("code", { class: "digest", title: `SHA-256 of the artifact: ${info.digest}` }, info.digest);
      version.replaceChildren(element("div", {}, info.version, digest));
    }
    const seconds = reading.value("model_load_seconds", { model });
    put("Loaded in", seconds === undefined ? "" : duration(seconds));
    put("Running", count("model_predictions_running"));
    put("Waiting", count("model_predictions_waiting"));
    for (const outcome of outcomes) {
      const text = count("model_predictions_total", { outcome });
      put(human(outcome), text);
      this.cells.get(`${model} ${human(outcome)}`).classList.toggle("bad", BAD.includes(outcome) && text !== "0" && text !== "");
    }
    const { p50, p99 } = speed.of(`/api/models/${model}/prediction`);
    put("p50", p50 ? duration(p50) : "–");
    put("p99", p99 ? duration(p99) : "–");
  }
}
