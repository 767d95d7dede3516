// The page's behaviour: filters, columns, the panel with the evidence, the keyboard. Everything that came from outside is
// set as text, never as markup. A cell's address is `#case@server`; the panel shows whatever the address says.
"use strict";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const panel = one("#panel");
const groups = all("tbody.group");
const rows = all("tr[data-case]").map((element) => ({
  element,
  name: element.dataset.case,
  level: element.dataset.level,
  words: `${element.dataset.case} ${element.firstElementChild.textContent} ${element.className}`.toLowerCase(),
  cells: all("td", element),
}));
const byName = new Map(rows.map((row) => [row.name, row]));
const heads = all(".matrix thead th").slice(1);
let shown = heads.map(() => true);
let current = null; // the cell whose evidence is open

// Filters

const tests = {
  all: () => true,
  differences: (cells) => new Set(cells.map((cell) => cell.dataset.outcome)).size > 1,
  faults: (cells) => cells.some((cell) => "faulty" in cell.dataset),
  outcome: (cells, outcome) => cells.some((cell) => cell.dataset.outcome === outcome),
};

function filter() {
  const words = one("#words").value.toLowerCase().split(/\s+/).filter(Boolean);
  const levels = new Set(all("input.level:checked").map((box) => box.value));
  const show = one("#show").value;
  const test = tests[show] ?? tests.outcome;
  let count = 0;
  for (const row of rows) {
    const cells = row.cells.filter((_, place) => shown[place]);
    const visible = levels.has(row.level) && words.every((word) => row.words.includes(word)) && test(cells, show);
    row.element.hidden = !visible;
    count += visible;
  }
  for (const group of groups) group.hidden = !one("tr[data-case]:not([hidden])", group);
  one(".none").hidden = count > 0;
  one("#status").textContent = `${count} of ${rows.length} cases`;
  enter();
}

// Who narrows the view wants to see what is left, also in folded groups.
function narrow() {
  if (one("#words").value || one("#show").value !== "all") foldAll(false);
  filter();
}

function columns() {
  shown = all("input.server").map((box) => box.checked);
  const hide = (cells) => cells.forEach((cell, place) => (cell.hidden = !shown[place]));
  hide(heads);
  for (const row of rows) hide(row.cells);
  for (const group of groups) hide(all("tr.group > td", group));
  filter();
}

function reset() {
  one("#words").value = "";
  one("#show").value = "all";
  for (const box of all("input.level, input.server")) box.checked = true;
  columns();
}

// Groups

function fold(group, folded) {
  group.classList.toggle("folded", folded);
  one("button", group).setAttribute("aria-expanded", String(!folded));
}

function foldAll(folded) {
  for (const group of groups) fold(group, folded);
  const button = one("#fold");
  button.textContent = folded ? "Unfold groups" : "Fold groups";
  button.setAttribute("aria-pressed", String(folded));
  enter();
}

// The keyboard: one cell takes part in the tab order, the arrow keys move it.

const reachable = (link) => !link.closest("[hidden]") && !link.closest(".folded");
let stop = null;

function enter(link = null) {
  link ??= stop && reachable(stop) ? stop : all(".matrix td > a").find(reachable);
  if (stop) stop.tabIndex = -1;
  stop = link ?? null;
  if (stop) stop.tabIndex = 0;
}

function neighbour(link, key) {
  const cells = [...link.closest("tr").cells];
  const place = cells.indexOf(link.parentElement);
  const linked = (cell) => cell && !cell.hidden && one("a", cell);
  if (key === "ArrowLeft") return cells.slice(0, place).reverse().map(linked).find(Boolean);
  if (key === "ArrowRight") return cells.slice(place + 1).map(linked).find(Boolean);
  if (key === "Home") return cells.map(linked).find(Boolean);
  if (key === "End") return cells.reverse().map(linked).find(Boolean);
  const list = rows.filter((row) => reachable(row.element) && linked(row.element.cells[place]));
  const here = list.findIndex((row) => row.name === link.closest("tr").dataset.case);
  const next = list[here + (key === "ArrowUp" ? -1 : 1)];
  return next && linked(next.element.cells[place]);
}

function moved(event) {
  const link = event.target.closest(".matrix td > a");
  if (!link || event.altKey || event.ctrlKey || event.metaKey) return;
  if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key)) return;
  event.preventDefault();
  const next = neighbour(link, event.key);
  if (!next) return;
  enter(next);
  next.focus();
}

// The panel

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

const unpacked = new Map(); // group -> what is told of its cases, or the promise of it

async function unpack(group) {
  const text = one(`script[data-evidence="${group}"]`).textContent;
  const packed = new Blob([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))]);
  const plain = packed.stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
}

async function evidenceOf(row) {
  const group = row.element.closest("tbody").id;
  if (!unpacked.has(group)) unpacked.set(group, unpack(group));
  return (await unpacked.get(group))[row.name];
}

function address() {
  let text;
  try {
    text = decodeURIComponent(location.hash.slice(1));
  } catch {
    return null; // somebody's broken link
  }
  const cut = text.lastIndexOf("@");
  const row = byName.get(text.slice(0, cut));
  const cell = row?.cells.find((it) => it.dataset.server === text.slice(cut + 1));
  const link = cell && one("a", cell);
  return link ? { row, link, server: text.slice(cut + 1) } : null;
}

