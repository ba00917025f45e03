// Draws an image's sources over its picture: circles on a canvas, of which one can be chosen.

import { tell } from "./page_tools.js";

const PAGE = 20000;
const SHOWN_AT_ONCE = 250;
const REACH_PX = 14;
const COLOURS = { matched: "#6fd3e6", other: "#f2bf6a", chosen: "#ffffff" };

export class SourceMarks {
  constructor(viewer, zoom) {
    this.viewer = viewer;
    this.zoom = zoom;
    this.canvas = viewer.querySelector(".marks");
    this.tip = viewer.querySelector(".tip");
    this.told = viewer.querySelector("[data-told]");
    this.boxes = [...viewer.querySelectorAll("[data-show]")];
    this.width = Number(viewer.dataset.width);
    this.height = Number(viewer.dataset.height);
    this.sources = new Map();
    this.shown = [];
    this.chosen = null;
    for (const box of this.boxes) box.addEventListener("change", () => this.#choose(box));
    zoom.addEventListener("change", () => this.#draw());
    zoom.stage.addEventListener("pointermove", (event) => this.#point(event));
    zoom.stage.addEventListener("pointerleave", () => this.#mark(null));
    zoom.stage.addEventListener("click", (event) => this.#click(event));
  }

  get #kind() {
    return this.boxes.find((box) => box.checked)?.dataset.show;
  }

  // One of the kinds at a time; the rows of each are fetched once.
  async #choose(chosen) {
    for (const box of this.boxes) box.checked = box === chosen && chosen.checked;
    const kind = this.#kind;
    this.#draw();
    if (!kind || this.sources.has(kind)) return;
    tell(this.told, "Fetching the sources …");
    try {
      this.sources.set(kind, await this.#fetch(kind));
    } catch {
      chosen.checked = false;
      tell(this.told, "The sources could not be loaded. Try again in a moment.");
      return;
    }
    this.#draw();
  }

  // The brightest come first, and a page is more than a screen can show.
  async #fetch(kind) {
    const parameters = new URLSearchParams({ limit: PAGE });
    if (kind === "matched") parameters.set("matched", "true");
    const answer = await fetch(`${this.viewer.dataset.sources}?${parameters}`);
    if (!answer.ok) throw new Error(answer.statusText);
    return (await answer.json()).items;
  }

  // From mosaic pixels to pixels of the stage: a picture has half the size, its first row below.
  #place(source) {
    const { stage, sheet } = this.zoom;
    const scale = sheet.clientWidth / this.width;
    const x = ((source.x_px + 0.5) / 2) * scale - stage.scrollLeft;
    const y = (this.height - (source.y_px + 0.5) / 2) * scale - stage.scrollTop;
    return [x, y];
  }

  #draw() {
    const kind = this.#kind;
    const sources = this.sources.get(kind) ?? [];
    const { stage } = this.zoom;
    this.canvas.hidden = !kind;
    this.shown = [];
    for (const source of sources) {
      const [x, y] = this.#place(source);
      if (x < 0 || y < 0 || x > stage.clientWidth || y > stage.clientHeight) continue;
      this.shown.push({ source, x, y });
      if (this.shown.length === SHOWN_AT_ONCE) break;
    }
    this.#paint();
    if (sources.length) {
      tell(this.told, `${this.shown.length} brightest in view; zoom in for fainter ones. Click a catalog star for its page.`);
    } else if (!kind) {
      tell(this.told, "");
    }
  }

  #paint() {
    const { clientWidth: width, clientHeight: height } = this.zoom.stage;
    const sharp = devicePixelRatio;
    Object.assign(this.canvas, { width: width * sharp, height: height * sharp });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const pen = this.canvas.getContext("2d");
    pen.scale(sharp, sharp);
    this.shown.forEach((mark, rank) => {
      const radius = 5 + 7 * (1 - rank / this.shown.length) ** 2;
      const isChosen = mark === this.chosen;
      pen.beginPath();
      pen.arc(mark.x, mark.y, isChosen ? radius + 2 : radius, 0, 2 * Math.PI);
      pen.lineWidth = isChosen ? 3 : 1.3;
      pen.setLineDash(mark.source.url ? [] : [3, 3]);
      pen.strokeStyle = isChosen ? COLOURS.chosen : mark.source.url ? COLOURS.matched : COLOURS.other;
      pen.stroke();
    });
  }

  #nearest(event) {
    const { left, top } = this.zoom.stage.getBoundingClientRect();
    const far = ({ x, y }) => Math.hypot(event.clientX - left - x, event.clientY - top - y);
    const found = this.shown.reduce((best, mark) => (!best || far(mark) < far(best) ? mark : best), null);
    return found && far(found) <= REACH_PX ? found : null;
  }

  #point(event) {
    if (this.shown.length && !event.buttons) this.#mark(this.#nearest(event));
  }

  #mark(mark) {
    if (mark === this.chosen) return;
    this.chosen = mark;
    this.zoom.stage.classList.toggle("pointing", Boolean(mark?.source.url));
    this.tip.hidden = !mark;
    if (mark) {
      this.tip.textContent = words(mark.source);
      const { offsetWidth, offsetHeight } = this.tip;
      const { clientWidth } = this.zoom.stage;
      const x = Math.min(Math.max(mark.x - offsetWidth / 2, 4), clientWidth - offsetWidth - 4);
      const y = mark.y > offsetHeight + 20 ? mark.y - offsetHeight - 14 : mark.y + 18;
      Object.assign(this.tip.style, { left: `${x}px`, top: `${y}px` });
    }
    this.#paint();
  }

  #click(event) {
    const mark = this.#nearest(event);
    if (mark?.source.url) location.assign(mark.source.url);
  }
}

function words(source) {
  const number = source.picid;
  const flux = `${Math.round(source.flux_adu).toLocaleString("en")} ADU`;
  if (!number) return `Not in the catalog, ${flux}`;
  const seen = source.is_detected ? "" : ", not detected";
  const name = source.catalog === "tic" ? `TIC ${number}` : number.startsWith("-") ? `HIP ${number.slice(1)}` : `Gaia DR3 ${number}`;
  const band = source.catalog === "tic" ? "TESS" : "Gaia G";
  const magnitude = Number.isFinite(source.mag) ? `, ${source.mag.toFixed(1)} mag (${band})` : "";
  return `${name}${magnitude}, ${flux}${seen}`;
}
