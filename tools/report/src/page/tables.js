// What stands below the timeline: tabs of tables, and the console by time.

const MORE_ROWS = 500;
let currentTab = "";
const partitionFilter = { place: null };

// A name of a partition with its colour.
function partitionLabel(place) {
  return element("span", { class: "partition" }, element("i", { style: `background:${partitionColour(place)}` }), partitionName(place));
}

// An instant that a click brings to the middle of the timeline.
function instant(ns, partition) {
  return element("button", { type: "button", class: "instant", onclick: () => goTo(toUnit(ns), partition) }, time(ns));
}

// A table that is sorted by a click on a column. A column has a title, and of a row its value and what is shown of it.
function table(columns, rows, emptyWords) {
  if (!rows.length) return element("p", { class: "empty" }, emptyWords);
  let [by, isDown, most] = [null, true, MORE_ROWS];
  const body = element("tbody");
  const more = element("button", { type: "button", onclick: () => { most *= 4; fill(); } });
  const heads = columns.map((column, place) =>
    element("th", { class: column.isNumber ? "number" : "", title: column.says ?? false, tabindex: 0, onclick: () => sortBy(place), onkeydown: (event) => event.key === "Enter" && sortBy(place) }, column.title),
  );
  function sortBy(place) {
    isDown = by === place ? !isDown : Boolean(columns[place].isNumber);
    by = place;
    fill();
  }
  function fill() {
    heads.forEach((head, place) => head.setAttribute("aria-sort", place !== by ? "none" : isDown ? "descending" : "ascending"));
    const sorted = by === null ? rows : rows.toSorted((one, other) => {
      const [a, b] = [columns[by].value(one), columns[by].value(other)];
      return (a < b ? -1 : a > b ? 1 : 0) * (isDown ? -1 : 1);
    });
    body.replaceChildren(...sorted.slice(0, most).map((row) =>
      element("tr", {}, ...columns.map((column) => element("td", { class: column.isNumber ? "number" : "" }, column.show ? column.show(row) : String(column.value(row))))),
    ));
    more.hidden = sorted.length <= most;
    more.textContent = `${grouped(sorted.length - most)} more rows`;
  }
  fill();
  return element("div", { class: "table" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body), more);
}

const numberColumn = (title, value, says) => ({ title, value, says, isNumber: true, show: (row) => (value(row) ? grouped(value(row)) : "0") });
const timeColumn = (title, value, says) => ({ title, value: (row) => value(row) ?? -1, says, isNumber: true, show: (row) => (value(row) === undefined ? "" : time(value(row))) });
const partitionColumn = { title: "partition", value: ({ partition }) => partitionName(partition), show: ({ partition }) => partitionLabel(partition) };
const isShown = ({ partition }) => partitionFilter.place === null || partition === partitionFilter.place;

// A bar for each power of two; a title on each says what it is.
function histogram(waits) {
  if (!waits) return "";
  const svg = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const first = waits.bars[0][0];
  const count = waits.bars[waits.bars.length - 1][0] - first + 1;
  const most = Math.max(...waits.bars.map(([, many]) => many));
  const bars = waits.bars.map(([bar, many]) => {
    const height = Math.max(1.5, (18 * Math.log1p(many)) / Math.log1p(most));
    const to = bar === 0 ? "0 ns" : `up to ${time(Math.min(2 ** bar - 1, waits.max))}`;
    return svg("rect", { x: (bar - first) * 7, y: 20 - height, width: 6, height }, svg("title", {}, `${to}: ${grouped(many)}`));
  });
  return svg("svg", { class: "histogram", width: Math.max(7, count * 7), height: 20, role: "img", "aria-label": "how many took how long" }, ...bars);
}

const atMostColumn = (title, waits, says) => ({
  ...timeColumn(title, (row) => waits(row)?.[title], says),
  show: (row) => (waits(row) ? `${waits(row).precision === "exact" || waits(row)[title] === waits(row).min ? "" : "≤ "}${time(waits(row)[title])}` : ""),
});

