// Recent documents of this browser, for as long as the server keeps them.
import * as api from "./api.js";
import { byId, element, icon } from "./state.js";
import { forget, settings } from "./settings.js";

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function listRecent() {
  byId("recent").hidden = !settings.recent.length;
  byId("recent-list").replaceChildren(...settings.recent.map(({ id, name, at }) => {
    const gone = element("button", { type: "button", class: "icon", "aria-label": `Delete ${name} from the server`, title: "Delete from the server" },
      icon("i-close"));
    gone.addEventListener("click", async () => {
      forget(id);
      listRecent();
      await api.cancel(id).catch(() => {}); // it may have expired
    });
    return element("li", {}, element("a", { href: `#/job/${id}` }, name), element("time", { datetime: new Date(at).toISOString() }, when.format(at)), gone);
  }));
}
