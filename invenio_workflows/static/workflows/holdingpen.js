// What the pages of the Holding Pen do by themselves. Without it everything works by
// links and forms; with it times are the reader's, and news are told.

const language = document.documentElement.lang || "en";
const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 14]];

/** How long ago that was; the day, where it is long ago. */
function relative(time) {
  let past = (Date.now() - time.getTime()) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(past) < size) return ago.format(-Math.round(past), unit);
    past /= size;
  }
  return day.format(time);
}

/** Shows every time below `root` in the reader's zone. */
export function showTimes(root = document) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const time = new Date(each.dateTime);
    if (Number.isNaN(time.getTime())) continue;
    each.title = exact.format(time);
    each.textContent = relative(time);
  }
}

showTimes();
setInterval(showTimes, 60_000);

/** Asks now and then what has come to the list; never while nobody looks. */
class Arrivals extends HTMLElement {
  static EVERY = 15_000;
  #timer = 0;
  #link = null;

  connectedCallback() {
    this.#link = this.querySelector("a");
    this.setAttribute("role", "status");
    document.addEventListener("visibilitychange", this.#wait);
    this.#wait();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#wait);
  }

  #wait = () => {
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(this.#ask, Arrivals.EVERY);
  };

  #ask = async () => {
    try {
      // The browser keeps the answer and sends its ETag along: most answers are 304.
      const answer = await fetch(this.dataset.src, { headers: { Accept: "application/json" }, cache: "no-cache" });
      if (answer.ok) this.#show(await answer.json());
    } catch {
      // Not reachable now; it is asked again.
    }
    this.#wait();
  };

  #show({ count, text }) {
    this.#link.hidden = !count;
    if (this.#link.textContent !== text) this.#link.textContent = text;
  }
}

customElements.define("hp-arrivals", Arrivals);

// One menu at a time; a click elsewhere or Escape closes it.
document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.hp-menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest?.("details.hp-menu[open]");
  closeMenus(null);
  open?.querySelector("summary").focus();
});

function closeMenus(but) {
  for (const each of document.querySelectorAll("details.hp-menu[open]")) {
    if (each !== but) each.open = false;
  }
}
