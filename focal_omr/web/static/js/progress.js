// Progress of a job: upload, queue, reading, errors.
import * as api from "./api.js";
import { byId, emit, show } from "./state.js";
import { plural, staves } from "./labels.js";
import { forget } from "./settings.js";

let current = null; // the job that is polled
let rounds = 0; // each call of `follow` ends the previous one
let stop = () => {};

/** Show an upload; returns its progress callback. */
export function showUpload(file, cancel) {
  current = null;
  stop = cancel;
  preview(file);
  begin(file.name);
  byId("progress-text").textContent = "Uploading…";
  return share => { byId("progress").value = 0.1 * share; };
}

function begin(name) {
  byId("reading-title").textContent = name ? `Reading ${name}` : "Reading";
  byId("progress").removeAttribute("value");
  show("reading");
  byId("reading").focus({ preventScroll: true });
}

function preview(file) {
  const image = byId("preview-picture");
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  const shown = file && /^image\/(png|jpeg|webp|bmp|gif)/.test(file.type);
  byId("preview").hidden = !shown;
  if (shown) image.src = URL.createObjectURL(file);
}

/** Note the job whose preview is already shown. */
export function setFollowed(id) {
  current = id;
}

/** Poll a job until it is done; emits "done" with the job, or shows why it failed. */
export async function follow(id) {
  if (current !== id) preview(null);
  current = id;
  const round = ++rounds;
  let wait = 250, lost = 0, shown = false;
  stop = async () => {
    current = null;
    forget(id);
    location.hash = "#/";
    await api.cancel(id).catch(() => {}); // it may be done or expired
  };
  while (current === id && round === rounds) {
    try {
      const job = await api.status(id);
      lost = 0;
      if (current !== id) return;
      if (job.status === "done") return emit("done", job);
      if (job.status === "failed") return fail(job.error ?? "No reason was given.", { hint: helpFor(job.error) });
      if (!shown) begin(job.name);
      shown = true;
      showState(job);
    } catch (error) {
      if (current !== id) return;
      if (error.status === 404) return gone(id);
      if (error.status !== 0 && error.status !== 429) return fail(error.message, { retry: () => follow(id) });
      if (++lost > 8) return fail(error.message, { retry: () => follow(id) });
      byId("progress-text").textContent = "The server does not answer; trying again…";
    }
    await new Promise(done => setTimeout(done, wait));
    wait = Math.min(1200, wait * 1.25);
  }
}

/** Stop polling. */
export function leave() {
  current = null;
}

function showState(job) {
  const bar = byId("progress");
  if (job.status === "queued") {
    bar.removeAttribute("value");
    byId("progress-text").textContent =
      job.waiting ? `Waiting: ${plural(job.waiting, "document is", "documents are")} before this one.` : "This document is next.";
    return;
  }
  bar.value = 0.1 + 0.9 * job.progress;
  const page = job.pages > 1 ? `Page ${Math.min(job.pages_read + 1, job.pages)} of ${job.pages}` : "Reading the page";
  const read = job.staves_read ? `, ${staves(job.staves_read)} read so far` : "";
  byId("progress-text").textContent = `${page}${read}.`;
}

function helpFor(error = "") {
  return /staff|staves/i.test(error ?? "")
    ? "The image should show whole five-line staves, not too slanted, with some margin around them." : "";
}

function gone(id) {
  forget(id);
  fail("This document is no longer on the server.", { hint: "Documents are kept for a while and then deleted." });
}

/** Show an error. */
export function fail(text, { hint = "", retry = null } = {}) {
  current = null;
  byId("failed-text").textContent = text;
  byId("failed-hint").textContent = hint;
  const button = byId("retry");
  button.hidden = !retry;
  button.onclick = retry;
  show("failed");
  byId("failed").focus({ preventScroll: true });
}

export function startProgress() {
  byId("cancel").addEventListener("click", () => stop());
}
