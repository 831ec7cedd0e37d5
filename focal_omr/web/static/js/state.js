// What the page knows, and who is told when it changes. A place is {page, staff, symbol}: page number, indices from 0.

export const state = {
  job: null, // its id
  limits: null, // what GET /api said
  overview: null,
  view: null, // of the page that is shown
  playback: null,
  place: null, // what is chosen
  anchor: null, // the other end of a range of symbols, for a loop
};

const bus = new EventTarget();

/** Call `told(detail)` whenever `name` is emitted: "state", "done", "opened", "overview", "view", "playback", "place", "hover",
 * "tip", "reason", "zoom" or "layout". */
export function on(name, told) {
  bus.addEventListener(name, event => told(event.detail));
}

export function emit(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}

export const byId = id => document.getElementById(id);

/** Whether the user wants less motion, as `.matches`. */
export const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Which part of the page is shown: "empty", "reading", "done" or "failed". */
export function show(what) {
  document.documentElement.dataset.state = what;
  emit("state", what);
}

export const isShown = what => document.documentElement.dataset.state === what;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function drawn(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export function icon(name) {
  const svg = drawn("svg", { "aria-hidden": "true" });
  svg.append(drawn("use", { href: `#${name}` }));
  return svg;
}

/** Before, the same or after in reading order: negative, 0, positive. */
export const order = (a, b) => a.page - b.page || a.staff - b.staff || a.symbol - b.symbol;
