// The line to the room: a websocket that is made again whenever it ends, and a page that says when it is stale.

const PING_EVERY = 60_000, SILENCE = 10_000, LONGEST_WAIT = 30_000, READ_EVERY = 1_000;
// Names change, and days end, without a word of the room.
const READ_ANYWAY = 5 * 60_000;

/**
 * `after`: the number that the page is true for, null where nothing of it is live.
 * `on.news(message, age)`: every message once, in order, with its age in ms by the server's clock.
 * `on.message(message)`: applies one that the page does not show yet; false: read the page again.
 * `on.read()`: reads the page again, promises the number it is true for then.
 * `on.state(state, since)`: connecting, live, paused (news when asking), down, refused; when the page was true.
 */
export function join({ after, headers = {}, on }) {
  let socket = null, attempts = 0, comingBack, silence, isReady = false, isAsking = false, isPaused = false;
  let received = after, shown = after, wanted = after, ahead = after ?? 0, waiting = [];
  let isReading = false, reading, lastRead = 0, failures = 0, truth = Date.now(), offset = 0;

  async function connect() {
    clearTimeout(comingBack);
    if (socket) return;
    socket = {}; // on its way
    if (!attempts) on.state("connecting", truth);
    try {
      const answer = await fetch("/api/realtime/ticket", { method: "POST", headers, signal: AbortSignal.timeout(SILENCE) });
      // A screen's own clock may be anything.
      offset = Date.parse(answer.headers.get("Date")) - Date.now() || 0;
      if (answer.status === 401) return on.state("refused", truth);
      if (answer.ok) return open(await answer.json());
      lost(1000 * answer.headers.get("Retry-After"));
    } catch {
      lost();
    }
  }

  function open({ url, ticket }) {
    const mine = socket = new WebSocket(`${url}?ticket=${encodeURIComponent(ticket)}`);
    isReady = isAsking = isPaused = false;
    expect(mine);
    mine.onopen = resume;
    mine.onclose = () => mine === socket && lost();
    mine.onmessage = ({ data }) => mine === socket && receive(JSON.parse(data));
  }

  // A dead line does not say that it is dead.
  function expect(mine) {
    clearTimeout(silence);
    silence = setTimeout(() => { mine.close(); if (mine === socket) lost(); }, SILENCE);
  }

  function lost(wait) {
    socket = null;
    isReady = false;
    clearTimeout(silence);
    attempts += 1;
    tell();
    // Everybody's line ends when a server does: nobody comes back at the same moment.
    wait ||= Math.random() * Math.min(LONGEST_WAIT, 1000 * 2 ** attempts);
    comingBack = setTimeout(connect, wait);
  }

  /** Live is a line that has answered, and a page that could be read. */
  function tell() {
    const isTrue = isReady && !failures;
    if (isTrue && shown >= wanted) truth = Date.now();
    on.state(isTrue ? (isPaused ? "paused" : "live") : "down", truth);
  }

  function send(frame) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function resume() {
    if (isAsking) return; // one answer brings all that was missed
    isAsking = true;
    expect(socket);
    send({ action: "resume", after: received });
  }

  function receive(message) {
    // What is not the room's own, such as the gateway's troubles, answers nothing.
    if (message.v !== 1 || message.type === "error") return;
    if (message.type === "presence") return on.presence?.(message.data.viewers);
    clearTimeout(silence);
    if (message.type === "pong") {
      isPaused = !!message.paused;
      if (message.seq > received) resume();
      return tell();
    }
    const taken = (message.type === "batch" ? message.messages : [message]).map(take);
    if (!taken.includes(true)) return;
    isAsking = false;
    isReady = true;
    attempts = 0;
    if (received < ahead) resume();
    tell();
  }

  /** Takes what comes next; false for what does not, and will be told again. */
  function take(message) {
    if (message.type === "reset") {
      received = wanted = ahead = message.seq;
      want(received);
    } else if (message.type === "ready") {
      received ??= message.seq;
      ahead = Math.max(ahead, message.seq);
    } else if (message.seq > received + 1) {
      ahead = Math.max(ahead, message.seq);
      resume();
      return false;
    } else if (message.seq > received) {
      received = message.seq;
      // Also where the page was read meanwhile, and shows it.
      attempt(() => on.news?.(message, Date.now() + offset - Date.parse(message.at)));
      isReading ? waiting.push(message) : show(message);
    }
    return true;
  }

  function show(message) {
    if (message.seq > shown && !attempt(() => on.message(message))) want(message.seq);
  }

  /** Whether it was done: the database knows better than a half-drawn page. */
  function attempt(work) {
    try {
      return work() !== false;
    } catch (error) {
      console.error(error);
      return false;
    }
  }

  /** The page must be true for this number, soon; not all pages at once, nor too often. */
  function want(seq) {
    wanted = Math.max(wanted, seq);
    if (after === null || isReading || document.hidden) return;
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
    if (failures || shown < wanted) want(wanted);
    if (isReady) tell();
  }

  function wake() {
    if (document.hidden) return;
    if (socket?.readyState === WebSocket.OPEN) { expect(socket); send({ action: "ping" }); }
    else if (!socket) { attempts = Math.min(attempts, 1); connect(); }
    if (shown < wanted) want(wanted);
  }

  const again = () => want(received ?? 0);
  setInterval(wake, PING_EVERY);
  setInterval(again, READ_ANYWAY * (1 + Math.random() / 5));
  for (const [target, event] of [[window, "online"], [window, "pageshow"], [document, "visibilitychange"]]) {
    target.addEventListener(event, wake);
  }
  connect();
  return { again };
}
