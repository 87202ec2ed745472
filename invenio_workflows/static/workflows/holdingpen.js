// What the pages of the Holding Pen do by themselves. Without it everything works by
// links and forms; with it there are keys, decisions in place, news and the reader's
// own time. What a person reads stands in the pages, in their language.

const language = document.documentElement.lang || "en";

/** @param {string} name @returns {string} what `_keys.html` has us say */
const word = (name) => document.querySelector("hp-keys")?.getAttribute(`data-${name}`) ?? "";

/** @param {string} selector @param {ParentNode} [root] @returns {HTMLElement[]} */
const all = (selector, root = document) => /** @type {any} */ ([...root.querySelectorAll(selector)]);

/** What is kept for as long as the tab; nothing where the browser forbids it. */
const kept = {
  /** @param {string} key @returns {any} */
  get(key) { try { return JSON.parse(sessionStorage.getItem(key) ?? "null"); } catch { return null; } },
  /** @param {string} key @param {unknown} value */
  set(key, value) { try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* not here */ } },
};

// --- times ----------------------------------------------------------------------------

/** The reader's own kind of the page's language: British days, American ones. */
const region = navigator.languages.find((each) => each.split("-")[0] === language) ?? language;
const exact = new Intl.DateTimeFormat(region, { dateStyle: "full", timeStyle: "long" });
const day = new Intl.DateTimeFormat(region, { dateStyle: "medium" });
/** @type {Intl.DateTimeFormatOptions} */
const AT_HOUR = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
const hour = new Intl.DateTimeFormat(region, AT_HOUR);
const farHour = new Intl.DateTimeFormat(region, { ...AT_HOUR, year: "numeric" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 14]];

/** @param {Date} time @returns {string} how long ago; the day, where it is long ago */
function relative(time) {
  let past = (Date.now() - time.getTime()) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(past) < size) return ago.format(-Math.round(past), unit);
    past /= size;
  }
  return day.format(time);
}

/** @param {Date} time @returns {string} day and hour; the year, where it is another */
function plainly(time) {
  const isOther = time.getFullYear() !== new Date().getFullYear();
  return (isOther ? farHour : hour).format(time);
}

/** Shows every time in the reader's zone, and exactly when it is pointed at. */
function showTimes() {
  for (const each of /** @type {HTMLTimeElement[]} */ (all("time[datetime]"))) {
    const time = new Date(each.dateTime);
    if (Number.isNaN(time.getTime())) continue;
    each.title = exact.format(time);
    each.textContent = each.dataset.exact === undefined ? relative(time) : plainly(time);
  }
}

showTimes();
setInterval(showTimes, 60_000);

// --- what is told ---------------------------------------------------------------------

/** @param {string} text said at the foot of the page, and to who cannot see it */
function say(text) {
  for (const place of all(".hp-said")) place.textContent = text;
  clearTimeout(say.timer);
  if (text) say.timer = setTimeout(say, 6000, "");
}
say.timer = 0;

/** Asks now and then what has come to the list; never while nobody looks. */
class Arrivals extends HTMLElement {
  static EVERY = 15_000;
  #timer = 0;

  connectedCallback() {
    this.setAttribute("role", "status");
    document.addEventListener("visibilitychange", this.#seen);
    this.#wait();
  }

  #seen = () => {
    clearTimeout(this.#timer);
    if (!document.hidden) this.#ask();
  };

  #wait() {
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(this.#ask, Arrivals.EVERY);
  }

  #ask = async () => {
    try {
      // The browser keeps the answer and sends its ETag along: most answers are 304.
      const headers = { Accept: "application/json" };
      const answer = await fetch(this.dataset.src ?? "", { headers, cache: "no-cache" });
      if (answer.ok) this.#show(await answer.json());
    } catch {
      // Not reachable now; it is asked again.
    }
    this.#wait();
  };

  /** @param {{count: number, text: string}} news */
  #show({ count, text }) {
    const link = /** @type {HTMLElement} */ (this.querySelector("a"));
    link.hidden = !count;
    if (link.textContent !== text) link.textContent = text;
  }
}

// --- the rows of a list ---------------------------------------------------------------

