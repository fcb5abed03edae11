// A page that stays true: its line to the room, the state of that line, and the regions that are read again.

import { patch, slide } from "./patch.js";
import { join } from "./room.js";
import { clock, tellTimes } from "./tell.js";

const line = document.getElementById("line");

/** What the server would draw now; its number, once the page shows it. */
async function read(isUnattended) {
  const answer = await fetch(document.body.dataset.address ?? location.href, { signal: AbortSignal.timeout(8_000) });
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

/** Whoever is not welcome any more learns it from the server, which may take a minute. */
function leave() {
  setTimeout(() => location.reload(), 2000 + Math.random() * 3000);
}

function tell(state, since) {
  if (state === "refused") leave();
  line.dataset.state = state === "refused" ? "down" : state;
  line.textContent = line.getAttribute(`data-when-${line.dataset.state}`).replace("{time}", clock.format(since));
}

/** Joins the room, see room.js; `message` and `news` are for what a page does besides being read again. */
export function live({ headers, isUnattended = false, message = () => false, news, presence, wasRead }) {
  const seq = document.body.dataset.seq;
  let ends;
  tellTimes();
  setInterval(tellTimes, 30_000);
  const room = join({
    after: seq ? Number(seq) : null,
    headers,
    on: {
      message, news, presence, state: tell,
      read: async () => {
        const number = await read(isUnattended);
        wasRead?.();
        endOfDay();
        return number;
      },
    },
  });

  // A board of today is another one after midnight.
  function endOfDay() {
    const moments = [...document.querySelectorAll("[data-until]")].map((one) => Date.parse(one.dataset.until) - Date.now());
    const next = Math.min(...moments.filter((wait) => wait > 0));
    clearTimeout(ends);
    if (next < 24 * 3600_000) ends = setTimeout(room.again, next + 500);
  }

  endOfDay();
  return room;
}
