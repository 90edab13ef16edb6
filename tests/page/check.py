#!/usr/bin/env python3
"""Opens the results page in headless Chromium and operates it: no console error, no request, every switch works, by keyboard as well.

    tests/page/check.py report.html [FOLDER-FOR-SCREENSHOTS]

Needs chromedriver and chromium; speaks WebDriver with the standard library alone. Exit 77: one of them is missing. AXE names
axe.min.js of the npm package axe-core, which checks the page for screen readers; it has to with CI=true.
"""

import base64
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


class Browser:
    def __init__(self, driver, chromium, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.process = subprocess.Popen([driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        # Ignores the proxy of the environment: the driver is on this machine.
        self.open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        options = {"binary": chromium, "args": FLAGS + [f"--user-data-dir={folder}"]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        for _ in range(100):
            try:
                session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
                break
            except OSError:
                time.sleep(0.1)
        self.url += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        return json.load(self.open(request, timeout=60))["value"]

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def emulate(self, width, scheme, medium="screen"):
        height = 900
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}])
        time.sleep(0.4)

    def screenshot(self, file, whole=True):
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        # Ends the session, and with it the browser: without this Chromium outlives its driver.
        self.call("DELETE", "")
        self.process.terminate()
        self.process.wait()


CHARTS = "#curves-plots figure:not([hidden])"
# A curve of one epoch is a marker alone.
DRAWN = f"return document.querySelectorAll('{CHARTS} svg.chart :is(path.curve, circle, .marker)').length"


def choose(browser, identifier, value):
    browser.run("""const select = document.getElementById(arguments[0]); select.value = arguments[1];
        select.dispatchEvent(new Event(select.tagName === 'INPUT' ? 'input' : 'change'))""", identifier, value)


def options(browser, identifier):
    return browser.run("return [...(document.getElementById(arguments[0])?.options ?? [])].map((option) => option.value)", identifier)


def press(browser, *keys):
    """Types with the real keyboard into what has the focus."""
    actions = [action for key in keys for action in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
    browser.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})


def check_tables(browser, data):
    assert len([table for table in data["tables"] if table["number"]]) == 4
    rows = browser.run("return [...document.querySelectorAll('#tables .name b')].map((name) => name.textContent)")
    assert len(rows) >= 39 and "PG-Untie-R2-U" in rows, rows
    # The user's own runs come first, and a table without runs is closed.
    sections = browser.run("return [...document.querySelectorAll('main > section')].map((section) => section.id)")
    has_own = any(table["name"] in ("own", "other", "regression") for table in data["tables"])
    assert (sections[0] == "own") == has_own and (("rules" in sections) == bool(data["families"])), sections
    for table in data["tables"]:
        trained = any(cell["ours"] for row in table["rows"] for cell in row["cells"])
        if table["number"] and not trained:
            details = browser.run("return document.querySelector(`[data-table=${arguments[0]}] details`)?.open", table["name"])
            assert details is False, table["name"]
    # A row is compact.
    high = browser.run("return [...document.querySelectorAll('.cells tbody tr')].map((row) => row.getBoundingClientRect().height)")
    assert max(high) < 75 and sum(high) / len(high) < 60, high
    # One network's rules stand together, with their angles.
    for family in data["families"]:
        assert len({row["rule"] for row in family["rows"]}) > 1, family["network"]
    # A heading sorts by the numbers behind it and keeps the focus.
    browser.run("document.querySelectorAll('.cells th button.sort')[0].focus()")
    column = browser.run("""const table = document.querySelector('.cells'); const heads = [...table.querySelectorAll('thead th')];
        const at = heads.findIndex((head) => head.textContent === 'Ours, %'); heads[at].querySelector('button').focus(); return at""")
    values = """return [...document.querySelector('.cells').tBodies[0].rows].map((row) => Number(row.children[arguments[0]].dataset.value))"""
    for order in (True, False):
        press(browser, "\ue007")
        found = browser.run(values, column)
        assert found == sorted(found, reverse=order), found
        assert browser.run("return document.activeElement.matches('th[aria-sort] button.sort')")
    # The text filter leaves rows and curves of one network alone.
    name = next(group for group in data["groups"] if group["runs"])["name"]
    every = browser.run("return document.querySelectorAll('[data-table] tbody tr:not([hidden])').length")
    choose(browser, "filter-text", name)
    left = browser.run("return [...document.querySelectorAll('[data-table] tbody tr:not([hidden])')].map((row) => row.textContent)")
    assert 0 < len(left) <= every and all(name.lower() in row.lower() for row in left), left
    choose(browser, "filter-text", "")
    for facet in ("table", "loss", "rule", "data", "settings"):
        values = [value for value in options(browser, f"filter-{facet}") if value]
        if values:
            choose(browser, f"filter-{facet}", values[-1])
            fewer = browser.run("return document.querySelectorAll('[data-table] tbody tr:not([hidden])').length")
            assert 0 < fewer < every, (facet, values[-1], fewer, every)
            browser.run("document.querySelector('#filter-bar button').click()")
    assert browser.run("return document.querySelectorAll('[data-table] tbody tr:not([hidden])').length") == every
    # A button copies the command that trains a row again.
    browser.run("window.copied = []; copyText = async (text) => { window.copied.push(text); return true; }")
    browser.run("document.querySelector('.cells button.copy').click()")
    assert browser.run("return window.copied[0]").startswith("asymgrad run ")
    # The strips have a scale, and say in words what they draw.
    strips = browser.run("return [...document.querySelectorAll('.strip svg')].map((strip) => strip.getAttribute('aria-label'))")
    assert strips and all(label.startswith("ours ") for label in strips), strips
    assert browser.run("return document.querySelectorAll('.scale svg text').length") >= 2


