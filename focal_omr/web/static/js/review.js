// Review: doubtful places, bars that do not add up, warnings.
import { byId, comparePlaces, element, on, state } from "./state.js";
import { select } from "./session.js";
import { plural } from "./labels.js";
import { announce } from "./messages.js";

/** The next (+1) or previous (-1) place in a list, from the selection; wraps around. */
function next(list, by) {
  if (!list.length) return null;
  const here = state.place ?? { page: by > 0 ? 0 : Infinity, staff: 0, symbol: 0 };
  return by > 0
    ? list.find(place => comparePlaces(place, here) > 0) ?? list[0]
    : list.findLast(place => comparePlaces(place, here) < 0) ?? list.at(-1);
}

const placeOf = ({ page, staff, symbol }) => ({ page, staff, symbol });

export function nextDoubtful(by) {
  const found = next(state.overview?.doubtful ?? [], by);
  if (found) return select(placeOf(found));
  announce("No doubtful places left");
}

export function nextOddBar(by) {
  const found = next(state.overview?.odd_bars ?? [], by);
  if (found) return select(placeOf(found));
  announce("All bars add up");
}

function render(overview) {
  const count = overview.doubtful.length;
  byId("doubtful-text").replaceChildren(...(count
    ? [element("span", { class: "long" }, "Next "), element("span", { class: "word" }, "doubtful "), `(${count})`]
    : [element("span", { class: "long" }, "Nothing "), element("span", { class: "word" }, "doubtful")]));
  for (const id of ["next-doubt", "previous-doubt"]) byId(id).disabled = !count;
  const odd = overview.odd_bars;
  byId("odd").hidden = !odd.length;
  byId("odd-list").replaceChildren(...odd.map(bar => chip(bar, overview)));
  byId("warned").hidden = !overview.warnings.length;
  byId("warned-title").textContent = plural(overview.warnings.length, "warning");
  byId("warnings").replaceChildren(...overview.warnings.map(text => element("li", {}, text)));
}

function chip(bar, overview) {
  const where = [`Bar ${bar.bar}`, overview.pieces > 1 && `piece ${bar.piece}`, overview.pages.length > 1 && `page ${bar.page}`];
  const button = element("button", { type: "button" }, where.filter(Boolean).join(", "));
  button.addEventListener("click", () => select(placeOf(bar)));
  return element("li", {}, button);
}

export function startReview() {
  on("overview", render);
}
