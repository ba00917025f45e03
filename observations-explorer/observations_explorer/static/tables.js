// Lets a reader sort, move and hide the columns of a table that is whole on its page, by
// Tabulator. The library is fetched when the button is pressed; until then, and without this
// script, the table is the one that the server wrote.

const VENDOR = new URL("vendor/tabulator-tables/", import.meta.url);

function fetchLibrary() {
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("tabulator_simple.min.css", VENDOR);
  const script = document.createElement("script");
  script.src = new URL("tabulator.min.js", VENDOR);
  // Ours comes behind the library's, whose colours it replaces.
  document.head.prepend(style);
  return new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  });
}

const valueOf = (cell) => cell.dataset.value ?? cell.textContent.trim();

function compare(one, other) {
  const [a, b] = [valueOf(one), valueOf(other)];
  const numbers = [Number(a), Number(b)];
  if (numbers.every(Number.isFinite)) return numbers[0] - numbers[1];
  return a.localeCompare(b, undefined, { numeric: true });
}

function columnsOf(table) {
  return [...table.tHead.rows[0].cells].map((head, n) => ({
    title: head.textContent.trim(),
    field: `c${n}`,
    hozAlign: head.classList.contains("number") ? "right" : "left",
    headerHozAlign: head.classList.contains("number") ? "right" : "left",
    sorter: compare,
    // What the server wrote, moved: no text becomes HTML here.
    formatter: (cell) => {
      const shown = document.createElement("span");
      shown.append(...[...cell.getValue().childNodes].map((node) => node.cloneNode(true)));
      return shown;
    },
  }));
}

function rowsOf(table) {
  return [...table.tBodies[0].rows].map((row) =>
    Object.fromEntries([...row.cells].map((cell, n) => [`c${n}`, cell])),
  );
}

function columnBoxes(made, columns) {
  const set = document.createElement("fieldset");
  set.className = "columns";
  const legend = document.createElement("legend");
  legend.textContent = "Columns";
  set.append(legend);
  for (const column of columns.slice(1)) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    box.addEventListener("change", () => made.toggleColumn(column.field));
    label.append(box, ` ${column.title}`);
    set.append(label);
  }
  return set;
}

// The library's heads are for a mouse alone, and what it scrolls has no place in a grid.
function openToKeyboard(place) {
  place.querySelector(".tabulator-tableholder").removeAttribute("tabindex");
  const heads = place.querySelectorAll("[role=columnheader]");
  for (const head of heads) {
    head.tabIndex = 0;
    head.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      head.click();
    });
  }
  heads[0].focus();
}

function arrange(table) {
  const place = document.createElement("div");
  const columns = columnsOf(table);
  const data = rowsOf(table);
  table.replaceWith(place);
  const made = new window.Tabulator(place, {
    data,
    columns,
    layout: "fitDataStretch",
    movableColumns: true,
    headerSortElement: "<span aria-hidden='true'>▲</span>",
  });
  made.on("tableBuilt", () => {
    place.before(columnBoxes(made, columns));
    openToKeyboard(place);
  });
}

function offer(table) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "arrange";
  button.textContent = "Sort and arrange the columns";
  button.addEventListener("click", async () => {
    button.disabled = true;
    await fetchLibrary();
    button.remove();
    arrange(table);
  });
  table.before(button);
}

// A phone shows rows as cards, which have no columns.
if (matchMedia("(min-width: 48rem)").matches) {
  document.querySelectorAll("table[data-arrange]").forEach(offer);
}
