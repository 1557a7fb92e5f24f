"""Drives a page of `paravane report` in headless Chromium through chromedriver, as a person would: wheel, pointer, keys.

python3 browser.py TEST PAGE...: ends with status 0 if the test holds. Needs nothing but Python.
"""
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request


class Browser:
    def __init__(self):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            port = re.search(r"successfully on port (\d+)", line)
            if port:
                break
        # Whatever proxy is set is none for this machine.
        self.direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.url = f"http://127.0.0.1:{port.group(1)}/session"
        arguments = ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-background-networking", "no-first-run",
                     "window-size=1280,900", "force-device-scale-factor=1"]
        options = {"args": [f"--{argument}" for argument in arguments]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.url += "/" + session["sessionId"]

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self.direct.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error

    def close(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def open(self, page, fragment=""):
        self.ask("POST", "/url", {"url": "about:blank"})
        self.ask("POST", "/url", {"url": f"file://{urllib.request.pathname2url(page)}{fragment}"})
        self.settle()

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def settle(self):
        """Waits until what was asked for is drawn and the address tells of it."""
        script = "const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 250);"
        self.ask("POST", "/execute/async", {"script": script, "args": []})

    def colours(self, scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}})

    def act(self, *actions):
        self.ask("POST", "/actions", {"actions": list(actions)})
        self.settle()

    def place(self, unit, partition):
        """Where in the window an instant of a partition is drawn."""
        script = """const box = chart.getBoundingClientRect();
            return [box.left + xOf(arguments[0]), box.top + rowTop(arguments[1]) + view.rowHeight * 0.75].map(Math.round);"""
        return self.run(script, unit, partition)

    def wheel(self, x, y, amount):
        self.act({"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": amount, "origin": "viewport"}]})

    def pointer(self, *steps, with_shift=False, twice=False):
        """Moves to the first step; if there are more, presses there, moves on and lets go. Or presses and lets go at each further one."""
        def move(x, y):
            return {"type": "pointerMove", "duration": 20, "x": x, "y": y}
        actions = [move(*steps[0])]
        if len(steps) > 1:
            down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
            actions += [down, up] * (len(steps) - 1) if twice else [down, *(move(*step) for step in steps[1:]), up]
        sources = [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]
        if with_shift:
            pauses = [{"type": "pause"}] * (len(actions) - 1)
            sources.append({"type": "key", "id": "keys", "actions": [{"type": "keyDown", "value": "\ue008"}, *pauses, {"type": "keyUp", "value": "\ue008"}]})
        self.act(*sources)

    def click(self, x, y):
        self.pointer((x, y), (x, y))

    def key(self, *values):
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        self.act({"type": "key", "id": "keys", "actions": actions})

    def view(self):
        """The part of the run that is shown, by the address of the page, in nanoseconds; None if all of it is."""
        found = re.search(r"t=(\d+)-(\d+)", self.run("return location.hash"))
        return found and (int(found.group(1)), int(found.group(2)))

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def rows(self, tab):
        """The texts of the cells of a tab's table."""
        self.run("document.getElementById('tab-' + arguments[0]).click()", tab)
        script = "return [...document.querySelectorAll('#panel tbody tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        return self.run(script)

    def complaints(self):
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]


def near(value, expected, slack):
    assert abs(value - expected) <= slack, f"{value} is not {expected}, nor within {slack} of it"


def holds(page_is_fine, what):
    assert page_is_fine, what


def crowds(browser, crowd):
    """256 partitions are in reach: by the wheel over their names, by key, by the list, and in rows as low as one likes."""
    browser.open(crowd)
    assert browser.run("return partitions.length") == 256
    shown = browser.run("return data.schedule")
    assert shown["windows"] == 1001 and shown["leftOut"] is None and len(shown["frames"]) <= 3, shown["windows"]
    browser.open(crowd, "#t=45000000-45400000")
    assert "press v" in browser.text("#note"), browser.text("#note")
    browser.key("v")
    assert browser.text("#note") == "", browser.text("#note")
    # Each has a window of 100 us in a frame of 25.6 ms.
    first, last = browser.run("return [rowAt(AXIS), rowAt(chart.clientHeight - 1)]")
    holds(first <= 194 <= last, (first, last))
    browser.pointer(browser.place(4_520_500, 196))
    told = browser.text("#hover")
    assert "worker196" in told and "196 of plan round" in told and "100 µs" in told, told
    x, y = browser.run("const box = chart.getBoundingClientRect(); return [box.left + 40, box.top + 200].map(Math.round)")
    browser.wheel(x, y, -60)
    assert browser.run("return rowAt(AXIS)") < first
    browser.run("const list = document.getElementById('partition-filter'); list.value = 255; list.dispatchEvent(new Event('change'))")
    browser.settle()
    assert browser.run("return rowTop(255) + view.rowHeight <= chart.clientHeight + 1")
    browser.run("const rows = document.getElementById('row-height'); rows.value = 3; rows.dispatchEvent(new Event('input'))")
    browser.settle()
    holds(browser.run("return chart.clientHeight / view.rowHeight") > 80, "rows are not lower")