// The greatest time; where it is known when that was, a click shows it from its beginning to its end.
function greatest(waits, partition) {
  if (!waits) return "";
  const at = waits.maxAt;
  if (at === null) return time(waits.max);
  const took = Math.max(toUnit(waits.max), LEAST_SPAN);
  return element("button", { type: "button", class: "instant", onclick: () => goTo(at, partition, [at - 1.4 * took, at + 0.6 * took]) }, time(waits.max));
}

const waitColumns = (waits, what) => [
  timeColumn("least", (row) => waits(row)?.min, `the least ${what}`),
  atMostColumn("median", waits, "half took at most this"),
  atMostColumn("p99", waits, "99 of 100 took at most this"),
  { ...timeColumn("most", (row) => waits(row)?.max, `the greatest ${what}; a click shows it`), show: (row) => greatest(waits(row), row.partition ?? row.to[0]) },
  { title: "how many took how long", value: (row) => waits(row)?.count ?? 0, show: (row) => histogram(waits(row)), says: "a bar for each power of two nanoseconds; heights are logarithmic" },
];

function interruptsPanel() {
  const rows = data.interrupts.filter(isShown);
  const dropped = (row) => row.dropped.reduce((sum, [, count]) => sum + count, 0);
  return [
    element("p", {}, "Latency is the virtual time from the raise of an event to its delivery: what it waited while its port was masked, upcalls were disabled, or its partition had no window. A timer's event is raised when it is due."),
    table([
      partitionColumn,
      { title: "source", value: ({ source }) => source },
      { title: "port", value: ({ port }) => port ?? -1, show: ({ port }) => (port === null ? "" : String(port)), isNumber: true },
      numberColumn("raised", ({ raised }) => raised),
      numberColumn("delivered", ({ delivered }) => delivered, "announced by an upcall or a vector"),
      numberColumn("coalesced", ({ coalesced }) => coalesced, "raised while one was pending; the guest's count tells of them"),
      numberColumn("taken", ({ taken }) => taken, "by the guest, without an upcall"),
      numberColumn("pending", ({ pending }) => pending, "at the end"),
      { title: "dropped", value: dropped, isNumber: true, show: (row) => (dropped(row) ? element("span", { class: "bad" }, `${grouped(dropped(row))} ${row.dropped.map(([why, count]) => `${why} ${grouped(count)}`).join(", ")}`) : "0") },
      ...waitColumns(({ waits }) => waits, "latency"),
    ], rows, "No event was raised."),
    leftOutWords(data.interruptsLeftOut, "events of other sources are not listed"),
    data.interrupts.some(({ waits }) => waits && waits.precision !== "exact") ? element("p", { class: "faint" }, "≤: rounded up by at most one part in 32 where very many latencies are different, and to the end of a bar of the histogram where events came while their partition was away.") : null,
  ];
}

function channelsPanel() {
  const rows = data.channels.filter(({ from, to }) => partitionFilter.place === null || from === partitionFilter.place || to.includes(partitionFilter.place));
  return [table([
    { title: "channel", value: ({ name }) => name },
    { title: "kind", value: ({ kind }) => kind },
    { title: "from", value: ({ from }) => partitionName(from), show: ({ from }) => partitionLabel(from) },
    { title: "to", value: ({ to }) => to.map(partitionName).join(" "), show: ({ to }) => element("span", {}, ...to.map(partitionLabel)) },
    numberColumn("sent", ({ sent }) => sent),
    numberColumn("received", ({ received }) => received, "a sample counts each time that it is read"),
    numberColumn("lost", ({ lost }) => lost),
    ...waitColumns(({ ages }) => ages, "age when received"),
  ], rows, "The system has no channels between partitions.")];
}

