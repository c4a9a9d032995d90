// The answer of a prediction, shown by its schema.

import { element, human, number, prose } from "./dom.js";

const ROWS = 100;

/** Return nodes for the content of an answer. */
export function shown(value, schema, resolve) {
  const resolved = resolve(schema ?? {});
  if (Array.isArray(value)) return [list(value, resolve(resolved.items ?? {}), resolved, resolve)];
  if (value === null || typeof value !== "object") return [element("p", {}, words(value))];
  const entries = Object.entries(value);
  const simple = entries.filter(([, part]) => part === null || typeof part !== "object");
  const nested = entries.filter(([, part]) => part !== null && typeof part === "object");
  const parts = simple.map(([name, part]) => {
    const about = resolved.properties?.[name]?.description;
    return element("div", {}, element("dt", { title: about }, human(name)), element("dd", {}, words(part)));
  });
  const nodes = parts.length ? [element("dl", { class: "values" }, ...parts)] : [];
  for (const [name, part] of nested) {
    const about = resolve(resolved.properties?.[name] ?? {}).description ?? "";
    nodes.push(element("h3", {}, human(name)), element("p", { class: "hint" }, ...prose(about)));
    nodes.push(...shown(part, resolved.properties?.[name], resolve));
  }
  return nodes;
}

function words(value) {
  if (typeof value === "number") return number(value, 4);
  return value === null ? "–" : String(value);
}

function list(values, item, schema, resolve) {
  const objects = values.length && values.every((each) => each !== null && typeof each === "object" && !Array.isArray(each));
  if (objects && values.every((each) => typeof each.contribution === "number")) return bars(values, item, resolve);
  if (!objects) return element("pre", {}, JSON.stringify(values));
  const names = [...new Set(values.flatMap(Object.keys))];
  const head = element("tr", {}, ...["", ...names.map(human)].map((title) => element("th", { scope: "col" }, title)));
  const rows = values.slice(0, ROWS).map((each, index) => {
    const cells = names.map((name) => element("td", {}, typeof each[name] === "object" ? JSON.stringify(each[name]) : words(each[name])));
    return element("tr", {}, element("th", { scope: "row" }, String(index)), ...cells);
  });
  const more = values.length > ROWS ? [element("caption", {}, `The first ${ROWS} of ${values.length}.`)] : [];
  return element("div", { class: "scroll", tabindex: "0" }, element("table", {}, ...more, element("thead", {}, head), element("tbody", {}, ...rows)));
}

/** Objects with a `contribution` are bars to both sides, with `name` or `feature` as their label. */
function bars(values, item, resolve) {
  const longest = Math.max(...values.map((each) => Math.abs(each.contribution))) || 1;
  const rows = values.map((each) => {
    const { name, feature, contribution, ...others } = each;
    const bar = element("div", { class: `bar ${contribution < 0 ? "down" : "up"}` });
    bar.style.width = `${(Math.abs(contribution) / longest) * 50}%`;
    const sign = contribution < 0 ? "−" : "+";
    const details = Object.values(others).filter((part) => typeof part !== "object").map((part) => String(part).trim());
    return element(
      "li",
      {},
      element("div", {}, String(name ?? feature ?? ""), element("small", {}, details.join(" · "))),
      element("div", { class: "track", "aria-hidden": "true" }, bar),
      element("div", { class: "number" }, `${sign}${number(Math.abs(contribution), 3)}`),
    );
  });
  const about = resolve(item.properties?.contribution ?? {}).description ?? "";
  return element("div", {}, element("p", { class: "hint" }, ...prose(about)), element("ul", { class: "bars" }, ...rows));
}
