// The pointer and the keyboard: what is under the pointer, what is chosen, and how the view moves.

const hover = document.getElementById("hover");

// What is at a place of the chart: a symbol or an arrow first, then the window.
function findAt(x, y) {
  const place = rowAt(y);
  if (x < GUTTER || y < AXIS || place < 0 || place >= partitions.length) return null;
  const hits = [];
  for (const target of targets) {
    const distance =
      Math.max(0, Math.abs(target.x - x) - (target.width ?? 0)) + Math.abs(target.y - y) * (target.arrow ? 1 : 0.4);
    const isOfRow = target.arrow || rowAt(target.y) === place;
    if (isOfRow && distance <= 7)
      hits.push({
        target,
        distance: Math.round(distance / 2),
        rank: target.list ? (lookOf(target.list.kind[target.point])?.[3] ?? 0) : 0,
      });
  }
  if (!hits.length) return { window: windowAt(place, unitAt(x)), place, unit: unitAt(x) };
  hits.sort((one, other) => one.distance - other.distance || other.rank - one.rank);
  const best = hits[0].target;
  const also = hits
    .slice(1)
    .map(({ target }) => target)
    .filter((target) => target.list && Math.abs(target.x - best.x) <= 2);
  return { ...best, also };
}

function windowAt(place, unit) {
  const near = windowsIn(unit, unit, WINDOWS_DRAWN) ?? [];
  return near.find(({ partition, start, end }) => partition === place && start <= unit && unit < end) ?? null;
}

function showHover(found, x, y) {
  const [title, rows] = describe(found);
  hover.replaceChildren(
    element("b", {}, title),
    ...rows
      .filter(([, value]) => value !== "")
      .map(([name, value]) => element("div", {}, name ? element("span", {}, name) : null, value)),
    ...alsoThere(found, 4).map((text) => element("div", { class: "also" }, text)),
  );
  hover.hidden = false;
  const { width, height } = hover.getBoundingClientRect();
  hover.style.left = `${Math.min(x + 14, innerWidth - width - 6)}px`;
  hover.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18}px`;
}

function choose(found) {
  Object.assign(selection, { point: null, window: null, unit: null, partition: null });
  if (found) {
    selection.partition = found.list ? found.list.partition[found.point] : found.arrow ? found.arrow.to : found.place;
    if (found.list) selection.point = found;
    else if (found.window) selection.window = found.window;
    else selection.unit = found.arrow ? found.arrow.toUnit : (found.unit ?? null);
  }
  showChosen(found);
  tell();
}

// The next or previous event of the partition that was chosen.
function step(by) {
  const place = selection.partition ?? 0;
  const places = points.of[place];
  const at = selection.point ? selection.point.list.unit[selection.point.point] : (selection.unit ?? view.from);
  let now = firstAt(places.length, at, (of) => points.unit[places[of]]);
  if (selection.point) {
    const { list, point } = selection.point;
    const isIt = (other) =>
      list === points ? other === point : points.unit[other] === at && points.words[other] === list.words[point];
    while (now < places.length - 1 && !isIt(places[now]) && points.unit[places[now]] === at) now++;
  } else if (by > 0) now--;
  const next = places[now + by];
  if (next === undefined) return;
  choose({ list: points, point: next });
  bringIntoSight(place);
  const unit = points.unit[next];
  if (unit < view.from || unit > view.to) show(unit - span() / 2, unit + span() / 2);
}

function listenToPointer() {
  let drag = null;
  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    chart.focus({ preventScroll: true });
    chart.setPointerCapture(event.pointerId);
    drag = {
      x: event.offsetX,
      y: event.offsetY,
      from: view.from,
      to: view.to,
      top: view.top,
      measures: event.shiftKey,
      hasMoved: false,
    };
    if (drag.measures) selection.range = [unitAt(event.offsetX), unitAt(event.offsetX)];
  });
  chart.addEventListener("pointermove", (event) => {
    const { offsetX: x, offsetY: y } = event;
    if (!drag) {
      const found = findAt(x, y);
      chart.style.cursor = found && !("unit" in found && !found.window) ? "pointer" : "default";
      if (found) showHover(found, event.clientX, event.clientY);
      else hover.hidden = true;
      return;
    }
    drag.hasMoved ||= Math.abs(x - drag.x) + Math.abs(y - drag.y) > 3;
    if (!drag.hasMoved) return;
    hover.hidden = true;
    if (drag.measures) {
      selection.range = [selection.range[0], unitAt(x)];
      tell();
      return;
    }
    chart.style.cursor = "grabbing";
    const moved = ((drag.x - x) / chartWidth()) * (drag.to - drag.from);
    view.top = drag.top + drag.y - y;
    show(drag.from + moved, drag.to + moved);
  });
  const end = (event) => {
    if (drag && !drag.hasMoved && event.type === "pointerup") {
      if (drag.measures) selection.range = null;
      choose(findAt(event.offsetX, event.offsetY));
    }
    if (drag?.hasMoved && !drag.measures) viewsBefore.push([drag.from, drag.to]);
    drag = null;
  };
  chart.addEventListener("pointerup", end);
  chart.addEventListener("pointercancel", end);
  chart.addEventListener("pointerleave", () => (hover.hidden = true));
  chart.addEventListener("dblclick", (event) => {
    const found = findAt(event.offsetX, event.offsetY);
    const window = found?.place !== undefined ? found.window : null;
    if (window && window.plan >= 0) {
      const margin = (window.end - window.start) * 0.1;
      show(window.start - margin, window.end + margin, true);
    } else {
      const [from, to] = [view.from, view.to];
      viewsBefore.push([from, to]);
      zoom(0.3, unitAt(event.offsetX));
    }
  });
  chart.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      hover.hidden = true;
      const amount = event.deltaY * (event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 200 : 1);
      const sideways = event.deltaX * (event.deltaMode === 1 ? 20 : 1);
      if (event.offsetX < GUTTER) {
        view.top += amount;
        tell();
      } else if (event.shiftKey || Math.abs(sideways) > Math.abs(amount)) {
        move((sideways || amount) / 800);
      } else {
        zoom(Math.exp(Math.max(-240, Math.min(240, amount)) / 300), unitAt(event.offsetX));
      }
    },
    { passive: false },
  );
  listenToOverview();
}

const KEYS = {
  "+": () => zoom(0.6),
  "=": () => zoom(0.6),
  "-": () => zoom(1 / 0.6),
  _: () => zoom(1 / 0.6),
  ArrowLeft: () => move(-0.15),
  ArrowRight: () => move(0.15),
  ArrowUp: () => {
    view.top -= 3 * view.rowHeight;
    tell();
  },
  ArrowDown: () => {
    view.top += 3 * view.rowHeight;
    tell();
  },
  PageUp: () => {
    view.top -= chart.clientHeight;
    tell();
  },
  PageDown: () => {
    view.top += chart.clientHeight;
    tell();
  },
  0: fit,
  Home: fit,
  Backspace: goBack,
  n: () => step(1),
  p: () => step(-1),
  Enter: () => {
    if (selection.range) {
      const [a, b] = selection.range;
      selection.range = null;
      show(Math.min(a, b), Math.max(a, b), true);
    }
  },
  Escape: () => {
    selection.range = null;
    choose(null);
  },
  v: seeWhoRuns,
  "?": () => document.getElementById("help").showModal(),
};

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const isElsewhere = event.target.closest("input, select, textarea, dialog, button, #panel, #tabs");
    if (event.ctrlKey || event.metaKey || event.altKey || (isElsewhere && event.key !== "Escape")) return;
    const action = KEYS[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
}