const list = {
  rows: () => all(".hp-row:not([hidden])"),
  here: /** @type {HTMLElement | null} */ (null),

  /** @param {HTMLElement | undefined} row @param {boolean} [focus] */
  choose(row, focus = true) {
    this.here?.classList.remove("hp-here");
    this.here = row ?? null;
    if (!row) return;
    row.classList.add("hp-here");
    this.remember();
    if (!focus) return;
    /** @type {HTMLElement | null} */ (row.querySelector(".hp-open"))?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  },

  /** @param {number} step */
  move(step) {
    const rows = this.rows();
    const at = this.here ? rows.indexOf(this.here) : -1;
    const inSight = rows.find((row) => row.getBoundingClientRect().top >= 0);
    const next = at < 0 ? inSight ?? rows[0] : rows[at + step];
    if (next) this.choose(next);
  },

  remember() {
    if (!this.here) return;
    const place = { row: this.here.dataset.id, at: this.rows().indexOf(this.here), y: scrollY };
    kept.set(`hp ${location.pathname}${location.search}`, place);
  },

  /** Puts back row and scroll, for who comes back to this list. */
  restore() {
    const rows = this.rows();
    if (!rows.length || !cameBack()) return;
    const place = kept.get(`hp ${location.pathname}${location.search}`);
    const last = kept.get("hp record") ?? place?.row;
    const found = rows.find((row) => row.dataset.id === last) ?? rows[place?.at];
    if (place) scrollTo(0, place.y);
    this.choose(found);
  },
};

/** Says whether one returns to this page: by the browser, or from a record. */
function cameBack() {
  const [entry] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if (entry?.type === "back_forward" || entry?.type === "reload") return true;
  return document.referrer.startsWith(location.origin) && /\/holdingpen\/\d+/.test(document.referrer);
}

// --- deciding in place ----------------------------------------------------------------

/**
 * Sends a row's form, and shows at once that it is decided; a refusal brings it back.
 * @param {HTMLElement} row @param {HTMLFormElement} form @param {HTMLElement | null} button
 */
async function decide(row, form, button) {
  const [fields, rows] = [new FormData(form, button), list.rows()];
  const at = rows.indexOf(row);
  const title = row.querySelector(".hp-open")?.textContent ?? "";
  row.querySelector(".hp-refused")?.remove();
  row.hidden = Boolean(document.querySelector(".hp-tabs [aria-current] .hp-is-need_action"));
  list.choose(rows[at + 1] ?? rows[at - 1]);
  say(`${button?.dataset.said ?? button?.textContent?.trim() ?? ""}: ${title}`);
  const { ok, code, told } = await send(form.action, fields);
  if (!ok) return refused(row, form, told, code === 422);
  say(told.message ?? "");
  if (String(told.revision) === fields.get("_revision")) return voted(row, form, told); // it stays
  recountSoon();
  if (!row.hidden) return form.replaceWith(told.label); // what is decided is listed too
  row.remove();
  countDown();
  if (!all(".hp-row").length) location.reload();
}

/** @param {string} url @param {FormData} fields @returns {Promise<{ok: boolean, code: number, told: any}>} */
async function send(url, fields) {
  const headers = { Accept: "application/json" };
  try {
    const body = new URLSearchParams(/** @type {any} */ (fields));
    const answer = await fetch(url, { method: "POST", body, headers });
    return { ok: answer.ok && !answer.redirected, code: answer.status, told: await answer.json() };
  } catch {
    return { ok: false, code: 0, told: { error: word("unreachable") } };
  }
}

/**
 * Others must answer alike: the record stays in the list, and one may vote again.
 * @param {HTMLElement} row @param {HTMLFormElement} form @param {any} told
 */
function voted(row, form, told) {
  const note = Object.assign(document.createElement("div"), { className: "hp-voted", textContent: told.message });
  for (const old of all(".hp-voted, .hp-vote", row)) old.remove();
  [row.hidden, form.ariaBusy] = [false, null];
  row.append(note);
}

/**
 * @param {HTMLElement} row @param {HTMLFormElement} form @param {any} told
 * @param {boolean} lacks whether the answer needs more than a row has room for
 */
