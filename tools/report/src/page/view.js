// Which part of the run is shown, and what is drawn of it. Times are units, rows are pixels.

const LEAST_SPAN = 20;
const view = { from: 0, to: lastUnit, top: 0, rowHeight: 0 };
const layers = { windows: true, arrows: true, events: true, messages: true, calls: true, traps: true, console: true };
const viewsBefore = [];
const selection = { point: null, window: null, range: null, unit: null, partition: null };
const changed = [];

const span = () => view.to - view.from;

// Shows from one unit to another; `isStep` makes it a view that one can go back to.
function show(from, to, isStep = false) {
  if (isStep) {
    viewsBefore.push([view.from, view.to]);
    if (viewsBefore.length > 100) viewsBefore.shift();
  }
  const length = Math.min(Math.max(to - from, LEAST_SPAN), lastUnit);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(middle - length / 2, 0), lastUnit - length);
  view.to = view.from + length;
  tell();
}

const fit = () => show(0, lastUnit, true);
const zoom = (factor, at = (view.from + view.to) / 2) =>
  show(at - (at - view.from) * factor, at + (view.to - at) * factor);
const move = (part) => show(view.from + part * span(), view.to + part * span());
function goBack() {
  const last = viewsBefore.pop();
  if (last) show(...last);
}

// Brings an instant to the middle, near enough to see what is around it.
function goTo(unit, partition, range) {
  const near = Math.min(span(), Math.max(lastUnit / 100, toUnit(1e6)));
  selection.unit = unit;
  if (partition !== undefined) {
    selection.partition = partition;
    bringIntoSight(partition);
  }
  show(...(range ?? [unit - near / 2, unit + near / 2]), true);
}

let isAsked = false;
function tell() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    for (const listener of changed) listener();
  });
}

// The address of the page names the view in nanoseconds.
let isWriting = 0;
function writeAddress() {
  clearTimeout(isWriting);
  isWriting = setTimeout(() => {
    const whole = view.from === 0 && view.to === lastUnit;
    const part = whole ? "" : `t=${toNs(view.from)}-${Math.ceil(view.to * nsPerUnit)}`;
    const tab = currentTab === firstTab.id ? "" : `tab=${currentTab}`;
    history.replaceState(null, "", `#${[part, tab].filter(Boolean).join("&")}`);
  }, 100);
}

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const [from, to] = (asked.get("t") ?? "").split("-").map(Number);
  if (to > from) show(toUnit(from), toUnit(to));
  if (asked.get("tab")) openTab(asked.get("tab"));
}
