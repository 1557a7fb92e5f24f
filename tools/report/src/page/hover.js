// The pointer and the keyboard: what is under the pointer, and how the view moves.

const hover = document.getElementById("hover");

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A word of a command line, so that no name can be more than a word.
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
const placeWord = (partition, instruction) => (data.about.isSystem ? `${partitionName(partition)}:#${instruction}` : `#${instruction}`);

function commandFor(partition, instruction) {
  return `paravane show ${quoted(data.about.file)} --at ${quoted(placeWord(partition, Math.max(0, instruction - 50)))} --window 100`;
}

// What is at a place of the chart: a symbol or an arrow first, then the window.
function findAt(x, y) {
  const place = rowAt(y);
  if (x < GUTTER || y < AXIS || place < 0 || place >= partitions.length) return null;
  const hits = [];
  for (const target of targets) {
    const distance = Math.max(0, Math.abs(target.x - x) - (target.width ?? 0)) + Math.abs(target.y - y) * (target.arrow ? 1 : 0.4);
    const isOfRow = target.arrow || rowAt(target.y) === place;
    if (isOfRow && distance <= 7) hits.push({ target, distance: Math.round(distance / 2), rank: target.list ? (lookOf(target.list.kind[target.point])?.[3] ?? 0) : 0 });
  }
  if (!hits.length) return { window: windowAt(place, unitAt(x)), place, unit: unitAt(x) };
  hits.sort((one, other) => one.distance - other.distance || other.rank - one.rank);
  const best = hits[0].target;
  const also = hits.slice(1).map(({ target }) => target).filter((target) => target.list && Math.abs(target.x - best.x) <= 2);
  return { ...best, also };
}

function windowAt(place, unit) {
  const near = windowsIn(unit, unit, WINDOWS_DRAWN) ?? [];
  return near.find(({ partition, start, end }) => partition === place && start <= unit && unit < end) ?? null;
}

// Rows of what there is to say about something.
function describe(found) {
  if (found.arrow) {
    const { from, to, fromUnit, toUnit, name, isMessage } = found.arrow;
    return [name, [
      [isMessage ? "written by" : from === to ? "raised for" : "sent by", `${partitionName(from)} at ${time(toNs(fromUnit))}`],
      [isMessage ? "received by" : "delivered to", `${partitionName(to)} at ${time(toNs(toUnit))}`],
      [isMessage ? "age" : "latency", time(toNs(toUnit) - toNs(fromUnit))],
    ]];
  }
  if (found.ended) return [`${partitionName(found.place)} ended`, [["how", found.ended.words], ["at", time(found.ended.ns)], ["instruction", `#${grouped(found.ended.instruction)}`]]];
  if (found.list) {
    const { list, point } = found;
    return [kinds[list.kind[point]], [
      ["", words(list.words[point])],
      ["partition", partitionName(list.partition[point])],
      ["at", time(toNs(list.unit[point]))],
      ["instruction", `#${grouped(list.instruction[point])}`],
    ]];
  }
  const { window, place, unit } = found;
  if (!window) {
    const other = hasWindows ? (windowsIn(unit, unit, WINDOWS_DRAWN) ?? []).find(({ start, end }) => start <= unit && unit < end) : null;
    const says = other ? `away: the window is that of ${partitionName(other.partition)}` : hasWindows ? "no window of a partition" : "";
    return [partitionName(place), [["at", time(toNs(unit))], ["", says]]];
  }
  return describeWindow(window);
}

function describeWindow(window) {
  const { partition, start, end, plan } = window;
  const isKnown = isCovered(start, Math.min(end, lastUnit));
  const executed = isKnown ? executedExactly(partition, start, end) : executedIn(partition, start, end);
  const rows = [];
  if (plan >= 0) rows.push(["window", `${window.window} of plan ${data.plans[plan] ?? plan}`]);
  rows.push(["from", time(toNs(start))], ["to", time(toNs(end))], ["length", time(toNs(end) - toNs(start))]);
  rows.push(["executed", `${isKnown ? "" : "about "}${grouped(Math.round(executed))} instructions, ${percent(executed, end - start)} of it`]);
  if (plan >= 0) rows.push(["ended", whyItEnded(window)]);
  return [partitionName(partition), rows];
}

// Why a window ended, by what came after it.
function whyItEnded(window) {
  const { partition, start, end, plan } = window;
  const usual = usualLength.get(`${plan} ${window.window}`) ?? end - start;
  const ended = partitions[partition].ended;
  if (end >= lastUnit) return "with the run";
  const next = data.schedule.runs[window.run + 1];
  const other = window.isLast && next ? data.schedule.frames[next[0]].plan : plan;
  if (end - start < usual) {
    if (other !== plan && next[1] === end) return `${time(toNs(usual - (end - start)))} early: plan ${data.plans[other] ?? other} began`;
    if (ended && Math.abs(toUnit(ended.ns) - end) < 2) return "early: the partition ended";
    return `${time(toNs(usual - (end - start)))} shorter than the longest of its kind`;
  }
  return ended && Math.abs(toUnit(ended.ns) - end) < 2 ? "its time was over, and the partition ended" : "its time was over";
}

// What else stands at the same place, a line each.
function alsoThere(found, most) {
  const also = found.also ?? [];
  const lines = also.slice(0, most).map(({ list, point }) => `${kinds[list.kind[point]]} ${words(list.words[point])}`);
  return also.length > most ? [...lines, `and ${also.length - most} more: zoom in`] : lines;
}

function showHover(found, x, y) {
  const [title, rows] = describe(found);
  hover.replaceChildren(
    element("b", {}, title),
    ...rows.filter(([, value]) => value !== "").map(([name, value]) => element("div", {}, name ? element("span", {}, name) : null, value)),
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
    else selection.unit = found.arrow ? found.arrow.toUnit : found.unit ?? null;
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
    const isIt = (other) => (list === points ? other === point : points.unit[other] === at && points.words[other] === list.words[point]);
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
    drag = { x: event.offsetX, y: event.offsetY, from: view.from, to: view.to, top: view.top, measures: event.shiftKey, hasMoved: false };
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
  chart.addEventListener("wheel", (event) => {
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
  }, { passive: false });
  listenToOverview();
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

const KEYS = {
  "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), "_": () => zoom(1 / 0.6),
  ArrowLeft: () => move(-0.15), ArrowRight: () => move(0.15),
  ArrowUp: () => { view.top -= 3 * view.rowHeight; tell(); }, ArrowDown: () => { view.top += 3 * view.rowHeight; tell(); },
  PageUp: () => { view.top -= chart.clientHeight; tell(); }, PageDown: () => { view.top += chart.clientHeight; tell(); },
  0: fit, Home: fit, Backspace: goBack, n: () => step(1), p: () => step(-1),
  Enter: () => { if (selection.range) { const [a, b] = selection.range; selection.range = null; show(Math.min(a, b), Math.max(a, b), true); } },
  Escape: () => { selection.range = null; choose(null); }, "?": () => document.getElementById("help").showModal(),
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
