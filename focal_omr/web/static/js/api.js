// Client of the HTTP API; errors are one line.

class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // 0: no response
  }
}

const LOST = "The server does not answer. Is it still running?";
async function errorText(response) {
  try {
    const { error } = await response.json();
    if (error) return error;
  } catch { /* not JSON: use the status */ }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError(0, LOST);
  }
  if (!response.ok) throw new ApiError(response.status, await errorText(response));
  return response;
}

const json = async (path, options) => (await ask(path, options)).json();
const post = (path, body) =>
  json(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const job = id => `/api/jobs/${encodeURIComponent(id)}`;

export const about = () => json("/api");
export const status = id => json(job(id));
export const cancel = id => ask(job(id), { method: "DELETE" });
export const overview = id => json(`${job(id)}/overview`);
export const page = (id, number) => json(`${job(id)}/pages/${number}`);
export const playback = id => json(`${job(id)}/playback?unfold=true`);
export const edit = (id, revision, place, what) => post(`${job(id)}/changes`, { revision, ...place, change: what });
export const undo = (id, revision) => post(`${job(id)}/undo`, { revision });
export const redo = (id, revision) => post(`${job(id)}/redo`, { revision });

/** URL of a download: "score.mid", "overlay.html", "samples.zip"; without edits if `original`. */
export const result = (id, name, original = false) => `${job(id)}/${name}${original ? "?original=true" : ""}`;

/** Download a URL under the file name from the response. */
export async function save(path) {
  const response = await ask(path);
  const named = /filename\*=UTF-8''([^;]+)|filename="?([^";]+)"?/i.exec(response.headers.get("Content-Disposition") ?? "");
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = named ? decodeURIComponent(named[1] ?? named[2]) : path.split("/").at(-1).split("?")[0];
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Upload a file; calls `onProgress(share)`. Resolves to the id of its job. */
export function upload(file, onProgress, signal) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch reports no upload progress
    const form = new FormData();
    form.append("file", file, file.name || "pasted.png");
    request.open("POST", "/api/jobs");
    request.responseType = "json";
    request.upload.addEventListener("progress", event => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("error", () => failed(new ApiError(0, LOST)));
    request.addEventListener("abort", () => failed(new DOMException("cancelled", "AbortError")));
    request.addEventListener("load", () => {
      const answer = request.response;
      if (request.status === 202 && answer?.id) return done(answer.id);
      failed(new ApiError(request.status, answer?.error ?? `The server answered ${request.status}`));
    });
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
