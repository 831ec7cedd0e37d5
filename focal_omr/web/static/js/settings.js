// Settings in the local storage: layout, tempo and the like, and recent documents.

const KEY = "focal-omr";
const DEFAULTS = { layout: "auto", marks: "all", tempo: 96, keysEverywhere: true, recent: [] };

function load() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...DEFAULTS }; // no storage, or not JSON
  }
}

export const settings = load();

export function saveSettings(changes) {
  Object.assign(settings, changes);
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch { /* private windows may have no storage */ }
}

export function remember(id, name) {
  const others = settings.recent.filter(job => job.id !== id);
  saveSettings({ recent: [{ id, name, at: Date.now() }, ...others].slice(0, 12) });
}

export function forget(id) {
  saveSettings({ recent: settings.recent.filter(job => job.id !== id) });
}
