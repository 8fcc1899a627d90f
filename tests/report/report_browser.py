"""Chromium without a window: what a page has become once its script has run, and what it said on the way."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)
ANSWER = "answer-of-the-test"


def binary() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def ask(page: Path, script: str, width: int = 1280) -> tuple[Any, list[str]]:
    """Run a function body in a copy of the page; return what it returns and the lines of the browser's console."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    early = "<script>window.wrong = []; addEventListener('error', (e) => wrong.push(String(e.message)), true);</script>"
    late = f"""<script>
    const answer = document.createElement("pre");
    answer.id = "{ANSWER}";
    answer.textContent = JSON.stringify({{value: (() => {{ {script} }})(), wrong}});
    document.body.append(answer);
    </script>"""
    copy = page.with_name("asked.html")
    copy.write_text(text.replace("<title>", early + "<title>", 1).replace("</body>", late + "</body>"))
    out, lines = run([f"--window-size={width},900", "--dump-dom", copy.as_uri()])
    found = re.search(rf'<pre id="{ANSWER}">(.*?)</pre>', out, re.DOTALL)
    assert found is not None, "the script did not end"
    answered = json.loads(html.unescape(found[1]))
    return answered["value"], [*answered["wrong"], *lines]


def console(page: Path) -> list[str]:
    """Open the page as it is and return the lines of the browser's console."""
    return run(["--dump-dom", page.as_uri()])[1]


def run(arguments: list[str]) -> tuple[str, list[str]]:
    known = binary()
    assert known is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [known, *OPTIONS, f"--user-data-dir={profile}", *arguments]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            out, err = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # the browser and its helpers, which are its own group
                process.communicate()
    assert process.returncode == 0, err
    return out, [line for line in err.splitlines() if "CONSOLE" in line]
