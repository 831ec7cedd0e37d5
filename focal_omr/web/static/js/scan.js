// The scan with what was read over it: one outline for each symbol, a listbox for the keyboard and for screen readers.
import { byId, drawn, emit, on, state } from "./state.js";
import { choose, ranged } from "./session.js";
import { spoken, staves } from "./labels.js";
import { fitReadable, reveal, zoomBy } from "./panes.js";
import { nearest, showHover, startHover } from "./pointer.js";

const NEAR_PX = 26; // a finger is wider than a note: a tap this far from a symbol still means it
const TOO_SMALL_PX = 7; // of what is chosen: nobody sees what is meant
const outlines = []; // [staff][symbol] -> polygon
let shown = ""; // the picture that is on the page

export const outlineOf = place =>
  place && place.page === state.view?.number ? outlines[place.staff]?.[place.symbol] : undefined;

const idOf = place => `s-${place.staff}-${place.symbol}`;

function showPicture(view) {
  const path = state.overview.pages.find(page => page.number === view.number).picture;
  const key = `${state.job}/${view.number}`;
  if (shown === key) return;
  shown = key;
  const picture = byId("picture");
  picture.width = view.width; // its shape is known before it is there
  picture.height = view.height;
  picture.alt = `Scan of page ${view.number}`;
  picture.src = path;
  byId("closer-picture").setAttribute("href", path);
}

function draw(view) {
  byId("marked").setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
  byId("staff-lines").replaceChildren(
    ...view.staves.flatMap(staff => staff.lines.map(points => drawn("polyline", { points, class: "line" }))));
  byId("odd-bars").replaceChildren(
    ...view.staves.flatMap(staff => staff.odd.map(bar => drawn("polygon", { points: bar.points, class: "odd" }))));
  outlines.length = 0;
  const groups = view.staves.map((staff, index) => drawStaff(view, staff, index));
  const list = byId("symbols");
  list.replaceChildren(...view.unread.map(drawUnread), ...groups);
  list.setAttribute("aria-label", `Symbols of page ${view.number}`);
  const count = view.staves.reduce((sum, staff) => sum + staff.symbols.length, 0);
  byId("scan-hint").textContent = view.staves.length
    ? `${staves(view.staves.length)}, ${count} symbols`
    : "No staff was found on this page";
  fit();
}

function fit() {
  const first = state.view?.staves.find(staff => staff.lines.length > 1);
  fitReadable("scan", first ? (spaceOf(first) * byId("scan-view").clientWidth) / state.view.width : 0);
}

/** The distance of two staff lines in pixels of the page; a guess where no lines were measured. */
function spaceOf(staff) {
  if (staff.lines.length < 2) return state.view.height / 12;
  const y = points => Number(points.split(" ")[0].split(",")[1]);
  return Math.abs(y(staff.lines.at(-1)) - y(staff.lines[0])) / (staff.lines.length - 1);
}

function drawStaff(view, staff, index) {
  const group = drawn("g", { role: "group", "aria-label": `Staff ${index + 1}${staff.unread ? `, not read: ${staff.unread}` : ""}` });
  outlines[index] = staff.symbols.map((symbol, number) => {
    const place = { page: view.number, staff: index, symbol: number };
    const kinds = ["symbol", symbol.doubtful && "doubt", !symbol.used && "unused", symbol.mended && "mended"];
    return drawn("polygon", {
      points: symbol.points, class: kinds.filter(Boolean).join(" "), stroke: symbol.colour, id: idOf(place), role: "option",
      "aria-selected": "false", "aria-label": spoken(symbol), "data-staff": index, "data-symbol": number,
    });
  });
  group.append(...outlines[index]);
  return group;
}

function drawUnread({ box: [left, top, right, bottom], reason }) {
  return drawn("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "unread", role: "option",
    "aria-selected": "false", "aria-label": `Not read: ${reason}`, "data-reason": reason });
}

// Choosing --------------------------------------------------------------------------------------------------

const placeOf = target => target.dataset?.symbol === undefined ? null
  : { page: state.view.number, staff: Number(target.dataset.staff), symbol: Number(target.dataset.symbol) };

/** The symbol under the pointer, or the nearest one close to it; null where there is none. */
function under(event) {
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
  ring(outline);
  if (!outline) return list.removeAttribute("aria-activedescendant");
  for (const each of outlines.flat()) if (ranged(placeOf(each))) each.classList.add("ranged");
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

/** A ring around what is chosen, a staff space away: a note among two hundred is found at once. */
function ring(outline) {
  const halo = byId("halo");
  halo.setAttribute("visibility", outline ? "visible" : "hidden");
  if (!outline) return;
  const { x, y, width, height } = outline.getBBox();
  const away = 0.8 * spaceOf(state.view.staves[state.place.staff]);
  const box = { x: x - away, y: y - away, width: width + 2 * away, height: height + 2 * away, rx: away };
  for (const [name, value] of Object.entries(box)) halo.setAttribute(name, value);
}

export function startScan() {
  on("view", view => { showPicture(view); draw(view); mark({ scroll: false }); });
  on("place", mark);
  showHover(outlineOf);
  on("layout", fit);
  const marked = byId("marked");
  startHover(marked, event => placeOf(event.target));
  marked.addEventListener("click", event => {
    byId("symbols").focus({ preventScroll: true });
    const place = under(event);
    if (place) choose(place, { extend: event.shiftKey });
    else if (event.target.dataset.reason) emit("reason", event.target.dataset.reason);
    else choose(null);
  });
}
