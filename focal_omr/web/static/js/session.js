// The open document: its overview, the current page, the selection, and the results of edits.
import * as api from "./api.js";
import { byId, comparePlaces, emit, on, show, state } from "./state.js";
import { fail } from "./progress.js";
import { remember } from "./settings.js";
import { announce, toast } from "./messages.js";

const views = new Map(); // page number -> view, all of the current revision

/** Open a document at its first page with staves. */
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
    await loadView(first.number); // so that keys work as soon as the page is shown
    if (state.job !== id) return;
    show("done");
    setOverview(overview);
    await showPage(first.number);
    loadPlayback();
    byId("symbols").focus({ preventScroll: true });
    const doubts = overview.doubtful.length;
    announce(`Read. ${doubts ? `${doubts} doubtful places` : "No doubtful places"}.`);
  } catch (error) {
    if (state.job === id) fail(error.message, { retry: error.status === 404 ? null : () => open(id) });
  }
}

function setOverview(overview) {
  state.overview = overview;
  emit("overview", overview);
}

/** The view of a page, from the cache or the server; null if that fails. */
async function loadView(number) {
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

/** Turn to a page, unless it is the current one. */
export async function showPage(number) {
  if (state.view?.number === number) return state.view;
  const view = await loadView(number);
  if (!view) return null;
  state.view = view;
  emit("view", view);
  const { pages } = state.overview;
  if (pages.length > 1) announce(`Page ${number} of ${pages.length}`);
  return view;
}

/** Apply the result of an edit: overview, page and selection, which stays as it is if `keepSelection`. */
export async function applyResult(result, { keepSelection = false } = {}) {
  views.clear(); // a clef affects the notes after it, on other pages too
  views.set(result.view.number ?? result.page, result.view);
  setOverview(result.overview);
  state.view = result.view;
  const { page, staff, symbol } = result;
  const place = keepSelection ? state.place : { page, staff, symbol };
  state.place = state.anchor = symbolAt(place) ? place : null;
  emit("view", state.view);
  emit("place", { scroll: !keepSelection });
  loadPlayback();
}

/** Reload everything after the document was edited elsewhere. */
export async function reload() {
  const { job, view } = state;
  const [overview, page] = await Promise.all([api.overview(job), api.page(job, view.number)]);
  views.clear();
  views.set(page.number, page);
  setOverview(overview);
  state.view = page;
  if (state.place && !symbolAt(state.place)) state.place = state.anchor = null;
  emit("view", page);
  emit("place", {});
  loadPlayback();
}

let timer = 0;
function loadPlayback() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const job = state.job;
    try {
      const playback = await api.playback(job);
      if (state.job !== job) return;
      state.playback = playback;
      emit("playback", playback);
    } catch (error) {
      if (state.job === job) toast(`Playback is not available: ${error.message}`);
    }
  }, state.playback ? 250 : 0);
}

// Selection ---------------------------------------------------------------------------------------------

/** The symbol at a place of the current page, or undefined. */
export function symbolAt(place) {
  if (!place || place.page !== state.view?.number) return undefined;
  return state.view.staves[place.staff]?.symbols[place.symbol];
}

/** Select a symbol, or nothing; `extend` keeps the other end of the range. */
export async function select(place, { extend = false, scroll = true } = {}) {
  if (place && place.page !== state.view?.number) await showPage(place.page);
  if (place && !symbolAt(place)) return;
  state.place = place;
  if (!extend || !state.anchor || state.anchor.page !== place?.page) state.anchor = place;
  emit("place", { scroll });
}

/** All places of the current page, in reading order. */
export function places() {
  const { view } = state;
  return view.staves.flatMap((staff, index) =>
    staff.symbols.map((_, symbol) => ({ page: view.number, staff: index, symbol })));
}

/** The number of the next (+1) or previous (-1) page; undefined if there is none. */
export function adjacentPage(by) {
  const pages = state.overview?.pages ?? [];
  return pages[pages.findIndex(page => page.number === state.view?.number) + by]?.number;
}

/** Select the next (+1) or previous (-1) symbol, across pages. */
export async function step(by, options = {}) {
  if (!state.view) return;
  const here = places();
  const at = state.place ? here.findIndex(place => comparePlaces(place, state.place) === 0) : by > 0 ? -1 : here.length;
  const next = here[at + by];
  if (next) return select(next, options);
  if (options.extend) return;
  const number = adjacentPage(by);
  if (number === undefined || !(await showPage(number))) return;
  const there = places();
  if (there.length) await select(there.at(by > 0 ? 0 : -1), options);
}

/** Whether a place lies in the selected range. */
export function inRange(place) {
  const { place: head, anchor } = state;
  if (!head || !anchor || comparePlaces(head, anchor) === 0) return false;
  const [from, to] = comparePlaces(head, anchor) < 0 ? [head, anchor] : [anchor, head];
  return comparePlaces(from, place) <= 0 && comparePlaces(place, to) <= 0;
}

/** Select the first (0) or last (-1) symbol of the page. */
export function selectEdge(which) {
  const all = state.view ? places() : [];
  if (all.length) select(all.at(which));
}

on("state", part => { if (part !== "done") state.job = null; });