function refused(row, form, told, lacks) {
  const reason = Object.assign(document.createElement("div"), { className: "hp-refused" });
  const texts = [told.error, ...(told.changes ?? []).map(changed), ...(lacks ? [word("elsewhere")] : [])];
  for (const text of texts) reason.append(Object.assign(document.createElement("p"), { textContent: text }));
  [row.hidden, form.ariaBusy] = [false, null];
  row.append(reason);
  const revision = form.querySelector("[name=_revision]");
  if (told.revision !== undefined && revision) revision.setAttribute("value", told.revision);
  if (told.group && told.group !== "need_action") form.replaceWith(told.label);
  say(`${row.querySelector(".hp-open")?.textContent}: ${told.error}`);
  // Who has gone on to another row stays there: the next key is meant for that one.
  if (!list.here || list.here.hidden) list.choose(row);
}

/** @param {{field: string, before: string, after: string}} change */
const changed = ({ field, before, after }) => `${field}: ${before || "–"} → ${after || "–"}`;

/** One record less stands in the counts of what is shown. */
function countDown() {
  for (const each of all(".hp-tabs [aria-current] .hp-count, #results b")) {
    const digits = (each.textContent ?? "").replace(/[\s,.]/g, "");
    if (/^\d+$/.test(digits)) each.textContent = new Intl.NumberFormat(language).format(Math.max(Number(digits) - 1, 0));
  }
}

/** Asks what stands beside the links of groups and facets now; no row is moved. */
async function recount() {
  const asked = recountSoon.timer;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (asked !== recountSoon.timer) return; // decided on since: it is counted again
    const counts = new Map(all(COUNTED, page).map((link) => [link.getAttribute("href"), countOf(link)?.textContent ?? ""]));
    for (const link of all(COUNTED)) {
      const count = countOf(link);
      if (count) count.textContent = counts.get(link.getAttribute("href")) ?? "0";
    }
    const [total, now] = [document, page].map((each) => each.querySelector("#results b"));
    if (total && now) total.textContent = now.textContent;
  } catch {
    // Not reachable now; what was counted stays.
  }
}

const COUNTED = ":is(.hp-tabs, .hp-facet) a";
/** @param {Element} link */
const countOf = (link) => link.querySelector(".hp-count");

/** Counts once for decisions that follow each other. */
function recountSoon() {
  clearTimeout(recountSoon.timer);
  recountSoon.timer = setTimeout(recount, 400);
}
recountSoon.timer = 0;

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const row = /** @type {HTMLElement | null} */ (form.closest(".hp-row"));
  if (event.defaultPrevented || form.method !== "post") return;
  const isSent = form.ariaBusy === "true";
  if (row || isSent) event.preventDefault();
  if (isSent) return;
  form.ariaBusy = "true";
  setTimeout(() => { form.ariaBusy = null; }, 10_000); // whoever stopped it may try again
  if (row) decide(row, form, event.submitter);
  else if (form.closest(".hp-record")) sent(event.submitter);
});

/** @param {HTMLElement | null} button says at once what was decided on a record's page */
function sent(button) {
  kept.set("hp sent", true);
  say(`${button?.textContent?.trim() ?? ""}: ${document.querySelector("h1")?.textContent ?? ""}`);
}

/** After a decision the next record has the focus, or why there was none. */
function goOn() {
  if (!kept.get("hp sent")) return;
  kept.set("hp sent", null);
  const [next] = [...all("#alert"), ...all(".hp-input [autofocus]"), ...all(".hp-record h1")];
  if (!next) return;
  if (!next.closest("form")) next.tabIndex = -1;
  next.focus();
}

// The second click of a double one would meet the row that has moved up.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && /** @type {Element} */ (event.target).closest(".hp-do")) event.preventDefault();
}, true);

// --- a form that asks for input -------------------------------------------------------

/** Keeps what is typed as a draft, and draws rows in place that a button adds. */
class Form extends HTMLElement {
  static AFTER = 1500;
  static AT_MOST = 10_000;
  #timer = 0;
  /** @type {Promise<void> | null} the draft that is on its way */
  #keeping = null;