function callsPanel() {
  return [table([
    partitionColumn,
    { title: "number", value: ({ number }) => number, show: ({ number }) => `0x${number.toString(16)}`, isNumber: true },
    { title: "call", value: ({ name }) => name, show: ({ name }) => element("code", {}, name) },
    numberColumn("count", ({ count }) => count),
    { title: "errors", value: ({ failed }) => failed, isNumber: true, show: ({ failed, errors }) => (failed ? `${grouped(failed)} ${errors.map(([name, count]) => `${name} ${grouped(count)}`).join(", ")}` : "0") },
  ], data.calls.filter(isShown), "Nothing was called."), leftOutWords(data.callsLeftOut, "calls of other numbers are not listed")];
}

function functionsPanel() {
  const { leftOut, instructions, rows, others } = data.functions;
  if (leftOut !== null) return [element("p", { class: "empty" }, leftOut)];
  const all = instructions.reduce((sum, count) => sum + count, 0);
  const hasSource = rows.some(({ source }) => source !== null);
  const shown = rows.filter(isShown).toSorted((one, other) => other.instructions - one.instructions);
  return [
    table([
      partitionColumn,
      { title: "function", value: ({ name }) => name, show: ({ name }) => element("code", {}, name) },
      ...(hasSource ? [{ title: "source", value: ({ source }) => source ?? "", show: ({ source }) => element("code", {}, source ?? "") }] : []),
      { title: "address", value: ({ entry }) => entry, show: ({ entry }) => `0x${entry.toString(16).padStart(8, "0")}`, isNumber: true },
      numberColumn("entered", ({ entries }) => entries, "called, jumped to, or entered by an upcall or a trap"),
      numberColumn("own instructions", (row) => row.instructions, "without those of functions that it called"),
      { title: "of its partition", value: (row) => row.instructions / instructions[row.partition], isNumber: true, show: (row) => share(row.instructions, instructions[row.partition], row.partition) },
      { title: "of the run", value: (row) => row.instructions, isNumber: true, show: (row) => share(row.instructions, all, row.partition) },
    ], shown, "No instruction ran."),
    hasSource ? null : element("p", { class: "faint" }, "The images have no source lines: compile with -g for those."),
    leftOutWords(others, "functions with fewer instructions are not listed"),
  ];
}

function share(part, whole, partition) {
  return element("span", { class: "share" }, element("i", { style: `width:${(60 * part) / Math.max(1, whole)}px;background:${partitionColour(partition)}` }), percent(part, whole) || "0 %");
}

function linesPanel() {
  const { leftOut, instructions, lines, otherLines } = data.functions;
  if (leftOut !== null) return [element("p", { class: "empty" }, leftOut)];
  const shown = lines.filter(isShown).toSorted((one, other) => other.instructions - one.instructions);
  return [
    table([
      partitionColumn,
      { title: "line", value: ({ source }) => source, show: ({ source }) => element("code", {}, source) },
      numberColumn("instructions", (row) => row.instructions),
      { title: "of its partition", value: (row) => row.instructions / instructions[row.partition], isNumber: true, show: (row) => share(row.instructions, instructions[row.partition], row.partition) },
    ], shown, "The images have no source lines: compile with -g for those."),
    leftOutWords(otherLines, "lines with fewer instructions are not listed"),
  ];
}

const leftOutWords = (count, says) => (count ? element("p", { class: "faint" }, `${grouped(count)} ${says}.`) : null);

function healthPanel() {
  const rows = [];
  for (let at = 0; at < notable.count; at++) {
    const row = { partition: notable.partition[at], ns: toNs(notable.unit[at]), kind: kinds[notable.kind[at]], words: words(notable.words[at]), instruction: notable.instruction[at] };
    if (isShown(row)) rows.push(row);
  }
  return [
    table([
      { title: "at", value: ({ ns }) => ns, show: ({ ns, partition }) => instant(ns, partition), isNumber: true },
      partitionColumn,
      { title: "what", value: ({ kind }) => kind, show: ({ kind }) => element("span", { class: kind === "health" || kind === "crash" ? "bad" : "" }, kind) },
      { title: "", value: (row) => row.words },
      { title: "instruction", value: ({ instruction }) => instruction, show: ({ instruction }) => `#${grouped(instruction)}`, isNumber: true },
    ], rows, "No health event, restart, crash or mark."),
    leftOutWords(data.details.notableLeftOut, "later ones are not listed"),
  ];
}

