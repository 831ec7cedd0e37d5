// From doubtful place to doubtful place, the bars that do not add up, and the warnings.
import { byId, element, on, order, state } from "./state.js";
import { choose } from "./session.js";
import { many } from "./labels.js";
import { say } from "./say.js";

/** The next of some places after what is chosen (or before it), round and round. */
function next(list, by) {
  if (!list.length) return null;
  const here = state.place ?? { page: by > 0 ? 0 : Infinity, staff: 0, symbol: 0 };
  return by > 0
    ? list.find(place => order(place, here) > 0) ?? list[0]
    : list.findLast(place => order(place, here) < 0) ?? list.at(-1);
}

const placeOf = ({ page, staff, symbol }) => ({ page, staff, symbol });

export function nextDoubt(by) {
  const found = next(state.overview?.doubtful ?? [], by);
  if (found) return choose(placeOf(found));
  say("Nothing doubtful is left");
}

export function nextOddBar(by) {
  const found = next(state.overview?.odd_bars ?? [], by);
  if (found) return choose(placeOf(found));
  say("All bars add up");
}

function tell(overview) {
  const doubts = overview.doubtful.length;
  byId("doubt-text").replaceChildren(...(doubts
    ? [element("span", { class: "long" }, "Next "), element("span", { class: "word" }, "doubtful "), `(${doubts})`]
    : [element("span", { class: "long" }, "Nothing "), element("span", { class: "word" }, "doubtful")]));
  for (const id of ["next-doubt", "previous-doubt"]) byId(id).disabled = !doubts;
  const odd = overview.odd_bars;
  byId("odd").hidden = !odd.length;
  byId("odd-list").replaceChildren(...odd.map(bar => chip(bar, overview)));
  byId("warned").hidden = !overview.warnings.length;
  byId("warned-title").textContent = many(overview.warnings.length, "warning");
  byId("warnings").replaceChildren(...overview.warnings.map(text => element("li", {}, text)));
}

function chip(bar, overview) {
  const where = [`Bar ${bar.bar}`, overview.pieces > 1 && `piece ${bar.piece}`, overview.pages.length > 1 && `page ${bar.page}`];
  const button = element("button", { type: "button" }, where.filter(Boolean).join(", "));
  button.addEventListener("click", () => choose(placeOf(bar)));
  return element("li", {}, button);
}

export function startDoubts() {
  on("overview", tell);
}
