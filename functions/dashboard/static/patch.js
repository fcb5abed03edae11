// A region of the page becomes what the server says it is, and only what differs is touched: focus, open
// disclosures and running animations stay.

const served = new WeakMap();

/** What the server sent for an element, whatever scripts have made of it since. */
const sent = (element) => served.get(element) ?? element.outerHTML;

for (const element of document.querySelectorAll("[data-live], [data-live] > *")) served.set(element, element.outerHTML);

export function patch(region, fresh) {
  const isKeyed = [...fresh.children, ...region.children].every((child) => child.id);
  if (!isKeyed) {
    if (sent(region) === fresh.outerHTML) return;
    served.set(region, fresh.outerHTML);
    return keepFocus(region, () => region.replaceChildren(...fresh.childNodes));
  }
  const known = new Map([...region.children].map((child) => [child.id, child]));
  const wanted = [...fresh.children].map((child) => {
    const old = known.get(child.id);
    if (old && sent(old) === child.outerHTML) return old;
    served.set(child, child.outerHTML);
    if (!old) child.classList.add("arriving");
    return child;
  });
  keepFocus(region, () => {
    for (const child of [...region.children]) if (!wanted.includes(child)) child.remove();
    wanted.forEach((child, n) => { if (region.children[n] !== child) region.insertBefore(child, region.children[n] ?? null); });
  });
}

function keepFocus(region, change) {
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const address = focused?.getAttribute("href") ?? focused?.getAttribute("formaction");
  change();
  if (!focused || focused.isConnected || !address) return;
  region.querySelector(`[href="${CSS.escape(address)}"], [formaction="${CSS.escape(address)}"]`)?.focus();
}

/** Remembers where things are on the boards; the function it returns lets them move to where they are now. */
export function slide() {
  const before = new Map([...document.querySelectorAll(".place")].map((place) => [place.id, [place.offsetTop, place.dataset.rank]]));
  return () => {
    for (const place of document.querySelectorAll(".place")) {
      const [top, rank] = before.get(place.id) ?? [];
      const climbed = rank - place.dataset.rank;
      if (climbed) {
        const moved = place.querySelector(".moved");
        moved.textContent = `${climbed > 0 ? "\u25b2" : "\u25bc"} ${Math.abs(climbed)}`;
        moved.classList.toggle("down", climbed < 0);
      }
      if (top === undefined || top === place.offsetTop || matchMedia("(prefers-reduced-motion: reduce)").matches) continue;
      place.animate([{ transform: `translateY(${top - place.offsetTop}px)` }, { transform: "none" }], { duration: 450, easing: "ease-out" });
    }
  };
}
