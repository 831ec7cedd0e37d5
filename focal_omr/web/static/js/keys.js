// Keyboard shortcuts, buttons with data-act, and the table of keys in the help.
import { ACTIONS, byKey, byName, grouped, keyNames } from "./actions.js";
import { byId, element, isShown } from "./state.js";
import { afterEdits } from "./edits.js";
import { saveSettings, settings } from "./settings.js";

/** "Mod+Shift+z": Mod is ctrl or cmd. Shift is named with letters and named keys only; "+" and "?" include it. */
function keyCombination(event) {
  const letter = /^\p{L}$/u.test(event.key), named = event.key.length > 1;
  const key = letter ? event.key.toLowerCase() : event.key;
  return [(event.ctrlKey || event.metaKey) && "Mod", event.altKey && "Alt", event.shiftKey && (letter || named) && "Shift", key]
    .filter(Boolean).join("+");
}

/** Whether the focused element handles keys itself. */
function isHandledByFocus(event) {
  const { target } = event;
  if (document.querySelector("dialog[open]") || target.closest("[popover]")) return true;
  if (target.matches("select, textarea, input:not([type=checkbox])")) return true;
  if (target.closest("button, a, summary, input") && [" ", "Enter"].includes(event.key)) return true;
  return !settings.keysEverywhere && !event.ctrlKey && !event.metaKey && !target.closest(".view");
}

function onKeydown(event) {
  if (!isShown("done") && event.key !== "?") return;
  if (event.isComposing || isHandledByFocus(event)) return;
  const action = byKey.get(keyCombination(event));
  if (!action) return;
  event.preventDefault();
  run(action);
}

/** Edits queue themselves; navigation depends on the selection, so it waits for them too. */
function run(action) {
  if (action.group === "Navigate") afterEdits(action.act);
  else action.act();
}

const range = (from, to) => [element("kbd", {}, from), " to ", element("kbd", {}, to)];
const CONDENSED = {
  Notes: [[range("a", "g"), "The nearest note of this name"]],
  Value: [[range("1", "8"), "64th, 32nd, 16th, eighth (4), quarter (5), half (6), whole (7), breve"]],
};

function buildKeyTable() {
  byId("key-table").replaceChildren(...[...grouped(ACTIONS)].map(([name, actions]) => element("div", {}, element("h3", {}, name),
    element("dl", {}, ...(CONDENSED[name] ?? actions.filter(action => action.keys.length).map(action => [keyLabels(action), action.name]))
      .flatMap(([keys, description]) => [element("dt", {}, ...keys), element("dd", {}, description)])))));
}

const keyLabels = action => action.keys.slice(0, 2).flatMap((key, at) =>
  [...(at ? [" or "] : []), ...keyNames(key).flatMap(name => [element("kbd", {}, name), " "])]);

export function startKeys() {
  buildKeyTable();
  document.addEventListener("keydown", onKeydown);
  document.addEventListener("click", event => {
    const action = byName.get(event.target.closest("[data-act]")?.dataset.act);
    if (action) run(action);
  });
  const box = byId("keys-everywhere");
  box.checked = settings.keysEverywhere;
  box.addEventListener("change", () => saveSettings({ keysEverywhere: box.checked }));
  for (const [id, name] of [["undo", "Undo"], ["redo", "Redo"]]) {
    byId(id).title = `${name} (${keyNames(byName.get(id).keys[0]).join(" ")})`;
    byId(id).setAttribute("aria-label", name);
  }
}
