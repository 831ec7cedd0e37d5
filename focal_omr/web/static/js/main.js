// Entry point: routing by the URL, and the start of all modules.
import * as api from "./api.js";
import { byId, element, isShown, on, show, state } from "./state.js";
import { follow, leave, startProgress } from "./progress.js";
import { open, select, showPage } from "./session.js";
import { startUpload } from "./upload.js";
import { startPanes } from "./panes.js";
import { startScan } from "./scan.js";
import { startEngraving } from "./engraving.js";
import { startDetails } from "./details.js";
import { startReview } from "./review.js";
import { startPlayer } from "./player.js";
import { startEdits } from "./edits.js";
import { startPalette } from "./palette.js";
import { startKeys } from "./keys.js";
import { startDownloads } from "./downloads.js";
import { listRecent } from "./recent.js";

function route() {
  const [, id] = /^#\/job\/([\w-]+)$/.exec(location.hash) ?? [];
  byId("downloads").togglePopover?.(false);
  if (id) return follow(id);
  leave();
  state.job = null;
  document.title = "Focal OMR: reads printed music";
  byId("name").textContent = "Reads printed music";
  listRecent();
  show("empty");
}

function startPages() {
  const choice = byId("page-choice");
  choice.addEventListener("change", async () => { await select(null); showPage(Number(choice.value)); });
  on("overview", ({ pages }) => {
    byId("turning").hidden = pages.length < 2;
    choice.replaceChildren(...pages.map(page => element("option", { value: page.number }, `${page.number} of ${pages.length}`)));
    if (state.view) choice.value = state.view.number;
  });
  on("view", view => {
    const numbers = state.overview.pages.map(page => page.number);
    choice.value = view.number;
    byId("page-back").disabled = view.number === numbers[0];
    byId("page-on").disabled = view.number === numbers.at(-1);
  });
}

/** On phones, the side panel is a sheet and rarely used tools are behind a button. */
function startSheets() {
  const side = byId("side"), toggle = byId("edit-open"), more = byId("more-open");
  const sheet = open => {
    side.classList.toggle("open", open);
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => sheet(!side.classList.contains("open")));
  byId("side-close").addEventListener("click", () => { sheet(false); toggle.focus(); });
  side.addEventListener("keydown", event => { if (event.key === "Escape") sheet(false); });
  more.addEventListener("click", () => {
    const all = document.querySelector(".tools").classList.toggle("all");
    more.setAttribute("aria-expanded", String(all));
  });
  document.querySelector("[data-skip]").addEventListener("click", event => {
    event.preventDefault();
    (isShown("done") ? byId("symbols") : document.querySelector("main:not([hidden])")).focus();
  });
}

async function loadLimits() {
  try {
    state.limits = await api.about();
    const { upload_bytes: bytes, pages } = state.limits.limits;
    byId("limits").textContent =
      `Melodies and single parts; chords, voices and several staves with more errors. Up to ${Math.floor(bytes / 2 ** 20)} MB and ${pages} pages.`;
    const hours = Math.round(state.limits.expires_s / 3600);
    byId("keep").textContent = hours >= 48 ? `${Math.round(hours / 24)} days` : hours > 1 ? `${hours} hours` : "an hour";
  } catch { /* not needed: uploads report their own errors */ }
}

for (const start of [startPanes, startScan, startEngraving, startDetails, startReview, startPlayer, startEdits, startPalette,
  startKeys, startDownloads, startPages, startSheets, startProgress, startUpload]) start();
on("done", job => open(job.id));
addEventListener("hashchange", route);
loadLimits();
route();
