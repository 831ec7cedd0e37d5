// Ways in: a drop anywhere on the page, a paste, the file chooser, the phone's camera, a sample.
import * as api from "./api.js";
import { byId, isShown, show, state } from "./state.js";
import { fail, following, reading } from "./progress.js";
import { remember } from "./settings.js";
import { toast } from "./say.js";

const KINDS = /\.(png|jpe?g|tiff?|webp|bmp|pdf|gif|pnm|pgm|ppm|jp2|avif)$/i;
const megabytes = bytes => `${Math.round((10 * bytes) / 2 ** 20) / 10} MB`;

/** Why a file need not be sent; "" where it may. */
function reason(file) {
  const most = state.limits?.limits?.upload_bytes;
  if (!file.size) return `${file.name} is empty.`;
  if (most && file.size > most) return `${file.name} is too large: ${megabytes(file.size)}, and ${megabytes(most)} are allowed.`;
  if (file.type && !/^image\/|^application\/(pdf|octet-stream)$/.test(file.type) && !KINDS.test(file.name))
    return `${file.name} is not a picture: PNG, JPEG, TIFF, WebP or PDF are read.`;
  return "";
}

/** Upload files; the first is shown, the others wait in the list of what was read in this browser. */
export async function take(files) {
  const all = [...files];
  if (!all.length) return;
  const [first, ...others] = all;
  const why = reason(first);
  if (why) return isShown("done") ? toast(why) : fail(why);
  const stop = new AbortController();
  const told = reading(first, () => stop.abort());
  let id;
  try {
    id = await api.upload(first, told, stop.signal);
  } catch (error) {
    if (error.name === "AbortError") return show("empty");
    return fail(error.message, { retry: () => take(all), hint: hint(error.status) });
  }
  remember(id, first.name);
  following(id);
  location.hash = `#/job/${id}`;
  for (const file of others) await takeBeside(file);
}

async function takeBeside(file) {
  try {
    const why = reason(file);
    if (why) throw new Error(why);
    remember(await api.upload(file, () => {}), file.name);
  } catch (error) {
    toast(error.message);
  }
}

function hint(status) {
  return {
    0: "Your picture is still here; try again when the server is back.",
    413: "A smaller picture does as well: 20 pixels from one staff line to the next are plenty.",
    415: "Pictures (PNG, JPEG, TIFF, WebP) and PDF files are read.",
    429: "Others are waiting too. Try again in a minute.",
    503: "Others are waiting too. Try again in a minute.",
  }[status] ?? "";
}

async function takeSample(name) {
  try {
    const response = await fetch(`/static/samples/${name}`);
    if (!response.ok) throw new Error("The sample is not there.");
    const blob = await response.blob();
    await take([new File([blob], name, { type: blob.type })]);
  } catch (error) {
    fail(error.message);
  }
}

export function startUpload() {
  for (const id of ["file", "camera"]) byId(id).addEventListener("change", event => {
    take(event.target.files);
    event.target.value = "";
  });
  for (const button of document.querySelectorAll("[data-sample]"))
    button.addEventListener("click", () => takeSample(button.dataset.sample));
  document.addEventListener("paste", event => {
    if (event.target.closest?.("input, textarea")) return;
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  startDrop();
}

function startDrop() {
  let depth = 0; // dragenter and dragleave come for every element on the way
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
    take(event.dataTransfer.files);
  });
}
