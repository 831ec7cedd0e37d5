// The two panes: layout, zoom (buttons, ctrl + wheel, pinch), dragging, and scrolling to the selection.
import { byId, element, emit, on, reducedMotion, state } from "./state.js";
import { saveSettings, settings } from "./settings.js";

const MIN_SPACE_PX = 3.8; // smallest legible staff space on the screen
const zooms = { scan: 1, score: 1 };
const userZoomed = { scan: false, score: false }; // then the zoom is not changed automatically

const viewOf = pane => byId(`${pane}-view`);

/** Set the zoom relative to the width of the pane; the point at (x, y) of the pane stays in place. */
function setZoom(pane, value, at = null) {
  const view = viewOf(pane), canvas = byId(`${pane}-canvas`);
  const zoom = Math.min(10, Math.max(0.3, value));
  const x = at?.x ?? view.clientWidth / 2, y = at?.y ?? view.clientHeight / 2;
  const across = (view.scrollLeft + x) / Math.max(1, canvas.clientWidth);
  const down = (view.scrollTop + y) / Math.max(1, canvas.clientHeight);
  zooms[pane] = zoom;
  canvas.style.width = `${100 * zoom}%`;
  view.scrollLeft = across * canvas.clientWidth - x;
  view.scrollTop = down * canvas.clientHeight - y;
  emit("zoom", pane);
}

export function zoomBy(factor, panes = ["scan", "score"]) {
  for (const pane of panes) {
    userZoomed[pane] = true;
    setZoom(pane, zooms[pane] * factor);
  }
}

export function fit(panes = ["scan", "score"]) {
  for (const pane of panes) {
    userZoomed[pane] = false;
    setZoom(pane, 1);
  }
}

/** Fit to the pane, or wider if the staves would be illegible. */
export function fitReadable(pane, spacePx) {
  if (!userZoomed[pane]) setZoom(pane, spacePx > 0 ? Math.max(1, MIN_SPACE_PX / spacePx) : 1, { x: 0, y: 0 });
}

/** Scroll a pane so that a rectangle, in window coordinates, is well inside it. */
export function reveal(pane, rect, { smooth = true } = {}) {
  const view = viewOf(pane), frame = view.getBoundingClientRect();
  if (!frame.width) return;
  const marginX = Math.min(90, frame.width / 6), marginY = Math.min(70, frame.height / 6);
  const by = (low, high, from, to, margin, middle) =>
    low < from + margin || high > to - margin ? (middle ? (low + high - from - to) / 2 : low < from + margin ? low - from - margin : high - to + margin) : 0;
  const left = by(rect.left, rect.right, frame.left, frame.right, marginX, true);
  const top = by(rect.top, rect.bottom, frame.top, frame.bottom, marginY, rect.top < frame.top - frame.height || rect.bottom > frame.bottom + frame.height / 2);
  if (left || top) view.scrollBy({ left, top, behavior: smooth && !reducedMotion.matches ? "smooth" : "instant" });
}

// Layout ----------------------------------------------------------------------------------------------------

function layOut() {
  const page = state.view;
  const strip = page && page.width > 1.7 * page.height; // a single staff: larger when stacked
  const narrow = matchMedia("(max-width: 64rem)").matches;
  const layout = settings.layout === "auto" ? (strip || narrow ? "stacked" : "side") : settings.layout;
  document.documentElement.dataset.layout = layout;
  document.documentElement.toggleAttribute("data-strip", Boolean(strip));
  document.documentElement.dataset.marks = settings.marks;
  emit("layout", layout);
}

// Input ---------------------------------------------------------------------------------------------------

function zoomButtons(place) {
  const pane = place.dataset.zoom, name = pane === "scan" ? "scan" : "score";
  const button = (text, label, act) => {
    const made = element("button", { type: "button", "aria-label": `${label} ${name}`, title: `${label} ${name}` }, text);
    made.addEventListener("click", act);
    return made;
  };
  place.append(
    button("−", "Zoom out of the", () => zoomBy(1 / 1.25, [pane])),
    button("Fit", "Fit the width of the", () => fit([pane])),
    button("+", "Zoom into the", () => zoomBy(1.25, [pane])),
  );
}

function startWheel(pane) {
  const view = viewOf(pane);
  view.addEventListener("wheel", event => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = view.getBoundingClientRect();
    userZoomed[pane] = true;
    setZoom(pane, zooms[pane] * Math.exp(-event.deltaY / 300), { x: event.clientX - frame.left, y: event.clientY - frame.top });
  }, { passive: false });
}

function startPinch(pane) {
  const view = viewOf(pane);
  let start = null;
  const spread = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  view.addEventListener("touchstart", event => {
    start = event.touches.length === 2 ? { spread: spread(event.touches), zoom: zooms[pane] } : null;
  }, { passive: true });
  view.addEventListener("touchmove", event => {
    if (!start || event.touches.length !== 2) return;
    event.preventDefault();
    const frame = view.getBoundingClientRect(), [a, b] = event.touches;
    userZoomed[pane] = true;
    setZoom(pane, (start.zoom * spread(event.touches)) / start.spread,
      { x: (a.clientX + b.clientX) / 2 - frame.left, y: (a.clientY + b.clientY) / 2 - frame.top });
  }, { passive: false });
}

/** Drag with the mouse; the click that ends a drag selects nothing. */
function startDrag(pane) {
  const view = viewOf(pane);
  let from = null;
  view.addEventListener("pointerdown", event => {
    if (event.pointerType === "mouse" && event.button === 0)
      from = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop, moved: false };
  });
  addEventListener("pointermove", event => {
    if (!from) return;
    const x = event.clientX - from.x, y = event.clientY - from.y;
    if (!from.moved && Math.hypot(x, y) < 6) return;
    from.moved = true;
    view.classList.add("dragged");
    view.scrollLeft = from.left - x;
    view.scrollTop = from.top - y;
  });
  addEventListener("pointerup", () => {
    if (from?.moved) view.addEventListener("click", event => event.stopPropagation(), { capture: true, once: true });
    setTimeout(() => view.classList.remove("dragged"));
    from = null;
  });
}

export function startPanes() {
  for (const place of document.querySelectorAll("[data-zoom]")) zoomButtons(place);
  for (const pane of ["scan", "score"]) {
    startWheel(pane);
    startPinch(pane);
    startDrag(pane);
  }
  for (const name of ["layout", "marks"]) {
    const select = byId(name);
    select.value = settings[name];
    select.addEventListener("change", () => { saveSettings({ [name]: select.value }); layOut(); });
  }
  addEventListener("resize", layOut);
  on("view", layOut);
  on("opened", () => Object.assign(userZoomed, { scan: false, score: false }));
}
