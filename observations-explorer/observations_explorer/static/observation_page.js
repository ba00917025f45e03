// The page of one observation: the film frame by frame, plots, and what can be copied.

import { copyOnClick, revealTools, shareOnClick } from "./page_tools.js";
import { enliven } from "./plots.js";

const USUAL_RATE = 12;
// Of a frame: where a film was paused between two frames, rounding may have it in the one before.
const ROUNDING = 0.01;

revealTools();
enliven(document.querySelectorAll("[data-plot]"));
document.querySelectorAll("[data-copies]").forEach(copyOnClick);
document.querySelectorAll("[data-share]").forEach(shareOnClick);

const film = document.querySelector("video");
const tools = document.querySelector(".film-tools");
if (film && tools) {
  tools.addEventListener("click", ({ target }) => {
    if (!target.dataset.step) return;
    film.pause();
    const rate = tools.dataset.frames / film.duration || USUAL_RATE;
    const frame = Math.floor(film.currentTime * rate + ROUNDING) + Number(target.dataset.step);
    const last = Math.round(film.duration * rate) - 1 || 0;
    // To the middle of a frame: at its beginning, many a browser still shows the one before.
    film.currentTime = (Math.min(Math.max(frame, 0), last) + 0.5) / rate;
  });
  tools.querySelector("[data-speed]").addEventListener("change", ({ target }) => {
    film.playbackRate = Number(target.value);
  });
}
