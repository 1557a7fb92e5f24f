// What there is to say about a window, an event or an arrow.

// A word of a command line, so that no name can be more than a word.
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
const placeWord = (partition, instruction) =>
  data.about.isSystem ? `${partitionName(partition)}:#${instruction}` : `#${instruction}`;

function commandFor(partition, instruction) {
  const from = placeWord(partition, Math.max(0, instruction - 50));
  return `paravane show ${quoted(data.about.file)} --at ${quoted(from)} --window 100`;
}

// Rows of what there is to say about something.
function describe(found) {
  if (found.arrow) {
    const { from, to, fromUnit, toUnit, name, isMessage } = found.arrow;
    return [
      name,
      [
        [
          isMessage ? "written by" : from === to ? "raised for" : "sent by",
          `${partitionName(from)} at ${time(toNs(fromUnit))}`,
        ],
        [isMessage ? "received by" : "delivered to", `${partitionName(to)} at ${time(toNs(toUnit))}`],
        [isMessage ? "age" : "latency", time(toNs(toUnit) - toNs(fromUnit))],
      ],
    ];
  }
  if (found.ended)
    return [
      `${partitionName(found.place)} ended`,
      [
        ["how", found.ended.words],
        ["at", time(found.ended.ns)],
        ["instruction", `#${grouped(found.ended.instruction)}`],
      ],
    ];
  if (found.list) {
    const { list, point } = found;
    return [
      kinds[list.kind[point]],
      [
        ["", words(list.words[point])],
        ["partition", partitionName(list.partition[point])],
        ["at", time(toNs(list.unit[point]))],
        ["instruction", `#${grouped(list.instruction[point])}`],
      ],
    ];
  }
  const { window, place, unit } = found;
  if (!window) {
    const other = hasWindows
      ? (windowsIn(unit, unit, WINDOWS_DRAWN) ?? []).find(({ start, end }) => start <= unit && unit < end)
      : null;
    const says = other
      ? `away: the window is that of ${partitionName(other.partition)}`
      : hasWindows
        ? "no window of a partition"
        : "";
    return [
      partitionName(place),
      [
        ["at", time(toNs(unit))],
        ["", says],
      ],
    ];
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
  rows.push([
    "executed",
    `${isKnown ? "" : "about "}${grouped(Math.round(executed))} instructions, ${percent(executed, end - start)} of it`,
  ]);
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
    if (other !== plan && next[1] === end)
      return `${time(toNs(usual - (end - start)))} early: plan ${data.plans[other] ?? other} began`;
    if (ended && Math.abs(toUnit(ended.ns) - end) < 2) return "early: the partition ended";
    return `${time(toNs(usual - (end - start)))} shorter than the longest of its kind`;
  }
  return ended && Math.abs(toUnit(ended.ns) - end) < 2
    ? "its time was over, and the partition ended"
    : "its time was over";
}

// What else stands at the same place, a line each.
function alsoThere(found, most) {
  const also = found.also ?? [];
  const lines = also.slice(0, most).map(({ list, point }) => `${kinds[list.kind[point]]} ${words(list.words[point])}`);
  return also.length > most ? [...lines, `and ${also.length - most} more: zoom in`] : lines;
}
