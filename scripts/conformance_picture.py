"""Takes docs/conformance.png: `conformance_picture.py REPORT/index.html [CASE@SERVER]`, the page of a report on a desk,
with the evidence of one cell open. Needs selenium, chromium and chromedriver.
"""

import shutil
import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PICTURE = Path(__file__).parents[1] / "docs" / "conformance.png"
SIZE = {"width": 1360, "height": 1000, "deviceScaleFactor": 1, "mobile": False}


def main(arguments: list[str]) -> int:
    source = Path(arguments[0]).resolve()
    cell = f"#{arguments[1]}" if len(arguments) > 1 else ""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        browser.get(source.as_uri() + cell)
        if cell:  # its evidence is unpacked first
            WebDriverWait(browser, 30).until(lambda it: it.find_element(By.ID, "panel").is_displayed())
        browser.save_screenshot(str(PICTURE))
    finally:
        browser.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
