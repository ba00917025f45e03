// Makes plots of the server's ones that can be read at any place and zoomed, by uPlot.

const HEIGHT = 160;

// A plot costs a phone a tenth of a second: each is made when it is about to be seen.
const AHEAD = "300px";

export function enliven(figures) {
  if (!window.uPlot) return;
  const plots = [];
  const coming = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      coming.unobserve(target);
      plots.push(new LivePlot(target));
    }
  }, { rootMargin: AHEAD });
  for (const figure of figures) coming.observe(figure);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const plot of plots) plot.draw();
  });
}

class LivePlot {
  constructor(figure) {
    this.figure = figure;
    this.svg = figure.querySelector("svg");
    this.points = [...figure.querySelectorAll(".point")].map((point) => ({
      at: Number(point.dataset.at),
      value: Number(point.dataset.value),
      error: Number(point.dataset.error ?? NaN),
      href: point.closest("a").href.baseVal,
    })).sort((one, other) => one.at - other.at);
    this.place = document.createElement("div");
    this.place.setAttribute("role", "img");
    this.place.setAttribute("aria-label", this.svg.getAttribute("aria-label"));
    figure.append(this.place);
    this.svg.setAttribute("hidden", "");
    new ResizeObserver(() => this.#fit()).observe(figure);
    this.draw();
  }

  draw() {
    this.chart?.destroy();
    const data = [this.points.map(({ at }) => at), this.points.map(({ value }) => value)];
    this.chart = new window.uPlot(this.#options(), data, this.place);
    this.chart.over.addEventListener("click", () => this.#open());
  }

  #options() {
    const { title, unit, clock, joined } = this.figure.dataset;
    const style = getComputedStyle(this.figure);
    const [faint, line, tone, panel] = ["--faint", "--line", "--tone", "--panel"].map((name) => style.getPropertyValue(name));
    const axis = { stroke: faint, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const isClock = clock !== undefined;
    const label = isClock ? "UTC" : this.figure.dataset.across;
    return {
      width: this.#width,
      height: HEIGHT,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { sync: { key: isClock ? "time" : "other" }, points: { size: 9 } },
      scales: { x: { time: isClock }, y: { range: (_, low, high) => this.#range(low, high) } },
      axes: [
        { ...axis, size: 22, space: 70, values: isClock ? hours : numbers, label, labelSize: 16, labelFont: axis.font },
        { ...axis, size: 52 },
      ],
      series: [
        { label, value: (_, at) => (at === null ? "" : isClock ? clockTime(at) : at.toFixed(5)) },
        {
          label: title,
          value: (_, value) => (value === null ? "" : `${value.toLocaleString("en", { maximumSignificantDigits: 6 })} ${unit}`),
          stroke: tone,
          width: joined === undefined ? 0 : 1.2,
          paths: joined === undefined ? () => null : undefined,
          points: { show: true, size: 6, fill: tone, stroke: panel, width: 1 },
        },
      ],
      hooks: { draw: [(chart) => this.#drawErrors(chart, tone)] },
    };
  }

  get #width() {
    const { paddingLeft, paddingRight } = getComputedStyle(this.figure);
    return Math.max(this.figure.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight), 120);
  }

  // The same room for mere noise as the server gives.
  #range(low, high) {
    const least = Number(this.figure.dataset.least) * Math.abs((low + high) / 2);
    const errors = this.points.map(({ error }) => error || 0).sort((one, other) => one - other);
    const reach = Math.max((high - low) * 1.1 + 2 * errors[errors.length >> 1], least, 1e-9) / 2;
    return [(low + high) / 2 - reach, (low + high) / 2 + reach];
  }

  #drawErrors(chart, tone) {
    const { ctx: pen, bbox } = chart;
    pen.save();
    pen.beginPath();
    pen.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    pen.clip();
    pen.beginPath();
    for (const { at, value, error } of this.points) {
      if (!Number.isFinite(error)) continue;
      const x = chart.valToPos(at, "x", true);
      pen.moveTo(x, chart.valToPos(value - error, "y", true));
      pen.lineTo(x, chart.valToPos(value + error, "y", true));
    }
    pen.strokeStyle = tone;
    pen.globalAlpha = 0.5;
    pen.stroke();
    pen.restore();
  }

  #fit() {
    if (this.#width !== this.chart?.width) this.chart?.setSize({ width: this.#width, height: HEIGHT });
  }

  // A drag zooms, and is no click.
  #open() {
    const { idx } = this.chart.cursor;
    if (this.chart.select.width === 0 && idx !== null) location.assign(this.points[idx].href);
  }
}

function clockTime(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

// As many digits as the step between ticks has; no spaces, which a Julian date has not.
function numbers(_, ticks) {
  const step = ticks[1] - ticks[0];
  const isWhole = (digits) => Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) < 0.01;
  const digits = [0, 1, 2, 3, 4].find((some) => step * 10 ** some > 0.5 && isWhole(some)) ?? 5;
  return ticks.map((at) => at.toFixed(digits));
}

function hours(_, ticks) {
  return ticks.map((at) => new Date(at * 1000).toISOString().slice(11, ticks[1] - ticks[0] < 60 ? 19 : 16));
}
