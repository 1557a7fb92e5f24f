// How things look: colours of partitions and kinds of events, symbols, and the canvases that they are drawn on.

const HUES = [212, 28, 152, 330, 262, 48, 186, 0];
const hueOf = (place) =>
  place < HUES.length ? HUES[place] : (HUES[place % HUES.length] + 137.5 * Math.floor(place / HUES.length)) % 360;
let isDark = false;
let colours = {};
const partitionColour = (place, alpha = 1) => `hsl(${hueOf(place)} ${isDark ? "62% 62%" : "62% 42%"} / ${alpha})`;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  isDark = style.getPropertyValue("--is-dark").trim() === "1";
  for (const name of [
    "ground",
    "raised",
    "text",
    "faint",
    "line",
    "grid",
    "accent",
    "bad",
    "good",
    "warn",
    "message",
    "event",
    "call",
    "console",
    "mark",
  ]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

// Which layer a kind of event belongs to, its colour, its shape, and how much it matters where there is no room for all.
const LOOKS = {
  raise: ["events", "event", "up", 3],
  deliver: ["events", "event", "down", 4],
  take: ["events", "event", "diamond", 4],
  drop: ["events", "bad", "cross", 6],
  write: ["messages", "message", "out", 4],
  receive: ["messages", "message", "in", 4],
  flush: ["messages", "message", "bar", 2],
  lose: ["messages", "bad", "cross", 6],
  trap: ["traps", "bad", "diamond", 5],
  upcall: ["traps", "event", "tick", 1],
  iret: ["traps", "faint", "tick", 1],
  call: ["calls", "call", "tick", 1],
  console: ["console", "console", "dot", 2],
  input: ["console", "accent", "dot", 3],
  health: ["marks", "bad", "plus", 8],
  restart: ["marks", "warn", "ring", 8],
  crash: ["marks", "bad", "burst", 9],
  mark: ["marks", "mark", "flag", 7],
  settle: ["marks", "faint", "tick", 1],
  tracing: ["marks", "faint", "bar", 2],
  "input-end": ["marks", "accent", "bar", 3],
};
const lookOf = (kind) => LOOKS[kinds[kind]] ?? null;

function shape(paper, kind, x, y, size) {
  paper.beginPath();
  switch (kind) {
    case "up":
      paper.moveTo(x - size, y + size);
      paper.lineTo(x + size, y + size);
      paper.lineTo(x, y - size);
      paper.closePath();
      paper.stroke();
      return;
    case "down":
      paper.moveTo(x - size, y - size);
      paper.lineTo(x + size, y - size);
      paper.lineTo(x, y + size);
      paper.fill();
      return;
    case "diamond":
      paper.moveTo(x, y - size - 1);
      paper.lineTo(x + size, y);
      paper.lineTo(x, y + size + 1);
      paper.lineTo(x - size, y);
      paper.fill();
      return;
    case "out":
      paper.moveTo(x - size, y - size);
      paper.lineTo(x + size, y);
      paper.lineTo(x - size, y + size);
      paper.fill();
      return;
    case "in":
      paper.rect(x - size + 0.5, y - size + 0.5, 2 * size - 1, 2 * size - 1);
      paper.stroke();
      return;
    case "dot":
      paper.arc(x, y, Math.max(1.5, size - 1.5), 0, 7);
      paper.fill();
      return;
    case "ring":
      paper.lineWidth = 2;
      paper.arc(x, y, size + 0.5, 0.6, 6);
      paper.stroke();
      paper.lineWidth = 1;
      return;
    case "bar":
      paper.fillRect(x - 1, y - size, 2, 2 * size);
      return;
    case "flag":
      paper.moveTo(x, y + size + 2);
      paper.lineTo(x, y - size - 1);
      paper.lineTo(x + 2 * size, y - size / 2);
      paper.lineTo(x, y);
      paper.stroke();
      paper.fill();
      return;
    case "plus":
      paper.fillRect(x - size - 1, y - 1.5, 2 * size + 2, 3);
      paper.fillRect(x - 1.5, y - size - 1, 3, 2 * size + 2);
      return;
    case "cross":
    case "burst":
      paper.lineWidth = kind === "burst" ? 3 : 1.6;
      paper.moveTo(x - size, y - size);
      paper.lineTo(x + size, y + size);
      paper.moveTo(x + size, y - size);
      paper.lineTo(x - size, y + size);
      paper.stroke();
      paper.lineWidth = 1;
      return;
    default:
      paper.fillRect(x, y - size, 1, 2 * size);
  }
}

function fitCanvas(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const paper = canvas.getContext("2d");
  paper.setTransform(scale, 0, 0, scale, 0, 0);
  paper.clearRect(0, 0, width, height);
  return [paper, width, height];
}
