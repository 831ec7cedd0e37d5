// Playback: notes are scheduled slightly ahead; the cursor follows the audio clock.
import { byId, comparePlaces, on, state } from "./state.js";
import { symbolAt } from "./session.js";
import { saveSettings, settings } from "./settings.js";
import { announce } from "./messages.js";
import { Synth } from "./synth.js";
import { clearCursor, moveCursor } from "./cursor.js";

const AHEAD_S = 0.18, EVERY_MS = 40; // timers of background pages are late: playback may stutter
let synth = null;
let timer = 0, drawing = 0;
let origin = { time: 0, quarter: 0 }; // audio time in seconds at a position in quarters
let scheduled = 0; // position in quarters up to which notes are scheduled
let range = { from: 0, to: 0 };
let requested = false; // play was pressed before the notes were loaded

const playing = () => timer !== 0;
const perQuarter = () => 60 / settings.tempo;
const quarterAt = time => origin.quarter + (time - origin.time) / perQuarter();

/** The range to play, in quarters, by the loop setting. */
function looped() {
  const { notes, quarters } = state.playback;
  const wanted = { page: note => note.page === state.view.number, bars: inSelectedBars() }[byId("loop").value];
  const inside = wanted ? notes.filter(wanted) : [];
  if (!inside.length) return { from: 0, to: quarters };
  const from = Math.min(...inside.map(note => note.onset));
  let to = from; // up to the first gap: repeats play the same bars again later
  for (const note of inside.sort((a, b) => a.onset - b.onset)) {
    if (note.onset > to + 1e-6) break;
    to = Math.max(to, note.onset + note.length);
  }
  return { from, to };
}

/** A predicate for notes in the selected bars; all notes if nothing is selected. */
function inSelectedBars() {
  const head = symbolAt(state.place), tail = symbolAt(state.anchor) ?? head;
  if (!head) return () => true;
  const { piece } = state.view.staves[state.place.staff];
  const [low, high] = [Math.min(head.bar, tail.bar), Math.max(head.bar, tail.bar)];
  return note => {
    const symbol = symbolAt(note);
    return symbol && state.view.staves[note.staff].piece === piece && low <= symbol.bar && symbol.bar <= high;
  };
}

/** The position of the selection in quarters, or of the next note after it. */
function selectedQuarter() {
  if (!state.place) return null;
  const part = state.view.staves[state.place.staff]?.part;
  const after = state.playback.notes
    .filter(note => comparePlaces(note, state.place) >= 0 && (note.page !== state.view.number || state.view.staves[note.staff]?.part === part))
    .sort(comparePlaces);
  return after.length ? Math.min(...state.playback.notes.filter(note => comparePlaces(note, after[0]) === 0).map(note => note.onset)) : null;
}

export async function play() {
  if (playing()) return stop();
  synth ??= new Synth();
  await synth.context.resume(); // here: browsers require a click or a key
  requested = !state.playback;
  if (requested) return;
  if (!state.playback.notes.length) return announce("There is nothing to play");
  document.documentElement.dataset.audio = synth.context.state;
  range = looped();
  const selected = selectedQuarter();
  const from = selected !== null && selected >= range.from && selected < range.to - 1e-6 ? selected : range.from;
  start(from, synth.context.currentTime + 0.06);
  timer = setInterval(schedule, EVERY_MS);
  drawing = requestAnimationFrame(follow);
  showPlaying(true);
}

function start(quarter, time) {
  origin = { time, quarter };
  scheduled = quarter - 1e-6;
}

export function stop() {
  clearInterval(timer);
  cancelAnimationFrame(drawing);
  timer = drawing = 0;
  synth?.silence();
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

/** Schedule the notes that begin soon; at the end, loop or stop. */
function schedule() {
  const now = synth.context.currentTime;
  const until = Math.min(quarterAt(now + AHEAD_S), range.to);
  for (const note of state.playback.notes) {
    if (note.midi === null || note.onset <= scheduled || note.onset > until || note.onset >= range.to - 1e-6) continue;
    const when = origin.time + (note.onset - origin.quarter) * perQuarter();
    synth.play(note.midi, Math.max(when, now), note.length * perQuarter());
  }
  scheduled = Math.max(scheduled, until);
  if (until < range.to) return;
  const end = origin.time + (range.to - origin.quarter) * perQuarter();
  if (byId("loop").value !== "off") {
    if (now > end - AHEAD_S) start(range.from, Math.max(end, now));
  } else if (now > end + 0.4) stop();
}

function follow() {
  drawing = requestAnimationFrame(follow);
  const quarter = quarterAt(synth.context.currentTime);
  if (quarter >= origin.quarter) moveCursor(Math.min(quarter, range.to), { turn: byId("loop").value !== "bars" });
}

/** Change the tempo; playback continues from its position. */
function setTempo(value) {
  const now = synth?.context.currentTime ?? 0;
  const quarter = playing() ? quarterAt(now) : 0;
  saveSettings({ tempo: value });
  byId("tempo").value = value;
  byId("tempo-text").textContent = value;
  if (playing()) origin = { time: now, quarter };
}

export const changeTempo = by => setTempo(Math.min(240, Math.max(30, settings.tempo + by)));

export function startPlayer() {
  setTempo(settings.tempo);
  byId("tempo").addEventListener("input", event => setTempo(Number(event.target.value)));
  byId("loop").addEventListener("change", () => {
    if (playing()) { range = looped(); if (quarterAt(synth.context.currentTime) > range.to) start(range.from, synth.context.currentTime); }
  });
  on("place", () => { if (playing() && byId("loop").value === "bars") range = looped(); });
  on("playback", playback => {
    byId("play").disabled = !playback.notes.length;
    if (playing()) range = looped();
    else if (requested) play();
  });
  on("state", part => {
    if (part === "done") return;
    requested = false;
    if (playing()) stop();
  });
}
