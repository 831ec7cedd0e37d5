// The palette: a button for each edit, with its key; only those for the selected kind of symbol are shown.
import { ACTIONS, byName, grouped, keyNames } from "./actions.js";
import { byId, element, icon, on, state } from "./state.js";
import { symbolAt } from "./session.js";
import { edit } from "./edits.js";
import { kindOf } from "./labels.js";

const CLEFS = [["G2", "treble"], ["F4", "bass"], ["C3", "alto"], ["C4", "tenor"], ["C1", "soprano"], ["C2", "mezzo-soprano"],
  ["G1", "French violin"], ["F3", "baritone (F)"], ["C5", "baritone (C)"], ["F5", "sub-bass"]];
const MAJOR = ["C♭", "G♭", "D♭", "A♭", "E♭", "B♭", "F", "C", "G", "D", "A", "E", "B", "F♯", "C♯"]; // from seven flats to seven sharps
const MINOR = ["a♭", "e♭", "b♭", "f", "c", "g", "d", "a", "e", "b", "f♯", "c♯", "g♯", "d♯", "a♯"];
const KEY_TOKENS = MAJOR.map(name => `${name.replace("♭", "b").replace("♯", "#")}M`);
const METERS = [["C", "common time"], ["C/", "cut time"], ...["2/4", "3/4", "4/4", "5/4", "6/4", "3/8", "6/8", "9/8", "12/8", "2/2", "3/2", "4/2"]
  .map(meter => [meter, meter])];
const fifthsName = fifths => fifths === 0 ? "no accidentals" : `${Math.abs(fifths)} ${fifths > 0 ? "sharp" : "flat"}${Math.abs(fifths) > 1 ? "s" : ""}`;
const KEYS = [...MAJOR.keys()].map(at => at - 7).sort((a, b) => Math.abs(a) - Math.abs(b) || b - a)
  .map(fifths => [fifths, `${fifthsName(fifths)} (${MAJOR[fifths + 7]}, ${MINOR[fifths + 7]})`]);

const COLUMNS = { Review: 1, Pitch: 4, Notes: 7, Accidental: 6, Value: 8, Signs: 6, Barline: 6, "Insert and delete": 2 };

function button(action) {
  const made = element("button", { type: "button", class: action.wide ? "wide" : null, "data-act": action.id, title: tooltip(action) });
  if (action.icon) made.append(icon(action.icon));
  const words = action.short ?? action.text;
  if (words) made.append(element("span", { class: words.length > 3 && !action.wide ? "tiny" : null }, words));
  if (words !== action.name) made.setAttribute("aria-label", words && action.wide && !action.text ? words : action.name);
  const names = action.keys.map(keyNames).find(each => action.wide || each.length === 1);
  if (names) made.append(element("small", { "aria-hidden": "true" }, names.join(" ")));
  if (action.keys.length) {
    made.setAttribute("aria-keyshortcuts", action.keys.map(key => key.replace("Mod", "Control").replace(" ", "Space")).join(" "));
  }
  return made;
}

const tooltip = action =>
  action.keys.length ? `${action.name} (${action.keys.map(key => keyNames(key).join(" ")).join(" or ")})` : action.name;

function group(name, actions) {
  const keys = element("div", { class: "keys" }, ...actions.map(button));
  const made = element("div", { role: "group", "aria-label": name }, element("h3", { "aria-hidden": "true" }, name), keys);
  keys.style.setProperty("--columns", COLUMNS[name]);
  const kinds = actions[0].on;
  if (kinds) made.dataset.kinds = kinds.join(" ");
  return made;
}

function row(name, options, make) {
  const select = element("select", { "aria-label": `${name} from here on` }, ...options.map(([value, text]) => element("option", { value }, text)));
  const set = element("button", { type: "button", "aria-label": `Set the ${name.toLowerCase()} from here on` }, "Set");
  set.addEventListener("click", () => edit(make(select.value)));
  return element("div", { class: "set", "data-sign": name.toLowerCase() }, element("span", { "aria-hidden": "true" }, name), select, set);
}

function signsFromHere() {
  return element("details", { id: "from-here" }, element("summary", {}, "Clef, key, meter from here on"),
    row("Clef", CLEFS, clef => ({ do: "clef", clef })),
    row("Key", KEYS, fifths => ({ do: "key", fifths: Number(fifths) })),
    row("Meter", METERS, meter => ({ do: "meter", meter })));
}

function tokenField() {
  const field = element("input", { type: "text", id: "token-field", "aria-label": "Semantic token", spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
  const set = element("button", { type: "button", "aria-label": "Set the token" }, "Set");
  const send = () => edit({ do: "token", token: field.value.trim() });
  set.addEventListener("click", send);
  field.addEventListener("keydown", event => { if (event.key === "Enter") send(); });
  return element("details", {}, element("summary", {}, "Any other symbol, by its token"),
    element("div", { class: "set" }, element("span", { "aria-hidden": "true" }, "Token"), field, set));
}

function build() {
  const groups = grouped(ACTIONS.filter(action => action.make && !action.hidden));
  byId("palette").append(...[...groups].map(([name, actions]) => group(name, actions)), signsFromHere(), tokenField());
}

function showMatching() {
  const symbol = symbolAt(state.place), palette = byId("palette");
  palette.hidden = !symbol;
  if (!symbol) return;
  const kind = kindOf(symbol.token);
  for (const each of palette.querySelectorAll("[data-kinds]")) each.hidden = !each.dataset.kinds.split(" ").includes(kind);
  for (const each of palette.querySelectorAll("[data-act]")) {
    const wants = byName.get(each.dataset.act).on;
    each.hidden = Boolean(wants && !wants.includes(kind));
  }
  byId("token-field").value = symbol.token;
  const [, sign] = symbol.token.split("-");
  if (kind === "clef") palette.querySelector('[data-sign="clef"] select').value = sign;
  if (kind === "meter") palette.querySelector('[data-sign="meter"] select').value = sign;
  const major = KEY_TOKENS.indexOf(sign);
  if (kind === "key" && major >= 0) palette.querySelector('[data-sign="key"] select').value = major - 7;
  if (["clef", "key", "meter"].includes(kind)) byId("from-here").open = true;
}

export function startPalette() {
  build();
  on("place", showMatching);
  on("view", showMatching);
}
