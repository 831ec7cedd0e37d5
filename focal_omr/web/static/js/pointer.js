// Hovering: the symbol nearest to the pointer is highlighted in both the scan and the score.
import { comparePlaces, emit, on } from "./state.js";

let hovered = null; // place

/** The element nearest to the pointer, within reach; null if there is none. */
export function nearest(event, elements, reachPx) {
  let best = null, least = reachPx;
  for (const each of elements) {
    const box = each.getBoundingClientRect();
    const apart = Math.hypot(Math.max(box.left - event.clientX, 0, event.clientX - box.right),
      Math.max(box.top - event.clientY, 0, event.clientY - box.bottom));
    if (apart < least) [best, least] = [each, apart];
  }
  return best;
}

/** Emit "hover" and "tip" for the place that `placeUnder` finds, and for unread regions. */
export function startHover(view, placeUnder) {
  view.addEventListener("pointermove", event => {
    if (event.pointerType !== "mouse" || event.buttons) return;
    const place = placeUnder(event), text = event.target.dataset?.reason;
    if (place ? !hovered || comparePlaces(place, hovered) !== 0 : hovered) emit("hover", place);
    emit("tip", place || text ? { event, place, text } : null);
  });
  view.addEventListener("pointerleave", () => { emit("hover", null); emit("tip", null); });
}

/** Highlight the element of the hovered place, as `elementAt` finds it. */
export function showHover(elementAt) {
  let marked = null;
  on("hover", place => {
    marked?.classList.remove("hovered");
    marked = elementAt(place);
    marked?.classList.add("hovered");
  });
}

on("hover", place => { hovered = place; });
