// Times in the viewer's own zone, and money.

const english = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const moment = new Intl.DateTimeFormat(english, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(english, { dateStyle: "medium" });
export const clock = new Intl.DateTimeFormat(english, { timeStyle: "short" });

/** An amount as the server writes it: $1,250.00. */
export function money(amount, currency) {
  const style = { style: "currency", currency, currencyDisplay: "narrowSymbol" };
  return new Intl.NumberFormat("en-US", style).format(amount);
}

function age(date) {
  const minutes = Math.round((Date.now() - date) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

/** Tells every moment below an element as its data-as wants it. */
export function tellTimes(within = document) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (isNaN(date)) continue;
    time.title = moment.format(date);
    const told = { age: age(date), date: day.format(date) }[time.dataset.as] ?? time.title;
    if (time.textContent !== told) time.textContent = told;
  }
}