def check_curves(browser, data):
    figures = browser.run(f"return document.querySelectorAll('{CHARTS}').length")
    trained = sum(table["name"] != "regression" and any(cell["ours"] for row in table["rows"] for cell in row["cells"]) for table in data["tables"])
    assert figures == trained > 0, (figures, trained)
    whole = browser.run(DRAWN)
    assert whole > 0
    # All seeds of a curve have each of its epochs, and the legend says how many there are.
    for group in data["groups"]:
        for curve in group["curves"]:
            assert all(len(group["runs"][index]["epochs"]) >= curve["epochs"] for index in curve["runs"])
    keys = browser.run(f"return [...document.querySelectorAll('{CHARTS} .key:not(.all)')].map((key) => key.textContent)")
    assert keys and all(", n = " in key for key in keys), keys
    # Two curves of one chart differ in colour, dash or marker.
    looks = browser.run("return drawnTables().map((table) => seriesOf(table.numbers, 'test_accuracy', 0).map((of) => [of.name, of.colour + of.dash + of.marker, of.count]))")
    for table in looks:
        shared = [look for _, look, _ in table]
        names = {name.split(", ")[0] for name, _, _ in table}
        assert len(set(shared)) >= min(len(names), 30), table
    # A band is the interval that the table gives.
    for row in [row for family in data["families"] for row in family["rows"] if row["ours"]["interval"] and row["ours"]["epochs"][0] == row["ours"]["epochs"][1]]:
        index, epoch = row["group"], row["ours"]["epochs"][1]
        curve = next(curve for curve in data["groups"][index]["curves"] if curve["epochs"] >= epoch and len(curve["runs"]) == row["ours"]["runs"])
        point = browser.run("""return pointsOf(report.groups[arguments[0]], arguments[1], 'test_accuracy')
            .find((point) => point[0] === arguments[2])""", index, curve, epoch)
        expected = [epoch, row["ours"]["mean"], *row["ours"]["interval"]]
        assert all(abs(a - b) < 1e-6 for a, b in zip(point, expected)), (point, expected)
    # The first click on a name shows its curve alone, the second one shows all; the focus stays.
    key = f"document.querySelector('{CHARTS} .key')"
    count = browser.run(f"return document.querySelectorAll('{CHARTS}')[0].querySelectorAll('.key:not(.all)').length")
    if count > 1:
        browser.run(f"{key}.focus()")
        press(browser, "\ue007")
        assert browser.run(f"return document.activeElement === {key}"), "the focus is lost"
        pressed = browser.run(f"return [...document.querySelectorAll('{CHARTS}')[0].querySelectorAll('.key:not(.all)')].map((key) => key.getAttribute('aria-pressed'))")
        assert pressed == ["true"] + ["false"] * (count - 1), pressed
        assert browser.run(DRAWN) < whole
        press(browser, "\ue007")
        assert browser.run(DRAWN) == whole
    # Each measure can be drawn.
    picture = f"return [...document.querySelectorAll('{CHARTS} svg.chart')].map((svg) => svg.innerHTML).join()"
    fields = options(browser, "curves-field")
    assert {"test_accuracy", "train_loss"} <= set(fields), fields
    assert any(field.startswith("angles/") for field in fields) == any(run["measures"] for group in data["groups"] for run in group["runs"])
    for field in fields[1:] + fields[:1]:
        choose(browser, "curves-field", field)
        title = browser.run("return titleOf(arguments[0])[0]", field)
        named = browser.run(f"return [...document.querySelectorAll('{CHARTS} svg.chart')].map((svg) => svg.getAttribute('aria-label'))")
        assert all(f", {title}: " in label for label in named), (title, named)
        # As many curves as groups that have the measure.
        drawn = browser.run("""const [field] = arguments; const has = (index) => report.groups[index].curves.some((curve) => pointsOf(report.groups[index], curve, field).length);
            return [drawnTables().flatMap((table) => table.numbers.filter(has)).length, document.querySelectorAll('#curves-plots .key:not(.all)').length]""", field)
        assert 0 < drawn[0] <= drawn[1], (field, drawn)
        assert "NaN" not in browser.run(picture), field
    assert "guessing" in browser.run(picture) or min(run["epochs"][0].get("test_accuracy", 100) for group in data["groups"] for run in group["runs"] if run["epochs"]) > 11
    choose(browser, "curves-field", "train_loss")
    for value in ["log", "linear"]:
        before = browser.run(picture)
        browser.run("document.querySelector(`#curves-bar button[data-value=${arguments[0]}]`).click()", value)
        assert browser.run(picture) != before, f"{value} changes nothing"
    choose(browser, "curves-field", "test_accuracy")
    # The pointer shows values with their number of seeds, and so do the arrow keys.
    chart = f"document.querySelector('{CHARTS} svg.chart')"
    tip = f"return document.querySelector('{CHARTS} .tip').innerText"
    browser.run(f"""const svg = {chart}; const box = svg.getBoundingClientRect();
        svg.dispatchEvent(new PointerEvent('pointermove', {{clientX: box.left + box.width / 2, clientY: box.top + 40, bubbles: true}}))""")
    text = browser.run(tip)
    assert "epoch" in text and "%" in text and "n = " in text, text
    browser.run(f"{chart}.dispatchEvent(new PointerEvent('pointerleave')); {chart}.focus()")
    press(browser, "\ue014")
    first = browser.run("return Math.min(...seriesOf(drawnTables()[0].numbers, 'test_accuracy', 0).flatMap((of) => of.points.map(([x]) => x)))")
    assert browser.run(tip).startswith(f"epoch {first}\n"), browser.run(tip)
    # Its numbers as CSV, and itself as SVG.
    browser.run("window.saved = []; download = (name, kind, text) => window.saved.push([name, kind, text])")
    browser.run(f"for (const button of document.querySelector('{CHARTS} .saves').children) button.click()")
    (table, _, text), (picture, _, svg) = browser.run("return window.saved")
    assert table.endswith(".csv") and text.startswith("curve,n,epoch,mean,interval_low,interval_high\n") and len(text.splitlines()) > 2
    assert picture.endswith(".svg") and svg.startswith("<svg") and "var(" not in svg, svg[:300]
    browser.run("new DOMParser().parseFromString(arguments[0], 'image/svg+xml').querySelector('parsererror') && console.error('no SVG')", svg)


