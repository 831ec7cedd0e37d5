// All actions of keys and buttons: one table for the keyboard, the palette and the help.
import { byId } from "./state.js";
import { adjacentPage, select, selectEdge, showPage, step } from "./session.js";
import { edit, redo, undo } from "./edits.js";
import { nextDoubtful, nextOddBar } from "./review.js";
import { changeTempo, play } from "./player.js";
import { fit, zoomBy } from "./panes.js";
import { dotsOf } from "./labels.js";

const VALUES = [
  ["sixty_fourth", "64th", "1"], ["thirty_second", "32nd", "2"], ["sixteenth", "16th", "3"], ["eighth", "eighth", "4"],
  ["quarter", "quarter", "5"], ["half", "half", "6"], ["whole", "whole", "7"], ["double_whole", "breve", "8"],
];
const SIGNS = [
  ["bb", "♭♭", "double flat", []], ["b", "♭", "flat", ["-"]], ["n", "♮", "natural", ["="]], ["#", "♯", "sharp", ["+", "#"]],
  ["##", "×", "double sharp", []], [null, "none", "no accidental", []],
];
const BARLINES = [
  ["single", "barline"], ["double", "double barline"], ["final", "final barline"], ["repeat_start", "start of repeat"],
  ["repeat_end", "end of repeat"], ["repeat_both", "end and start of repeat"],
];

async function turnPage(by) {
  const number = adjacentPage(by);
  if (number !== undefined) { await select(null); await showPage(number); }
}

// An action has an id, group, name, keys and `act`; edits also have `make`, the edit to send. `on`: the kinds of symbols it is for.
const action = (id, group, name, keys, rest) => ({ id, group, name, keys, ...rest });
const editing = (id, group, name, keys, make, rest = {}) => action(id, group, name, keys, { make, act: () => edit(make), ...rest });
const NOTES = ["note"], SOUNDS = ["note", "rest"];

