// The tabs below the timeline but the console.

function interruptsPanel() {
  const rows = data.interrupts.filter(isShown);
  const dropped = (row) => row.dropped.reduce((sum, [, count]) => sum + count, 0);
  return [
    element(
      "p",
      {},
      "Latency is the virtual time from the raise of an event to its delivery: what it waited while its port was ",
      "masked, upcalls were disabled, or its partition had no window. A timer's event is raised when it is due.",
    ),
    table(
      [
        partitionColumn,
        { title: "source", value: ({ source }) => source },
        {
          title: "port",
          value: ({ port }) => port ?? -1,
          show: ({ port }) => (port === null ? "" : String(port)),
          isNumber: true,
        },
        numberColumn("raised", ({ raised }) => raised),
        numberColumn("delivered", ({ delivered }) => delivered, "announced by an upcall or a vector"),
        numberColumn(
          "coalesced",
          ({ coalesced }) => coalesced,
          "raised while one was pending; the guest's count tells of them",
        ),
        numberColumn("taken", ({ taken }) => taken, "by the guest, without an upcall"),
        numberColumn("pending", ({ pending }) => pending, "at the end"),
        {
          title: "dropped",
          value: dropped,
          isNumber: true,
          show: (row) =>
            dropped(row)
              ? element(
                  "span",
                  { class: "bad" },
                  `${grouped(dropped(row))} ${row.dropped.map(([why, count]) => `${why} ${grouped(count)}`).join(", ")}`,
                )
              : "0",
        },
        ...waitColumns(({ waits }) => waits, "latency"),
      ],
      rows,
      "No event was raised.",
    ),
    leftOutWords(data.interruptsLeftOut, "events of other sources are not listed"),
    data.interrupts.some(({ waits }) => waits && waits.precision !== "exact")
      ? element(
          "p",
          { class: "faint" },
          "≤: rounded up by at most one part in 32 where very many latencies are different, and to the end of a bar ",
          "of the histogram where events came while their partition was away.",
        )
      : null,
  ];
}

function channelsPanel() {
  const rows = data.channels.filter(
    ({ from, to }) =>
      partitionFilter.place === null || from === partitionFilter.place || to.includes(partitionFilter.place),
  );
  return [
    table(
      [
        { title: "channel", value: ({ name }) => name },
        { title: "kind", value: ({ kind }) => kind },
        { title: "from", value: ({ from }) => partitionName(from), show: ({ from }) => partitionLabel(from) },
        {
          title: "to",
          value: ({ to }) => to.map(partitionName).join(" "),
          show: ({ to }) => element("span", {}, ...to.map(partitionLabel)),
        },
        numberColumn("sent", ({ sent }) => sent),
        numberColumn("received", ({ received }) => received, "a sample counts each time that it is read"),
        numberColumn("lost", ({ lost }) => lost),
        ...waitColumns(({ ages }) => ages, "age when received"),
      ],
      rows,
      "The system has no channels between partitions.",
    ),
  ];
}

function callsPanel() {
  return [
    table(
      [
        partitionColumn,
        {
          title: "number",
          value: ({ number }) => number,
          show: ({ number }) => `0x${number.toString(16)}`,
          isNumber: true,
        },
        { title: "call", value: ({ name }) => name, show: ({ name }) => element("code", {}, name) },
        numberColumn("count", ({ count }) => count),
        {
          title: "errors",
          value: ({ failed }) => failed,
          isNumber: true,
          show: ({ failed, errors }) =>
            failed
              ? `${grouped(failed)} ${errors.map(([name, count]) => `${name} ${grouped(count)}`).join(", ")}`
              : "0",
        },
      ],
      data.calls.filter(isShown),
      "Nothing was called.",
    ),
    leftOutWords(data.callsLeftOut, "calls of other numbers are not listed"),
  ];
}

function functionsPanel() {
  const { leftOut, instructions, rows, others } = data.functions;
  if (leftOut !== null) return [element("p", { class: "empty" }, leftOut)];
  const all = instructions.reduce((sum, count) => sum + count, 0);
  const hasSource = rows.some(({ source }) => source !== null);
  const shown = rows.filter(isShown).toSorted((one, other) => other.instructions - one.instructions);
  return [
    table(
      [
        partitionColumn,
        { title: "function", value: ({ name }) => name, show: ({ name }) => element("code", {}, name) },
        ...(hasSource
          ? [
              {
                title: "source",
                value: ({ source }) => source ?? "",
                show: ({ source }) => element("code", {}, source ?? ""),
              },
            ]
          : []),
        {
          title: "address",
          value: ({ entry }) => entry,
          show: ({ entry }) => `0x${entry.toString(16).padStart(8, "0")}`,
          isNumber: true,
        },
        numberColumn("entered", ({ entries }) => entries, "called, jumped to, or entered by an upcall or a trap"),
        numberColumn("own instructions", (row) => row.instructions, "without those of functions that it called"),
        {
          title: "of its partition",
          value: (row) => row.instructions / instructions[row.partition],
          isNumber: true,
          show: (row) => share(row.instructions, instructions[row.partition], row.partition),
        },
        {
          title: "of the run",
          value: (row) => row.instructions,
          isNumber: true,
          show: (row) => share(row.instructions, all, row.partition),
        },
      ],
      shown,
      "No instruction ran.",
    ),
    hasSource ? null : element("p", { class: "faint" }, "The images have no source lines: compile with -g for those."),
    leftOutWords(others, "functions with fewer instructions are not listed"),
  ];
}

