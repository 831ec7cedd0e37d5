// Words to the user: spoken ones for screen readers, and toasts that all can see.
import { byId, element } from "./state.js";

const SHOWN_MS = 8000;

/** Tell a screen reader; the same words twice are told twice. */
export function say(text) {
  const live = byId("live");
  live.textContent = live.textContent === text ? `${text}\u00a0` : text;
}

/** Show a message for some seconds, with a button where something can be done about it. */
export function toast(text, { label = "OK", act = null } = {}) {
  const button = element("button", { type: "button" }, label);
  const box = element("div", { class: "toast" }, element("span", {}, text), button);
  const away = () => box.remove();
  button.addEventListener("click", () => { away(); act?.(); });
  byId("toasts").replaceChildren(box);
  setTimeout(away, SHOWN_MS);
}
