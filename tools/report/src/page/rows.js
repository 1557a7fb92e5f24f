// The row of a partition: its windows, when it executed, and both as bins where single windows are too narrow.

const WINDOWS_DRAWN = 12_000;

// Rows as bins: how much of each pixel was the partition's, and how much of it executed. Pixels that are alike are
// drawn at once.
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
      paper.globalAlpha = 0.5;
      paper.fillStyle = colours.event;
      paper.fillRect(first, top, end - first, events);
      paper.fillStyle = partitionColour(place);
    }
  };
  paper.fillStyle = partitionColour(place);
  let [began, last] = [0, null];
  const end = Math.min(chart.clientWidth, xOf(lastUnit));
  for (let x = Math.floor(Math.max(GUTTER, xOf(0))); x < end; x++) {
    const looks = looksOfBins(
      bytes,
      Math.max(0, Math.floor(unitAt(x) / binUnits)),
      Math.floor(unitAt(x + 1) / binUnits),
      height,
    );
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
    layers.events && height >= 6 && events && Math.round(Math.min(height / 3, 1 + events / 8)),
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
  for (
    let bin = Math.floor(start / binUnits);
    bin <= Math.floor((end - 1) / binUnits) && bin * BIN_BYTES < bytes.length;
    bin++
  ) {
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
  for (
    let at = firstAt(stretches.length, first, (of) => stretches[of][1]);
    at < stretches.length && stretches[at][0] < last;
    at++
  ) {
    const left = Math.max(GUTTER, xOf(stretches[at][0]));
    const right = Math.max(left + 1, xOf(Math.min(stretches[at][1], to)));
    if (right <= painted) continue;
    paper.fillRect(left, bottom - part, right - left, part);
    painted = right;
  }
}
