// A form that was sent is not sent again while it is on its way.

addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const { target, submitter } = event;
  if (target.dataset.sent) return event.preventDefault();
  if (target.method !== "post") return;
  target.dataset.sent = "true";
  // Not disabled: it may have a value that is sent.
  submitter?.setAttribute("aria-busy", "true");
});

// Back again by the browser's history, it may be.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
