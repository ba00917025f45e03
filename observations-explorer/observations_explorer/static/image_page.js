// The page of one image: zoom, sources over the picture, search in the header.

import { filterRows, revealTools, shareOnClick } from "./page_tools.js";
import { SourceMarks } from "./source_marks.js";
import { Zoom } from "./zoom.js";

const viewer = document.querySelector(".viewer");
if (viewer.querySelector(".stage")) {
  revealTools(viewer);
  const zoom = new Zoom(viewer);
  if (viewer.querySelector("[data-show]")) new SourceMarks(viewer, zoom);
}
filterRows(document.querySelector("[data-filters]"));
document.querySelectorAll("[data-share]").forEach(shareOnClick);
