#!/usr/bin/env python3
"""Opens the results page in headless Chromium and operates it: no console error, no request, every switch works.

    tests/page/check.py report.html [FOLDER-FOR-SCREENSHOTS]

Needs chromedriver and chromium; speaks WebDriver with the standard library alone. Exit 77: one of them is missing.
"""

import base64
import json
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


def check(browser, page):
    """Checks every function of the page."""
    browser.call("POST", "/url", {"url": page.as_uri()})
    data = browser.run("return JSON.parse(document.getElementById('data').textContent)")
    assert len([table for table in data["tables"] if table["number"]]) == 4
    rows = browser.run("return [...document.querySelectorAll('#tables .name b')].map((name) => name.textContent)")
    assert len(rows) >= 39 and "PG-Untie-R2-U" in rows, rows
    charts = "#curves-plots figure"
    figures = browser.run(f"return document.querySelectorAll('{charts}').length")
    trained = sum(any(cell["ours"] for row in table["rows"] for cell in row["cells"]) for table in data["tables"])
    assert figures == trained > 0, (figures, trained)
    lines = f"return document.querySelectorAll('{charts} svg.chart path:not(.band), {charts} svg.chart circle').length"
    whole = browser.run(lines)
    assert whole > 0
    # A click on a name in the legend hides its curve, and a second click shows it.
    key = f"document.querySelector('{charts} .key')"
    browser.run(f"{key}.click()")
    assert browser.run(f"return {key}.getAttribute('aria-pressed')") == "false"
    assert browser.run(lines) < whole
    browser.run(f"{key}.click()")
    assert browser.run(lines) == whole
    # Each choice changes the curves.
    picture = f"return document.querySelector('{charts} svg.chart').innerHTML"
    for value in ["loss", "train", "log", "linear", "test", "accuracy"]:
        before = browser.run(picture)
        browser.run("document.querySelector(`#curves-bar button[data-value=${arguments[0]}]`).click()", value)
        assert browser.run(picture) != before, f"{value} changes nothing"
        assert "NaN" not in browser.run(picture), value
    # The pointer shows values.
    browser.run(f"""const svg = document.querySelector('{charts} svg.chart'); const box = svg.getBoundingClientRect();
        svg.dispatchEvent(new PointerEvent('pointermove', {{clientX: box.left + box.width / 2, clientY: box.top + 40, bubbles: true}}))""")
    tip = browser.run(f"return document.querySelector('{charts} .tip').innerText")
    assert "epoch" in tip and "%" in tip, tip
    # Every run can be selected.
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
        browser.run("""const select = document.getElementById('run-select'); select.value = arguments[0];
            select.dispatchEvent(new Event('change'))""", str(with_filters))
        canvases = browser.run("return document.querySelectorAll('#run-view canvas').length")
        assert canvases == len(pictured[with_filters]["filters"]["pictures"])
    # On a screen, a phone and paper nothing is cut off.
    for width, medium in [(1400, "screen"), (375, "screen"), (718, "print")]:
        browser.emulate(width, "light", medium)
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= width, f"at {width} pixels the page is {wide} wide"
        cut = browser.run("""return [...document.querySelectorAll('.wide')].filter((box) => box.scrollWidth > box.clientWidth + 1)
            .map((box) => box.textContent.slice(0, 60))""")
        assert not cut, f"at {width} pixels on {medium} these are cut off: {cut}"
    messages = [entry for entry in browser.log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not messages, messages
    events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    requested = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    # The browser's start page requests chrome: addresses.
    external = {url for url in requested if not url.startswith(("file:", "data:", "chrome:"))}
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
                for width in [1400, 375]:
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
