// All that can be done with a key or a button: one table for the keyboard, the palette and the help.
import { byId } from "./state.js";
import { choose, edge, pageBeside, showPage, step } from "./session.js";
import { change, redo, undo } from "./mend.js";
import { nextDoubt, nextOddBar } from "./doubts.js";
import { faster, play } from "./player.js";
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

async function turn(by) {
  const number = pageBeside(by);
  if (number !== undefined) { await choose(null); await showPage(number); }
}

// id, group, name, keys, and either `act` or `make`, the change that is sent. `on`: kinds of symbols that it is for.
const action = (id, group, name, keys, rest) => ({ id, group, name, keys, ...rest });
const sent = (id, group, name, keys, make, rest = {}) => action(id, group, name, keys, { make, act: () => change(make), ...rest });
const NOTES = ["note"], SOUNDS = ["note", "rest"];

export const ACTIONS = [
  action("play", "Listen", "Play from what is chosen, or stop", [" "], { act: play }),
  action("slower", "Listen", "Slower", ["["], { act: () => faster(-6) }),
  action("faster", "Listen", "Faster", ["]"], { act: () => faster(6) }),
  action("loop", "Listen", "Loop: off, all, page, selected bars", ["l"], { act: () => {
    const loop = byId("loop");
    loop.selectedIndex = (loop.selectedIndex + 1) % loop.length;
    loop.dispatchEvent(new Event("change"));
  } }),

  action("next-doubt", "Look", "Next doubtful place", ["n"], { act: () => nextDoubt(1) }),
  action("previous-doubt", "Look", "Previous doubtful place", ["Shift+n"], { act: () => nextDoubt(-1) }),
  action("next-odd", "Look", "Next bar that does not add up", ["o"], { act: () => nextOddBar(1) }),
  action("previous-odd", "Look", "Previous such bar", ["Shift+o"], { act: () => nextOddBar(-1) }),
  action("right", "Look", "Next symbol", ["ArrowRight"], { act: () => step(1) }),
  action("left", "Look", "Previous symbol", ["ArrowLeft"], { act: () => step(-1) }),
  action("wider", "Look", "Choose more, to the right", ["Shift+ArrowRight"], { act: () => step(1, { extend: true }) }),
  action("narrower", "Look", "Choose more, to the left", ["Shift+ArrowLeft"], { act: () => step(-1, { extend: true }) }),
  action("first", "Look", "First symbol of the page", ["Home"], { act: () => edge(0) }),
  action("last", "Look", "Last symbol of the page", ["End"], { act: () => edge(-1) }),
  action("page-back", "Look", "Previous page", ["PageUp"], { act: () => turn(-1) }),
  action("page-on", "Look", "Next page", ["PageDown"], { act: () => turn(1) }),
  action("larger", "Look", "Larger", ["z"], { act: () => zoomBy(1.25) }),
  action("smaller", "Look", "Smaller", ["Shift+z"], { act: () => zoomBy(1 / 1.25) }),
  action("fit", "Look", "As wide as the window", ["x"], { act: () => fit() }),
  action("nothing", "Look", "Choose nothing", ["Escape"], { act: () => choose(null) }),
  action("help", "Look", "This help", ["?"], { act: () => byId("help").showModal() }),

  sent("accept", "Right or wrong", "It is right as it is", ["Enter"], { do: "accept" }, { wide: true, icon: "i-check", short: "Right as it is" }),
  action("undo", "Right or wrong", "Undo", ["Mod+z"], { act: undo }),
  action("redo", "Right or wrong", "Redo", ["Mod+Shift+z", "Mod+y"], { act: redo }),

  sent("up", "Pitch", "One step up", ["ArrowUp"], { do: "move", steps: 1 }, { on: NOTES, text: "↑" }),
  sent("down", "Pitch", "One step down", ["ArrowDown"], { do: "move", steps: -1 }, { on: NOTES, text: "↓" }),
  sent("octave-up", "Pitch", "An octave up", ["Mod+ArrowUp", "Alt+ArrowUp"], { do: "move", steps: 7 }, { on: NOTES, text: "8va" }),
  sent("octave-down", "Pitch", "An octave down", ["Mod+ArrowDown", "Alt+ArrowDown"], { do: "move", steps: -7 }, { on: NOTES, text: "8vb" }),
  ...["C", "D", "E", "F", "G", "A", "B"].map(name =>
    sent(`step-${name}`, "Notes", `The nearest ${name}`, [name.toLowerCase()], { do: "step", step: name }, { on: NOTES, text: name })),
  ...SIGNS.map(([sign, text, name, keys]) =>
    sent(`sign-${sign}`, "Accidental", name[0].toUpperCase() + name.slice(1), keys, { do: "accidental", sign }, { on: NOTES, text })),

  ...VALUES.map(([value, name, key]) => sent(`value-${value}`, "Value", name[0].toUpperCase() + name.slice(1), [key],
    { do: "value", value }, { on: SOUNDS, icon: value === "double_whole" ? "v-breve" : `v-${value}` })),
  sent("dots", "Signs", "Dots: none, one, two", ["."], symbol => ({ do: "dots", dots: (dotsOf(symbol.token) + 1) % 3 }), { on: SOUNDS, icon: "v-dot" }),
  sent("tuplet", "Signs", "Triplet from here, or none", ["Shift+t"], { do: "tuplet", actual: 3 }, { on: SOUNDS, icon: "v-triplet" }),
  sent("rest", "Signs", "Note or rest", ["0", "r"], { do: "rest" }, { on: SOUNDS, icon: "v-rest" }),

  sent("tie", "Signs", "Tie on or off", ["t"], { do: "tie" }, { on: NOTES, icon: "v-tie" }),
  sent("fermata", "Signs", "Fermata on or off", ["h"], { do: "fermata" }, { on: SOUNDS, icon: "v-fermata" }),
  sent("grace", "Signs", "Grace note or full note", ["/"], { do: "grace" }, { on: NOTES, icon: "v-grace" }),

  ...BARLINES.map(([kind, name]) => sent(`bar-${kind}`, "Barline", name[0].toUpperCase() + name.slice(1), [],
    { do: "barline", kind }, { on: ["barline"], icon: `b-${kind}` })),

  sent("insert", "Insert and delete", "Insert a note after this", ["Insert", "i"], { do: "insert", what: "note", before: false }, { text: "Note", icon: "v-quarter", wide: true }),
  sent("insert-before", "Insert and delete", "Insert a note before this", ["Shift+i", "Shift+Insert"], { do: "insert", what: "note", before: true }, { hidden: true }),
  sent("insert-rest", "Insert and delete", "Insert a rest after this", ["Shift+r"], { do: "insert", what: "rest", before: false }, { text: "Rest", icon: "v-rest", wide: true }),
  sent("insert-barline", "Insert and delete", "Insert a barline after this", ["|"], { do: "insert", what: "barline", before: false }, { text: "Barline", icon: "b-single", wide: true }),
  sent("delete", "Insert and delete", "Delete this", ["Delete", "Backspace"], { do: "delete" }, { short: "Delete", icon: "i-close", wide: true }),
  sent("believe", "Right or wrong", "Use what was read on a staff that was left out", [], { do: "believe" }, { hidden: true }),
];

export const byKey = new Map(ACTIONS.flatMap(each => each.keys.map(key => [key, each])));
export const byName = new Map(ACTIONS.map(each => [each.id, each]));

/** Actions by the name of their group, in their order. */
export function grouped(actions) {
  const groups = new Map();
  for (const each of actions) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return groups;
}

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const SHOWN = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "space", Mod: APPLE ? "⌘" : "ctrl", Shift: "shift",
  Alt: "alt", Escape: "esc", Delete: "del", Backspace: "⌫", Insert: "ins", PageUp: "page up", PageDown: "page down", Home: "home", End: "end",
  Enter: "enter" };

/** The names of the keys of "Mod+Shift+z", as they stand on a keyboard. */
export const keyNames = key => (key === "+" ? ["+"] : key.split("+")).map(name => SHOWN[name] ?? name);
