// Shows a star's stamps one after the other: the raw pixels, all or those of one Bayer colour.

const FRAME_MS = 250;
const SOFTENING = 0.1;
// As the server's sheet has it: parts of all pixels below black and below white.
const LOW_PART = 0.05;
const HIGH_PART = 0.998;
// By x and y in a superpixel; a stamp starts on green 2.
const BAYER = [["g", "r"], ["b", "g"]];
const TINTS = { r: [255, 90, 80], g: [110, 230, 120], b: [110, 150, 255], all: [255, 255, 255] };

export class StampPlayer {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.slider = root.querySelector("[data-frame]");
    this.button = root.querySelector("[data-play]");
    this.about = root.querySelector("[data-about]");
    this.slider.addEventListener("input", () => this.#draw());
    this.button.addEventListener("click", () => this.#toggle());
    root.addEventListener("change", () => this.#draw());
  }

  async load() {
    const answer = await fetch(this.root.dataset.stamps);
    if (!answer.ok) throw new Error(answer.statusText);
    this.frames = (await answer.json()).items;
    if (!this.frames.length) throw new Error("no stamps");
    const values = this.frames.flatMap(({ pixels }) => pixels.flat()).sort((one, other) => one - other);
    this.low = values[Math.floor(LOW_PART * (values.length - 1))];
    this.high = Math.max(values[Math.floor(HIGH_PART * (values.length - 1))], this.low + 1);
    this.slider.max = this.frames.length - 1;
    this.#draw();
  }

  #toggle() {
    const plays = !this.timer;
    this.button.textContent = plays ? "Pause" : "Play";
    this.button.setAttribute("aria-pressed", plays);
    this.about.setAttribute("aria-live", plays ? "off" : "polite");
    if (plays) {
      this.timer = setInterval(() => {
        this.slider.value = (Number(this.slider.value) + 1) % this.frames.length;
        this.#draw();
      }, FRAME_MS);
    } else {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  // Rows grow upwards, as in the pictures of whole frames.
  #draw() {
    const frame = this.frames[this.slider.value];
    const colour = this.root.querySelector("input[name=shown]:checked").value;
    const side = frame.stamp_side;
    const pen = this.canvas.getContext("2d");
    const step = this.canvas.width / side;
    frame.pixels.forEach((row, y) => row.forEach((value, x) => {
      const own = BAYER[x % 2][y % 2];
      const light = colour === "all" || colour === own ? this.#stretch(value) : 0;
      pen.fillStyle = `rgb(${TINTS[colour].map((part) => Math.round(part * light)).join(" ")})`;
      pen.fillRect(Math.floor(x * step), Math.floor((side - 1 - y) * step), Math.ceil(step), Math.ceil(step));
    }));
    const time = frame.time.replace("T", " ").replace("Z", "");
    const words = `Frame ${Number(this.slider.value) + 1} of ${this.frames.length}, ${time} UTC`;
    this.slider.setAttribute("aria-valuetext", words);
    this.canvas.setAttribute("aria-label", `Stamp. ${words}`);
    this.about.textContent = `${words}; ${Math.round(frame.flux_adu).toLocaleString("en")} ADU, highest pixel ${Math.max(...frame.pixels.flat())} ADU`;
  }

  #stretch(value) {
    const part = Math.max((value - this.low) / (this.high - this.low), 0);
    return Math.min(Math.asinh(part / SOFTENING) / Math.asinh(1 / SOFTENING), 1);
  }
}
