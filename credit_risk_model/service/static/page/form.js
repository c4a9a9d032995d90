// A form made from the schema of a request.

import { element, human, number, prose } from "./dom.js";
import { example } from "./schema.js";

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** The form of one endpoint. Its body is JSON; where a field cannot be a single one, JSON is typed into it. */
export class Form {
  constructor(endpoint, resolve) {
    this.resolve = resolve;
    this.fields = [];
    const schema = resolve(endpoint.input);
    this.given = schema.examples?.[0] ?? schema.example ?? {};
    this.whole = !schema.properties;
    const parts = this.whole ? [this.#json(endpoint.input, ["body"], "Body", schema.examples?.[0])] : this.#parts(schema, [], this.given);
    this.summary = element("div", { class: "wide", role: "alert" });
    const buttons = [element("button", {}, "Predict"), element("button", { type: "reset", class: "second" }, "Reset to the example")];
    this.node = element("form", { novalidate: true, autocomplete: "off" }, ...parts, this.summary, element("div", { class: "wide buttons" }, ...buttons));
    this.node.addEventListener("reset", () => this.show([]));
  }

  /** Return the body that the fields make; empty fields are left out, and what is not a number goes as text. */
  body() {
    if (this.whole) return this.fields[0].read();
    const body = {};
    for (const field of this.fields) {
      const value = field.read();
      if (value === undefined) continue;
      const target = field.names.slice(0, -1).reduce((node, name) => (node[name] ??= {}), body);
      target[field.names.at(-1)] = value;
    }
    return body;
  }

  /** Show each message of the service at its field, and those without one above the button. */
  show(messages) {
    const others = [];
    const byField = new Map(this.fields.map((field) => [field, []]));
    for (const message of messages) {
      const fits = ({ path }) => message.startsWith(path) && [":", ".", "["].includes(message[path.length]);
      const field = this.fields.filter(fits).sort((one, other) => other.path.length - one.path.length)[0];
      if (field) byField.get(field).push(message.replace(`${field.path}: `, ""));
      else others.push(message);
    }
    for (const [{ input, wrong }, own] of byField) {
      wrong.replaceChildren(...own.map((text) => element("p", { class: "wrong" }, text)));
      if (own.length) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    const list = element("ul", {}, ...others.map((text) => element("li", {}, text)));
    this.summary.replaceChildren(...(others.length ? [element("div", { class: "error" }, list)] : []));
    [...byField].find(([, own]) => own.length)?.[0].input.focus();
  }

  #parts(schema, above, given) {
    return Object.entries(schema.properties).map(([name, property]) => {
      const names = [...above, name];
      const resolved = this.resolve(property);
      const title = property.title && property.title.toLowerCase() !== name.replaceAll("_", " ") ? property.title : human(name);
      const value = given?.[name] ?? resolved.examples?.[0] ?? resolved.example ?? resolved.default;
      const needed = schema.required?.includes(name);
      if (resolved.properties && names.length < 4) {
        return element("fieldset", {}, element("legend", {}, title), ...this.#parts(resolved, names, value));
      }
      if (resolved.enum || resolved.type === "boolean") return this.#choice(resolved, names, title, value, needed);
      if (["integer", "number", "string"].includes(resolved.type)) return this.#line(resolved, names, title, value, needed);
      return this.#json(property, names, title, value, needed);
    });
  }

  #choice(schema, names, title, value, needed) {
    const values = schema.enum ?? [true, false];
    const options = values.map((each, index) => element("option", { value: index, selected: each === value }, String(each).trim()));
    if (!values.includes(value)) options.unshift(element("option", { value: "", selected: true }, ""));
    const input = element("select", {}, ...options);
    return this.#field(schema, names, title, needed, input, () => (input.value === "" ? undefined : values[input.value]));
  }

  #line(schema, names, title, value, needed) {
    const modes = { integer: schema.minimum >= 0 ? "numeric" : "text", number: schema.minimum >= 0 ? "decimal" : "text" };
    const input = element("input", { type: "text", inputmode: modes[schema.type], value: value === undefined ? "" : String(value) });
    const read = () => {
      if (input.value === "") return undefined;
      if (schema.type === "string") return input.value;
      const [text, value] = [input.value.trim(), Number(input.value)];
      const exact = NUMBER.test(text) && Math.abs(value) <= (schema.type === "integer" ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE);
      return exact ? value : input.value; // the service says what is wrong with it
    };
    return this.#field(schema, names, title, needed, input, read);
  }

  #json(schema, names, title, value, needed = true) {
    const text = JSON.stringify(value ?? example(schema, this.resolve), null, 2);
    const input = element("textarea", { spellcheck: "false", rows: Math.min(16, text.split("\n").length + 1) }, text);
    const read = () => {
      if (input.value.trim() === "") return undefined;
      try {
        return JSON.parse(input.value);
      } catch {
        return input.value;
      }
    };
    const field = this.#field(this.resolve(schema), names, title, needed, input, read, "As JSON.");
    field.classList.add("wide");
    return field;
  }

  #field(schema, names, title, needed, input, read, ...hints) {
    const path = names.join(".");
    const id = `field-${path}`;
    const [hint, wrong] = [`${id}-hint`, `${id}-wrong`];
    for (const [name, value] of Object.entries({ id, name: path, "aria-describedby": `${hint} ${wrong}` })) input.setAttribute(name, value);
    const messages = element("div", { id: wrong });
    this.fields.push({ path, names, input, read, wrong: messages });
    const words = [schema.description, ...hints, limits(schema)].filter(Boolean).join(" ");
    const optional = needed ? [] : [element("span", { class: "optional" }, " (optional)")];
    const label = element("label", { for: id }, title, ...optional);
    return element("div", { class: "field" }, label, input, messages, element("p", { class: "hint", id: hint }, ...prose(words)));
  }
}

function limits(schema) {
  if (schema.enum || !["integer", "number"].includes(schema.type)) return "";
  const above = schema.minimum !== undefined ? number(schema.minimum, 15) : undefined;
  const below = schema.maximum !== undefined ? number(schema.maximum, 15) : undefined;
  const kind = schema.type === "integer" ? "Whole number" : "Number";
  if (above !== undefined && below !== undefined) return `${kind}, ${above} to ${below}.`;
  if (above !== undefined) return `${kind}, at least ${above}.`;
  if (below !== undefined) return `${kind}, at most ${below}.`;
  if (schema.exclusiveMinimum !== undefined) return `${kind} above ${number(schema.exclusiveMinimum, 15)}.`;
  return `${kind}.`;
}
