// State of the page, and its events. A place is {page, staff, symbol}: page number, indices from 0.

export const state = {
  job: null, // id of the job
  limits: null, // response of GET /api
  overview: null,
  view: null, // of the current page
  playback: null,
  place: null, // the selected symbol
  anchor: null, // the other end of a selected range
};

const bus = new EventTarget();

/** Call `listener(detail)` for each event: "state", "done", "opened", "overview", "view", "playback", "place", "hover", "tip",
 * "reason", "zoom" or "layout". */
export function on(name, listener) {
  bus.addEventListener(name, event => listener(event.detail));
}

export function emit(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}

export const byId = id => document.getElementById(id);

/** Whether the user prefers reduced motion, as `.matches`. */
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Show a part of the page: "empty", "reading", "done" or "failed". */
export function show(part) {
  document.documentElement.dataset.state = part;
  emit("state", part);
}

export const isShown = part => document.documentElement.dataset.state === part;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svgElement(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export function icon(name) {
  const svg = svgElement("svg", { "aria-hidden": "true" });
  svg.append(svgElement("use", { href: `#${name}` }));
  return svg;
}

/** Compare places in reading order, for sorting. */
export const comparePlaces = (a, b) => a.page - b.page || a.staff - b.staff || a.symbol - b.symbol;
