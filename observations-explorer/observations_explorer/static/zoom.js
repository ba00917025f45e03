// Lets a picture be zoomed within its frame; moving about is the browser's own scrolling.

const MOST = 16;
const STEP = 1.5;
const DRAG_PX = 4;

export class Zoom extends EventTarget {
  constructor(viewer) {
    super();
    this.stage = viewer.querySelector(".stage");
    this.sheet = viewer.querySelector(".sheet");
    this.output = viewer.querySelector("[data-factor]");
    this.factor = 1;
    viewer.querySelector("[data-zoom]").closest(".tools").addEventListener("click", (event) => {
      this.#press(event.target.dataset.zoom);
    });
    this.stage.addEventListener("keydown", (event) => this.#key(event));
    this.stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.stage.addEventListener("scroll", () => this.#changed());
    this.#drag();
    this.#pinch();
    new ResizeObserver(() => this.#changed()).observe(this.stage);
  }

  // Zooms so that what lies at (x, y) of the stage, in pixels, stays there.
  to(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const wanted = Math.min(Math.max(factor, 1), MOST);
    const ratio = wanted / this.factor;
    if (ratio === 1) return;
    const { scrollLeft, scrollTop, offsetHeight } = this.stage;
    // The frame keeps the height that it has with the whole picture in it.
    this.stage.style.height = wanted > 1 ? this.stage.style.height || `${offsetHeight}px` : "";
    this.#sharpen();
    this.factor = wanted;
    this.sheet.style.width = `${100 * wanted}%`;
    this.stage.scrollTo((scrollLeft + x) * ratio - x, (scrollTop + y) * ratio - y);
    this.stage.classList.toggle("zoomed", wanted > 1);
    this.output.value = wanted > 1 ? `${wanted.toFixed(1)}×` : "";
    this.#changed();
  }

  // The page comes with a smaller picture: most readers never zoom.
  #sharpen() {
    const picture = this.sheet.querySelector("[data-full]");
    if (!picture) return;
    picture.src = picture.dataset.full;
    delete picture.dataset.full;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #press(name) {
    const factors = { in: this.factor * STEP, out: this.factor / STEP, fit: 1 };
    if (name) this.to(factors[name]);
  }

  #key(event) {
    const names = { "+": "in", "=": "in", "-": "out", 0: "fit" };
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in names)) return;
    event.preventDefault();
    this.#press(names[event.key]);
  }

  // A wheel turned over a picture that was not chosen scrolls the page. A pinch on a trackpad
  // comes as a wheel with Ctrl.
  #wheel(event) {
    if (document.activeElement !== this.stage && !event.ctrlKey) return;
    event.preventDefault();
    const { left, top } = this.stage.getBoundingClientRect();
    const turned = Math.min(Math.max(event.deltaY, -100), 100);
    const speed = event.ctrlKey ? 0.01 : 0.003;
    this.to(this.factor * Math.exp(-turned * speed), event.clientX - left, event.clientY - top);
  }

  #drag() {
    let last = null;
    let way = 0;
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      last = event;
      way = 0;
    });
    addEventListener("pointermove", (event) => {
      if (!last) return;
      this.stage.scrollBy(last.clientX - event.clientX, last.clientY - event.clientY);
      way += Math.hypot(last.clientX - event.clientX, last.clientY - event.clientY);
      this.stage.classList.toggle("dragged", way > DRAG_PX);
      last = event;
    });
    addEventListener("pointerup", () => {
      last = null;
      this.stage.classList.remove("dragged");
    });
    this.stage.addEventListener("dragstart", (event) => event.preventDefault());
    // The end of a drag is no click on a star.
    this.stage.addEventListener("click", (event) => {
      if (way > DRAG_PX) event.stopImmediatePropagation();
    });
  }

  #pinch() {
    let spread = 0;
    const measure = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    this.stage.addEventListener("touchstart", (event) => {
      if (event.touches.length === 2) spread = measure(event.touches);
    }, { passive: true });
    this.stage.addEventListener("touchmove", (event) => {
      if (event.touches.length !== 2) return;
      event.preventDefault();
      const [one, other] = event.touches;
      const { left, top } = this.stage.getBoundingClientRect();
      const now = measure(event.touches);
      this.to(this.factor * now / spread, (one.clientX + other.clientX) / 2 - left, (one.clientY + other.clientY) / 2 - top);
      spread = now;
    }, { passive: false });
  }
}
