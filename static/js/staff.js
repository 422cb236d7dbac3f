// What htmx alone cannot say: that a page no longer follows what happens elsewhere, and that no answer came.
"use strict";

(() => {
  // A portal that starts anew is back before this many questions of a page that asks by itself.
  const PATIENCE = 3;
  let unanswered = 0;

  const asksByItself = (detail) => "x-background" in detail.requestConfig.headers;
  const isGood = (xhr) => xhr.status >= 200 && xhr.status < 400;
  // A refusal of ours belongs into the page; whatever else answers in our place, a proxy for one, has no business there.
  const isOurs = (xhr) => isGood(xhr) || xhr.getResponseHeader("X-Reprise") !== null;

  const say = (id) => {
    const place = document.getElementById(id);
    const words = document.createElement("p");
    words.textContent = place.dataset.said;
    place.replaceChildren(words);
    return place;
  };

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (!isOurs(xhr) || (asksByItself(event.detail) && !isGood(xhr))) {
      event.detail.shouldSwap = false;
    }
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr } = event.detail;
    if (asksByItself(event.detail)) {
      unanswered = isGood(xhr) ? 0 : unanswered + 1;
      if (unanswered === PATIENCE) {
        say("stale");
      } else if (unanswered === 0) {
        document.getElementById("stale").replaceChildren();
      }
    } else if (isGood(xhr)) {
      document.getElementById("problem").replaceChildren();
    } else if (!isOurs(xhr)) {
      say("problem").scrollIntoView({ block: "nearest" });
    }
  });
})();