def check_differences(browser, data):
    """The difference of two groups of the reader's choice is that of the tables."""
    count = 0
    for family in data["families"]:
        truth = {}
        for row in family["rows"]:
            if row["rule"] == "backprop":
                truth[data["groups"][row["group"]]["name"] + data["groups"][row["group"]]["runs"][0]["settings"]] = row["group"]
        for row in family["rows"]:
            paired = row["paired"]
            if not paired or not paired["difference"] or paired["to"] not in truth:
                continue
            ours = browser.run("return pairedOf(report.groups[arguments[0]], report.groups[arguments[1]])", row["group"], truth[paired["to"]])
            if ours["epochs"] != paired["epochs"]:
                continue
            count += 1
            assert [seed["seed"] for seed in ours["seeds"]] == paired["seeds"]
            assert abs(ours["difference"]["mean"] - paired["difference"]["mean"]) < 1e-9
            if paired["difference"]["interval"]:
                assert abs(ours["difference"]["low"] - paired["difference"]["interval"][0]) < 1e-6
    assert count or not any(row["paired"] for family in data["families"] for row in family["rows"])
    # How many comparisons there are: pairs on the same data, with accuracies or the same loss and target.
    groups = [group for group in data["groups"] if any(run["epochs"] for run in group["runs"])]
    def kind(group):
        config, accurate = group["runs"][0]["config"], all("test_accuracy" in line for run in group["runs"] for line in run["epochs"])
        return (config["data"]["checksum"], "" if accurate else (config["loss"], config.get("target"), config.get("anomaly_class")))
    pairs = sum(kind(one) == kind(two) for one, two in itertools.combinations(groups, 2))
    many = browser.run("return document.getElementById('compare-many')?.textContent ?? ''")
    if pairs > 1:
        level = 100 * (1 - 0.05 / pairs)
        assert f" {pairs} comparisons " in many and abs(float(many.split("a level of ")[1].split(" %")[0]) - level) < 1e-3, (pairs, many)
    texts = set()
    for value in options(browser, "compare-one"):
        choose(browser, "compare-one", value)
        texts.add(browser.run("return document.getElementById('compare-view').textContent"))
    assert len(texts) == len(options(browser, "compare-one")), texts


