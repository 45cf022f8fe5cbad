/* Every page works without this file. It adds the trusted-types policy that htmx needs, busy state, focus and keys. */
(() => {
  "use strict";
  const root = document.documentElement;
  const find = (selector) => document.querySelector(selector);

  // The server has escaped every value, so its HTML may pass; a script or a script's address never does.
  if (window.trustedTypes) {
    const refuse = () => null;
    trustedTypes.createPolicy("default", { createHTML: (html) => html, createScript: refuse, createScriptURL: refuse });
  }
  root.classList.add("js");

  const say = (id, text) => { const place = document.getElementById(id); if (place) place.textContent = text; };
  const on = (type, listener) => document.addEventListener(type, listener);

  on("htmx:beforeRequest", (event) => {
    if (!("quiet" in event.detail.target.dataset)) root.classList.add("busy");
    event.detail.target.setAttribute("aria-busy", "true");
    say("alert", "");
  });
  on("htmx:afterRequest", (event) => {
    root.classList.remove("busy");
    event.detail.target.removeAttribute("aria-busy");
  });
  on("htmx:sendError", () => say("alert", "The server could not be reached. Try again in a moment."));
  on("htmx:responseError", (event) => {
    const request = event.detail.xhr;
    if (request.status === 401) location.reload();
    // Our own pages say what was wrong in a "warn" event; anything else has no words of ours.
    else if (!request.getResponseHeader("HX-Trigger")) say("alert", "That did not work. Try again in a moment.");
  });
  on("warn", (event) => say("alert", event.detail.value));
  on("say", (event) => say("live", event.detail.value));

  // A swap that took the focused node away leaves the reader at the top of the page: put him at the region instead.
  on("htmx:afterSettle", (event) => {
    if (document.activeElement && document.activeElement !== document.body) return;
    const region = event.detail.elt;
    if (!region || !region.isConnected || "quiet" in region.dataset) return;
    region.setAttribute("tabindex", "-1");
    region.focus({ preventScroll: true });
  });

  on("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  let unsaved = false;
  on("input", (event) => { if (event.target.closest("[data-guard]")) unsaved = true; });
  on("submit", (event) => {
    unsaved = false;
    if (event.defaultPrevented || event.target.method !== "post") return;
    // The once-key makes a second click harmless; this only shows that the first one was taken.
    event.target.setAttribute("aria-busy", "true");
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

  const online = () => { const strip = find("#offline"); if (strip) strip.hidden = navigator.onLine; };
  window.addEventListener("online", online);
  window.addEventListener("offline", online);

  on("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  const wakeErase = () => {
    const typed = find("[data-match]");
    if (typed) find("#erase-now").disabled = typed.value.trim().toLowerCase() !== typed.dataset.match.toLowerCase();
  };
  on("input", wakeErase);
  on("DOMContentLoaded", wakeErase);

  const rows = () => [...document.querySelectorAll("tbody .who a")];
  const step = (by) => {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? 0 : at + by];
    if (next) next.focus();
  };
  const follow = (selector) => { const link = find(selector); if (link) link.click(); };
  const keys = {
    "/": () => { const box = find("#q"); if (box) box.focus(); },
    j: () => step(1),
    k: () => step(-1),
    n: () => follow("#page-next[href]"),
    p: () => follow("#page-previous[href]"),
    f: () => follow("#add-filter"),
    e: () => follow("#edit"),
    m: () => follow("#merge"),
    t: () => { const box = find("#tag-new"); if (box) box.focus(); },
  };
  const sheet = () => find("#keys");
  const off = () => localStorage.getItem("kith_keys") === "off";
  const openKeys = () => { find("#keys-off").checked = off(); sheet().showModal(); };
  keys["?"] = () => { if (sheet()) openKeys(); };
  on("click", (event) => { if (event.target.closest("[data-open=keys]")) openKeys(); });
  on("change", (event) => {
    if (event.target.id === "keys-off") localStorage.setItem("kith_keys", event.target.checked ? "off" : "on");
  });

  let after = "";
  on("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = event.target.closest("details.menu[open]") || find("details.menu[open]");
      if (menu) { menu.open = false; menu.firstElementChild.focus(); }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
      event.target.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    if (sheet()?.open || off()) return;
    const place = after === "g" && { c: ".nav a", o: ".nav a[href='/ops']" }[event.key];
    if (place) { follow(place); after = ""; return; }
    after = event.key;
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
})();
