// The strip of the whole run, in which the view is moved.

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

function listenToOverview() {
  const unitOf = (event) => ((event.offsetX - GUTTER - ROOM) / overviewWidth()) * lastUnit;
  let held = null;
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    const at = unitOf(event);
    viewsBefore.push([view.from, view.to]);
    held = at >= view.from && at <= view.to && span() < lastUnit ? at - view.from : span() / 2;
    if (span() >= lastUnit) show(at - lastUnit / 20, at + lastUnit / 20);
    held = Math.min(held, span() / 2 + Math.abs(held - span() / 2) * (held <= span() ? 1 : 0));
    show(at - held, at - held + span());
  });
  overview.addEventListener("pointermove", (event) => {
    if (held !== null) show(unitOf(event) - held, unitOf(event) - held + span());
  });
  for (const type of ["pointerup", "pointercancel"]) overview.addEventListener(type, () => (held = null));
}