def check_run(browser, data):
    runs = browser.run("return document.getElementById('run-select').options.length")
    assert runs == sum(len(group["runs"]) for group in data["groups"])
    browser.run("""const select = document.getElementById('run-select');
        for (const option of select.options) { select.value = option.value; select.dispatchEvent(new Event('change')); }""")
    assert browser.run("return document.querySelectorAll('#run-view figure').length") >= 2
    loss = "return document.querySelectorAll('#run-view svg.chart')[1].innerHTML"
    before = browser.run(loss)
    browser.run("document.querySelector('#run-bar button[data-value=log]').click()")
    assert browser.run(loss) != before, "the loss of a run is not logarithmic"
    pictured = [run for group in data["groups"] for run in group["runs"]]
    captions = browser.run("return [...document.querySelectorAll('#run-view figcaption')].map((caption) => caption.textContent)")
    assert not pictured[-1]["measures"] or any("Angle of the signal, " in caption for caption in captions), captions
    with_filters = next((index for index, run in enumerate(pictured) if run["filters"]), None)
    if with_filters is not None:
        choose(browser, "run-select", str(with_filters))
        canvases = browser.run("return document.querySelectorAll('#run-view canvas').length")
        assert canvases == len(pictured[with_filters]["filters"]["pictures"])
    counted = next((index for index, run in enumerate(pictured) if run["confusion"]), None)
    if counted is not None:
        choose(browser, "run-select", str(counted))
        confusion = pictured[counted]["confusion"]
        classes = next(of for of in data["data"] if of["checksum"] == pictured[counted]["config"]["data"]["checksum"])["classes"]
        names = browser.run("return [...document.querySelectorAll('.confusion tbody th')].map((head) => head.textContent)")
        assert names == (classes or [str(index) for index in range(len(confusion))]), names
        shares = browser.run("return [...document.querySelectorAll('.confusion .share')].map((cell) => parseFloat(cell.textContent))")
        expected = [100 * row[index] / sum(row) for index, row in enumerate(confusion) if sum(row)]
        assert all(abs(a - b) < 0.051 for a, b in zip(shares, expected)), (shares, expected)


