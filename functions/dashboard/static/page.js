// What makes pages live. Everything works without it, by forms and links.

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
  const price = money(data.sellPrice, data.currency), texts = { ...data, price, source: row.dataset[data.source] };
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

// When rows last moved: a click meant for one must not hit another.
let shifted = -Infinity;

function isNewer(row, other) {
  const [a, b] = [row, other].map((one) => Date.parse(one.dataset.at));
  return a === b ? row.id > other.id : a > b;
}

function place(row) {
  const next = [...queue.children].find((other) => isNewer(row, other));
  if (!next && document.querySelector("#pager a")) return false; // on this page or the next: the server knows
  queue.insertBefore(row, next ?? null);
  shifted = performance.now();
  row.classList.add("arriving");
  setTimeout(() => row.classList.remove("arriving"), 1000);
  tellTimes(row);
  return true;
}

/** The keyboard keeps its place: where a row goes by itself, on a name, for a key may be down. */
function leaveFocus(row, place = "a") {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  (next?.querySelector(place) ?? document.getElementById("content")).focus({ preventScroll: true });
}

function leave(row) {
  if (row.contains(document.activeElement)) leaveFocus(row);
  row.classList.add("leaving");
  const gone = () => { row.remove(); shifted = performance.now(); tellEmpty(); };
  setTimeout(gone, matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 250);
}

function tellEmpty() {
  const empty = document.querySelector("[data-empty-of=queue]");
  if (empty) empty.hidden = queue.children.length > 0;
}

/** Applies a message to the list of waiting sales; false where the list must be read again. */
function move(message) {
  const row = document.getElementById(`item-${message.data.id}`);
  if (message.type === "claim.approved") return true;
  if (row) row.id += "-gone", message.type === "queue.corrected" ? row.remove() : leave(row);
  const isPlaced = message.data.status !== "pending" || place(draw(message));
  tellEmpty();
  const size = queue.children.length;
  return isPlaced && !isCounted(message) && size < 300 && !(size < 25 && document.querySelector("#pager a"));
}

/** Whether it changes what the menu says is waiting for a decision. */
function isCounted({ type, data }) {
  if (!document.querySelector("[data-decides]")) return false;
  return data.state === "pending" || /claim\.|excluded|restored/.test(type);
}

const claiming = document.querySelector("form.claiming");

claiming?.addEventListener("click", (event) => {
  const row = event.target.closest("button")?.closest(".row");
  const hasJumped = performance.now() - shifted < 250 && !row?.classList.contains("arriving");
  // The second half of a double click, or meant for what stood here before.
  if (row && (event.detail > 1 || (event.detail && hasJumped))) event.preventDefault();
});
// A key that is held down is one claim.
claiming?.addEventListener("keydown", (event) => event.repeat && event.target.closest("button") && event.preventDefault());

claiming?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { target: form, submitter: button } = event, row = button.closest(".row");
  const wanted = Object.fromEntries(new FormData(form));
  if ("seller_id" in wanted) wanted.seller_id ||= button.value;
  row.classList.add("taken"); // as good as claimed; the answer corrects it
  leaveFocus(row, "button");
  button.disabled = true;
  try {
    const answer = await fetch(`/api${new URL(button.formAction).pathname}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted),
    });
    const said = await answer.json();
    if (answer.ok) return leave(row), toast(form.dataset[said.claim.state]);
    toast(said.details?.[0].message ?? said.error, true);
  } catch {
    toast(form.dataset.failed, true);
  }
  row.classList.remove("taken");
  button.disabled = false;
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
  wasRead: () => queue && tellEmpty(),
  message: (message) => blank !== null && move(message),
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
