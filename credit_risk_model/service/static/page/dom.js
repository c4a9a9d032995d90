// Making elements. All text reaches the page as text, never as HTML.

/** Return a new element; children are nodes or text. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Return a new element of a drawing. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Return the element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Set the text of a node, and leave the node alone where it has this text. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Return nodes for a text with code between backquotes. */
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

/** Return a name of code as people write it: "annual_income" becomes "Annual income". */
export function human(name) {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Return a number for people. */
export function number(value, digits = 6) {
  return value.toLocaleString("en", { maximumSignificantDigits: digits });
}

/** Return a time for people, given in seconds. */
export function duration(seconds) {
  if (seconds < 1) return `${number(seconds * 1000, 2)} ms`;
  if (seconds < 60) return `${number(seconds, 2)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}
