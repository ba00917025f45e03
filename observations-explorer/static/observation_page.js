// The page of one observation: the film frame by frame, plots, and what can be copied.

import { copyOnClick, revealTools } from "./page_tools.js";
import { enliven } from "./plots.js";

const USUAL_RATE = 12;

revealTools();
enliven(document.querySelectorAll("[data-plot]"));
document.querySelectorAll("[data-copies]").forEach(copyOnClick);

const film = document.querySelector("video");
const tools = document.querySelector(".film-tools");
if (film && tools) {
  tools.addEventListener("click", ({ target }) => {
    if (!target.dataset.step) return;
    film.pause();
    const rate = tools.dataset.frames / film.duration || USUAL_RATE;
    film.currentTime = Math.min(Math.max(film.currentTime + target.dataset.step / rate, 0), film.duration || 0);
  });
  tools.querySelector("[data-speed]").addEventListener("change", ({ target }) => {
    film.playbackRate = Number(target.value);
  });
}
