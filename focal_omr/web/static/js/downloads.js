// Taking it away: the score in every format, and the corrections as training samples.
import * as api from "./api.js";
import { byId, element, on, state } from "./state.js";
import { staves } from "./labels.js";
import { toast } from "./say.js";

const FORMATS = [
  ["score.musicxml", "MusicXML", "for MuseScore, Dorico, Finale, Sibelius"],
  ["score.mid", "MIDI", "to be played"],
  ["score.mei", "MEI", "for scholars, and for Verovio"],
  ["score.svg", "SVG", "the engraving as a drawing"],
  ["score.krn", "Humdrum", "**kern, for analysis"],
  ["score.abc", "ABC", "as text"],
  ["score.json", "JSON", "every symbol with place and confidence"],
  ["overlay.html", "Web page", "the scan with what was read, in one file"],
  ["overlay", "Picture", "the scan with what was read"],
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

function list() {
  byId("formats").replaceChildren(...FORMATS.map(([name, title, what]) => {
    const link = element("a", { href: api.result(state.job, fileOf(name)), "data-format": name },
      element("b", {}, title), element("span", {}, what));
    link.addEventListener("click", event => { event.preventDefault(); save(name); });
    return element("li", {}, link);
  }));
}

function tellSamples({ mended_staves: count }) {
  byId("samples-zip").disabled = !count;
  byId("samples-text").textContent = count
    ? `${staves(count)} that you mended, each as a picture with its label in the layout of PrIMuS: focal-omr train learns from them.`
    : "Once you have mended something, each mended staff can be saved as a picture with its label: focal-omr train learns from them.";
}

export function startDownloads() {
  byId("samples-zip").addEventListener("click", () => save("samples.zip"));
  on("overview", overview => { list(); tellSamples(overview); });
}