async function follow() {
  const place = address();
  if (current) {
    current.removeAttribute("aria-current");
    current.closest("tr").classList.remove("current");
  }
  current = place?.link ?? null;
  if (!place) return reveal(false);
  if (place.link.closest("[hidden]")) reset();
  const group = place.row.element.closest("tbody");
  if (group.classList.contains("folded")) fold(group, false);
  current.setAttribute("aria-current", "true");
  place.row.element.classList.add("current");
  enter(current);
  try {
    const told = await evidenceOf(place.row);
    if (current !== place.link) return; // the reader has gone on
    render(told, place.server);
  } catch {
    if (current !== place.link) return;
    panel.replaceChildren(make("p", "note", "This browser cannot unpack the evidence; results.json has it, too."), shut());
  }
  reveal(true);
  place.row.element.scrollIntoView({ block: "nearest" });
  panel.focus({ preventScroll: true });
}

function reveal(reading) {
  panel.hidden = !reading;
  document.body.classList.toggle("reading", reading);
}

function shut() {
  const button = make("button", "", "Close");
  button.type = "button";
  button.id = "close";
  button.addEventListener("click", close);
  return button;
}

function close() {
  const link = current;
  history.replaceState(null, "", location.href.split("#")[0]);
  follow();
  link?.focus({ preventScroll: true });
}

function render(data, server) {
  const cell = data.cells.find((it) => it.server === server);
  const weak = `${data.kind.toLowerCase()} ${data.level.toLowerCase()}`;
  const tabs = make("nav", "bar-top");
  tabs.setAttribute("aria-label", "This case on each server");
  for (const it of data.cells) {
    const tab = make("a", "tab", make("b", `sign ${it.style} ${weak}`, it.sign), it.server);
    tab.href = `#${it.link}`;
    tab.title = `${it.server}: ${it.meaning}`;
    if (it === cell) tab.setAttribute("aria-current", "true");
    tabs.append(tab);
  }
  panel.replaceChildren(about(data, cell, weak), make("div", "seen", tabs, evidence(cell.evidence)), shut());
  panel.scrollTop = 0;
}

function about(data, cell, weak) {
  const title = make("h2", "", data.title);
  title.id = "panel-title";
  const outcome = make("p", "outcome", make("b", `sign ${cell.style} ${weak}`, cell.sign), ` ${cell.server} ${cell.version}: `);
  outcome.append(make("b", "", cell.meaning), `, level ${data.level}`);
  const facts = make("dl", "");
  for (const [id, level, kind, says] of data.clauses) {
    facts.append(make("dt", "", id), make("dd", "", says, make("span", "faint", ` ${level}, ${kind}`)));
  }
  facts.append(make("dt", "", "kind"), make("dd", "", data.binding));
  if (data.facts.length) facts.append(make("dt", "", "also"), make("dd", "", data.facts.join(", ")));
  const permalink = make("a", "permalink", `${data.case}@${cell.server}`);
  permalink.href = `#${cell.link}`;
  facts.append(make("dt", "", "link"), make("dd", "", permalink));
  facts.append(make("dt", "", "took"), make("dd", "", `${cell.seconds} s`));
  const parts = [title, outcome];
  if (cell.detail) parts.push(make("p", "detail", cell.detail));
  return make("div", "what", ...parts, facts);
}

const SPEAKERS = [
  [/^(wire(?: \d+)?) > ?/, "sent", (who) => `${who}: to server`],
  [/^(wire(?: \d+)?) < ?/, "came", (who) => `${who}: from server`],
  [/^(app) +/, "told", () => "application"],
];

function evidence(lines) {
  const list = make("ol", "evidence");
  list.tabIndex = 0;
  list.setAttribute("aria-label", "Evidence");
  for (const line of lines) {
    const speaker = SPEAKERS.find(([pattern]) => pattern.test(line));
    const said = speaker ? line.replace(speaker[0], "") : line;
    const who = speaker ? speaker[2](line.match(speaker[0])[1]) : "";
    const broken = speaker && speaker[1] !== "told" ? bytes(said) : [said];
    list.append(make("li", speaker?.[1] ?? "", make("span", "who", who), make("span", "said", ...broken)));
  }
  if (!lines.length) list.append(make("li", "", make("span", "who"), make("span", "said faint", "Nothing was recorded.")));
  return list;
}

// Bytes are written as Python writes them. Escapes are drawn faint, and what ends a line ends it here, too.
function bytes(text) {
  const parts = [];
  for (const piece of text.split(/((?:\\r)?\\n|\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.))/)) {
    if (!piece.startsWith("\\")) parts.push(piece);
    else parts.push(make("span", "escape", piece), ...(piece.endsWith("\\n") ? ["\n"] : []));
  }
  return parts;
}

// Wiring

one("form.tools").addEventListener("submit", (event) => event.preventDefault());
one("#words").addEventListener("input", narrow);
one("#show").addEventListener("change", narrow);
for (const box of all("input.level")) box.addEventListener("change", filter);
for (const box of all("input.server")) box.addEventListener("change", columns);
one("#reset").addEventListener("click", reset);
one("#fold").addEventListener("click", () => foldAll(one("#fold").getAttribute("aria-pressed") !== "true"));
for (const group of groups) {
  one("button", group).addEventListener("click", () => {
    fold(group, !group.classList.contains("folded"));
    enter();
  });
}
one(".matrix").addEventListener("keydown", moved);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !panel.hidden) close();
  else if (event.key === "/" && !event.target.closest("input, select")) {
    event.preventDefault();
    one("#words").focus();
  }
});
window.addEventListener("hashchange", follow);
new ResizeObserver(([entry]) => {
  const fixed = getComputedStyle(entry.target).position === "sticky";
  document.documentElement.style.setProperty("--tools", fixed ? `${entry.target.offsetHeight}px` : "0px");
}).observe(one(".tools"));
if (matchMedia("(max-width: 780px)").matches) foldAll(true);
columns(); // the browser may have kept the boxes of a visit before
follow();
