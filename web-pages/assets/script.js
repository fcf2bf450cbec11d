"use strict";
// Which questions are shown is decided by the server: the answers so far are sent, the names of hidden questions come back.
for (const form of document.querySelectorAll("form[data-shown]")) {
  let round = 0, timer = 0, changed = false, sent = false;
  const ask = async () => {
    const mine = ++round;
    const response = await fetch(form.dataset.shown, {
      method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin", redirect: "error",
    });
    if (!response.ok || mine !== round) return;
    const hidden = new Set(await response.json());
    for (const field of form.querySelectorAll("[data-field]")) field.hidden = hidden.has(field.dataset.field);
    for (const heading of form.querySelectorAll("[data-section]")) {
      let next = heading.nextElementSibling, any = false;
      for (; next && !next.dataset.section; next = next.nextElementSibling) any ||= next.dataset.field !== undefined && !next.hidden;
      heading.hidden = !any;
    }
    form.dataset.round = String(mine);
  };
  form.addEventListener("input", () => {
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(() => ask().catch(() => {}), 150);
  });
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", event => { if (changed && !sent) event.preventDefault(); });
  for (const button of form.querySelectorAll("[data-without-script]")) button.hidden = true;
}
