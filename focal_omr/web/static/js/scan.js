// The scan with an outline for each symbol; a listbox for the keyboard and screen readers.
import { byId, emit, on, state, svgElement } from "./state.js";
import { inRange, select } from "./session.js";
import { describe, staves } from "./labels.js";
import { fitReadable, reveal, zoomBy } from "./panes.js";
import { nearest, showHover, startHover } from "./pointer.js";

const NEAR_PX = 26; // reach of a tap: a finger is wider than a note
const TOO_SMALL_PX = 7; // a smaller selection is zoomed in
const outlines = []; // [staff][symbol] -> polygon
let shown = ""; // key of the current image

export const outlineOf = place =>
  place && place.page === state.view?.number ? outlines[place.staff]?.[place.symbol] : undefined;

const idOf = place => `s-${place.staff}-${place.symbol}`;

function showImage(view) {
  const path = state.overview.pages.find(page => page.number === view.number).picture;
  const key = `${state.job}/${view.number}`;
  if (shown === key) return;
  shown = key;
  const image = byId("picture");
  image.width = view.width; // reserves the space before it is loaded
  image.height = view.height;
  image.alt = `Scan of page ${view.number}`;
  image.src = path;
  byId("closer-picture").setAttribute("href", path);
}

function draw(view) {
  byId("marked").setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
  byId("staff-lines").replaceChildren(
    ...view.staves.flatMap(staff => staff.lines.map(points => svgElement("polyline", { points, class: "line" }))));
  byId("odd-bars").replaceChildren(
    ...view.staves.flatMap(staff => staff.odd.map(bar => svgElement("polygon", { points: bar.points, class: "odd" }))));
  outlines.length = 0;
  const groups = view.staves.map((staff, index) => drawStaff(view, staff, index));
  const list = byId("symbols");
  list.replaceChildren(...view.unread.map(drawUnread), ...groups);
  list.setAttribute("aria-label", `Symbols of page ${view.number}`);
  const count = view.staves.reduce((sum, staff) => sum + staff.symbols.length, 0);
  byId("scan-hint").textContent = view.staves.length
    ? `${staves(view.staves.length)}, ${count} symbols`
    : "No staff found on this page";
  fit();
}

function fit() {
  const first = state.view?.staves.find(staff => staff.lines.length > 1);
  fitReadable("scan", first ? (spaceOf(first) * byId("scan-view").clientWidth) / state.view.width : 0);
}

/** The staff space in pixels of the page; a guess if no lines were measured. */
function spaceOf(staff) {
  if (staff.lines.length < 2) return state.view.height / 12;
  const y = points => Number(points.split(" ")[0].split(",")[1]);
  return Math.abs(y(staff.lines.at(-1)) - y(staff.lines[0])) / (staff.lines.length - 1);
}

function drawStaff(view, staff, index) {
  const group = svgElement("g", { role: "group", "aria-label": `Staff ${index + 1}${staff.unread ? `, not read: ${staff.unread}` : ""}` });
  outlines[index] = staff.symbols.map((symbol, number) => {
    const place = { page: view.number, staff: index, symbol: number };
    const kinds = ["symbol", symbol.doubtful && "doubt", !symbol.used && "unused", symbol.mended && "edited"];
    return svgElement("polygon", {
      points: symbol.points, class: kinds.filter(Boolean).join(" "), stroke: symbol.colour, id: idOf(place), role: "option",
      "aria-selected": "false", "aria-label": describe(symbol), "data-staff": index, "data-symbol": number,
    });
  });
  group.append(...outlines[index]);
  return group;
}

function drawUnread({ box: [left, top, right, bottom], reason }) {
  return svgElement("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "unread", role: "option",
    "aria-selected": "false", "aria-label": `Not read: ${reason}`, "data-reason": reason });
}

// Selection -------------------------------------------------------------------------------------------------

const placeOf = target => target.dataset?.symbol === undefined ? null
  : { page: state.view.number, staff: Number(target.dataset.staff), symbol: Number(target.dataset.symbol) };

/** The symbol under the pointer, or the nearest within reach; null if there is none. */
function placeUnder(event) {
  if (!state.view) return null;
  const outline = placeOf(event.target) ? event.target : nearest(event, outlines.flat(), NEAR_PX);
  return outline && placeOf(outline);
}

function mark({ scroll = true } = {}) {
  for (const outline of document.querySelectorAll(".symbol.here, .symbol.ranged")) {
    outline.classList.remove("here", "ranged");
    outline.setAttribute("aria-selected", "false");
  }
  const list = byId("symbols");
  const outline = outlineOf(state.place);
  showRing(outline);
  if (!outline) return list.removeAttribute("aria-activedescendant");
  for (const each of outlines.flat()) if (inRange(placeOf(each))) each.classList.add("ranged");
  outline.classList.add("here");
  outline.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", outline.id);
  if (!scroll) return;
  let rect = outline.getBoundingClientRect();
  const largest = Math.max(rect.width, rect.height);
  if (largest > 0 && largest < TOO_SMALL_PX) {
    zoomBy(Math.min(4, (2 * TOO_SMALL_PX) / largest), ["scan"]);
    rect = outline.getBoundingClientRect();
  }
  reveal("scan", rect);
}

/** A ring around the selection, a staff space away, so that it stands out among hundreds of notes. */
function showRing(outline) {
  const halo = byId("halo");
  halo.setAttribute("visibility", outline ? "visible" : "hidden");
  if (!outline) return;
  const { x, y, width, height } = outline.getBBox();
  const margin = 0.8 * spaceOf(state.view.staves[state.place.staff]);
  const box = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin, rx: margin };
  for (const [name, value] of Object.entries(box)) halo.setAttribute(name, value);
}

export function startScan() {
  on("view", view => { showImage(view); draw(view); mark({ scroll: false }); });
  on("place", mark);
  showHover(outlineOf);
  on("layout", fit);
  const marked = byId("marked");
  startHover(marked, event => placeOf(event.target));
  marked.addEventListener("click", event => {
    byId("symbols").focus({ preventScroll: true });
    const place = placeUnder(event);
    if (place) select(place, { extend: event.shiftKey });
    else if (event.target.dataset.reason) emit("reason", event.target.dataset.reason);
    else select(null);
  });
}