  connectedCallback() {
    this.addEventListener("input", this.#typed);
    this.addEventListener("submit", this.#submit);
    addEventListener("pagehide", () => this.#timer && this.#keep(true));
  }

  get #form() { return /** @type {HTMLFormElement} */ (this.querySelector("form")); }

  /** @param {Event} event */
  #typed = (event) => {
    if (event.target instanceof HTMLInputElement) event.target.setCustomValidity("");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), Form.AFTER);
  };

  /** @param {boolean} [atOnce] not after the draft that is on its way: the page goes */
  #keep(atOnce = false) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const before = atOnce ? null : this.#keeping; // or an older draft might be the last to arrive
    const sent = before ? before.then(() => this.#send()) : this.#send();
    this.#keeping = sent;
    sent.then(() => { if (this.#keeping === sent) this.#keeping = null; });
  }

  /** What is typed, without the files: those go with the answer, or with a button. */
  async #send() {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(this.#form)) if (typeof value === "string") fields.append(name, value);
    fields.set("_do", "keep:");
    try {
      const headers = { Accept: "application/json" };
      const answer = await fetch(this.#form.dataset.keep ?? "", { method: "POST", body: fields, headers, keepalive: true });
      this.#tell(answer.ok ? (await answer.json()).message : word("not-kept"));
    } catch {
      this.#tell(word("not-kept"));
    }
  }

  /** @param {string} text */
  #tell(text) {
    for (const each of all(".hp-kept", this)) each.textContent = text;
  }

  /** @param {SubmitEvent} event */
  #submit = (event) => {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#isTooLarge()) return event.preventDefault();
    const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (this.#keeping) {
      event.preventDefault();
      return this.#after(this.#keeping, button);
    }
    if (!/^(add|remove|open|close|show):/.test(button?.name === "_do" ? button.value : "")) return;
    event.preventDefault();
    this.#redraw(/** @type {HTMLButtonElement} */ (button));
  };

  /**
   * Sends the form when the draft is kept: one that came after the answer would stay.
   * @param {Promise<void>} kept @param {HTMLButtonElement | null} button
   */
  async #after(kept, button) {
    await Promise.race([kept, new Promise((done) => setTimeout(done, Form.AT_MOST))]);
    if (this.#keeping === kept) this.#keeping = null;
    this.#form.requestSubmit(button);
  }

  /** Says at its field that a file would be refused, before any of it is sent. */
  #isTooLarge() {
    const limits = this.#form.dataset;
    let sum = 0;
    for (const field of all("input[type=file]", this)) {
      const size = [...field.files ?? []].reduce((all, file) => all + file.size, 0);
      sum += size;
      const said = size > Number(limits.one) ? limits.oneSaid : size && sum > Number(limits.all) ? limits.allSaid : "";
      field.setCustomValidity(said ?? "");
      if (said) return !field.reportValidity(); // a field that is only empty keeps no button from its work
    }
    return false;
  }

  /** @param {HTMLButtonElement} button */
  async #redraw(button) {
    const form = this.#form;
    const fields = new FormData(form, button);
    form.inert = true; // what is typed into a form that is about to go would be lost
    // A form without files is sent as the browser would.
    const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(/** @type {any} */ (fields));
    try {
      const answer = await fetch(button.formAction, { method: "POST", body, headers: { Accept: "text/html" } });
      const made = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("hp-form");
      if (!answer.ok || !made) return this.#alone(form, button);
      this.replaceChildren(...made.childNodes);
      showTimes();
      this.querySelector("[autofocus]")?.focus();
    } catch {
      form.inert = false;
      say(word("unreachable"));
    }
  }

  /** @param {HTMLFormElement} form @param {HTMLButtonElement} button lets the browser send it, and show what it is told */
  #alone(form, button) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "_do", value: button.value }));
    form.action = button.formAction;
    form.submit();
  }
}

// --- keys -----------------------------------------------------------------------------