function recordingPanel() {
  const { about } = data;
  const pairs = (list) => element("dl", { class: "pairs" }, ...list.filter(([, value]) => value !== null && value !== "").flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const partitionRows = partitions.map((partition, place) => ({ ...partition, partition: place })).filter(isShown);
  return [
    pairs([
      ["recording", `${about.file}, ${grouped(about.bytes)} bytes`],
      ["of", `${about.of}${about.isSystem ? ", a system" : ""}`],
      ["written by", `${about.writer}, processor semantics ${about.semantics}`],
      ["detail", about.detail === "full" ? "everything: instructions and values are made again by running" : about.detail],
      ["filters", about.filters.length ? about.filters.join(" ") : "none: the whole run is recorded"],
      ["clock", `${grouped(about.unitsPerSecond)} units a second of virtual time`],
      ["configuration digest", element("code", {}, about.configuration)],
      ["final state digest", about.end ? element("code", {}, about.end.digest) : "the recording was cut off"],
      ["files", about.files.map(([name, bytes]) => `${name} (${grouped(bytes)} bytes)`).join(", ")],
      ["ended", about.end ? `${about.end.words}, after ${grouped(about.end.executed)} instructions, at ${time(toNs(about.end.unit))}` : "the recording was cut off before the run's end"],
    ]),
    table([
      partitionColumn,
      { title: "image", value: ({ image }) => image, show: ({ image }) => element("code", {}, image), says: "XXH3, 128 bits, of the file" },
      { title: "build id", value: ({ buildId }) => buildId, show: ({ buildId }) => element("code", {}, buildId || "none") },
      numberColumn("instructions", ({ executed }) => executed),
      timeColumn("idle", ({ idle }) => (idle === null ? undefined : toNs(idle)), "waited in its own windows"),
      { title: "ended", value: ({ ended }) => ended?.ns ?? Infinity, show: ({ ended, partition }) => (ended ? element("span", {}, element("span", { class: ended.verdict === "bad" ? "bad" : "" }, `${ended.words} at `), instant(ended.ns, partition)) : "") },
    ], partitionRows, ""),
  ];
}

const LINE_HEIGHT = 20;
let consoleText = "";

// Only the lines in sight are in the document: there may be tens of thousands.
function consolePanel() {
  const all = data.console.lines.map(([partition, unit, instruction, isInput, text], place) => ({ partition, unit, instruction, isInput, text, place }));
  const wanted = consoleText.toLowerCase();
  const rows = all.filter((row) => isShown(row) && (!wanted || row.text.toLowerCase().includes(wanted)));
  const leftOut = data.console.leftOut;
  const inner = element("div", { class: "inner", style: `height:${rows.length * LINE_HEIGHT}px` });
  const list = element("div", { class: "console", tabindex: 0 }, inner);
  const fill = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / LINE_HEIGHT) - 10);
    const shown = rows.slice(first, first + Math.ceil(list.clientHeight / LINE_HEIGHT) + 20);
    inner.replaceChildren(...shown.map((row, at) => {
      const isInView = row.unit >= view.from && row.unit <= view.to;
      return element("button", { type: "button", class: `line${isInView ? " in-view" : ""}${row.isInput ? " input" : ""}${selection.unit === row.unit && selection.partition === row.partition ? " chosen" : ""}`, style: `top:${(first + at) * LINE_HEIGHT}px`, onclick: () => { choose(null); goTo(row.unit, row.partition); } },
        element("time", {}, time(toNs(row.unit))), partitionLabel(row.partition), element("span", { class: "text" }, row.text));
    }));
  };
  list.addEventListener("scroll", fill);
  panelDraw = fill;
  requestAnimationFrame(fill);
  const find = element("input", { type: "search", placeholder: "find in the console", value: consoleText, "aria-label": "Find in the console", onchange: (event) => { consoleText = event.target.value; openTab("console"); } });
  const says = leftOut ? `${grouped(leftOut[1])} lines in the middle are left out, after the one at ${time(toNs(all[leftOut[0] - 1]?.unit ?? 0))}.` : "";
  return [
    element("div", { class: "bar" }, find, element("span", { class: "faint" }, `${grouped(rows.length)} lines; a click moves the timeline there. ${says}`)),
    rows.length ? list : element("p", { class: "empty" }, all.length ? "No line has this." : "Nothing was written to the console."),
  ];
}

