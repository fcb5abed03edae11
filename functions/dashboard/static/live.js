// A page that stays true: its line to the room, the state of that line, and the regions that are read again.

import { patch, slide } from "./patch.js";
import { join } from "./room.js";
import { clock, tellTimes } from "./tell.js";

const line = document.getElementById("line");

/** What the server would draw now; its number, once the page shows it. */
async function read(isUnattended) {
  const answer = await fetch(document.body.dataset.address ?? location.href);
  if (answer.redirected || answer.status === 401) return leave();
  if (!answer.ok) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [here, there] = [document, page].map((one) => one.querySelector("script[src]")?.getAttribute("src"));
  if (isUnattended && here !== there) location.reload(); // a new release, and nobody there to fetch it
  const moved = slide();
  for (const region of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(region.id);
    if (fresh) patch(region, fresh);
  }
  tellTimes();
  moved();
  return Number(page.body.dataset.seq);
}

/** Whoever is not welcome any more learns it from the server; not at once, for it may take a minute to know itself. */
function leave() {
  setTimeout(() => location.reload(), 2000 + Math.random() * 3000);
}

function tell(state, heard) {
  if (state === "refused") return leave();
  line.dataset.state = state;
  line.textContent = line.getAttribute(`data-when-${state}`).replace("{time}", clock.format(heard));
}

/** Joins the room, see room.js; `message` and `news` are for what a page does besides being read again. */
export function live({ headers, isUnattended = false, message = () => false, news, presence }) {
  const seq = document.body.dataset.seq;
  tellTimes();
  setInterval(tellTimes, 30_000);
  return join({
    after: seq ? Number(seq) : null,
    headers,
    on: { read: () => read(isUnattended), message, news, presence, state: tell },
  });
}
