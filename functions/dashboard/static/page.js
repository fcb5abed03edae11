// What makes pages live: the line, times in the viewer's zone, sales that come and go, and a board that moves.
// Everything works without it, by forms and links.

import { live } from "./live.js";
import { money, tellTimes } from "./tell.js";

const queue = document.getElementById("queue");
const blank = document.getElementById("queue-item");

// Toasts

function toast(sentence, isBad = false) {
  const note = document.createElement("p");
  note.textContent = sentence;
  note.className = isBad ? "bad" : "";
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), isBad ? 9000 : 4000);
}

// The queue: a sale is a row, and a row is drawn from what the room tells

function draw({ data }) {
  const row = blank.content.firstElementChild.cloneNode(true);
  const texts = { ...data, price: money(data.sellPrice, data.currency), source: row.dataset[data.source] };
  for (const slot of row.querySelectorAll("[data-fill]")) slot.textContent = texts[slot.dataset.fill] ?? "";
  const margin = row.querySelector(".margin");
  if (margin) margin.textContent = data.margin == null ? "" : `${margin.dataset.label} ${money(data.margin, data.currency)}`;
  row.id = `item-${data.id}`;
  row.dataset.at = row.querySelector("time").dateTime = data.occurredAt;
  row.querySelector("a").href = `/queue/${data.id}`;
  const button = row.querySelector("button");
  if (button) {
    button.formAction = `/queue/${data.id}/claim`;
    button.value = data.sellerId;
    button.ariaLabel = button.dataset.label.replace("{customer}", () => data.customerName);
  }
  return row;
}

function isNewer(row, other) {
  const [a, b] = [row, other].map((one) => Date.parse(one.dataset.at));
  return a === b ? row.id > other.id : a > b;
}

function place(row) {
  const next = [...queue.children].find((other) => isNewer(row, other));
  const hasMore = document.querySelector("#pager a");
  if (!next && hasMore) return; // it belongs to a later page
  queue.insertBefore(row, next ?? null);
  row.classList.add("arriving");
  tellTimes(row);
}

/** Who works with the keyboard keeps a place in the list: on a name, where a key pressed too late does no harm. */
function leaveFocus(row) {
  if (!row.contains(document.activeElement)) return;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  (next?.querySelector("a") ?? document.getElementById("content")).focus({ preventScroll: true });
}

function leave(row) {
  leaveFocus(row);
  row.classList.add("leaving");
  setTimeout(() => { row.remove(); tellEmpty(); }, matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 250);
}

function tellEmpty() {
  const empty = document.querySelector("[data-empty-of=queue]");
  if (empty) empty.hidden = queue.children.length > 0;
}

const COMES = ["queue.created", "queue.released", "queue.restored", "claim.rejected", "queue.corrected"];

/** Applies a message to the list of waiting sales; false where the list must be read again. */
function move(message) {
  const row = document.getElementById(`item-${message.data.id}`);
  if (message.type === "claim.approved") return true;
  if (row) row.id += "-gone", message.type === "queue.corrected" ? row.remove() : leave(row);
  if (COMES.includes(message.type) && message.data.status === "pending") place(draw(message));
  tellEmpty();
  const size = queue.children.length;
  return size < 300 && !(size < 25 && document.querySelector("#pager a"));
}

document.querySelector("form.claiming")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, button = event.submitter, row = button.closest(".row");
  const wanted = Object.fromEntries(new FormData(form));
  if ("seller_id" in wanted) wanted.seller_id ||= button.value;
  row.hidden = true; // as good as claimed; the answer corrects it
  const next = row.nextElementSibling?.querySelector("button") ?? row.previousElementSibling?.querySelector("button");
  next ? next.focus() : document.getElementById("content").focus({ preventScroll: true });
  try {
    const answer = await fetch(`/api${new URL(button.formAction).pathname}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted),
    });
    const said = await answer.json();
    if (answer.ok) return row.remove(), tellEmpty(), toast(form.dataset[said.claim.state]);
    toast(said.details?.[0].message ?? said.error, true);
  } catch {
    toast(form.dataset.failed, true);
  }
  row.hidden = false;
  room.again(); // what became of it, the database says
});

/** On the page after signing up: the first sale is here. */
function greet({ type, data }) {
  const first = document.getElementById("first-sale");
  if (!first || type !== "queue.created") return;
  first.classList.add("here");
  first.textContent = first.dataset.here
    .replace("{customer}", () => data.customerName)
    .replace("{price}", () => money(data.sellPrice, data.currency));
}

// The line

const line = document.getElementById("line");
const room = live({
  news: greet,
  message: (message) => queue?.hasAttribute("data-whole") ? move(message) : !document.querySelector("[data-live]"),
  presence: (viewers) => { line.dataset.here = line.dataset.viewers.replace("{viewers}", viewers); },
});

for (const note of document.querySelectorAll(".toast")) {
  const address = new URL(location);
  address.searchParams.delete("notice");
  history.replaceState(null, "", address);
  setTimeout(() => note.remove(), 8000);
}
// What is under way is read again until it is done.
if (document.querySelector("[data-poll]")) {
  const polling = setInterval(() => document.querySelector("[data-poll]") ? room.again() : clearInterval(polling), 2000);
}
