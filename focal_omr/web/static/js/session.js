// The document that is open: its overview, the page that is shown, and the answer to every change.
import * as api from "./api.js";
import { byId, emit, on, order, show, state } from "./state.js";
import { fail } from "./progress.js";
import { remember } from "./settings.js";
import { say, toast } from "./say.js";

const views = new Map(); // page number -> view, all of one revision

/** Open a document that was read: what the page shows first. */
export async function open(id) {
  Object.assign(state, { job: id, overview: null, view: null, playback: null, place: null, anchor: null });
  views.clear();
  emit("opened", id);
  try {
    const overview = await api.overview(id);
    if (state.job !== id) return;
    remember(id, overview.title || overview.name);
    byId("name").textContent = overview.title || overview.name;
    document.title = `${overview.title || overview.name}: Focal OMR`;
    state.overview = overview;
    const first = overview.pages.find(page => page.staves) ?? overview.pages[0];
    await viewOf(first.number); // all that a key can ask for is here before the page shows it
    if (state.job !== id) return;
    show("done");
    take(overview);
    await showPage(first.number);
    loadPlayback();
    byId("symbols").focus({ preventScroll: true });
    const doubts = overview.doubtful.length;
    say(`Read. ${doubts ? `${doubts} doubtful places` : "Nothing doubtful"}.`);
  } catch (error) {
    if (state.job === id) fail(error.message, { retry: error.status === 404 ? null : () => open(id) });
  }
}

function take(overview) {
  state.overview = overview;
  emit("overview", overview);
}

/** The view of a page, from the server if it is not here; null where it cannot be had. */
export async function viewOf(number) {
  const job = state.job;
  if (!views.has(number)) {
    try {
      const view = await api.page(job, number);
      if (state.job !== job) return null;
      views.set(number, view);
    } catch (error) {
      toast(error.message, { label: "Try again", act: () => showPage(number) });
      return null;
    }
  }
  return views.get(number);
}

/** Turn to a page, if it is not the one that is shown. */
export async function showPage(number) {
  if (state.view?.number === number) return state.view;
  const view = await viewOf(number);
  if (!view) return null;
  state.view = view;
  emit("view", view);
  const { pages } = state.overview;
  if (pages.length > 1) say(`Page ${number} of ${pages.length}`);
  return view;
}

/** Take the server's answer to a change: overview, page, what is chosen now (`keep`: what was chosen stays so). */
export async function applyAnswer(answer, { keep = false } = {}) {
  views.clear(); // a clef changes what follows on other pages too
  views.set(answer.view.number ?? answer.page, answer.view);
  take(answer.overview);
  state.view = answer.view;
  const { page, staff, symbol } = answer;
  const place = keep ? state.place : { page, staff, symbol };
  state.place = state.anchor = symbolAt(place) ? place : null;
  emit("view", state.view);
  emit("place", { scroll: !keep });
  loadPlayback();
}

/** Load all again: somebody else changed the document. */
export async function reload() {
  const { job, view } = state;
  const [overview, page] = await Promise.all([api.overview(job), api.page(job, view.number)]);
  views.clear();
  views.set(page.number, page);
  take(overview);
  state.view = page;
  if (state.place && !symbolAt(state.place)) state.place = state.anchor = null;
  emit("view", page);
  emit("place", {});
  loadPlayback();
}

let waiting = 0;
function loadPlayback() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const job = state.job;
    try {
      const playback = await api.playback(job);
      if (state.job !== job) return;
      state.playback = playback;
      emit("playback", playback);
    } catch (error) {
      if (state.job === job) toast(`It cannot be played: ${error.message}`);
    }
  }, state.playback ? 250 : 0);
}

// What is chosen ----------------------------------------------------------------------------------------

/** The symbol at a place of the page that is shown, or undefined. */
export function symbolAt(place) {
  if (!place || place.page !== state.view?.number) return undefined;
  return state.view.staves[place.staff]?.symbols[place.symbol];
}

/** Choose a symbol; `extend` keeps the other end of the range where it was. */
export async function choose(place, { extend = false, scroll = true } = {}) {
  if (place && place.page !== state.view?.number) await showPage(place.page);
  if (place && !symbolAt(place)) return;
  state.place = place;
  if (!extend || !state.anchor || state.anchor.page !== place?.page) state.anchor = place;
  emit("place", { scroll });
}

/** All places of the page that is shown, in reading order. */
export function places() {
  const { view } = state;
  return view.staves.flatMap((staff, index) =>
    staff.symbols.map((_, symbol) => ({ page: view.number, staff: index, symbol })));
}

/** The number of the next page (+1) or of the one before (-1); undefined where there is none. */
export function pageBeside(by) {
  const pages = state.overview?.pages ?? [];
  return pages[pages.findIndex(page => page.number === state.view?.number) + by]?.number;
}

/** Choose the next symbol (+1) or the one before (-1), over the ends of pages. */
export async function step(by, options = {}) {
  if (!state.view) return;
  const here = places();
  const at = state.place ? here.findIndex(place => order(place, state.place) === 0) : by > 0 ? -1 : here.length;
  const next = here[at + by];
  if (next) return choose(next, options);
  if (options.extend) return;
  const number = pageBeside(by);
  if (number === undefined || !(await showPage(number))) return;
  const there = places();
  if (there.length) await choose(there.at(by > 0 ? 0 : -1), options);
}

/** Whether a place lies within the range that is chosen. */
export function ranged(place) {
  const { place: head, anchor } = state;
  if (!head || !anchor || order(head, anchor) === 0) return false;
  const [from, to] = order(head, anchor) < 0 ? [head, anchor] : [anchor, head];
  return order(from, place) <= 0 && order(place, to) <= 0;
}

/** The first symbol of a page's staff, or the last (-1). */
export function edge(which) {
  const all = state.view ? places() : [];
  if (all.length) choose(all.at(which));
}

on("state", what => { if (what !== "done") state.job = null; });
