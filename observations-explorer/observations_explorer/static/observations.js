// The list of observations, made better: list and map point at each other, and a search says
// that it is on its way. Without this script all of the page works.

function light(name, isLit) {
  for (const one of document.querySelectorAll(`[data-sequence="${CSS.escape(name)}"]`)) {
    one.classList.toggle("lit", isLit);
    // Among many footprints the one that is pointed at is drawn last: above the others.
    if (isLit && one.closest("svg") && one.nextElementSibling) {
      one.parentNode.insertBefore(one, one.parentNode.querySelector("text"));
    }
  }
}

function lightOn(starts, ends) {
  for (const [event, on] of [[starts, true], [ends, false]]) {
    document.addEventListener(event, (happened) => {
      const one = happened.target.closest?.("[data-sequence]");
      if (one && one.classList.contains("lit") !== on) light(one.dataset.sequence, on);
    });
  }
}

function showLoading() {
  document.querySelector("main").setAttribute("aria-busy", "true");
  const words = document.createElement("p");
  words.className = "loading";
  words.setAttribute("role", "status");
  words.textContent = "Searching…";
  document.body.append(words);
}

function endLoading() {
  document.querySelector("main").removeAttribute("aria-busy");
  document.querySelector(".loading")?.remove();
}

// A form without the fields that are empty: the address says only what is searched for.
function leaveEmptyOut(form) {
  for (const field of form.elements) {
    if (field.name && !field.value) field.disabled = true;
  }
}

lightOn("mouseover", "mouseout");
lightOn("focusin", "focusout");
document.querySelector(".filters").addEventListener("submit", (event) => {
  leaveEmptyOut(event.target);
  showLoading();
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='?']");
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (link && isPlain) showLoading();
});
// The page that a browser keeps for its back button is whole again.
window.addEventListener("pageshow", () => {
  endLoading();
  for (const field of document.querySelector(".filters").elements) field.disabled = false;
});
