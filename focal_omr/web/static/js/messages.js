// Messages to the user: announcements for screen readers, and toasts.
import { byId, element } from "./state.js";

const SHOWN_MS = 8000;

/** Announce to screen readers; repeated texts are announced again. */
export function announce(text) {
  const live = byId("live");
  live.textContent = live.textContent === text ? `${text}\u00a0` : text;
}

/** Show a message for some seconds, with a button for an action. */
export function toast(text, { label = "OK", act = null } = {}) {
  const button = element("button", { type: "button" }, label);
  const box = element("div", { class: "toast" }, element("span", {}, text), button);
  const away = () => box.remove();
  button.addEventListener("click", () => { away(); act?.(); });
  byId("toasts").replaceChildren(box);
  setTimeout(away, SHOWN_MS);
}