def check_layout(browser):
    """On a screen, a phone and paper nothing is cut off."""
    for width, medium in [(1400, "screen"), (400, "screen"), (718, "print")]:
        browser.emulate(width, "light", medium)
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= width, f"at {width} pixels the page is {wide} wide"
        cut = browser.run("""return [...document.querySelectorAll('.wide')].filter((box) => box.scrollWidth > box.clientWidth + 1)
            .map((box) => box.textContent.slice(0, 60))""")
        assert not cut, f"at {width} pixels on {medium} these are cut off: {cut}"


def check_names(browser):
    """axe-core finds no fault, in light and dark."""
    axe = os.environ.get("AXE")
    if not axe:
        assert os.environ.get("CI") != "true", "AXE does not name axe.min.js of the npm package axe-core"
        print("SKIPPED: axe-core (npm install axe-core; AXE names its axe.min.js)")
        return
    browser.run(pathlib.Path(axe).read_text() + "; window.axe = axe;")
    for scheme in ("light", "dark"):
        browser.emulate(1400, scheme)
        found = browser.call("POST", "/execute/async", {"script": """const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']}).then(({violations}) => done(violations.map((rule) =>
                `${rule.id}: ${rule.help}: ${rule.nodes.length} times, such as ${rule.nodes[0].html.slice(0, 160)} (${rule.nodes[0].any.map((of) => of.message).join(' ')})`)))""", "args": []})
        assert not found, f"{scheme}: " + "\n".join(found)


def check(browser, page):
    """Checks every function of the page."""
    browser.call("POST", "/timeouts", {"script": 60000})
    browser.call("POST", "/url", {"url": page.as_uri()})
    browser.emulate(1400, "light")
    data = browser.run("return JSON.parse(document.getElementById('data').textContent)")
    check_tables(browser, data)
    check_curves(browser, data)
    check_differences(browser, data)
    check_run(browser, data)
    check_layout(browser)
    check_names(browser)
    messages = [entry for entry in browser.log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not messages, messages
    events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    requested = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    # The browser's start page requests chrome: addresses; a file that is saved is a blob.
    external = {url for url in requested if not url.startswith(("file:", "data:", "chrome:", "blob:"))}
    assert not external, external


def main():
    page = pathlib.Path(sys.argv[1]).resolve()
    tools = [shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")]
    if None in tools:
        print("SKIPPED: chromedriver and chromium are not both installed (Debian: chromium chromium-driver)")
        return 77
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(*tools, profile)
        try:
            check(browser, page)
            if len(sys.argv) > 2:
                folder = pathlib.Path(sys.argv[2])
                for width in [1400, 400]:
                    for scheme in ["light", "dark"]:
                        browser.emulate(width, scheme)
                        browser.screenshot(folder / f"{width}-{scheme}.png")
                browser.devtools("Emulation.setEmulatedMedia", media="")
                printed = browser.devtools("Page.printToPDF", printBackground=True)["data"]
                (folder / "print.pdf").write_bytes(base64.b64decode(printed))
        finally:
            browser.close()
    print(f"{page.name}: no console error, no request, every switch works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
