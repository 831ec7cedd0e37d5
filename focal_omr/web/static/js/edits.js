// Edits, sent one at a time; undo and redo.
import * as api from "./api.js";
import { byId, on, state } from "./state.js";
import { applyResult, reload, symbolAt } from "./session.js";
import { describe, staves } from "./labels.js";
import { announce, toast } from "./messages.js";

let queue = Promise.resolve(); // each edit applies to the result of the one before
let pending = 0;

/** Edit the selected symbol; `what` is an edit, or a function that makes one from the symbol. */
export function edit(what) {
  return enqueue(async () => {
    const symbol = symbolAt(state.place);
    if (!symbol) return announce("Select a symbol first");
    const values = typeof what === "function" ? what(symbol) : what;
    const place = state.place;
    const result = await api.edit(state.job, state.overview.revision, place, values);
    await applyResult(result, { keepSelection: state.place !== place }); // the user has selected something else meanwhile
    announce(summary(values, symbolAt(state.place)));
  });
}

function summary(values, symbol) {
  if (!symbol) return "done";
  if (values.do === "delete") return `deleted; now at ${describe(symbol)}`;
  if (values.do === "accept") return `accepted: ${symbol.name}`;
  return `now ${symbol.name}, bar ${symbol.bar}${symbol.adds_up === false ? ", the bar does not add up" : ""}`;
}

const historyStep = (send, name, done, can) => () => enqueue(async () => {
  if (!state.overview?.[can]) return announce(`Nothing to ${name}`);
  await applyResult(await send(state.job, state.overview.revision));
  announce(`${done}: ${symbolAt(state.place) ? describe(symbolAt(state.place)) : ""}`);
});
export const undo = historyStep(api.undo, "undo", "Undone", "can_undo");
export const redo = historyStep(api.redo, "redo", "Redone", "can_redo");

/** Run something that depends on the selection after the pending edits, which change it. */
export function afterEdits(act) {
  if (pending) queue = queue.then(act).catch(explain);
  else act();
}

/** Run something after everything queued before, and report its errors. */
function enqueue(act) {
  const job = state.job;
  pending++;
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
    if (--pending === 0) document.documentElement.removeAttribute("data-busy");
  });
  return queue;
}

async function explain(error) {
  if (error.status === 409) {
    try {
      await reload();
    } catch (again) {
      return toast(`The score was changed in another window and cannot be reloaded: ${again.message}`);
    }
    return toast("The score was changed in another window and has been reloaded. Please repeat your edit.");
  }
  if (error.status === 404) return toast("This document is no longer on the server.", { label: "Start page", act: () => { location.hash = "#/"; } });
  toast(error.message);
}

export function startEdits() {
  on("overview", overview => {
    byId("undo").disabled = !overview.can_undo;
    byId("redo").disabled = !overview.can_redo;
    const count = overview.mended_staves;
    byId("edit-count").textContent = count ? `${staves(count)} edited` : "";
  });
}
