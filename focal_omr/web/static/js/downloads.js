// Downloads: the score in every format, and the edits as training samples.
import * as api from "./api.js";
import { byId, element, on, state } from "./state.js";
import { staves } from "./labels.js";
import { toast } from "./messages.js";

const FORMATS = [
  ["score.musicxml", "MusicXML", "for MuseScore, Dorico, Finale, Sibelius"],
  ["score.mid", "MIDI", "for playback"],
  ["score.mei", "MEI", "for scholarship and Verovio"],
  ["score.svg", "SVG", "the engraving as vector graphics"],
  ["score.krn", "Humdrum", "**kern, for analysis"],
  ["score.abc", "ABC", "as text"],
  ["score.json", "JSON", "every symbol with its place and confidence"],
  ["overlay.html", "Web page", "the annotated scan in one file"],
  ["overlay", "Image", "the annotated scan"],
];

const original = () => byId("original").checked;

const fileOf = name => name !== "overlay" ? name : state.overview.pages.length > 1 ? "overlay.pdf" : "overlay.png";

async function save(name) {
  try {
    await api.save(api.result(state.job, fileOf(name), original()));
  } catch (error) {
    toast(error.message);
  }
}

function listFormats() {
  byId("formats").replaceChildren(...FORMATS.map(([name, title, description]) => {
    const link = element("a", { href: api.result(state.job, fileOf(name)), "data-format": name },
      element("b", {}, title), element("span", {}, description));
    link.addEventListener("click", event => { event.preventDefault(); save(name); });
    return element("li", {}, link);
  }));
}

function showSamples({ mended_staves: count }) {
  byId("samples-zip").disabled = !count;
  byId("samples-text").textContent = count
    ? `${staves(count)} that you edited, each as an image with its label in PrIMuS layout, ready for focal-omr train.`
    : "Each staff that you edit can be saved as an image with its label, ready for focal-omr train.";
}

export function startDownloads() {
  byId("samples-zip").addEventListener("click", () => save("samples.zip"));
  on("overview", overview => { listFormats(); showSamples(overview); });
}