function share(part, whole, partition) {
  return element(
    "span",
    { class: "share" },
    element("i", { style: `width:${(60 * part) / Math.max(1, whole)}px;background:${partitionColour(partition)}` }),
    percent(part, whole) || "0 %",
  );
}

function linesPanel() {
  const { leftOut, instructions, lines, otherLines } = data.functions;
  if (leftOut !== null) return [element("p", { class: "empty" }, leftOut)];
  const shown = lines.filter(isShown).toSorted((one, other) => other.instructions - one.instructions);
  return [
    table(
      [
        partitionColumn,
        { title: "line", value: ({ source }) => source, show: ({ source }) => element("code", {}, source) },
        numberColumn("instructions", (row) => row.instructions),
        {
          title: "of its partition",
          value: (row) => row.instructions / instructions[row.partition],
          isNumber: true,
          show: (row) => share(row.instructions, instructions[row.partition], row.partition),
        },
      ],
      shown,
      "The images have no source lines: compile with -g for those.",
    ),
    leftOutWords(otherLines, "lines with fewer instructions are not listed"),
  ];
}

const leftOutWords = (count, says) => (count ? element("p", { class: "faint" }, `${grouped(count)} ${says}.`) : null);

function healthPanel() {
  const rows = [];
  for (let at = 0; at < notable.count; at++) {
    const row = {
      partition: notable.partition[at],
      ns: toNs(notable.unit[at]),
      kind: kinds[notable.kind[at]],
      words: words(notable.words[at]),
      instruction: notable.instruction[at],
    };
    if (isShown(row)) rows.push(row);
  }
  return [
    table(
      [
        { title: "at", value: ({ ns }) => ns, show: ({ ns, partition }) => instant(ns, partition), isNumber: true },
        partitionColumn,
        {
          title: "what",
          value: ({ kind }) => kind,
          show: ({ kind }) => element("span", { class: kind === "health" || kind === "crash" ? "bad" : "" }, kind),
        },
        { title: "", value: (row) => row.words },
        {
          title: "instruction",
          value: ({ instruction }) => instruction,
          show: ({ instruction }) => `#${grouped(instruction)}`,
          isNumber: true,
        },
      ],
      rows,
      "No health event, restart, crash or mark.",
    ),
    leftOutWords(data.details.notableLeftOut, "later ones are not listed"),
  ];
}

function recordingPanel() {
  const { about } = data;
  const pairs = (list) =>
    element(
      "dl",
      { class: "pairs" },
      ...list
        .filter(([, value]) => value !== null && value !== "")
        .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
    );
  const partitionRows = partitions.map((partition, place) => ({ ...partition, partition: place })).filter(isShown);
  return [
    pairs([
      ["recording", `${about.file}, ${grouped(about.bytes)} bytes`],
      ["of", `${about.of}${about.isSystem ? ", a system" : ""}`],
      ["written by", `${about.writer}, processor semantics ${about.semantics}`],
      [
        "detail",
        about.detail === "full" ? "everything: instructions and values are made again by running" : about.detail,
      ],
      ["filters", about.filters.length ? about.filters.join(" ") + " (when it is shown; this page is of the whole run)" : "none: everything is shown"],
      ["clock", `${grouped(about.unitsPerSecond)} units a second of virtual time`],
      ["configuration digest", element("code", {}, about.configuration)],
      ["final state digest", about.end ? element("code", {}, about.end.digest) : "the recording was cut off"],
      ["files", about.files.map(([name, bytes]) => `${name} (${grouped(bytes)} bytes)`).join(", ")],
      [
        "ended",
        about.end
          ? `${about.end.words}, after ${grouped(about.end.executed)} instructions, at ${time(toNs(about.end.unit))}`
          : "the recording was cut off before the run's end",
      ],
    ]),
    table(
      [
        partitionColumn,
        {
          title: "image",
          value: ({ image }) => image,
          show: ({ image }) => element("code", {}, image),
          says: "XXH3, 128 bits, of the file",
        },
        {
          title: "build id",
          value: ({ buildId }) => buildId,
          show: ({ buildId }) => element("code", {}, buildId || "none"),
        },
        numberColumn("instructions", ({ executed }) => executed),
        timeColumn("idle", ({ idle }) => (idle === null ? undefined : toNs(idle)), "waited in its own windows"),
        {
          title: "ended",
          value: ({ ended }) => ended?.ns ?? Infinity,
          show: ({ ended, partition }) =>
            ended
              ? element(
                  "span",
                  {},
                  element("span", { class: ended.verdict === "bad" ? "bad" : "" }, `${ended.words} at `),
                  instant(ended.ns, partition),
                )
              : "",
        },
      ],
      partitionRows,
      "",
    ),
  ];
}
