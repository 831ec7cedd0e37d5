// Uploads: drop, paste, file chooser, camera, samples.
import * as api from "./api.js";
import { byId, isShown, show, state } from "./state.js";
import { fail, setFollowed, showUpload } from "./progress.js";
import { remember } from "./settings.js";
import { toast } from "./messages.js";

const KINDS = /\.(png|jpe?g|tiff?|webp|bmp|pdf|gif|pnm|pgm|ppm|jp2|avif)$/i;
const megabytes = bytes => `${Math.round((10 * bytes) / 2 ** 20) / 10} MB`;

/** Why a file is not uploaded; "" if it is. */
function rejection(file) {
  const limit = state.limits?.limits?.upload_bytes;
  if (!file.size) return `${file.name} is empty.`;
  if (limit && file.size > limit) return `${file.name} is too large: ${megabytes(file.size)}; at most ${megabytes(limit)} are allowed.`;
  if (file.type && !/^image\/|^application\/(pdf|octet-stream)$/.test(file.type) && !KINDS.test(file.name))
    return `${file.name} is not an image: PNG, JPEG, TIFF, WebP or PDF are accepted.`;
  return "";
}

/** Upload files; the first is opened, the others are added to the recent documents. */
async function uploadFiles(files) {
  const all = [...files];
  if (!all.length) return;
  const [first, ...others] = all;
  const why = rejection(first);
  if (why) return isShown("done") ? toast(why) : fail(why);
  const stop = new AbortController();
  const onProgress = showUpload(first, () => stop.abort());
  let id;
  try {
    id = await api.upload(first, onProgress, stop.signal);
  } catch (error) {
    if (error.name === "AbortError") return show("empty");
    return fail(error.message, { retry: () => uploadFiles(all), hint: hint(error.status) });
  }
  remember(id, first.name);
  setFollowed(id);
  location.hash = `#/job/${id}`;
  for (const file of others) await uploadInBackground(file);
}

async function uploadInBackground(file) {
  try {
    const why = rejection(file);
    if (why) throw new Error(why);
    remember(await api.upload(file, () => {}), file.name);
  } catch (error) {
    toast(error.message);
  }
}

function hint(status) {
  return {
    0: "Your image is still here; try again when the server is back.",
    413: "A smaller image is enough: 20 pixels between staff lines are plenty.",
    415: "Images (PNG, JPEG, TIFF, WebP) and PDF files are accepted.",
    429: "The server is busy. Try again in a minute.",
    503: "The server is busy. Try again in a minute.",
  }[status] ?? "";
}

async function uploadSample(name) {
  try {
    const response = await fetch(`/static/samples/${name}`);
    if (!response.ok) throw new Error("The sample is missing.");
    const blob = await response.blob();
    await uploadFiles([new File([blob], name, { type: blob.type })]);
  } catch (error) {
    fail(error.message);
  }
}

export function startUpload() {
  for (const id of ["file", "camera"]) byId(id).addEventListener("change", event => {
    uploadFiles(event.target.files);
    event.target.value = "";
  });
  for (const button of document.querySelectorAll("[data-sample]"))
    button.addEventListener("click", () => uploadSample(button.dataset.sample));
  document.addEventListener("paste", event => {
    if (event.target.closest?.("input, textarea")) return;
    if (event.clipboardData?.files.length) uploadFiles(event.clipboardData.files);
  });
  startDrop();
}

function startDrop() {
  let depth = 0; // dragenter and dragleave fire for each element crossed
  const veil = byId("veil");
  const carries = event => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", event => {
    if (!carries(event)) return;
    depth++;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", () => { if (--depth <= 0) { depth = 0; veil.hidden = true; } });
  document.addEventListener("dragover", event => { if (carries(event)) event.preventDefault(); });
  document.addEventListener("drop", event => {
    depth = 0;
    veil.hidden = true;
    if (!carries(event)) return;
    event.preventDefault();
    uploadFiles(event.dataTransfer.files);
  });
}