/** The button and the page of the keys, and whether they are used. */
class Keys extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.querySelector("button")?.addEventListener("click", () => this.open());
    this.#switch.checked = this.areOn;
    this.#switch.addEventListener("change", () => {
      try { localStorage.setItem("hp keys", this.#switch.checked ? "on" : "off"); } catch { /* not here */ }
      this.#show();
    });
    for (const each of all("[data-press]", this.#page)) {
      each.addEventListener("click", () => {
        this.#page.close();
        this.#of(each.dataset.press ?? "")?.();
      });
    }
    document.addEventListener("keydown", this.#press);
    this.#show();
  }

  #switch = /** @type {HTMLInputElement} */ (this.querySelector("input"));
  #page = /** @type {HTMLDialogElement} */ (this.querySelector("dialog"));

  get areOn() { try { return localStorage.getItem("hp keys") !== "off"; } catch { return true; } }

  open() {
    for (const each of all("[data-keys]", this.#page)) {
      each.hidden = !(each.dataset.keys ?? "").split(" ").some((key) => key === "?" || this.#of(key));
    }
    this.#page.showModal();
  }

  #show() {
    document.documentElement.classList.toggle("hp-with-keys", this.areOn);
    for (const each of all("[data-key]")) each.setAttribute("aria-keyshortcuts", this.areOn ? each.dataset.key ?? "" : "");
  }

  /** @param {string} key @returns {(() => void) | null} what a key does on this page now */
  #of(key) {
    const rows = list.rows();
    const row = list.here ?? rows[0];
    const starts = rows.length && !list.here && ["Enter", "a", "r"].includes(key);
    if (starts && !this.#page.open) return () => list.move(1);
    if (rows.length && key === "j") return () => list.move(1);
    if (rows.length && key === "k") return () => list.move(-1);
    if (rows.length && key === "Enter") return () => row.querySelector("a")?.click();
    if (key === "?") return () => this.open();
    const open = this.#page.open ? [] : all(`[data-key="${CSS.escape(key)}"]`);
    const [found] = rows.length && "ar".includes(key) ? open.filter((each) => row.contains(each)) : open;
    if (!found && open.length) return () => say(word("elsewhere"));
    return found ? () => use(found) : null;
  }

  /** @param {KeyboardEvent} event */
  #press = (event) => {
    const target = /** @type {Element} */ (event.target);
    if (!this.areOn || event.defaultPrevented || event.isComposing || this.#page.open) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "Enter" && target !== document.body) return;
    if (event.repeat && !"jk".includes(event.key)) return;
    const act = this.#of(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  };
}

/** @param {HTMLElement} found what a key stands for: a field is gone to, all else pressed */
function use(found) {
  const needed = document.getElementById(found.dataset.needs ?? "");
  const asked = /** @type {HTMLElement} */ (needed && !filled(needed) ? needed : found);
  if (asked === found && !(found instanceof HTMLInputElement)) return found.click();
  if (asked !== found) askedBy.set(/** @type {any} */ (asked).form, found);
  for (let each = asked.closest("details"); each; each = each.parentElement?.closest("details") ?? null) each.open = true;
  asked.focus();
  if (asked instanceof HTMLInputElement) asked.select();
}

/** Which button asked for what is written in a form. @type {WeakMap<HTMLFormElement, HTMLElement>} */
const askedBy = new WeakMap();

// What is written is sent by Ctrl+Enter: by the button that asked for it, or the only one.
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement) || event.isComposing) return;
  if (event.key === "Escape") field.blur();
  if (event.key !== "Enter" || event.repeat || !(event.ctrlKey || event.metaKey)) return;
  const [first, second] = all("button", field.form ?? undefined);
  const button = askedBy.get(/** @type {any} */ (field.form)) ?? (second ? null : first);
  if (!button) return;
  event.preventDefault();
  button.click();
});

/** Who came for an answer that needs a reason writes that first; nothing is pressed. */
function goToReason() {
  const meant = document.getElementById(location.hash.slice(1));
  const needed = document.getElementById(meant?.dataset.needs ?? "");
  if (!meant || !needed) return;
  askedBy.set(/** @type {any} */ (needed).form, meant);
  needed.focus();
}

/** @param {Element} field says whether it, or another one of its form, has a text */
function filled(field) {
  const fields = all("select, textarea", field.closest("form") ?? document);
  return fields.some((each) => /** @type {HTMLInputElement} */ (each).value.trim());
}

