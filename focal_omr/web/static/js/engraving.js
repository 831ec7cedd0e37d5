// The engraved score, linked to the scan by the ids of its notes.
import { byId, element, on, state } from "./state.js";
import { select } from "./session.js";
import { fitReadable, reveal } from "./panes.js";
import { nearest, showHover, startHover } from "./pointer.js";

const NEAR_PX = 22; // reach of a tap
const placesById = new Map(); // element id -> place
const elements = new Map(); // "staff/symbol" -> element

const keyOf = place => `${place.staff}/${place.symbol}`;

/** The engraved element of a place on the current page, or undefined. */
export const engravedAt = place =>
  place && place.page === state.view?.number ? elements.get(keyOf(place)) : undefined;

function draw(view) {
  placesById.clear();
  elements.clear();
  const box = byId("engraving");
  if (!view.svg) {
    box.replaceChildren(element("p", { class: "nothing" }, view.message || "There is nothing to engrave on this page."));
    return fitReadable("score", 0);
  }
  const svg = new DOMParser().parseFromString(view.svg, "image/svg+xml").documentElement;
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  box.replaceChildren(document.importNode(svg, true));
  link(view, box);
  fit();
}

function link(view, box) {
  const byIds = new Map([...box.querySelectorAll("[id]")].map(found => [found.id, found]));
  view.staves.forEach((staff, index) => staff.symbols.forEach((symbol, number) => {
    const found = symbol.id && byIds.get(symbol.id);
    if (!found) return;
    const place = { page: view.number, staff: index, symbol: number };
    placesById.set(found.id, place);
    elements.set(keyOf(place), found);
    found.classList.add("linked");
    if (symbol.doubtful) found.classList.add("doubt");
    if (symbol.mended) found.classList.add("edited");
  }));
}

/** Zoom to a legible size, measured on the first staff. */
function fit() {
  const rows = [...byId("engraving").querySelectorAll(".staff > path")].slice(0, 5).map(line => line.getBoundingClientRect().top);
  if (rows.length < 5) return fitReadable("score", 0);
  const zoom = byId("score-canvas").clientWidth / byId("score-view").clientWidth;
  fitReadable("score", Math.abs(rows[4] - rows[0]) / 4 / zoom);
}

/** The place of the element under the pointer, or of the nearest within reach. */
function placeUnder(event) {
  for (let at = event.target; at && at !== event.currentTarget; at = at.parentNode)
    if (placesById.has(at.id)) return placesById.get(at.id);
  return placesById.get(nearest(event, elements.values(), NEAR_PX)?.id) ?? null;
}

function mark({ scroll = true } = {}) {
  for (const each of byId("engraving").querySelectorAll(".here")) each.classList.remove("here");
  const found = engravedAt(state.place);
  found?.classList.add("here");
  const box = byId("score-mark");
  if (box) box.hidden = !found;
  if (!found) return;
  placeMark(found);
  if (scroll) reveal("score", found.getBoundingClientRect());
}

/** A background for the selection: a note is too thin to stand out by its colour alone. */
function placeMark(found) {
  let box = byId("score-mark");
  if (!box) byId("score-canvas").prepend((box = element("div", { id: "score-mark", "aria-hidden": "true" })));
  const rect = found.getBoundingClientRect(), frame = byId("score-canvas").getBoundingClientRect();
  Object.assign(box.style, {
    left: `${(100 * (rect.left - frame.left - 4)) / frame.width}%`, top: `${rect.top - frame.top - 4}px`,
    width: `${(100 * (rect.width + 8)) / frame.width}%`, height: `${rect.height + 8}px`,
  });
}

export function startEngraving() {
  on("view", view => { draw(view); mark({ scroll: false }); });
  on("place", mark);
  showHover(engravedAt);
  on("zoom", pane => { if (pane === "score") mark({ scroll: false }); });
  on("layout", () => { fit(); mark({ scroll: false }); });
  const view = byId("score-view");
  startHover(view, placeUnder);
  view.addEventListener("click", event => {
    const place = placeUnder(event);
    if (place) select(place, { extend: event.shiftKey });
  });
}