def ends(browser, limited):
    """A guest that executes until a limit ends the run is drawn so, though no event tells of it."""
    browser.open(limited)
    script = "return [partitions[0].executed, executedExactly(0, 0, lastUnit), lastUnit]"
    assert browser.run(script) == [300, 300, 300], browser.run(script)


def shows(browser, flight, irq, hostile):
    """The page is drawn in both themes, asks for nothing, and says what happened."""
    backgrounds = set()
    for scheme in ("light", "dark"):
        browser.colours(scheme)
        browser.open(flight)
        backgrounds.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
        script = """const {data} = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height);
            return new Set(new Uint32Array(data.buffer)).size"""
        holds(browser.run(script) > 50, "the chart is empty")
        near(browser.run("return chart.clientWidth"), 1280, 20)
        holds(browser.run("return document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window")
    holds(len(backgrounds) == 2, backgrounds)
    browser.run("document.getElementById('theme').click()")
    holds(browser.run("return getComputedStyle(document.body).backgroundColor") in backgrounds, "the theme")
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run("return document.title") == "builtin:flight · Paravane report"
    assert browser.text("#verdict") == "shutdown with code 0"
    assert "390.00259 ms" in browser.text("#summary") and "18_835" in browser.text("#summary")
    script = """return partitions.map(({executed}, place) =>
            [executed, executedExactly(place, 0, lastUnit), executedIn(place, 0, lastUnit)])"""
    for executed, exactly, by_bins in browser.run(script):
        # What follows the last event is not known from events.
        near(exactly, executed, 2)
        near(by_bins, executed, 2 + executed / 100)
    assert browser.run("return windowsIn(0, lastUnit, 1000).length") == 63
    functions = browser.rows("functions")
    assert functions[0][:2] == ["display", "pv_print_number"] and functions[0][4] == "5_240", functions[0]
    health = browser.rows("health")
    assert [row[1:4] for row in health] == [["nav", "health", "divide_error: cold_restart"], ["nav", "restart", "cold, by the health monitor, number 1"]], health
    channels = browser.rows("channels")
    assert [row[:7] for row in channels][0] == ["message_port:attitude", "sampling", "imu", "nav\ndisplay", "16", "47", "0"], channels
    assert "paravane" in browser.text("#panel") or browser.rows("recording")
    browser.open(irq)
    assert browser.rows("interrupts")[0][:13] == ["driver", "line:uart", "5", "20", "6", "14", "0", "0", "0", "0 ns", "0 ns", "8 ms", "8 ms"], browser.rows("interrupts")
    calls = {row[2]: row[3] for row in browser.rows("calls")}
    assert calls["time_now(now_ns: out 64-bit number)"] == "6", calls


def moves(browser, flight, irq, hostile):
    """Wheel, drag, keys and clicks move the view as they say, and the address follows."""
    browser.open(flight)
    assert browser.view() is None
    unit = 10_000_000
    x, y = browser.place(unit, 1)
    browser.wheel(x, y, -240)
    first, last = browser.view()
    near(last - first, 390_002_590 * 0.449, 1e6)
    near(browser.place(unit, 1)[0], x, 1)
    width = browser.run("return chartWidth()")
    browser.pointer((x, y), (x - 50, y), (x - 100, y))
    moved = browser.view()
    near(moved[0] - first, (last - first) * 100 / width, (last - first) * 2 / width)
    near(moved[1] - moved[0], last - first, 2)
    browser.key("+")
    near(browser.view()[1] - browser.view()[0], (last - first) * 0.6, 1e4)
    shown = browser.view()
    browser.key("\ue014")
    near(browser.view()[0] - shown[0], (shown[1] - shown[0]) * 0.15, 1e4)
    browser.key("0")
    assert browser.view() is None
    browser.key("\ue003")
    assert browser.view() is not None
    browser.key("0")
    start, end = browser.place(5_000_000, 1), browser.place(15_000_000, 1)
    browser.pointer(start, end, with_shift=True)
    browser.key("\ue007")
    near(browser.view()[0], 50e6, 1e6)
    near(browser.view()[1], 150e6, 1e6)
    holds("100" in browser.text("#range") or "99" in browser.text("#range"), browser.text("#range"))
    browser.key("0")
    x, y = browser.place(4_500_000, 1)
    browser.pointer((x, y), (x, y), (x, y), twice=True)
    near(browser.view()[0], 42e6 - 0.5e6, 2)
    near(browser.view()[1], 47e6 + 0.5e6, 2)
    script = """const box = overview.getBoundingClientRect();
        return [Math.round(box.left + GUTTER + ROOM + overviewWidth() * arguments[0]), Math.round(box.top + 10)]"""
    browser.pointer(browser.run(script, 0.118), browser.run(script, 0.3), browser.run(script, 0.5))
    first, last = browser.view()
    near((first + last) / 2, 390_002_590 / 2, 3e6)
    near(last - first, 6e6, 2)
    browser.open(flight, "#t=100000000-120000000&tab=calls")
    assert browser.view() == (100_000_000, 120_000_000)
    assert browser.run("return document.querySelector('[aria-selected=true]').id") == "tab-calls"


def points(browser, flight, irq, hostile):
    """What is under the pointer is told; a click keeps it in sight, and a click on a line of the console moves the timeline there."""
    browser.open(flight, "#t=98000000-110000000")
    browser.pointer(browser.place(10_500_000, 1))
    told = browser.text("#hover")
    for words in ("nav", "1 of plan cruise", "102 ms", "107 ms", "5 ms", "instructions", "its time was over"):
        assert words in told, told
    browser.pointer(browser.place(9_900_000, 1))
    assert "no window" in browser.text("#hover"), browser.text("#hover")
    script = """const at = targets.find(({list, point}) => list && words(list.words[point]).startsWith('divide_error'));
        const box = chart.getBoundingClientRect(); return [Math.round(box.left + at.x), Math.round(box.top + at.y)]"""
    browser.click(*browser.run(script))
    chosen = browser.text("#chosen")
    assert "divide_error: cold_restart" in chosen and "paravane show" in chosen and "'nav:#" in chosen, chosen
    browser.key("n")
    assert "cold, by the health monitor" in browser.text("#chosen") or "divide_error" not in browser.text("#chosen"), browser.text("#chosen")
    browser.open(flight)
    script = """const line = [...document.querySelectorAll('.console .line')].find(line => line.innerText.includes('frame 03'));
        const box = line.getBoundingClientRect(); return [Math.round(box.left + 200), Math.round(box.top + 10)]"""
    browser.click(*browser.run(script))
    first, last = browser.view()
    near((first + last) / 2, 50_001_310, 2)
    near(last - first, 3_900_025, 2)
    holds(browser.run("return document.querySelector('.line.chosen').innerText.includes('frame 03')"), "the line is not marked")
    browser.open(irq, "#t=9000000-14000000")
    script = """const at = targets.find(({arrow}) => arrow && arrow.toUnit - arrow.fromUnit > 100);
        const box = chart.getBoundingClientRect(); return [Math.round(box.left + xOf(950000)), Math.round(box.top + at.y)]"""
    browser.pointer(browser.run(script))
    told = browser.text("#hover")
    assert "line:uart" in told and "7.5 ms" in told, told
    browser.rows("interrupts")
    browser.run("document.querySelector('#panel tbody .instant').click()")
    browser.settle()
    first, last = browser.view()
    holds(first <= 22_000_000 and last >= 30_000_000, (first, last))
    browser.run("const list = document.getElementById('partition-filter'); list.value = 1; list.dispatchEvent(new Event('change'))")
    assert browser.rows("interrupts") == [], browser.rows("interrupts")
    assert [row[:2] for row in browser.rows("functions")][0] == ["worker", "main"], browser.rows("functions")


def escapes(browser, flight, irq, hostile):
    """What a guest says is text, and stays text."""
    browser.open(hostile)
    assert browser.run("return document.title") != "hostile"
    line = browser.text(".console .line .text")
    assert line == "</script><script>document.title='hostile'</script><img src=x onerror=\"document.title='hostile'\">", line
    assert browser.run("return document.querySelectorAll('img').length") == 0
    for tab in ("interrupts", "functions", "calls", "channels", "health", "recording"):
        browser.rows(tab)
    assert "onerror" in browser.text("#panel"), browser.text("#panel")
    assert browser.run("return document.title") != "hostile"


if __name__ == "__main__":
    browser = Browser()
    try:
        globals()[sys.argv[1]](browser, *sys.argv[2:])
        complaints = browser.complaints()
        assert not complaints, complaints
    finally:
        browser.close()
