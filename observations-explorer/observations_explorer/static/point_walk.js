// The points of a chart by keyboard: one stop of the Tab key, arrow keys from point to point.

import { tell } from "./page_tools.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
const HELP = "Arrow keys, Page Up, Page Down, Home and End move along the points, Enter opens the image.";

export function walkOnKeys(chart) {
  const field = chart.querySelector(".field");
  const marks = [...field.querySelectorAll("a .mark")].sort((one, other) => centre(one) - centre(other));
  if (!marks.length) return;
  const reading = document.createElement("p");
  reading.className = "reading small";
  reading.setAttribute("aria-live", "polite");
  chart.after(reading);
  chart.tabIndex = 0;
  chart.setAttribute("role", "application");
  chart.setAttribute("aria-label", `${field.getAttribute("aria-label")}. ${HELP}`);
  let at = -1;

  function show(next) {
    marks[at]?.classList.remove("current");
    at = next;
    marks[at].classList.add("current");
    tell(reading, `Point ${at + 1} of ${marks.length}: ${marks[at].querySelector("title").textContent}`);
  }

  chart.addEventListener("focus", () => tell(reading, HELP));
  chart.addEventListener("blur", () => {
    marks[at]?.classList.remove("current");
    tell(reading, "");
  });
  chart.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && at >= 0) location.assign(marks[at].closest("a").href.baseVal);
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    show(Math.min(Math.max(at + STEPS[event.key], 0), marks.length - 1));
  });
}

function centre(mark) {
  const { left, right } = mark.getBoundingClientRect();
  return left + right;
}