// --- the data as a tree ---------------------------------------------------------------

/** Searches, folds and copies a tree of data. */
class Tree extends HTMLElement {
  connectedCallback() {
    const [tools] = all(".hp-tools", this);
    if (!tools) return;
    tools.hidden = false;
    tools.querySelector("input")?.addEventListener("input", (event) => {
      this.#search(/** @type {HTMLInputElement} */ (event.target).value);
    });
    const [fold, copy] = all("button", tools);
    fold.addEventListener("click", () => {
      const parts = /** @type {HTMLDetailsElement[]} */ (all(".hp-tree details", this));
      const open = parts.some((each) => !each.open);
      for (const each of parts) each.open = open;
    });
    copy.addEventListener("click", () => this.#copy(copy.dataset.src ?? ""));
  }

  /** @param {string} text */
  #search(text) {
    const wanted = text.trim().toLocaleLowerCase(language);
    let hits = 0;
    for (const each of all(".hp-k, .hp-v", this)) {
      const hit = Boolean(wanted) && (each.textContent ?? "").toLocaleLowerCase(language).includes(wanted);
      each.classList.toggle("hp-hit", hit);
      if (hit && ++hits) unfold(each, this);
    }
    const count = /** @type {HTMLElement} */ (this.querySelector("output"));
    count.textContent = wanted ? String(hits) : "";
    this.querySelector(".hp-hit")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} url */
  async #copy(url) {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      await navigator.clipboard.writeText(JSON.stringify(await answer.json(), null, 2));
      say(word("copied"));
    } catch {
      say(word("not-copied"));
    }
  }
}

/** @param {Element} part @param {Element} top opens all that is folded around a part */
function unfold(part, top) {
  for (let each = part.parentElement; each && each !== top; each = each.parentElement) {
    if (each instanceof HTMLDetailsElement) each.open = true;
  }
}

// --- the page -------------------------------------------------------------------------

// One menu at a time; a click elsewhere or Escape closes it.
/** @param {Element | null} but */
function closeMenus(but) {
  for (const each of /** @type {HTMLDetailsElement[]} */ (all("details.hp-menu[open]"))) {
    if (each !== but && !each.contains(but)) each.open = false;
  }
}

document.addEventListener("click", (event) => closeMenus(/** @type {Element} */ (event.target).closest("details.hp-menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details.hp-menu[open]");
  closeMenus(null);
  open?.querySelector("summary")?.focus();
});

document.addEventListener("focusin", (event) => {
  const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".hp-row"));
  if (row && row !== list.here) list.choose(row, false);
});
addEventListener("pagehide", () => list.remember());
// A page that the browser had put aside may show what is decided long since.
addEventListener("pageshow", (event) => event.persisted && location.reload());
const shown = /** @type {HTMLElement | null} */ (document.querySelector(".hp-record[data-oid]"));
if (shown) kept.set("hp record", shown.dataset.oid);
// What is too long scrolls in itself, by keys as well.
function reachable() {
  for (const each of all(".hp-record :is(h1, .hp-record-head > p, .hp-message, .hp-votes, .hp-trace, .hp-entry-text)")) {
    if (each.scrollHeight > each.clientHeight + 1 && !each.querySelector("a")) each.tabIndex = 0;
    else if (each.tabIndex === 0) each.removeAttribute("tabindex");
  }
}

reachable();
addEventListener("resize", reachable);
// What is open is in sight among the others, without moving the page.
for (const each of all(":is(.hp-beside, .hp-tabs) [aria-current]")) each.closest("nav")?.scrollTo(each.offsetLeft - 40, each.offsetTop - 200);
goOn();
// The browser itself goes to what the address names, once all is there.
addEventListener("load", () => setTimeout(goToReason));
list.restore();
if (all(".hp-row").length) kept.set("hp record", null);

// Beside the menu the button of the keys covers nothing; a page of another base may have none.
const [keys] = all("hp-keys");
if (keys) document.querySelector(".hp-top")?.append(keys);

customElements.define("hp-arrivals", Arrivals);
customElements.define("hp-form", Form);
customElements.define("hp-keys", Keys);
customElements.define("hp-tree", Tree);
