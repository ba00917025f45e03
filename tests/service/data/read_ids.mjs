// Reads JSON addresses as any JavaScript client does: node read_ids.mjs BASE PATH…
// Prints for each path its texts and numbers by key, and the whole numbers that lost digits.

const [base, ...paths] = process.argv.slice(2);

function walk(value, key, found) {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, key, found);
  } else if (value !== null && typeof value === "object") {
    for (const [name, item] of Object.entries(value)) walk(item, name, found);
  } else if (value !== null) {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) found.unsafe.push(`${key} ${value}`);
    (found.values[key] ??= []).push(value);
  }
}

const read = {};
for (const path of paths) {
  const answer = await fetch(base + path, { headers: { Accept: "application/json" } });
  const found = { status: answer.status, values: {}, unsafe: [] };
  walk(JSON.parse(await answer.text()), "", found);
  read[path] = found;
}
process.stdout.write(JSON.stringify(read));
