// The playback cursor: a line in the scan and one in the score, and highlighted notes.
import { byId, on, reducedMotion, state } from "./state.js";
import { showPage, symbolAt } from "./session.js";
import { outlineOf } from "./scan.js";
import { engravedAt } from "./engraving.js";
import { reveal } from "./panes.js";

let frames = []; // {onset, notes}: notes that begin together, by onset
let current = -1;
let turning = false;

function prepare(playback) {
  const byOnset = new Map();
  for (const note of playback.notes) {
    const key = note.onset.toFixed(5);
    if (!byOnset.has(key)) byOnset.set(key, { onset: note.onset, notes: [] });
    byOnset.get(key).notes.push(note);
  }
  frames = [...byOnset.values()].sort((a, b) => a.onset - b.onset);
  current = -1;
}

function frameAt(quarter) {
  let low = 0, high = frames.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (frames[middle].onset <= quarter + 1e-6) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Highlight these notes only. */
function highlight(notes) {
  for (const lit of document.querySelectorAll(".sounding")) lit.classList.remove("sounding");
  for (const note of notes) {
    outlineOf(note)?.classList.add("sounding");
    engravedAt(note)?.classList.add("sounding");
  }
}

/** Move the cursor to a position in quarters; turns the page if necessary. */
export async function moveCursor(quarter, { turn = true } = {}) {
  if (!frames.length || turning) return;
  const index = frameAt(quarter), frame = frames[index];
  const [first] = frame.notes;
  if (first.page !== state.view.number) {
    if (!turn) return;
    turning = true;
    await showPage(first.page);
    turning = false;
    current = -1;
    return;
  }
  if (index !== current) highlight(frame.notes);
  const after = frames[index + 1];
  const elapsed = after && !reducedMotion.matches ? (quarter - frame.onset) / (after.onset - frame.onset) : 0;
  const share = Math.min(1, Math.max(0, elapsed));
  moveInScan(frame, after, share, index !== current);
  moveInScore(frame, after, share, index !== current);
  current = index;
}

function moveInScan(frame, after, share, fresh) {
  const boxes = frame.notes.map(symbolAt).filter(Boolean).map(symbol => symbol.box);
  if (!boxes.length) return;
  const staves = frame.notes.map(note => extent(state.view.staves[note.staff], boxes[0][0]));
  const [note] = frame.notes;
  let x = (boxes[0][0] + boxes[0][2]) / 2;
  const next = after?.notes.find(each => each.page === note.page && each.staff === note.staff);
  const ahead = next && symbolAt(next)?.box;
  if (ahead && ahead[0] > x) x += share * ((ahead[0] + ahead[2]) / 2 - x);
  const [top, bottom] = [Math.min(...staves.map(each => each[0])), Math.max(...staves.map(each => each[1]))];
  const line = byId("scan-cursor");
  for (const [name, value] of [["x1", x], ["x2", x], ["y1", top], ["y2", bottom]]) line.setAttribute(name, value);
  line.setAttribute("visibility", "visible");
  if (fresh) reveal("scan", line.getBoundingClientRect());
}

/** Vertical extent of a staff at x, in pixels of the page. */
function extent(staff, x) {
  const at = points => {
    const pairs = points.split(" ").map(pair => pair.split(",").map(Number));
    return (pairs.find(pair => pair[0] >= x) ?? pairs.at(-1))[1];
  };
  if (!staff.lines.length) return [0, state.view.height];
  const top = at(staff.lines[0]), bottom = at(staff.lines.at(-1)), more = (bottom - top) / 2;
  return [top - more, bottom + more];
}

function moveInScore(frame, after, share, fresh) {
  const found = frame.notes.map(engravedAt).find(Boolean);
  const line = byId("score-cursor");
  if (!found) { line.hidden = true; return; }
  const frameBox = byId("score-canvas").getBoundingClientRect();
  const here = found.getBoundingClientRect();
  const measure = (found.closest(".measure") ?? found).getBoundingClientRect();
  let x = here.left + Math.min(here.width, 14) / 2;
  const ahead = after?.notes.map(engravedAt).find(Boolean)?.getBoundingClientRect();
  if (ahead && ahead.left > x && ahead.top < measure.bottom && ahead.bottom > measure.top) x += share * (ahead.left + Math.min(ahead.width, 14) / 2 - x);
  Object.assign(line.style, { left: `${x - frameBox.left}px`, top: `${measure.top - frameBox.top - 6}px`, height: `${measure.height + 12}px` });
  line.hidden = false;
  if (fresh) reveal("score", { left: x, right: x + 60, top: measure.top, bottom: measure.bottom });
}

export function clearCursor() {
  current = -1;
  byId("scan-cursor").setAttribute("visibility", "hidden");
  byId("score-cursor").hidden = true;
  highlight([]);
}

on("playback", prepare);
on("view", () => { current = -1; });
