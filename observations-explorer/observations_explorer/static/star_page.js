// The page of one star: its light curve, and its stamps frame by frame.

import { revealTools } from "./page_tools.js";
import { savePngOnClick } from "./figure_png.js";
import { enliven } from "./plots.js";
import { walkOnKeys } from "./point_walk.js";
import { StampPlayer } from "./stamps.js";

for (const chart of document.querySelectorAll("[data-walk]")) walkOnKeys(chart);
for (const button of document.querySelectorAll("[data-png]")) savePngOnClick(button);
enliven(document.querySelectorAll("[data-plot]"));
const stamps = document.querySelector(".stamps");
new StampPlayer(stamps).load().then(() => {
  revealTools(stamps);
  stamps.querySelector(".sheets").open = false;
}, () => { /* The sheet of the server stays. */ });
