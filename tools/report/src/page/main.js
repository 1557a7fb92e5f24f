// Puts the page together.

function fillHead() {
  const { about } = data;
  document.getElementById("subject").textContent = about.of;
  document.title = `${about.of} · Paravane report`;
  const verdict = document.getElementById("verdict");
  verdict.textContent = about.end ? about.end.words : "the recording was cut off";
  verdict.classList.add(about.end ? about.end.verdict : "bad");
  const executed = about.end ? about.end.executed : partitions.reduce((sum, partition) => sum + partition.executed, 0);
  const counted = (kind) => data.calls.reduce((sum, row) => sum + row[kind], 0);
  const raised = data.interrupts.reduce((sum, row) => sum + row.raised, 0);
  const sums = [
    ["virtual time", time(toNs(lastUnit))],
    ["instructions", grouped(executed)],
    ["partitions", grouped(partitions.length)],
    ["windows", hasWindows ? grouped(data.schedule.windows) : null],
    ["calls", grouped(counted("count"))],
    ["events raised", grouped(raised)],
    ["recording", data.about.file],
  ];
  document
    .getElementById("summary")
    .append(
      ...sums
        .filter(([, value]) => value !== null)
        .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    );
}

const LAYER_NAMES = {
  windows: "windows",
  events: "events",
  messages: "messages",
  arrows: "arrows",
  calls: "calls",
  traps: "traps",
  console: "console",
};

function fillTools() {
  const actions = {
    fit,
    in: () => zoom(0.5),
    out: () => zoom(2),
    back: goBack,
    help: () => document.getElementById("help").showModal(),
  };
  for (const button of document.querySelectorAll("[data-do]"))
    button.addEventListener("click", actions[button.dataset.do]);
  document.getElementById("layers").append(
    ...Object.keys(layers).map((layer) =>
      element(
        "label",
        {},
        element("input", {
          type: "checkbox",
          checked: layers[layer],
          "data-layer": layer,
          onchange: (event) => {
            layers[layer] = event.target.checked;
            tell();
          },
        }),
        LAYER_NAMES[layer],
      ),
    ),
  );
  const room = (document.getElementById("stage").clientHeight - AXIS) / partitions.length;
  view.rowHeight = Math.floor(Math.min(Math.max(room, 12), partitions.length < 3 ? 150 : 116));
  const rowHeight = document.getElementById("row-height");
  rowHeight.value = view.rowHeight;
  rowHeight.addEventListener("input", () => {
    view.rowHeight = Number(rowHeight.value);
    tell();
  });
  document.getElementById("rows").hidden = partitions.length < 2;
}

function fillLegend() {
  const canvas = document.getElementById("legend");
  const shown = Object.entries(LOOKS).filter(([kind]) => kinds.includes(kind));
  canvas.style.width = "520px";
  canvas.style.height = `${Math.ceil(shown.length / 3) * 20 + 4}px`;
  const [paper] = fitCanvas(canvas);
  paper.font = "12px system-ui, sans-serif";
  paper.textBaseline = "middle";
  shown.forEach(([kind, [, colour, form]], at) => {
    const [x, y] = [10 + (at % 3) * 170, 12 + Math.floor(at / 3) * 20];
    paper.fillStyle = paper.strokeStyle = colours[colour];
    shape(paper, form, x, y, 4);
    paper.fillStyle = colours.text;
    paper.fillText(kind, x + 16, y);
  });
}

function listenToSplitter() {
  const splitter = document.getElementById("splitter");
  const lower = document.getElementById("lower");
  splitter.addEventListener("pointerdown", (event) => {
    splitter.setPointerCapture(event.pointerId);
    const [start, height] = [event.clientY, lower.clientHeight];
    const moved = (now) => {
      lower.style.flexBasis = `${Math.max(60, height + start - now.clientY)}px`;
      tell();
    };
    splitter.addEventListener("pointermove", moved);
    splitter.addEventListener("pointerup", () => splitter.removeEventListener("pointermove", moved), { once: true });
  });
}

function themeChanged() {
  readColours();
  openTab(currentTab);
  tell();
}

function start() {
  readColours();
  fillHead();
  fillTools();
  openTab("");
  if (data.details.from > 0 || data.details.to < lastUnit) show(data.details.from, Math.min(data.details.to, lastUnit));
  readAddress();
  changed.push(
    draw,
    writeAddress,
    () => panelDraw?.(),
    () => {
      document.getElementById("range").textContent =
        `${time(toNs(view.from))} to ${time(toNs(view.to))} (${time(toNs(view.to) - toNs(view.from))})`;
    },
  );
  listenToPointer();
  listenToKeys();
  listenToSplitter();
  new ResizeObserver(tell).observe(stage);
  document.getElementById("help").addEventListener("toggle", fillLegend);
  document.getElementById("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark ? "light" : "dark";
    themeChanged();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
  addEventListener("hashchange", readAddress);
  tell();
}

start();
