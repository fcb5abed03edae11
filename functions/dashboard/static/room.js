// The line to the room: one websocket that is made again whenever it ends, and a page that is never wrong for
// long. Every numbered message is told once and in order; what a page cannot apply by itself it reads again.

const PING_EVERY = 60_000, SILENCE = 10_000, LONGEST_WAIT = 30_000, READ_EVERY = 1_000;

/**
 * Joins the room. `after` is the number that the page is true for, null for a page that shows nothing live.
 * `on.news(message)` is told every message once; `on.message(message)` applies one that the page does not show
 * yet, or returns false where the page must be read again;
 * `on.read()` does so and promises the number that the page is true for then; `on.state(state, heard)` is told
 * connecting, live, down or refused, and when the line was last heard of; `on.presence(viewers)` how many watch.
 */
export function join({ after, headers = {}, on }) {
  let socket = null, attempts = 0, comingBack, silence, heard = Date.now();
  let received = after, shown = after, wanted = after, waiting = [];
  let isReading = false, reading, lastRead = 0, failures = 0;

  async function connect() {
    clearTimeout(comingBack);
    if (socket) return;
    socket = {}; // on its way
    if (!attempts) on.state("connecting", heard);
    try {
      const answer = await fetch("/api/realtime/ticket", { method: "POST", headers });
      if (answer.status === 401) return on.state("refused", heard);
      if (answer.ok) return open(await answer.json());
      lost(1000 * answer.headers.get("Retry-After"));
    } catch {
      lost();
    }
  }

  function open({ url, ticket }) {
    const mine = socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`);
    expect(mine);
    mine.onopen = () => send({ action: "resume", after: received });
    mine.onclose = () => mine === socket && lost();
    mine.onmessage = ({ data }) => {
      if (mine !== socket) return;
      clearTimeout(silence);
      heard = Date.now();
      receive(JSON.parse(data));
    };
  }

  // A dead line does not say that it is dead.
  function expect(mine) {
    clearTimeout(silence);
    silence = setTimeout(() => { mine.close(); if (mine === socket) lost(); }, SILENCE);
  }

  function lost(wait) {
    socket = null;
    clearTimeout(silence);
    attempts += 1;
    on.state("down", heard);
    // Everybody's line ends when a server does: nobody comes back at the same moment.
    wait ||= Math.random() * Math.min(LONGEST_WAIT, 1000 * 2 ** attempts);
    comingBack = setTimeout(connect, wait);
  }

  function send(frame) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function receive(message) {
    if (message.type === "batch") return message.messages.forEach(receive);
    if (message.type === "presence") return on.presence?.(message.data.viewers);
    if (message.type === "error") return;
    if (attempts || message.type !== "pong") { attempts = 0; on.state("live", heard); }
    if (received === null) received = message.seq;
    else if (message.type === "reset") want(received = message.seq);
    else if (message.type !== "pong" && message.type !== "ready") number(message);
    else if (message.seq > received) send({ action: "resume", after: received });
  }

  function number(message) {
    if (message.seq <= received) return;
    if (message.seq > received + 1) return send({ action: "resume", after: received });
    received = message.seq;
    try {
      on.news?.(message); // also where the page was read meanwhile, and shows it
    } catch (error) {
      console.error(error);
    }
    isReading ? waiting.push(message) : show(message);
  }

  function show(message) {
    if (message.seq <= shown) return;
    let isApplied = false;
    try {
      isApplied = on.message(message);
    } catch (error) {
      console.error(error); // the database knows better than a half-drawn page
    }
    if (isApplied === false) want(message.seq);
  }

  /** The page must be true for this number, soon; not every page at the same moment, nor too often. */
  function want(seq) {
    wanted = Math.max(wanted, seq);
    if (isReading || document.hidden) return;
    const pause = READ_EVERY * 2 ** Math.min(failures, 5);
    clearTimeout(reading);
    reading = setTimeout(read, Math.max(Math.random() * 300, lastRead + pause - Date.now()));
  }

  async function read() {
    isReading = true;
    lastRead = Date.now();
    try {
      shown = await on.read();
      failures = 0;
    } catch {
      failures += 1;
    }
    isReading = false;
    waiting.splice(0).forEach(show);
    if (shown < wanted) want(wanted);
  }

  function wake() {
    if (document.hidden) return;
    if (socket?.readyState === WebSocket.OPEN) { expect(socket); send({ action: "ping" }); }
    else if (!socket) { attempts = Math.min(attempts, 1); connect(); }
    if (shown < wanted) want(wanted);
  }

  setInterval(wake, PING_EVERY);
  for (const [target, event] of [[window, "online"], [window, "pageshow"], [document, "visibilitychange"]]) {
    target.addEventListener(event, wake);
  }
  connect();
  return { again: () => want(received ?? 0) };
}
