// Draws: the axis, a row for each partition, arrows between them, and the overview of the whole run.

const chart = document.getElementById("chart");
const overview = document.getElementById("overview");
const stage = document.getElementById("stage");
const GUTTER = 148;
const AXIS = 26;
const WINDOWS_DRAWN = 12_000;
const POINTS_DRAWN = 20_000;
const POINTS_OF_PIXEL = 24;
const ARROWS_DRAWN = 1500;

const HUES = [212, 28, 152, 330, 262, 48, 186, 0];
const hueOf = (place) => (place < HUES.length ? HUES[place] : (HUES[place % HUES.length] + 137.5 * Math.floor(place / HUES.length)) % 360);
let isDark = false;
let colours = {};
const partitionColour = (place, alpha = 1) => `hsl(${hueOf(place)} ${isDark ? "62% 62%" : "62% 42%"} / ${alpha})`;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  isDark = style.getPropertyValue("--is-dark").trim() === "1";
  for (const name of ["ground", "raised", "text", "faint", "line", "grid", "accent", "bad", "good", "warn", "message", "event", "call", "console", "mark"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

// Which layer a kind of event belongs to, its colour, its shape, and how much it matters where there is no room for all.
const LOOKS = {
  raise: ["events", "event", "up", 3], deliver: ["events", "event", "down", 4], take: ["events", "event", "diamond", 4], drop: ["events", "bad", "cross", 6],
  write: ["messages", "message", "out", 4], receive: ["messages", "message", "in", 4], flush: ["messages", "message", "bar", 2], lose: ["messages", "bad", "cross", 6],
  trap: ["traps", "bad", "diamond", 5], upcall: ["traps", "event", "tick", 1], iret: ["traps", "faint", "tick", 1],
  call: ["calls", "call", "tick", 1], console: ["console", "console", "dot", 2], input: ["console", "accent", "dot", 3],
  health: ["marks", "bad", "plus", 8], restart: ["marks", "warn", "ring", 8], crash: ["marks", "bad", "burst", 9], mark: ["marks", "mark", "flag", 7],
  settle: ["marks", "faint", "tick", 1], tracing: ["marks", "faint", "bar", 2], "input-end": ["marks", "accent", "bar", 3],
};
const lookOf = (kind) => LOOKS[kinds[kind]] ?? null;

function fitCanvas(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const paper = canvas.getContext("2d");
  paper.setTransform(scale, 0, 0, scale, 0, 0);
  paper.clearRect(0, 0, width, height);
  return [paper, width, height];
}

// The view has some room on both sides, so that what happens at its very beginning and end is seen.
const ROOM = 12;
const chartWidth = () => Math.max(1, chart.clientWidth - GUTTER - 2 * ROOM);
const xOf = (unit) => GUTTER + ROOM + ((unit - view.from) / span()) * chartWidth();
const unitAt = (x) => view.from + ((x - GUTTER - ROOM) / chartWidth()) * span();
const seenFrom = () => Math.max(0, unitAt(GUTTER));
const seenTo = () => Math.min(lastUnit, unitAt(chart.clientWidth));
const rowTop = (place) => AXIS + place * view.rowHeight - view.top;
const rowAt = (y) => Math.floor((y - AXIS + view.top) / view.rowHeight);
const mostTop = () => Math.max(0, partitions.length * view.rowHeight - (chart.clientHeight - AXIS));

function bringIntoSight(partition) {
  const top = partition * view.rowHeight;
  const room = chart.clientHeight - AXIS;
  if (top < view.top || top + view.rowHeight > view.top + room) view.top = Math.min(Math.max(0, top - room / 2), mostTop());
}

function tickStep(length, room) {
  const least = toNs(length) / Math.max(1, room / 110);
  let step = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  for (const factor of [1, 2, 5, 10]) if (step * factor >= least) return step * factor;
  return step * 10;
}

function drawAxis(paper, width, height) {
  const step = tickStep(span(), chartWidth());
  paper.font = "11px system-ui, sans-serif";
  paper.textBaseline = "middle";
  for (let ns = Math.ceil(toNs(seenFrom()) / step) * step; ns <= seenTo() * nsPerUnit; ns += step) {
    const x = Math.round(xOf(toUnit(ns))) + 0.5;
    if (x < GUTTER) continue;
    paper.fillStyle = colours.grid;
    paper.fillRect(x - 0.5, AXIS - 5, 1, height);
    paper.fillStyle = colours.faint;
    const text = time(ns);
    const room = paper.measureText(text).width;
    paper.fillText(text, Math.min(Math.max(x - room / 2, GUTTER + 2), width - room - 4), AXIS / 2 - 1);
  }
}

function drawNames(paper, first, end) {
  paper.fillStyle = colours.ground;
  paper.fillRect(0, AXIS, GUTTER - 1, chart.clientHeight);
  const every = Math.ceil(11 / view.rowHeight);
  for (let place = first; place < end; place++) {
    const top = rowTop(place);
    paper.fillStyle = partitionColour(place, selection.partition === place ? 1 : 0.85);
    paper.fillRect(0, top + 1, selection.partition === place ? 6 : 3, view.rowHeight - 2);
    if (place % every) continue;
    const isTall = view.rowHeight >= 30;
    const middle = top + Math.max(view.rowHeight, 11 * every) / 2;
    paper.fillStyle = colours.text;
    paper.font = view.rowHeight >= 16 ? "12.5px system-ui, sans-serif" : "10px system-ui, sans-serif";
    paper.fillText(shortened(paper, partitionName(place), GUTTER - 20), 12, isTall ? middle - 7 : middle);
    if (isTall) {
      paper.fillStyle = colours.faint;
      paper.font = "10.5px system-ui, sans-serif";
      const part = percent(executedIn(place, view.from, view.to), span());
      paper.fillText(`${part} executing`, 12, middle + 8);
    }
  }
}

function shortened(paper, text, room) {
  if (paper.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 1 && paper.measureText(`${text.slice(0, length)}…`).width > room) length--;
  return `${text.slice(0, length)}…`;
}

// Rows as bins: how much of each pixel was the partition's, and how much of it executed. Pixels that are alike are drawn at once.
function drawBins(paper, place, top, height) {
  const bytes = bins[place];
  const strip = (first, end, [windows, executed, events]) => {
    if (windows) {
      paper.globalAlpha = windows;
      paper.fillRect(first, top, end - first, height);
    }
    if (executed) {
      paper.globalAlpha = 0.9;
      paper.fillRect(first, top + height - executed, end - first, executed);
    }
    if (events) {
      paper.globalAlpha = 0.4;
      paper.fillStyle = colours.faint;
      paper.fillRect(first, top, end - first, events);
      paper.fillStyle = partitionColour(place);
    }
  };
  paper.fillStyle = partitionColour(place);
  let [began, last] = [0, null];
  const end = Math.min(chart.clientWidth, xOf(lastUnit));
  for (let x = Math.floor(Math.max(GUTTER, xOf(0))); x < end; x++) {
    const looks = looksOfBins(bytes, Math.max(0, Math.floor(unitAt(x) / binUnits)), Math.floor(unitAt(x + 1) / binUnits), height);
    if (last && looks.every((look, at) => look === last[at])) continue;
    if (last) strip(began, x, last);
    [began, last] = [x, looks];
  }
  if (last) strip(began, Math.ceil(end), last);
  paper.globalAlpha = 1;
}

// Of the bins of a pixel: how dark the windows are, how high what executed is, and how high the events.
function looksOfBins(bytes, first, last, height) {
  let [windows, executed, events, count] = [0, 0, 0, 0];
  for (let bin = first; bin <= last && bin * BIN_BYTES < bytes.length; bin++, count++) {
    executed += executedPart(bytes, bin);
    windows += hasWindows ? windowsPart(bytes, bin) : 1;
    events = Math.max(events, bytes[bin * BIN_BYTES + 3]);
  }
  if (!count) return [0, 0, 0];
  return [
    windows && Math.round(64 * (0.08 + 0.22 * Math.sqrt(windows / count))) / 64,
    executed && Math.max(1, Math.round((2 * height * executed) / count) / 2),
    layers.events && height >= 10 && events && Math.round(Math.min(height / 3, 1 + events / 8)),
  ];
}

function drawWindows(paper, windows, first, end) {
  for (const { partition, start, end: last, plan } of windows) {
    if (partition < first || partition >= end) continue;
    const [left, right] = [Math.max(GUTTER, xOf(start)), xOf(last)];
    if (right < GUTTER || right - left <= 0) continue;
    const [top, height] = [rowTop(partition) + 2, view.rowHeight - 4];
    const isSelected = selection.window && selection.window.partition === partition && selection.window.start === start;
    paper.fillStyle = partitionColour(partition, isSelected ? 0.42 : plan < 0 ? 0.08 : 0.2);
    paper.fillRect(left, top, Math.max(1, right - left), height);
    if (right - left > 3) {
      paper.strokeStyle = partitionColour(partition, isSelected ? 1 : 0.55);
      paper.strokeRect(left + 0.5, top + 0.5, right - left - 1, height - 1);
    }
    if (plan < 0) continue;
    if (isCovered(start, Math.min(last, lastUnit))) drawExecuted(paper, partition, start, last);
    else drawAverage(paper, partition, start, last);
  }
}

// Of a window of which not every event is known: the part that executed of all windows of its bins.
function drawAverage(paper, place, start, end) {
  const bytes = bins[place];
  let [executed, windows] = [0, 0];
  for (let bin = Math.floor(start / binUnits); bin <= Math.floor((end - 1) / binUnits) && bin * BIN_BYTES < bytes.length; bin++) {
    executed += executedPart(bytes, bin);
    windows += windowsPart(bytes, bin);
  }
  if (!executed || !windows) return;
  const height = view.rowHeight - 4;
  const part = Math.max(1, height * Math.min(1, executed / windows));
  paper.fillStyle = partitionColour(place, 0.45);
  paper.fillRect(xOf(start), rowTop(place) + 2 + height - part, xOf(end) - xOf(start), part);
}

// Where every event is known: when the partition executed.
function drawExecuted(paper, place, from, to) {
  const height = view.rowHeight - 4;
  const part = Math.max(2, Math.round(height * 0.3));
  const bottom = rowTop(place) + 2 + height;
  const stretches = busy[place];
  paper.fillStyle = partitionColour(place, 0.95);
  const [first, last] = [Math.max(from, seenFrom()), Math.min(to, seenTo())];
  let painted = -1;
  for (let at = firstAt(stretches.length, first, (of) => stretches[of][1]); at < stretches.length && stretches[at][0] < last; at++) {
    const left = Math.max(GUTTER, xOf(stretches[at][0]));
    const right = Math.max(left + 1, xOf(Math.min(stretches[at][1], to)));
    if (right <= painted) continue;
    paper.fillRect(left, bottom - part, right - left, part);
    painted = right;
  }
}

function shape(paper, kind, x, y, size) {
  paper.beginPath();
  switch (kind) {
    case "up": paper.moveTo(x - size, y + size); paper.lineTo(x + size, y + size); paper.lineTo(x, y - size); paper.closePath(); paper.stroke(); return;
    case "down": paper.moveTo(x - size, y - size); paper.lineTo(x + size, y - size); paper.lineTo(x, y + size); paper.fill(); return;
    case "diamond": paper.moveTo(x, y - size - 1); paper.lineTo(x + size, y); paper.lineTo(x, y + size + 1); paper.lineTo(x - size, y); paper.fill(); return;
    case "out": paper.moveTo(x - size, y - size); paper.lineTo(x + size, y); paper.lineTo(x - size, y + size); paper.fill(); return;
    case "in": paper.rect(x - size + 0.5, y - size + 0.5, 2 * size - 1, 2 * size - 1); paper.stroke(); return;
    case "dot": paper.arc(x, y, Math.max(1.5, size - 1.5), 0, 7); paper.fill(); return;
    case "ring": paper.lineWidth = 2; paper.arc(x, y, size + 0.5, 0.6, 6); paper.stroke(); paper.lineWidth = 1; return;
    case "bar": paper.fillRect(x - 1, y - size, 2, 2 * size); return;
    case "flag": paper.moveTo(x, y + size + 2); paper.lineTo(x, y - size - 1); paper.lineTo(x + 2 * size, y - size / 2); paper.lineTo(x, y); paper.stroke(); paper.fill(); return;
    case "plus": paper.fillRect(x - size - 1, y - 1.5, 2 * size + 2, 3); paper.fillRect(x - 1.5, y - size - 1, 3, 2 * size + 2); return;
    case "cross": case "burst":
      paper.lineWidth = kind === "burst" ? 3 : 1.6;
      paper.moveTo(x - size, y - size); paper.lineTo(x + size, y + size); paper.moveTo(x + size, y - size); paper.lineTo(x - size, y + size); paper.stroke();
      paper.lineWidth = 1;
      return;
    default: paper.fillRect(x, y - size, 1, 2 * size);
  }
}

// What can be pointed at: filled while drawing.
let targets = [];

// Where there is room, kinds that follow each other at once stand below each other.
const LANES = { raise: 0.17, deliver: 0.3, take: 0.3, drop: 0.3, upcall: 0.3, iret: 0.3, write: 0.43, receive: 0.43, flush: 0.43, lose: 0.43, trap: 0.43, call: 0.56, console: 0.56, input: 0.56 };
const NOTABLE_LANE = 0.65;
const laneOf = (kind, height) => (height < 36 ? 0.36 : (LANES[kinds[kind]] ?? 0.5));

function laneY(place, kind) {
  const height = view.rowHeight - 4;
  return rowTop(place) + 2 + height * (height < 36 ? 0.36 : LANES[kind]);
}

function drawPoints(paper, list, places, top, height, areNotable, areMany) {
  const size = Math.min(4.5, Math.max(2, height / 8));
  const [lastX, lastRank, tickX] = [new Map(), new Map(), new Map()];
  const [from, to] = [seenFrom(), seenTo()];
  let [pixel, ofPixel] = [-1, 0];
  for (let at = firstAt(places.length, from, (of) => list.unit[places[of]]); at < places.length; at++) {
    const point = places[at];
    if (list.unit[point] > to) break;
    const look = lookOf(list.kind[point]);
    if (!look || (!areNotable && isNotable[list.kind[point]]) || (look[0] in layers && !layers[look[0]])) continue;
    const x = xOf(list.unit[point]);
    ofPixel = Math.floor(x) === pixel ? ofPixel + 1 : 0;
    pixel = Math.floor(x);
    if (ofPixel > POINTS_OF_PIXEL) {
      at = firstAt(places.length, unitAt(pixel + 1), (of) => list.unit[places[of]]) - 1;
      continue;
    }
    const rank = look[3];
    const lane = areNotable ? (height < 36 ? 0.5 : NOTABLE_LANE) : laneOf(list.kind[point], height);
    const middle = top + Math.max(size + 1, height * lane);
    const since = x - (lastX.get(lane) ?? -99);
    const hasRoom = since >= 2 * size + 1 || (rank > (lastRank.get(lane) ?? 0) && since >= 1);
    targets.push({ x, y: middle, point, list });
    paper.fillStyle = paper.strokeStyle = colours[look[1]];
    if (hasRoom && rank > 1 && height >= 8 && (!areMany || rank >= 5)) {
      shape(paper, look[2], x, middle, areNotable ? Math.max(3.5, size) : size);
      lastX.set(lane, x);
      lastRank.set(lane, rank);
    } else if (Math.floor(x) !== tickX.get(lane)) {
      tickX.set(lane, Math.floor(x));
      paper.globalAlpha = areMany ? 0.35 : rank > 1 ? 0.9 : 0.5;
      paper.fillRect(Math.floor(x), middle - size, 1, 2 * size);
      paper.globalAlpha = 1;
    }
  }
}

function drawArrows(paper, first, end) {
  if (!layers.arrows) return 0;
  const [since, until] = [seenFrom(), seenTo()];
  const seen = arrows.filter(
    ({ from, to, fromUnit, toUnit, isMessage }) =>
      toUnit >= since && fromUnit <= until && (isMessage ? layers.messages : layers.events) &&
      !((from < first && to < first) || (from >= end && to >= end)),
  );
  const drawn = seen.length > ARROWS_DRAWN ? [] : seen;
  const alpha = drawn.length > 400 ? 0.3 : drawn.length > 80 ? 0.6 : 0.9;
  for (const arrow of drawn) {
    const { from, to, fromUnit, toUnit, isMessage } = arrow;
    const [x0, x1] = [xOf(fromUnit), xOf(toUnit)];
    paper.strokeStyle = paper.fillStyle = isMessage ? colours.message : colours.event;
    paper.globalAlpha = alpha;
    if (from === to) {
      const y = rowTop(from) + Math.max(3, view.rowHeight * 0.12);
      paper.fillRect(x0, y, Math.max(1, x1 - x0), 2);
      targets.push({ x: (x0 + x1) / 2, y, arrow, width: Math.abs(x1 - x0) / 2 });
      continue;
    }
    const isDown = to > from;
    const y0 = laneY(from, isMessage ? "write" : "call");
    const y1 = laneY(to, isMessage ? "receive" : "deliver") + (isDown ? -5 : 5);
    const lean = (y1 - y0) * 0.5;
    paper.beginPath();
    paper.moveTo(x0, y0);
    paper.bezierCurveTo(x0, y0 + lean, x1, y1 - lean, x1, y1);
    paper.stroke();
    paper.beginPath();
    const tip = isDown ? -5 : 5;
    paper.moveTo(x1, y1);
    paper.lineTo(x1 - 3.5, y1 + tip);
    paper.lineTo(x1 + 3.5, y1 + tip);
    paper.fill();
    targets.push({ x: (x0 + x1) / 2, y: (y0 + y1) / 2, arrow, width: 4 });
  }
  paper.globalAlpha = 1;
  return seen.length - drawn.length;
}

function drawSelection(paper, height) {
  if (selection.range) {
    const [left, right] = selection.range.map(xOf).sort((a, b) => a - b);
    paper.fillStyle = colours.accent;
    paper.globalAlpha = 0.14;
    paper.fillRect(left, AXIS, right - left, height);
    paper.globalAlpha = 1;
    const text = time(toNs(Math.abs(selection.range[1] - selection.range[0])));
    paper.font = "bold 12px system-ui, sans-serif";
    paper.fillText(text, Math.max(GUTTER + 4, (left + right) / 2 - paper.measureText(text).width / 2), AXIS + 10);
  }
  const at = selection.point ? selection.point.list.unit[selection.point.point] : selection.unit;
  if (at !== null && at >= seenFrom() && at <= seenTo()) {
    paper.fillStyle = colours.accent;
    paper.fillRect(xOf(at) - 0.5, AXIS - 4, 1.5, height);
    if (selection.partition !== null) {
      paper.strokeStyle = colours.accent;
      paper.strokeRect(xOf(at) - 8, rowTop(selection.partition) + 1, 16, view.rowHeight - 2);
    }
  }
}

function draw() {
  const [paper, width, height] = fitCanvas(chart);
  view.top = Math.min(Math.max(0, view.top), mostTop());
  targets = [];
  drawAxis(paper, width, height);
  const first = Math.max(0, rowAt(AXIS));
  const end = Math.min(partitions.length, rowAt(height) + 1);
  const windows = windowsIn(seenFrom(), seenTo(), WINDOWS_DRAWN);
  const isKnown = isCovered(seenFrom(), seenTo());
  const isSparse = windows !== null && windows.length * 2 < chartWidth() * Math.max(1, end - first);
  paper.save();
  paper.beginPath();
  paper.rect(GUTTER, AXIS, width - GUTTER, height);
  paper.clip();
  for (let place = first; place < end; place++) {
    paper.fillStyle = colours.grid;
    paper.fillRect(GUTTER, rowTop(place) + view.rowHeight - 1, width, 1);
    if (!isSparse) drawBins(paper, place, rowTop(place) + 2, view.rowHeight - 4);
  }
  if (isSparse && layers.windows) drawWindows(paper, windows, first, end);
  for (let place = first; place < end; place++) {
    const [top, rowHeight] = [rowTop(place) + 2, view.rowHeight - 4];
    if (isSparse && !hasWindows && isKnown) drawExecuted(paper, place, seenFrom(), seenTo());
    else if (isSparse && !hasWindows) drawBins(paper, place, top, rowHeight);
    const places = points.of[place];
    const many = firstAt(places.length, seenTo(), (of) => points.unit[places[of]]) - firstAt(places.length, seenFrom(), (of) => points.unit[places[of]]);
    if (many <= POINTS_DRAWN) drawPoints(paper, points, places, top, rowHeight, false, many * 3 > chartWidth());
  }
  const arrowsLeftOut = drawArrows(paper, first, end);
  for (let place = first; place < end; place++) drawPoints(paper, notable, notable.of[place], rowTop(place) + 2, view.rowHeight - 4, true, false);
  drawEnds(paper, first, end);
  drawSelection(paper, height);
  paper.restore();
  drawNames(paper, first, end);
  if (mostTop() > 0) {
    const room = height - AXIS;
    const all = partitions.length * view.rowHeight;
    paper.fillStyle = colours.faint;
    paper.fillRect(width - 5, AXIS + (view.top / all) * room, 4, Math.max(16, (room / all) * room));
  }
  drawOverview();
  tellWhatIsDrawn(isSparse, isKnown, arrowsLeftOut);
}

// From where a partition ended nothing runs any more.
function drawEnds(paper, first, end) {
  for (let place = first; place < end; place++) {
    const ended = partitions[place].ended;
    if (!ended) continue;
    const x = xOf(toUnit(ended.ns));
    paper.fillStyle = ended.verdict === "bad" ? colours.bad : colours.faint;
    paper.fillRect(x, rowTop(place) + 1, 2, view.rowHeight - 2);
    targets.push({ x, y: rowTop(place) + view.rowHeight / 2, ended, place });
  }
}

const overviewWidth = () => Math.max(1, overview.clientWidth - GUTTER - 2 * ROOM);

// The whole run is drawn once for each size and theme.
let wholeRun = { key: "", canvas: document.createElement("canvas") };

function drawWholeRun(width, height) {
  const scale = window.devicePixelRatio || 1;
  const key = `${width} ${height} ${scale} ${isDark}`;
  if (wholeRun.key === key) return wholeRun.canvas;
  const { canvas } = wholeRun;
  wholeRun.key = key;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const paper = canvas.getContext("2d");
  paper.scale(scale, scale);
  const room = overviewWidth();
  const each = height / partitions.length;
  for (let place = 0; place < partitions.length; place++) {
    paper.fillStyle = partitionColour(place);
    for (let x = 0; x < room; x++) {
      const first = Math.floor(((x / room) * lastUnit) / binUnits);
      const last = Math.max(first, Math.floor((((x + 1) / room) * lastUnit) / binUnits) - 1);
      let [windows, executed] = [0, 0];
      for (let bin = first; bin <= last; bin++) {
        executed = Math.max(executed, executedPart(bins[place], bin) || 0);
        windows = Math.max(windows, hasWindows ? windowsPart(bins[place], bin) || 0 : 1);
      }
      if (!windows && !executed) continue;
      paper.globalAlpha = 0.15 + 0.25 * windows + 0.6 * executed;
      paper.fillRect(GUTTER + ROOM + x, place * each, 1, Math.max(1, each - (each > 4 ? 1 : 0)));
    }
  }
  paper.globalAlpha = 1;
  paper.fillStyle = colours.bad;
  for (let at = 0; at < notable.count; at++) {
    const rank = lookOf(notable.kind[at])?.[3] ?? 0;
    if (rank >= 8) paper.fillRect(GUTTER + ROOM + (notable.unit[at] / lastUnit) * room, 0, 2, height);
  }
  paper.fillStyle = colours.faint;
  paper.font = "11px system-ui, sans-serif";
  paper.textBaseline = "middle";
  paper.fillText("whole run", 12, height / 2);
  return canvas;
}

function drawOverview() {
  const [paper, width, height] = fitCanvas(overview);
  paper.drawImage(drawWholeRun(width, height), 0, 0, width, height);
  const [left, right] = [view.from, view.to].map((unit) => GUTTER + ROOM + (unit / lastUnit) * overviewWidth());
  paper.fillStyle = colours.raised;
  paper.globalAlpha = 0.65;
  paper.fillRect(GUTTER, 0, left - GUTTER, height);
  paper.fillRect(right, 0, width - right, height);
  paper.globalAlpha = 1;
  paper.strokeStyle = colours.accent;
  paper.lineWidth = 1.5;
  paper.strokeRect(left + 0.5, 0.75, Math.max(2, right - left - 1), height - 1.5);
  paper.lineWidth = 1;
}

function tellWhatIsDrawn(isSparse, isKnown, arrowsLeftOut) {
  const says = [];
  if (!isSparse) says.push("Windows are too narrow here to be told apart: the height of the colour is the part of the time in which a partition executed. Zoom in to see each window.");
  if (!isKnown) {
    says.push(`Of ${grouped(data.details.seen)} events and arrows this page holds ${grouped(data.details.seen - data.details.leftOut)}: the first, the last, and those around what the health monitor did${data.details.from > 0 || data.details.to < lastUnit ? `, all from ${time(toNs(data.details.from))} to ${time(toNs(Math.min(data.details.to, lastUnit)))}` : "; --from and --to choose others"}. Here some are only counted, in bins of ${time(toNs(binUnits))}${isSparse && hasWindows ? "; pale colour in a window is the average of its bin" : ""}.`);
  }
  if (arrowsLeftOut) says.push(`${grouped(arrowsLeftOut)} arrows are too many to be drawn.`);
  if (data.schedule.leftOut && view.to > data.schedule.leftOut[0]) says.push(`The last ${grouped(data.schedule.leftOut[1])} windows are only in the bins.`);
  document.getElementById("note").textContent = says.join(" ");
}
