// Details of the selected symbol: name, confidence, close-up, place.
import { byId, element, on, state } from "./state.js";
import { symbolAt } from "./session.js";
import { addsUp, describe, percent } from "./labels.js";
import { announce } from "./messages.js";

let last = "";

function render() {
  const symbol = symbolAt(state.place);
  byId("facts-box").hidden = !symbol;
  byId("select-hint").hidden = Boolean(symbol);
  byId("now").replaceChildren();
  if (!symbol) {
    byId("read").textContent = "Select a note";
    last = "";
    return;
  }
  const staff = state.view.staves[state.place.staff];
  byId("read").textContent = symbol.name;
  const sure = symbol.mended ? "edited by you" : `${percent(symbol.confidence)} confident${symbol.doubtful ? ", doubtful" : ""}`;
  byId("sure-text").textContent = sure;
  const fill = byId("sure-fill");
  fill.style.width = `${100 * symbol.confidence}%`;
  fill.style.background = symbol.mended ? "var(--edited)" : symbol.colour;
  byId("facts").replaceChildren(...facts(symbol, staff).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, String(value))]));
  byId("now").append(symbol.name, element("span", { class: "soft" }, ` · bar ${symbol.bar} · ${sure}`));
  byId("unread-box").hidden = !staff.unread;
  byId("unread-text").textContent = `This staff is not used: ${staff.unread}.`;
  showCloseUp(symbol);
  announceSymbol(symbol);
}

function facts(symbol, staff) {
  const { overview, place } = state;
  return [
    ["Bar", `${symbol.bar}, ${addsUp(symbol.adds_up)}`],
    ["Staff", overview.pages.length > 1 ? `${place.staff + 1} of page ${place.page}` : place.staff + 1],
    overview.pieces > 1 && ["Piece", staff.piece],
    state.view.staves.some(each => each.part > 1) && ["Part", staff.part],
    !symbol.used && !staff.unread && ["Left out", "it breaks the grammar of the score"],
  ].filter(Boolean);
}

/** The scan around the symbol, enlarged. */
function showCloseUp(symbol) {
  const [left, top, right, bottom] = symbol.box, { width, height } = state.view;
  const high = 1.35 * (bottom - top), wide = 3.4 * high; // the aspect ratio of the panel
  const closer = byId("closer");
  closer.setAttribute("viewBox", `${(left + right - wide) / 2} ${(top + bottom - high) / 2} ${wide} ${high}`);
  const image = byId("closer-picture");
  image.setAttribute("width", width);
  image.setAttribute("height", height);
  image.setAttribute("preserveAspectRatio", "none");
  const mark = byId("closer-mark");
  mark.setAttribute("points", symbol.points);
  mark.style.stroke = symbol.mended ? "var(--edited)" : symbol.colour;
}

/** Announce the symbol unless the focused listbox does so itself. */
function announceSymbol(symbol) {
  const words = describe(symbol);
  if (document.activeElement !== byId("symbols") && words !== last) announce(words);
  last = words;
}

function showTip(target) {
  const box = byId("tip");
  box.hidden = !target;
  if (!target) return;
  const symbol = symbolAt(target.place);
  box.textContent = symbol ? `${symbol.name} · ${symbol.mended ? "edited" : percent(symbol.confidence)}` : `Not read: ${target.text}`;
  box.style.left = `${Math.min(target.event.clientX + 14, innerWidth - box.offsetWidth - 8)}px`;
  box.style.top = `${Math.min(target.event.clientY + 18, innerHeight - box.offsetHeight - 8)}px`;
}

export function startDetails() {
  on("place", render);
  on("view", render);
  on("tip", showTip);
  on("reason", reason => {
    byId("facts-box").hidden = true;
    byId("select-hint").hidden = false;
    byId("read").textContent = `Not read: ${reason}`;
    announce(`Not read: ${reason}`);
  });
}
