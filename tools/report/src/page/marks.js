// What stands on the rows: symbols of events, and arrows from cause to effect.

const POINTS_DRAWN = 20_000;
const POINTS_OF_PIXEL = 24;
const ARROWS_DRAWN = 1500;

// What can be pointed at: filled while drawing.
let targets = [];

// Where there is room, kinds that follow each other at once stand below each other.
const LANES = {
  raise: 0.17,
  deliver: 0.3,
  take: 0.3,
  drop: 0.3,
  upcall: 0.3,
  iret: 0.3,
  write: 0.43,
  receive: 0.43,
  flush: 0.43,
  lose: 0.43,
  trap: 0.43,
  call: 0.56,
  console: 0.56,
  input: 0.56,
};
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
      toUnit >= since &&
      fromUnit <= until &&
      (isMessage ? layers.messages : layers.events) &&
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
