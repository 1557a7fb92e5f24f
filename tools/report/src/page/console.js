// The console of all partitions by time.

const LINE_HEIGHT = 20;
let consoleText = "";

// Only the lines in sight are in the document: there may be tens of thousands.
function consolePanel() {
  const all = data.console.lines.map(([partition, unit, instruction, isInput, text], place) => ({
    partition,
    unit,
    instruction,
    isInput,
    text,
    place,
  }));
  const wanted = consoleText.toLowerCase();
  const rows = all.filter((row) => isShown(row) && (!wanted || row.text.toLowerCase().includes(wanted)));
  const leftOut = data.console.leftOut;
  const inner = element("div", { class: "inner", style: `height:${rows.length * LINE_HEIGHT}px` });
  const list = element("div", { class: "console", tabindex: 0 }, inner);
  const fill = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / LINE_HEIGHT) - 10);
    const shown = rows.slice(first, first + Math.ceil(list.clientHeight / LINE_HEIGHT) + 20);
    inner.replaceChildren(
      ...shown.map((row, at) => {
        const isInView = row.unit >= view.from && row.unit <= view.to;
        const isChosen = selection.unit === row.unit && selection.partition === row.partition;
        return element(
          "button",
          {
            type: "button",
            class: ["line", isInView && "in-view", row.isInput && "input", isChosen && "chosen"]
              .filter(Boolean)
              .join(" "),
            style: `top:${(first + at) * LINE_HEIGHT}px`,
            onclick: () => {
              choose(null);
              goTo(row.unit, row.partition);
            },
          },
          element("time", {}, time(toNs(row.unit))),
          partitionLabel(row.partition),
          element("span", { class: "text" }, row.text),
        );
      }),
    );
  };
  list.addEventListener("scroll", fill);
  panelDraw = fill;
  requestAnimationFrame(fill);
  const find = element("input", {
    type: "search",
    placeholder: "find in the console",
    value: consoleText,
    "aria-label": "Find in the console",
    onchange: (event) => {
      consoleText = event.target.value;
      openTab("console");
    },
  });
  const says = leftOut
    ? `${grouped(leftOut[1])} lines are left out, after the one at ${time(toNs(all[leftOut[0] - 1]?.unit ?? 0))}.`
    : "";
  return [
    element(
      "div",
      { class: "bar" },
      find,
      element("span", { class: "faint" }, `${grouped(rows.length)} lines; a click moves the timeline there. ${says}`),
    ),
    rows.length
      ? list
      : element("p", { class: "empty" }, all.length ? "No line has this." : "Nothing was written to the console."),
  ];
}
