// What the pointer is at, on the scan and on the score: the nearest symbol, and what shows on both while it is there.
import { emit, on, order } from "./state.js";

let hovered = null; // place

/** The element nearest to the pointer, within reach; null where there is none. */
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

/** Say at which place a mouse is over a view (`under` finds it), and what there was not read. */
export function startHover(view, under) {
  view.addEventListener("pointermove", event => {
    if (event.pointerType !== "mouse" || event.buttons) return;
    const place = under(event), text = event.target.dataset?.reason;
    if (place ? !hovered || order(place, hovered) !== 0 : hovered) emit("hover", place);
    emit("tip", place || text ? { event, place, text } : null);
  });
  view.addEventListener("pointerleave", () => { emit("hover", null); emit("tip", null); });
}

/** Mark what stands for the place that the mouse is at, as `elementAt` finds it. */
export function showHover(elementAt) {
  let marked = null;
  on("hover", place => {
    marked?.classList.remove("hovered");
    marked = elementAt(place);
    marked?.classList.add("hovered");
  });
}

on("hover", place => { hovered = place; });
