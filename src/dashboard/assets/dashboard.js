// Keeps a page up to date: the service says when something has changed, the page is asked for again, and what differs is put
// in place. Everything here is a convenience: each page works without it.
"use strict";

(() => {
  const main = document.getElementById("main");
  const live = document.getElementById("live");

  // ---- Putting a newer version of an element in place, with focus, selection and what was typed left alone.

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : "");

  function patchAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      // Whether details are open is the reader's choice.
      if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function patch(old, fresh) {
    if (old.isEqualNode(fresh) || (old.nodeType === Node.ELEMENT_NODE && old.hasAttribute("data-keep"))) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    patchAttributes(old, fresh);
    patchChildren(old, fresh);
  }

  function patchChildren(old, fresh) {
    const known = new Map();
    for (const child of old.children) if (child.id) known.set(child.id, child);
    let at = old.firstChild;
    for (const child of fresh.childNodes) {
      const same = known.get(keyOf(child));
      if (same) {
        if (same !== at) old.insertBefore(same, at);
        else at = at.nextSibling;
        patch(same, child);
        known.delete(child.id);
      } else if (at && !keyOf(at) && !keyOf(child)) {
        const next = at.nextSibling;
        patch(at, child);
        at = next;
      } else {
        old.insertBefore(document.importNode(child, true), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    for (const child of known.values()) child.remove();
  }

  // ---- Asking for the page again, at most once a second, and not while nobody looks.

  const PAUSE = 1000;
  let wanted = false;
  let busy = false;
  let last = 0;

  async function refresh() {
    busy = true;
    wanted = false;
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        document.title = page.title;
        patchChildren(main, page.getElementById("main"));
        decorate();
        if (!page.getElementById("main").dataset.events) stop();
      }
    } catch {
      // The connection is gone; the stream of events says so and comes back by itself.
    }
    last = Date.now();
    busy = false;
    if (wanted) schedule();
  }

  function schedule() {
    wanted = true;
    if (busy || document.hidden || schedule.timer) return;
    schedule.timer = setTimeout(() => {
      schedule.timer = 0;
      if (wanted && !busy) refresh();
    }, Math.max(50, last + PAUSE - Date.now()));
  }

  // A browser keeps few connections to one service: a page that nobody looks at gives its own back.
  let source = null;
  let over = !main.dataset.events;

  function say(word, state) {
    if (live.textContent !== word) live.textContent = word;
    live.className = `live ${state}`;
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  function stop() {
    over = true;
    close();
    say("", "");
  }

  function listen() {
    if (over || source) return;
    source = new EventSource(main.dataset.events);
    source.addEventListener("open", () => {
      say("live", "on");
      schedule();
    });
    source.addEventListener("error", () => {
      say("reconnecting…", "off");
      schedule();
    });
    for (const kind of ["state", "progress", "tier", "result"]) source.addEventListener(kind, schedule);
  }

  if (!over) {
    listen();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) close();
      else listen();
    });
    // Ages grow while nothing happens.
    setInterval(() => { if (!over) schedule(); }, 20000);
  }

  // ---- Small conveniences.

  function decorate() {
    for (const box of document.querySelectorAll("[data-copy]:not([data-keep])")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("pre").textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      box.append(button);
      box.setAttribute("data-keep", "");
    }
  }

  decorate();

  // A file that is dropped on the upload form is sent at once.
  const drop = document.querySelector("form[data-drop]");
  if (drop) {
    const file = drop.querySelector("input[type=file]");
    const over = (inside) => (event) => {
      event.preventDefault();
      drop.classList.toggle("over", inside);
    };
    for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, over(true));
    drop.addEventListener("dragleave", over(false));
    drop.addEventListener("drop", (event) => {
      over(false)(event);
      if (event.dataTransfer.files.length === 1) {
        file.files = event.dataTransfer.files;
        drop.requestSubmit();
      }
    });
    file.addEventListener("change", () => { if (file.files.length) drop.requestSubmit(); });
  }
})();