const tabs = [
  { id: "console", title: "Console", count: data.console.lines.length, make: consolePanel },
  { id: "interrupts", title: "Interrupts", count: data.interrupts.length, make: interruptsPanel },
  { id: "functions", title: "Hot functions", count: data.functions.rows.length, make: functionsPanel },
  { id: "lines", title: "Hot lines", count: data.functions.lines.length, make: linesPanel },
  { id: "calls", title: "Calls", count: data.calls.length, make: callsPanel },
  { id: "channels", title: "Channels", count: data.channels.length, make: channelsPanel },
  { id: "health", title: "Health and marks", count: notable.count, make: healthPanel },
  { id: "recording", title: "Recording", count: 0, make: recordingPanel },
];
// Redraws what a tab shows of the view.
let panelDraw = null;

// Shows what is of one partition in the tables, and its row; the empty word is all of them.
function choosePartition(word) {
  partitionFilter.place = word === "" ? null : Number(word);
  if (partitionFilter.place !== null) {
    selection.partition = partitionFilter.place;
    bringIntoSight(partitionFilter.place);
  }
  openTab(currentTab);
  tell();
}

function openTab(id) {
  const tab = tabs.find((known) => known.id === id) ?? tabs[0];
  currentTab = tab.id;
  panelDraw = null;
  const select = partitions.length < 2 ? null : element("select", { id: "partition-filter", "aria-label": "Partition", onchange: (event) => choosePartition(event.target.value) },
    element("option", { value: "" }, "all partitions"),
    ...partitions.map((_, place) => element("option", { value: place, selected: partitionFilter.place === place }, partitionName(place))));
  document.getElementById("tabs").replaceChildren(
    ...tabs.map(({ id: of, title, count }) => element("button", { type: "button", role: "tab", id: `tab-${of}`, "aria-selected": String(of === currentTab), onclick: () => { openTab(of); writeAddress(); } }, title, count ? element("small", {}, ` ${grouped(count)}`) : null)),
    ...(select ? [select] : []),
  );
  document.getElementById("panel").replaceChildren(...tab.make().filter(Boolean));
}

// What was clicked in the chart stays in sight, with the command that shows its instructions.
function showChosen(found) {
  const chosen = document.getElementById("chosen");
  chosen.hidden = !found;
  if (!found) return;
  const [title, rows] = describe(found);
  const instruction = found.list ? found.list.instruction[found.point] : found.ended ? found.ended.instruction : null;
  const partition = found.list ? found.list.partition[found.point] : found.place;
  const command = instruction === null ? null : commandFor(partition, instruction);
  chosen.replaceChildren(
    element("b", {}, title),
    ...rows.filter(([, value]) => value !== "").map(([name, value]) => element("span", {}, name ? element("i", {}, `${name} `) : null, value)),
    ...alsoThere(found, 1).map((text) => element("span", { class: "also" }, text)),
    command ? element("code", { title: "shows the instructions around it" }, command) : "",
    command ? element("button", { type: "button", onclick: () => navigator.clipboard?.writeText(command) }, "copy") : "",
  );
}
