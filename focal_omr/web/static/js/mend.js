// Sending changes, one after the other; taking back and doing again.
import * as api from "./api.js";
import { byId, on, state } from "./state.js";
import { applyAnswer, reload, symbolAt } from "./session.js";
import { spoken, staves } from "./labels.js";
import { say, toast } from "./say.js";

let queue = Promise.resolve(); // a change is made on what the one before left
let waiting = 0;

/** Have the server change what is chosen; `what` is a change, or a function of the symbol that makes one. */
export function change(what) {
  return line(async () => {
    const symbol = symbolAt(state.place);
    if (!symbol) return say("Choose a symbol first");
    const made = typeof what === "function" ? what(symbol) : what;
    const asked = state.place;
    const answer = await api.change(state.job, state.overview.revision, asked, made);
    await applyAnswer(answer, { keep: state.place !== asked }); // a click meanwhile chose something else
    const now = symbolAt(state.place);
    say(told(made, now));
  });
}

function told(made, symbol) {
  if (!symbol) return "done";
  if (made.do === "delete") return `deleted; now at ${spoken(symbol)}`;
  if (made.do === "accept") return `accepted: ${symbol.name}`;
  return `now ${symbol.name}, bar ${symbol.bar}${symbol.adds_up === false ? ", the bar does not add up" : ""}`;
}

const back = (send, word, can) => () => line(async () => {
  if (!state.overview?.[can]) return say(`Nothing to ${word}`);
  await applyAnswer(await send(state.job, state.overview.revision));
  say(`${word === "undo" ? "Undone" : "Done again"}: ${symbolAt(state.place) ? spoken(symbolAt(state.place)) : ""}`);
});
export const undo = back(api.undo, "undo", "can_undo");
export const redo = back(api.redo, "redo", "can_redo");

/** Do something that depends on what is chosen: after the changes that are under way, for they choose too. */
export function inTurn(act) {
  if (waiting) queue = queue.then(act).catch(explain);
  else act();
}

/** Do something after all that was asked for before; says what went wrong. */
function line(act) {
  const job = state.job;
  waiting++;
  const busy = setTimeout(() => document.documentElement.setAttribute("data-busy", ""), 300);
  queue = queue.then(async () => {
    if (state.job !== job) return;
    try {
      await act();
    } catch (error) {
      await explain(error);
    }
  }).finally(() => {
    clearTimeout(busy);
    if (--waiting === 0) document.documentElement.removeAttribute("data-busy");
  });
  return queue;
}

async function explain(error) {
  if (error.status === 409) {
    try {
      await reload();
    } catch (again) {
      return toast(`The score was changed in another window, and cannot be loaded again: ${again.message}`);
    }
    return toast("The score was changed in another window; it was loaded again. Please make your change once more.");
  }
  if (error.status === 404) return toast("This document is not on the server any more.", { label: "Start page", act: () => { location.hash = "#/"; } });
  toast(error.message);
}

export function startMend() {
  on("overview", overview => {
    byId("undo").disabled = !overview.can_undo;
    byId("redo").disabled = !overview.can_redo;
    const count = overview.mended_staves;
    byId("changed").textContent = count ? `${staves(count)} mended` : "";
  });
}
