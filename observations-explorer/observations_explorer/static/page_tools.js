// Small helps that several pages share.

// Shows what only works with a script.
export function revealTools(root = document) {
  for (const tool of root.querySelectorAll("[data-script]")) tool.hidden = false;
}

// Changes a line of words; a reader who sees nothing is told only where it differs.
export function tell(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

// Narrows a table while its search is typed in; without a script the server does it.
export function filterRows(form) {
  const rows = [...document.getElementById(form.dataset.filters).rows];
  const field = form.querySelector("input");
  field.addEventListener("input", () => {
    const sought = field.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(sought);
  });
  // Where the server has left rows out, only the server can bring them back.
  if (!field.value) form.addEventListener("submit", (event) => event.preventDefault());
}

// Offers the page to the system's share sheet, or copies its address.
export function shareOnClick(button) {
  const said = button.textContent;
  button.addEventListener("click", async () => {
    const link = document.querySelector("link[rel=canonical]")?.href ?? location.href;
    try {
      if (navigator.share) await navigator.share({ title: document.title, url: link });
      else {
        await navigator.clipboard.writeText(link);
        button.textContent = "Link copied";
      }
    } catch (error) {
      if (error.name !== "AbortError") button.textContent = "Copy the address by hand";
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  });
}

// Copies what a button belongs to, and says so on it.
export function copyOnClick(button) {
  const said = button.textContent;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  });
}