export const ACTIONS = [
  action("play", "Playback", "Play from the selection, or stop", [" "], { act: play }),
  action("slower", "Playback", "Slower", ["["], { act: () => changeTempo(-6) }),
  action("faster", "Playback", "Faster", ["]"], { act: () => changeTempo(6) }),
  action("loop", "Playback", "Loop: off, all, page, selected bars", ["l"], { act: () => {
    const loop = byId("loop");
    loop.selectedIndex = (loop.selectedIndex + 1) % loop.length;
    loop.dispatchEvent(new Event("change"));
  } }),

  action("next-doubt", "Navigate", "Next doubtful place", ["n"], { act: () => nextDoubtful(1) }),
  action("previous-doubt", "Navigate", "Previous doubtful place", ["Shift+n"], { act: () => nextDoubtful(-1) }),
  action("next-odd", "Navigate", "Next bar that does not add up", ["o"], { act: () => nextOddBar(1) }),
  action("previous-odd", "Navigate", "Previous bar that does not add up", ["Shift+o"], { act: () => nextOddBar(-1) }),
  action("right", "Navigate", "Next symbol", ["ArrowRight"], { act: () => step(1) }),
  action("left", "Navigate", "Previous symbol", ["ArrowLeft"], { act: () => step(-1) }),
  action("wider", "Navigate", "Extend the selection to the right", ["Shift+ArrowRight"], { act: () => step(1, { extend: true }) }),
  action("narrower", "Navigate", "Extend the selection to the left", ["Shift+ArrowLeft"], { act: () => step(-1, { extend: true }) }),
  action("first", "Navigate", "First symbol of the page", ["Home"], { act: () => selectEdge(0) }),
  action("last", "Navigate", "Last symbol of the page", ["End"], { act: () => selectEdge(-1) }),
  action("page-back", "Navigate", "Previous page", ["PageUp"], { act: () => turnPage(-1) }),
  action("page-on", "Navigate", "Next page", ["PageDown"], { act: () => turnPage(1) }),
  action("larger", "Navigate", "Zoom in", ["z"], { act: () => zoomBy(1.25) }),
  action("smaller", "Navigate", "Zoom out", ["Shift+z"], { act: () => zoomBy(1 / 1.25) }),
  action("fit", "Navigate", "Fit to width", ["x"], { act: () => fit() }),
  action("nothing", "Navigate", "Clear the selection", ["Escape"], { act: () => select(null) }),
  action("help", "Navigate", "This help", ["?"], { act: () => byId("help").showModal() }),

  editing("accept", "Review", "Mark as correct", ["Enter"], { do: "accept" }, { wide: true, icon: "i-check", short: "Mark as correct" }),
  action("undo", "Review", "Undo", ["Mod+z"], { act: undo }),
  action("redo", "Review", "Redo", ["Mod+Shift+z", "Mod+y"], { act: redo }),

  editing("up", "Pitch", "One step up", ["ArrowUp"], { do: "move", steps: 1 }, { on: NOTES, text: "↑" }),
  editing("down", "Pitch", "One step down", ["ArrowDown"], { do: "move", steps: -1 }, { on: NOTES, text: "↓" }),
  editing("octave-up", "Pitch", "An octave up", ["Mod+ArrowUp", "Alt+ArrowUp"], { do: "move", steps: 7 }, { on: NOTES, text: "8va" }),
  editing("octave-down", "Pitch", "An octave down", ["Mod+ArrowDown", "Alt+ArrowDown"], { do: "move", steps: -7 }, { on: NOTES, text: "8vb" }),
  ...["C", "D", "E", "F", "G", "A", "B"].map(name =>
    editing(`step-${name}`, "Notes", `The nearest ${name}`, [name.toLowerCase()], { do: "step", step: name }, { on: NOTES, text: name })),
  ...SIGNS.map(([sign, text, name, keys]) =>
    editing(`sign-${sign}`, "Accidental", name[0].toUpperCase() + name.slice(1), keys, { do: "accidental", sign }, { on: NOTES, text })),

  ...VALUES.map(([value, name, key]) => editing(`value-${value}`, "Value", name[0].toUpperCase() + name.slice(1), [key],
    { do: "value", value }, { on: SOUNDS, icon: value === "double_whole" ? "v-breve" : `v-${value}` })),
  editing("dots", "Signs", "Dots: none, one, two", ["."], symbol => ({ do: "dots", dots: (dotsOf(symbol.token) + 1) % 3 }), { on: SOUNDS, icon: "v-dot" }),
  editing("tuplet", "Signs", "Triplet from here on or off", ["Shift+t"], { do: "tuplet", actual: 3 }, { on: SOUNDS, icon: "v-triplet" }),
  editing("rest", "Signs", "Note or rest", ["0", "r"], { do: "rest" }, { on: SOUNDS, icon: "v-rest" }),

  editing("tie", "Signs", "Tie on or off", ["t"], { do: "tie" }, { on: NOTES, icon: "v-tie" }),
  editing("fermata", "Signs", "Fermata on or off", ["h"], { do: "fermata" }, { on: SOUNDS, icon: "v-fermata" }),
  editing("grace", "Signs", "Grace note or full note", ["/"], { do: "grace" }, { on: NOTES, icon: "v-grace" }),

  ...BARLINES.map(([kind, name]) => editing(`bar-${kind}`, "Barline", name[0].toUpperCase() + name.slice(1), [],
    { do: "barline", kind }, { on: ["barline"], icon: `b-${kind}` })),

  editing("insert", "Insert and delete", "Insert a note after this", ["Insert", "i"], { do: "insert", what: "note", before: false }, { text: "Note", icon: "v-quarter", wide: true }),
  editing("insert-before", "Insert and delete", "Insert a note before this", ["Shift+i", "Shift+Insert"], { do: "insert", what: "note", before: true }, { hidden: true }),
  editing("insert-rest", "Insert and delete", "Insert a rest after this", ["Shift+r"], { do: "insert", what: "rest", before: false }, { text: "Rest", icon: "v-rest", wide: true }),
  editing("insert-barline", "Insert and delete", "Insert a barline after this", ["|"], { do: "insert", what: "barline", before: false }, { text: "Barline", icon: "b-single", wide: true }),
  editing("delete", "Insert and delete", "Delete this", ["Delete", "Backspace"], { do: "delete" }, { short: "Delete", icon: "i-close", wide: true }),
  editing("believe", "Review", "Use the reading of a staff that was left out", [], { do: "believe" }, { hidden: true }),
];

export const byKey = new Map(ACTIONS.flatMap(each => each.keys.map(key => [key, each])));
export const byName = new Map(ACTIONS.map(each => [each.id, each]));

/** Actions by group, in order. */
export function grouped(actions) {
  const groups = new Map();
  for (const each of actions) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return groups;
}

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const SHOWN = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "space", Mod: APPLE ? "⌘" : "ctrl", Shift: "shift",
  Alt: "alt", Escape: "esc", Delete: "del", Backspace: "⌫", Insert: "ins", PageUp: "page up", PageDown: "page down", Home: "home", End: "end",
  Enter: "enter" };

/** The labels of the keys of "Mod+Shift+z" on a keyboard. */
export const keyNames = key => (key === "+" ? ["+"] : key.split("+")).map(name => SHOWN[name] ?? name);
