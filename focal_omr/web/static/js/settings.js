// What a browser keeps between visits: layout, tempo and the like, and which documents it had read.

const KEY = "focal-omr";
const DEFAULTS = { layout: "auto", marks: "all", tempo: 96, keysEverywhere: true, recent: [] };

function load() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...DEFAULTS }; // no storage, or not ours
  }
}

export const settings = load();

export function keep(changes) {
  Object.assign(settings, changes);
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch { /* a private window keeps nothing */ }
}

export function remember(id, name) {
  const others = settings.recent.filter(job => job.id !== id);
  keep({ recent: [{ id, name, at: Date.now() }, ...others].slice(0, 12) });
}

export function forget(id) {
  keep({ recent: settings.recent.filter(job => job.id !== id) });
}
