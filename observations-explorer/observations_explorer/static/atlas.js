// Draws the newest frames in Aladin Lite: without a survey and without its log it asks no host.

import A from "./vendor/aladin-lite/aladin.js";

const place = document.getElementById("atlas");
const chosen = document.getElementById("atlas-chosen");

function tell(frame) {
  const link = document.createElement("a");
  link.href = frame.address;
  link.textContent = frame.words;
  chosen.replaceChildren(link);
}

async function draw() {
  await A.init;
  const atlas = A.aladin(place, {
    survey: [],
    log: false,
    cooFrame: "ICRS",
    fov: 180,
    projection: "AIT",
    showCooGrid: true,
    showReticle: false,
    showLayersControl: false,
    showGotoControl: false,
    showProjectionControl: false,
    showFrame: false,
  });
  const overlay = A.graphicOverlay({ color: "#ffd27a", lineWidth: 1.5, name: "Frames" });
  atlas.addOverlay(overlay);
  const frames = new Map();
  for (const frame of JSON.parse(place.dataset.frames)) {
    const outline = A.polygon(frame.corners_deg);
    overlay.add(outline);
    frames.set(outline, frame);
  }
  atlas.on("footprintClicked", (clicked) => {
    const frame = frames.get(clicked?.shape ?? clicked);
    if (frame) tell(frame);
  });
  place.dataset.drawn = "true";
}

draw();
