"use strict";
// What the run did, out of the JSON in this page: columns become typed arrays, windows are found by their frames.

const data = JSON.parse(document.getElementById("data").textContent);
const partitions = data.about.partitions;
const nsPerUnit = 1e9 / data.about.unitsPerSecond;
const lastUnit = Math.max(1, data.about.lastUnit);

const toNs = (unit) => Math.floor(unit * nsPerUnit);
const toUnit = (ns) => ns / nsPerUnit;
const words = (number) => data.words[number] ?? "";
const partitionName = (place) => partitions[place]?.name || `partition ${place}`;

// Whole nanoseconds as a person reads them, exact.
function time(ns) {
  const [size, digits, name] =
    Math.abs(ns) >= 1e9
      ? [1e9, 9, "s"]
      : Math.abs(ns) >= 1e6
        ? [1e6, 6, "ms"]
        : Math.abs(ns) >= 1e3
          ? [1e3, 3, "µs"]
          : [1, 0, "ns"];
  const text = (ns / size).toFixed(digits);
  return `${digits ? text.replace(/\.?0+$/, "") : text} ${name}`;
}

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, "_");
const percent = (part, whole) =>
  whole > 0 ? `${((100 * part) / whole).toFixed(part * 1000 < whole && part > 0 ? 2 : 1)} %` : "";

function decodePoints(columns) {
  const count = columns.kind.length;
  const points = {
    count,
    kind: Uint8Array.from(columns.kind),
    partition: Uint16Array.from(columns.partition),
    unit: new Float64Array(count),
    instruction: new Float64Array(count),
    words: Uint32Array.from(columns.words),
    of: partitions.map(() => []),
  };
  const instructions = new Float64Array(partitions.length);
  let unit = 0;
  for (let at = 0; at < count; at++) {
    const of = points.partition[at];
    unit += columns.unit[at];
    instructions[of] += columns.instruction[at];
    points.unit[at] = unit;
    points.instruction[at] = instructions[of];
    points.of[of].push(at);
  }
  return points;
}

const kinds = data.details.kinds;
const points = decodePoints(data.details.points);
const notable = decodePoints(data.details.notable);
const isNotable = kinds.map((kind) =>
  ["health", "restart", "crash", "mark", "input-end", "tracing", "settle"].includes(kind),
);

const arrows = (() => {
  let unit = 0;
  return data.details.arrows.map(([from, to, since, took, name, isMessage]) => {
    unit += since;
    return { from, to, fromUnit: unit - took, toUnit: unit, name: words(name), isMessage: isMessage === 1 };
  });
})();

// When each partition executed, where every event is known: before an event it waited, then executed.
const busy = partitions.map((partition, of) => {
  const stretches = [];
  const add = (from, to) => {
    const last = stretches[stretches.length - 1];
    if (last && last[1] >= from) last[1] = to;
    else stretches.push([from, to]);
  };
  let before = -1;
  for (const at of points.of[of]) {
    const executed = before < 0 ? points.instruction[at] : points.instruction[at] - points.instruction[before];
    const since = before < 0 ? 0 : points.unit[before];
    const to = points.unit[at];
    if (executed > 0 && isCovered(since, to)) add(Math.max(since, to - executed), to);
    before = at;
  }
  // What executed when the run or the recording ended, it executed right after its last event.
  const [since, known] = before < 0 ? [0, 0] : [points.unit[before], points.instruction[before]];
  if (partition.executed > known && isCovered(since, lastUnit))
    add(since, Math.min(lastUnit, since + partition.executed - known));
  return stretches;
});

function isCovered(from, to) {
  return data.details.covered.some(([first, last]) => first <= from && to <= last);
}

const binUnits = data.density.binUnits;
const bins = data.density.partitions.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
const BIN_BYTES = 4;
const executedPart = (bytes, bin) => ((bytes[bin * BIN_BYTES] << 8) + bytes[bin * BIN_BYTES + 1]) / 65535;
const windowsPart = (bytes, bin) => bytes[bin * BIN_BYTES + 2] / 255;
const eventsInBin = (byte) => (byte ? 2 ** Math.floor((byte - 1) / 4) * (1 + ((byte - 1) % 4) / 4) : 0);

// The first place in a sorted list at which `value(place)` is at least `least`.
function firstAt(length, least, value) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(middle) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

const runs = data.schedule.runs;
const hasWindows = data.schedule.windows > 0;
const frameEnd = data.schedule.frames.map(({ windows }) =>
  Math.max(0, ...windows.map(([, , start, length]) => start + length)),
);

// All windows that touch a stretch of time, or null if there are more than `most`.
function windowsIn(from, to, most) {
  const found = [];
  if (!hasWindows) {
    return partitions.map((_, partition) => ({ partition, start: 0, end: lastUnit, plan: -1, window: -1 }));
  }
  const leftOut = data.schedule.leftOut;
  if (leftOut && to > leftOut[0]) return null;
  let run = firstAt(
    runs.length,
    from,
    (place) => runs[place][1] + runs[place][2] * (runs[place][3] - 1) + frameEnd[runs[place][0]],
  );
  for (; run < runs.length && runs[run][1] < to; run++) {
    const [kind, first, period, count] = runs[run];
    const { plan, windows } = data.schedule.frames[kind];
    const early = period ? Math.max(0, Math.floor((from - first - frameEnd[kind]) / period)) : 0;
    const late = period ? Math.min(count - 1, Math.floor((to - first) / period)) : 0;
    if ((late - early + 1) * windows.length + found.length > most) return null;
    for (let frame = early; frame <= late; frame++) {
      for (const [partition, window, offset, length] of windows) {
        const start = first + frame * period + offset;
        if (start + length >= from && start <= to) {
          found.push({ partition, window, plan, start, end: start + length, run, frame, isLast: frame === count - 1 });
        }
      }
    }
  }
  return found;
}

// The usual length of a window of a plan: the longest that there was.
const usualLength = new Map();
for (const { plan, windows } of data.schedule.frames) {
  for (const [, window, , length] of windows) {
    const key = `${plan} ${window}`;
    usualLength.set(key, Math.max(usualLength.get(key) ?? 0, length));
  }
}

// What executed in a stretch of time, by the bins: the part of it, and whether that is all that is known.
function executedIn(partition, from, to) {
  const bytes = bins[partition];
  let executed = 0;
  for (
    let bin = Math.floor(from / binUnits);
    bin <= Math.floor(to / binUnits) && bin * BIN_BYTES < bytes.length;
    bin++
  ) {
    const overlap = Math.min(to, (bin + 1) * binUnits) - Math.max(from, bin * binUnits);
    executed += executedPart(bytes, bin) * Math.max(0, overlap);
  }
  return executed;
}

// What a partition executed in a stretch of time in which every event is known.
function executedExactly(partition, from, to) {
  const stretches = busy[partition];
  let executed = 0;
  for (
    let at = firstAt(stretches.length, from, (place) => stretches[place][1]);
    at < stretches.length && stretches[at][0] < to;
    at++
  ) {
    executed += Math.min(to, stretches[at][1]) - Math.max(from, stretches[at][0]);
  }
  return executed;
}
