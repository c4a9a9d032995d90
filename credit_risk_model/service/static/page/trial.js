// Trying a prediction: the choice of the model, its form and the answer.

import { byId, duration, element } from "./dom.js";
import { Form } from "./form.js";
import { shown } from "./answer.js";
import { endpoints, resolver } from "./schema.js";

const PATIENCE = 120_000; // milliseconds

/** Shows the forms of a contract; `root` is the path below which the service is. */
export class Trial {
  constructor(contract, root) {
    this.root = root;
    this.resolve = resolver(contract);
    this.endpoints = endpoints(contract);
    const options = this.endpoints.map(({ title }, index) => element("option", { value: index }, title));
    this.choice = element("select", { id: "model" }, ...options);
    this.choice.addEventListener("change", () => this.#open());
    this.place = element("div");
    const label = element("label", { for: "model" }, "Model");
    byId("try").replaceChildren(...(options.length ? [label, this.choice, this.place] : ["No model has a route for predictions."]));
    if (options.length) this.#open();
  }

  #open() {
    this.endpoint = this.endpoints[this.choice.value];
    this.form = new Form(this.endpoint, this.resolve);
    this.form.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#predict();
    });
    this.place.replaceChildren(this.form.node);
    byId("answer").replaceChildren(element("p", { class: "hint" }, "The answer appears here."));
  }

  async #predict() {
    const { form, endpoint } = this;
    if (this.asking) return;
    this.asking = true;
    form.show([]);
    const body = JSON.stringify(form.body());
    const url = this.root + endpoint.path;
    const start = performance.now();
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) });
      const text = await response.text();
      const seconds = (performance.now() - start) / 1000;
      if (form === this.form) this.#show(response, JSON.parse(text), seconds, body, url);
    } catch {
      byId("answer").replaceChildren();
      form.show(["No answer: the service is not there, or the connection was lost."]);
    } finally {
      this.asking = false;
    }
  }

  #show(response, content, seconds, body, url) {
    const id = response.headers.get("X-Request-ID");
    const status = element("p", { class: "status" }, `${response.status} in ${duration(seconds)}, request ${id}`);
    const curl = `curl ${location.origin}${url} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body.replaceAll("'", "'\\''")}'`;
    const raw = [
      element("details", {}, element("summary", {}, "The answer as JSON"), element("pre", {}, JSON.stringify(content, null, 2))),
      element("details", {}, element("summary", {}, "The same with curl"), element("pre", {}, curl)),
    ];
    let nodes = [];
    if (response.ok) nodes = shown(content, this.endpoint.output, this.resolve);
    else this.form.show(content.messages ?? [`${response.status}`]);
    byId("answer").replaceChildren(element("div", { class: "result" }, status, ...nodes, ...raw));
    if (response.ok) byId("answer").scrollIntoView({ block: "nearest" });
  }
}
