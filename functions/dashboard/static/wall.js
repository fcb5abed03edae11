// The wallboard: panels take turns, a win takes over for a few seconds, and nobody ever has to touch it.

import { live } from "./live.js";
import { money } from "./tell.js";

const TURN = 12_000, TAKEOVER = 7_000, MOST_WAITING = 3, STILL_NEWS = 5 * 60_000;

const takeover = document.getElementById("takeover");
const sound = document.getElementById("sound");
const panels = document.getElementById("panels");
const link = location.pathname.split("/").pop();
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

// The room

live({ headers: { Authorization: `Bearer ${link}` }, isUnattended: true, news: celebrate });

// Panels

let shown = 0;
function turn() {
  const all = [...panels.children];
  shown = (shown + 1) % all.length;
  all.forEach((panel, n) => panel.classList.toggle("shown", n === shown));
}
setInterval(turn, TURN);

// Wins

const waiting = [];
let isTaken = false;

function celebrate({ type, data }, age) {
  const isWin = data.state === "approved" && (type === "queue.claimed" || type === "claim.approved");
  // What was missed for long is no news, and an import is nobody's win of today.
  if (!isWin || data.source === "import" || age > STILL_NEWS) return;
  if (waiting.length < MOST_WAITING) waiting.push(data);
  if (!isTaken) next();
}

function next() {
  const win = waiting.shift();
  isTaken = Boolean(win);
  takeover.hidden = !win;
  if (!win) return;
  const texts = { ...win, price: money(win.sellPrice, win.currency) };
  for (const slot of takeover.querySelectorAll("[data-fill]")) slot.textContent = texts[slot.dataset.fill];
  if (!isStill.matches) confetti();
  chime();
  setTimeout(next, TAKEOVER);
}

function confetti() {
  for (let n = 0; n < 60; n++) {
    const piece = document.createElement("i");
    piece.style.left = `${Math.random() * 100}%`;
    takeover.append(piece);
    const drift = (Math.random() - 0.5) * 30, spin = Math.random() * 1080;
    piece.animate(
      [{ transform: "none" }, { transform: `translate(${drift}vw, 115vh) rotate(${spin}deg)` }],
      { duration: 2500 + Math.random() * 3000, delay: Math.random() * 800, easing: "cubic-bezier(.2,.5,.6,1)" },
    ).onfinish = () => piece.remove();
  }
}

// Sound, made here: four notes upwards. Browsers want a touch before the first one, or to be told that they need none.

let audio, isMuted = remembered() === "true";

/** What this screen was told; it may refuse to keep anything. */
function remembered(value) {
  try {
    if (value !== undefined) localStorage.setItem("muted", value);
    return localStorage.getItem("muted");
  } catch {
    return null;
  }
}

function chime() {
  if (isMuted || audio?.state !== "running") return;
  [523.25, 659.25, 783.99, 1046.5].forEach((pitch, n) => {
    const note = audio.createOscillator(), volume = audio.createGain(), start = audio.currentTime + n * 0.13;
    note.type = "triangle";
    note.frequency.value = pitch;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.25, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.9);
    note.connect(volume).connect(audio.destination);
    note.start(start);
    note.stop(start + 1);
  });
}

function tellSound() {
  const isOn = !isMuted && audio.state === "running";
  sound.textContent = isOn ? sound.dataset.on : sound.dataset.off;
  sound.ariaPressed = isOn;
}

try {
  audio = new AudioContext();
  audio.onstatechange = tellSound;
  sound.hidden = false;
  tellSound();
} catch { /* a screen without sound */ }
sound.addEventListener("click", async () => {
  isMuted = audio.state === "running" ? !isMuted : false;
  remembered(isMuted);
  await audio.resume();
  tellSound();
});

// A screen that sleeps shows no wins.

async function stayAwake() {
  if (!document.hidden) await navigator.wakeLock?.request("screen").catch(() => {});
}
document.addEventListener("visibilitychange", stayAwake);
stayAwake();
