// How things are written, and how elements are made: always as text, never as markup.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function shortId(id) {
  return /^[a-z]-[0-9a-f]{8}-/.test(id) ? id.slice(0, 10) : id;
}

export function timeText(ms) {
  return ms ? new Date(ms).toISOString().slice(11, 19) : "–";
}

export function spanText(ms) {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}

export function cores(millis) {
  return String(Math.round(millis / 100) / 10);
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let at = 0;
  while (count >= 1000 && at < units.length - 1) [count, at] = [count / 1000, at + 1];
  return `${count < 10 && at ? count.toFixed(1) : Math.round(count)} ${units[at]}`;
}

// What an execution is doing, in a word that has a colour.
export function phase(execution) {
  if (execution.state === "Completed") return "completed";
  if (execution.state === "Failed" || execution.state === "AskForBidRejected") return "failed";
  if (execution.over) return "cancelled";
  return execution.began ? "running" : "waiting";
}
