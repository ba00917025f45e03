// Saves an SVG figure as PNG, drawn at twice its size.

import { revealTools } from "./page_tools.js";

const SCALE = 2;

export function savePngOnClick(button) {
  button.addEventListener("click", async () => {
    const said = button.textContent;
    try {
      save(await png(button.dataset.png), button.dataset.name);
    } catch {
      button.textContent = "PNG cannot be made here";
      setTimeout(() => { button.textContent = said; }, 2000);
    }
  });
  revealTools(button.closest("p"));
}

async function png(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [SCALE * picture.naturalWidth, SCALE * picture.naturalHeight];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Firefox reads it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
