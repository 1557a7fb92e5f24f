// The tabs below the timeline, and what was chosen in it.

let currentTab = "";
const partitionFilter = { place: null };

const tabs = [
  { id: "console", title: "Console", count: data.console.lines.length, make: consolePanel },
  { id: "interrupts", title: "Interrupts", count: data.interrupts.length, make: interruptsPanel },
  { id: "functions", title: "Hot functions", count: data.functions.rows.length, make: functionsPanel },
  { id: "lines", title: "Hot lines", count: data.functions.lines.length, make: linesPanel },
  { id: "calls", title: "Calls", count: data.calls.length, make: callsPanel },
  { id: "channels", title: "Channels", count: data.channels.length, make: channelsPanel },
  { id: "health", title: "Health and marks", count: notable.count, make: healthPanel },
  { id: "recording", title: "Recording", count: 0, make: recordingPanel },
];
// The one that is open at first: it has something.
const firstTab = tabs.find(({ count }) => count) ?? tabs[0];
// Redraws what a tab shows of the view.
let panelDraw = null;

// Shows what is of one partition in the tables, and its row; the empty word is all of them.
function choosePartition(word) {
  partitionFilter.place = word === "" ? null : Number(word);
  if (partitionFilter.place !== null) {
    selection.partition = partitionFilter.place;
    bringIntoSight(partitionFilter.place);
  }
  openTab(currentTab);
  tell();
}

function openTab(id) {
  const tab = tabs.find((known) => known.id === id) ?? firstTab;
  currentTab = tab.id;
  panelDraw = null;
  const select =
    partitions.length < 2
      ? null
      : element(
          "select",
          {
            id: "partition-filter",
            "aria-label": "Partition",
            onchange: (event) => choosePartition(event.target.value),
          },
          element("option", { value: "" }, "all partitions"),
          ...partitions.map((_, place) =>
            element("option", { value: place, selected: partitionFilter.place === place }, partitionName(place)),
          ),
        );
  document.getElementById("tabs").replaceChildren(
    ...tabs.map(({ id: of, title, count }) =>
      element(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${of}`,
          "aria-selected": String(of === currentTab),
          onclick: () => {
            openTab(of);
            writeAddress();
          },
        },
        title,
        count ? element("small", {}, ` ${grouped(count)}`) : null,
      ),
    ),
    ...(select ? [select] : []),
  );
  document.getElementById("panel").replaceChildren(...tab.make().filter(Boolean));
}

// What was clicked in the chart stays in sight, with the command that shows its instructions.
function showChosen(found) {
  const chosen = document.getElementById("chosen");
  chosen.hidden = !found;
  if (!found) return;
  const [title, rows] = describe(found);
  const instruction = found.list ? found.list.instruction[found.point] : found.ended ? found.ended.instruction : null;
  const partition = found.list ? found.list.partition[found.point] : found.place;
  const command = instruction === null ? null : commandFor(partition, instruction);
  chosen.replaceChildren(
    element("b", {}, title),
    ...rows
      .filter(([, value]) => value !== "")
      .map(([name, value]) => element("span", {}, name ? element("i", {}, `${name} `) : null, value)),
    ...alsoThere(found, 1).map((text) => element("span", { class: "also" }, text)),
    command ? element("code", { title: "shows the instructions around it" }, command) : "",
    command
      ? element("button", { type: "button", onclick: () => navigator.clipboard?.writeText(command) }, "copy")
      : "",
  );
}
