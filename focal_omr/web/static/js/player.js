// Playing: notes are handed to the sound card a little ahead, the cursor follows its clock.
import { byId, on, order, state } from "./state.js";
import { symbolAt } from "./session.js";
import { keep, settings } from "./settings.js";
import { say } from "./say.js";
import { Voice } from "./voice.js";
import { clearCursor, moveCursor } from "./cursor.js";

const AHEAD_S = 0.18, EVERY_MS = 40; // timers of a page in the background come late: then it may stumble
let voice = null;
let timer = 0, drawing = 0;
let began = { time: 0, quarter: 0 }; // seconds of the sound card's clock at a quarter of the music
let planned = 0; // up to which quarter notes are handed over
let stretch = { from: 0, to: 0 };
let asked = false; // to play, before the notes were here

const playing = () => timer !== 0;
const perQuarter = () => 60 / settings.tempo;
const quarterAt = time => began.quarter + (time - began.time) / perQuarter();

/** From where to where, in quarters, by what the user chose to loop. */
function looped() {
  const { notes, quarters } = state.playback;
  const wanted = { page: note => note.page === state.view.number, bars: inChosenBars() }[byId("loop").value];
  const inside = wanted ? notes.filter(wanted) : [];
  if (!inside.length) return { from: 0, to: quarters };
  const from = Math.min(...inside.map(note => note.onset));
  let to = from; // up to the first gap: repeats bring the same bars again later
  for (const note of inside.sort((a, b) => a.onset - b.onset)) {
    if (note.onset > to + 1e-6) break;
    to = Math.max(to, note.onset + note.length);
  }
  return { from, to };
}

/** Whether a note stands in one of the bars that are chosen; all of them where nothing is. */
function inChosenBars() {
  const head = symbolAt(state.place), tail = symbolAt(state.anchor) ?? head;
  if (!head) return () => true;
  const { piece } = state.view.staves[state.place.staff];
  const [low, high] = [Math.min(head.bar, tail.bar), Math.max(head.bar, tail.bar)];
  return note => {
    const symbol = symbolAt(note);
    return symbol && state.view.staves[note.staff].piece === piece && low <= symbol.bar && symbol.bar <= high;
  };
}

/** The quarter at which what is chosen begins; where it is no note, the next one. */
function chosenQuarter() {
  if (!state.place) return null;
  const part = state.view.staves[state.place.staff]?.part;
  const after = state.playback.notes
    .filter(note => order(note, state.place) >= 0 && (note.page !== state.view.number || state.view.staves[note.staff]?.part === part))
    .sort(order);
  return after.length ? Math.min(...state.playback.notes.filter(note => order(note, after[0]) === 0).map(note => note.onset)) : null;
}

export async function play() {
  if (playing()) return stop();
  voice ??= new Voice();
  await voice.context.resume(); // now: browsers ask for a click or a key
  asked = !state.playback;
  if (asked) return;
  if (!state.playback.notes.length) return say("There is nothing to play");
  document.documentElement.dataset.audio = voice.context.state;
  stretch = looped();
  const chosen = chosenQuarter();
  const from = chosen !== null && chosen >= stretch.from && chosen < stretch.to - 1e-6 ? chosen : stretch.from;
  start(from, voice.context.currentTime + 0.06);
  timer = setInterval(plan, EVERY_MS);
  drawing = requestAnimationFrame(follow);
  showPlaying(true);
}

function start(quarter, time) {
  began = { time, quarter };
  planned = quarter - 1e-6;
}

export function stop() {
  clearInterval(timer);
  cancelAnimationFrame(drawing);
  timer = drawing = 0;
  voice?.hush();
  clearCursor();
  showPlaying(false);
}

function showPlaying(on) {
  const button = byId("play");
  button.setAttribute("aria-pressed", String(on));
  button.querySelector("use").setAttribute("href", on ? "#i-stop" : "#i-play");
  button.querySelector("span").textContent = on ? "Stop" : "Play";
  document.documentElement.toggleAttribute("data-playing", on);
}

/** Hand over the notes that begin soon; at the end begin again, or stop. */
function plan() {
  const now = voice.context.currentTime;
  const until = Math.min(quarterAt(now + AHEAD_S), stretch.to);
  for (const note of state.playback.notes) {
    if (note.midi === null || note.onset <= planned || note.onset > until || note.onset >= stretch.to - 1e-6) continue;
    const when = began.time + (note.onset - began.quarter) * perQuarter();
    voice.pluck(note.midi, Math.max(when, now), note.length * perQuarter());
  }
  planned = Math.max(planned, until);
  if (until < stretch.to) return;
  const end = began.time + (stretch.to - began.quarter) * perQuarter();
  if (byId("loop").value !== "off") {
    if (now > end - AHEAD_S) start(stretch.from, Math.max(end, now));
  } else if (now > end + 0.4) stop();
}

function follow() {
  drawing = requestAnimationFrame(follow);
  const quarter = quarterAt(voice.context.currentTime);
  if (quarter >= began.quarter) moveCursor(Math.min(quarter, stretch.to), { turn: byId("loop").value !== "bars" });
}

/** A new tempo takes the music on from where it is. */
function setTempo(value) {
  const now = voice?.context.currentTime ?? 0;
  const quarter = playing() ? quarterAt(now) : 0;
  keep({ tempo: value });
  byId("tempo").value = value;
  byId("tempo-text").textContent = value;
  if (playing()) began = { time: now, quarter };
}

export const faster = by => setTempo(Math.min(240, Math.max(30, settings.tempo + by)));

export function startPlayer() {
  setTempo(settings.tempo);
  byId("tempo").addEventListener("input", event => setTempo(Number(event.target.value)));
  byId("loop").addEventListener("change", () => {
    if (playing()) { stretch = looped(); if (quarterAt(voice.context.currentTime) > stretch.to) start(stretch.from, voice.context.currentTime); }
  });
  on("place", () => { if (playing() && byId("loop").value === "bars") stretch = looped(); });
  on("playback", playback => {
    byId("play").disabled = !playback.notes.length;
    if (playing()) stretch = looped();
    else if (asked) play();
  });
  on("state", what => {
    if (what === "done") return;
    asked = false;
    if (playing()) stop();
  });
}
