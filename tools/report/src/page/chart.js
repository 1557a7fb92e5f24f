// The timeline: where an instant and a partition are on it, the axis, the names, and what is drawn when.

const chart = document.getElementById("chart");
const overview = document.getElementById("overview");
const stage = document.getElementById("stage");
const GUTTER = 148;
const AXIS = 26;

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
  if (top < view.top || top + view.rowHeight > view.top + room)
    view.top = Math.min(Math.max(0, top - room / 2), mostTop());
}

// Brings who has the window nearest to the middle of the view into sight.
function seeWhoRuns() {
  const middle = (view.from + view.to) / 2;
  const windows = windowsIn(view.from, view.to, WINDOWS_DRAWN) ?? windowsIn(middle, middle, WINDOWS_DRAWN) ?? [];
  const distance = ({ start, end }) => Math.max(0, start - middle, middle - end);
  const [nearest] = windows.toSorted((one, other) => distance(one) - distance(other));
  if (!nearest) return;
  bringIntoSight(nearest.partition);
  tell();
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
  paper.beginPath();
  paper.rect(0, AXIS, GUTTER - 1, chart.clientHeight);
  paper.clip();
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
    const many =
      firstAt(places.length, seenTo(), (of) => points.unit[places[of]]) -
      firstAt(places.length, seenFrom(), (of) => points.unit[places[of]]);
    // Single events here and only counted ones there would look as if there had been none.
    const areCounted = !isSparse && !isKnown;
    if (many <= POINTS_DRAWN && !areCounted) drawPoints(paper, points, places, top, rowHeight, false, many * 3 > chartWidth());
  }
  const arrowsLeftOut = drawArrows(paper, first, end);
  for (let place = first; place < end; place++)
    drawPoints(paper, notable, notable.of[place], rowTop(place) + 2, view.rowHeight - 4, true, false);
  drawEnds(paper, first, end);
  drawSelection(paper, height);
  paper.restore();
  paper.save();
  drawNames(paper, first, end);
  paper.restore();
  if (mostTop() > 0) {
    const room = height - AXIS;
    const all = partitions.length * view.rowHeight;
    paper.fillStyle = colours.faint;
    paper.fillRect(width - 5, AXIS + (view.top / all) * room, 4, Math.max(16, (room / all) * room));
  }
  drawOverview();
  const isElsewhere =
    isSparse && windows.length > 0 && !windows.some((of) => of.partition >= first && of.partition < end);
  tellWhatIsDrawn(isSparse, isKnown, isElsewhere, arrowsLeftOut);
}

// What is not drawn as it was, and why.
function tellWhatIsDrawn(isSparse, isKnown, isElsewhere, arrowsLeftOut) {
  const says = isElsewhere ? ["Other rows have the windows here: press v to see them."] : [];
  const { seen, leftOut, from, to } = data.details;
  if (!isSparse) {
    says.push(
      "Windows are too narrow here to be told apart: the height of the colour is the part of the time in which",
      "a partition executed. Zoom in to see each window.",
    );
  }
  if (!isKnown) {
    const isStretch = from > 0 || to < lastUnit;
    const asked = isStretch ? `, all from ${time(toNs(from))} to ${time(toNs(to))}` : "; --from and --to choose others";
    says.push(
      `Of ${grouped(seen)} events and arrows this page holds ${grouped(seen - leftOut)}: the first, the last, and those`,
      `around what the health monitor did${asked}.`,
      `Here ${isSparse ? "some" : "they"} are only counted, in bins of ${time(toNs(binUnits))}${isSparse && hasWindows ? ";" : "."}`,
    );
    if (isSparse && hasWindows) says.push("pale colour in a window is the average of its bin.");
  }
  if (arrowsLeftOut) says.push(`${grouped(arrowsLeftOut)} arrows are too many to be drawn.`);
  const late = data.schedule.leftOut;
  if (late && view.to > late[0]) says.push(`The last ${grouped(late[1])} windows are only in the bins.`);
  document.getElementById("note").textContent = says.join(" ");
}
