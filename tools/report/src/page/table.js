// Tables that are sorted by a click, and what stands in their cells.

const MORE_ROWS = 500;

// A name of a partition with its colour.
function partitionLabel(place) {
  return element(
    "span",
    { class: "partition" },
    element("i", { style: `background:${partitionColour(place)}` }),
    partitionName(place),
  );
}

// An instant that a click brings to the middle of the timeline.
function instant(ns, partition) {
  return element("button", { type: "button", class: "instant", onclick: () => goTo(toUnit(ns), partition) }, time(ns));
}

// A table that is sorted by a click on a column. A column has a title, and of a row its value and what is shown of it.
function table(columns, rows, emptyWords) {
  if (!rows.length) return element("p", { class: "empty" }, emptyWords);
  let [by, isDown, most] = [null, true, MORE_ROWS];
  const body = element("tbody");
  const more = element("button", {
    type: "button",
    onclick: () => {
      most *= 4;
      fill();
    },
  });
  const heads = columns.map((column, place) =>
    element(
      "th",
      {
        class: column.isNumber ? "number" : "",
        title: column.says ?? false,
        tabindex: 0,
        onclick: () => sortBy(place),
        onkeydown: (event) => event.key === "Enter" && sortBy(place),
      },
      column.title,
    ),
  );
  function sortBy(place) {
    isDown = by === place ? !isDown : Boolean(columns[place].isNumber);
    by = place;
    fill();
  }
  function fill() {
    heads.forEach((head, place) =>
      head.setAttribute("aria-sort", place !== by ? "none" : isDown ? "descending" : "ascending"),
    );
    const sorted =
      by === null
        ? rows
        : rows.toSorted((one, other) => {
            const [a, b] = [columns[by].value(one), columns[by].value(other)];
            return (a < b ? -1 : a > b ? 1 : 0) * (isDown ? -1 : 1);
          });
    body.replaceChildren(
      ...sorted
        .slice(0, most)
        .map((row) =>
          element(
            "tr",
            {},
            ...columns.map((column) =>
              element(
                "td",
                { class: column.isNumber ? "number" : "" },
                column.show ? column.show(row) : String(column.value(row)),
              ),
            ),
          ),
        ),
    );
    more.hidden = sorted.length <= most;
    more.textContent = `${grouped(sorted.length - most)} more rows`;
  }
  fill();
  return element(
    "div",
    { class: "table" },
    element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body),
    more,
  );
}

const numberColumn = (title, value, says) => ({
  title,
  value,
  says,
  isNumber: true,
  show: (row) => (value(row) ? grouped(value(row)) : "0"),
});
const timeColumn = (title, value, says) => ({
  title,
  value: (row) => value(row) ?? -1,
  says,
  isNumber: true,
  show: (row) => (value(row) === undefined ? "" : time(value(row))),
});
const partitionColumn = {
  title: "partition",
  value: ({ partition }) => partitionName(partition),
  show: ({ partition }) => partitionLabel(partition),
};
const isShown = ({ partition }) => partitionFilter.place === null || partition === partitionFilter.place;

// A bar for each power of two; a title on each says what it is.
function histogram(waits) {
  if (!waits) return "";
  const svg = (tag, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const first = waits.bars[0][0];
  const count = waits.bars[waits.bars.length - 1][0] - first + 1;
  const most = Math.max(...waits.bars.map(([, many]) => many));
  const bars = waits.bars.map(([bar, many]) => {
    const height = Math.max(1.5, (18 * Math.log1p(many)) / Math.log1p(most));
    const to = bar === 0 ? "0 ns" : `up to ${time(Math.min(2 ** bar - 1, waits.max))}`;
    return svg(
      "rect",
      { x: (bar - first) * 7, y: 20 - height, width: 6, height },
      svg("title", {}, `${to}: ${grouped(many)}`),
    );
  });
  return svg(
    "svg",
    {
      class: "histogram",
      width: Math.max(7, count * 7),
      height: 20,
      role: "img",
      "aria-label": "how many took how long",
    },
    ...bars,
  );
}

const atMostColumn = (title, waits, says) => ({
  ...timeColumn(title, (row) => waits(row)?.[title], says),
  show: (row) =>
    waits(row)
      ? `${waits(row).precision === "exact" || waits(row)[title] === waits(row).min ? "" : "≤ "}${time(waits(row)[title])}`
      : "",
});

// The greatest time; where it is known when that was, a click shows it from its beginning to its end.
function greatest(waits, partition) {
  if (!waits) return "";
  const at = waits.maxAt;
  if (at === null) return time(waits.max);
  const took = Math.max(toUnit(waits.max), LEAST_SPAN);
  return element(
    "button",
    { type: "button", class: "instant", onclick: () => goTo(at, partition, [at - 1.4 * took, at + 0.6 * took]) },
    time(waits.max),
  );
}

const waitColumns = (waits, what) => [
  timeColumn("least", (row) => waits(row)?.min, `the least ${what}`),
  atMostColumn("median", waits, "half took at most this"),
  atMostColumn("p99", waits, "99 of 100 took at most this"),
  {
    ...timeColumn("most", (row) => waits(row)?.max, `the greatest ${what}; a click shows it`),
    show: (row) => greatest(waits(row), row.partition ?? row.to[0]),
  },
  {
    title: "how many took how long",
    value: (row) => waits(row)?.count ?? 0,
    show: (row) => histogram(waits(row)),
    says: "a bar for each power of two nanoseconds; heights are logarithmic",
  },
];
