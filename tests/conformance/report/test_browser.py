"""The page in a real browser, from a file: Debian's Chromium, without a screen. Skipped where it is not installed."""

import json
import shutil
from dataclasses import replace

import pytest

from asgate.conformance.report.matrix import SIGNS
from asgate.conformance.report.page import page

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed"),
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # selenium leaves the driver's output open
]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(judgements, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(judgements), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def view(browser, address):
    """The page, fresh, on a desk."""
    return opened(browser, address)


def opened(browser, address, width=1280, height=900, **media):
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": f"prefers-{name}", "value": value} for name, value in media.items()]
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [it | {"name": it["name"].replace("_", "-")} for it in features]},
    )
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(address)
    return browser


def css(view, selector):
    return view.find_element(By.CSS_SELECTOR, selector)


def visible_cases(view):
    return [
        row.get_attribute("data-case")
        for row in view.find_elements(By.CSS_SELECTOR, "tr[data-case]")
        if row.is_displayed()
    ]


def cell(view, case, server):
    return css(view, f'tr[data-case="{case}"] td[data-server="{server}"] a')


def panel(view):
    return css(view, "#panel")


def reading(view):
    """Waits until the evidence is unpacked and shown."""
    until(view, lambda _: panel(view).is_displayed())


def until(view, ready):
    """The page puts its panel together anew: what was found a moment ago may be gone when it is read."""
    WebDriverWait(view, 10, ignored_exceptions=[StaleElementReferenceException]).until(ready)


def choose(view, value):
    Select(css(view, "#show")).select_by_value(value)


def test_it_opens_from_a_file_without_errors_and_without_requests(view, address):
    assert address.startswith("file://")
    assert view.title == "ASGI conformance"
    messages = [json.loads(entry["message"])["message"] for entry in view.get_log("performance")]
    requests = [
        it["params"]["request"]["url"] for it in messages if it["method"] == "Network.requestWillBeSent"
    ]
    assert [it for it in requests if not it.startswith("data:")] == [address]
    cell(view, "request/order_kept", "broken").click()
    reading(view)
    assert view.get_log("browser") == []
    assert view.execute_script("return 'broken' in window") is False


def test_the_head_counts_by_server_and_level(view):
    rows = [row.text.split() for row in view.find_elements(By.CSS_SELECTOR, ".summary tbody tr")]
    assert [row[:2] for row in rows] == [["plain", "1.0"], ["broken", "1.1"], ["odd", "1.2"]]
    counts = view.find_elements(By.CSS_SELECTOR, ".summary tbody tr:nth-child(2) .counts")
    signs = [" ".join(it.get_attribute("innerText").split()) for it in counts]
    assert [it.replace("\ufe0e", "") for it in signs] == [
        "✓ pass: 1 ✗ fail: 1 ≈ differs: 1",
        "✗ fail: 1 ☠ crashed: 1",
        "✗ fail: 1",
    ]
    assert css(view, "#status").text == "6 of 6 cases"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ASGI-066", ["order_kept"]),
        ("asgi-0 event", ["first_event"]),
        ("practice", ["cancelled_receive"]),
        ("rfc 9112", ["length"]),
        ("early_hint", ["hints"]),
        ("request/", ["first_event", "order_kept", "cancelled_receive"]),
        ("no such words", []),
    ],
)
def test_words_filter(view, words, names):
    css(view, "#words").send_keys(words)
    assert [case.partition("/")[2] for case in visible_cases(view)] == names
    assert css(view, "#status").text == f"{len(names)} of 6 cases"
    assert css(view, ".none").is_displayed() is not bool(names)


def test_all_can_be_shown_again(view):
    css(view, "#words").send_keys("no such words")
    css(view, "#reset").click()
    assert len(visible_cases(view)) == 6


def test_levels_filter(view):
    css(view, "input.level[value=MUST]").click()
    assert visible_cases(view) == ["request/cancelled_receive", "response/error_page", "response/hints"]
    css(view, "input.level[value=SHOULD]").click()
    assert visible_cases(view) == ["response/hints"]


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("all", ["first_event", "order_kept", "cancelled_receive", "error_page", "hints", "length"]),
        ("differences", ["order_kept", "cancelled_receive", "error_page", "hints", "length"]),
        ("faults", ["order_kept", "cancelled_receive", "error_page"]),
        ("fail", ["order_kept", "cancelled_receive", "hints"]),
        ("crashed", ["error_page"]),
        ("error", ["hints"]),
        ("differs", ["cancelled_receive", "length"]),
        ("not offered", ["hints", "length"]),
    ],
)
def test_outcomes_filter(view, show, names):
    choose(view, show)
    assert [case.partition("/")[2] for case in visible_cases(view)] == names


def test_a_server_can_be_left_out_and_counts_no_more(view):
    choose(view, "faults")
    css(view, "input.server[value='1']").click()
    assert visible_cases(view) == []
    choose(view, "all")
    heads = [it.text for it in view.find_elements(By.CSS_SELECTOR, ".matrix thead th") if it.is_displayed()]
    assert heads == ["Case", "plain", "odd"]
    assert not cell(view, "request/order_kept", "broken").is_displayed()


def test_groups_fold(view):
    css(view, "#group-0 button").click()
    assert [case.split("/")[0] for case in visible_cases(view)] == ["response"] * 3
    css(view, "#fold").click()
    assert visible_cases(view) == []
    css(view, "#fold").click()
    assert len(visible_cases(view)) == 6


def test_a_click_opens_the_evidence(view):
    cell(view, "request/order_kept", "broken").click()
    reading(view)
    assert view.current_url.endswith("#request/order_kept@broken")
    assert css(view, "#panel h2").text == "A right server does what order_kept asks."
    assert "broken 1.1: fails, level MUST" in css(view, "#panel .outcome").text
    assert "The order of header values is kept." in css(view, "#panel dl").text
    lines = [it.text for it in view.find_elements(By.CSS_SELECTOR, ".evidence .said")]
    assert lines[0] == "GET /order_kept HTTP/1.1\\r\\n\nhost: probe\\r\\n\n\\r\\n"
    assert "x: back\\\\new\\r\\n" in lines[2]  # an escaped backslash ends no line
    assert "</script><script>broken=1</script>" in lines[2]
    assert "\\u202egnp.exe \\x00\\x1b[31m \\ud800" in lines[2]
    speakers = [it.text for it in view.find_elements(By.CSS_SELECTOR, ".evidence .who")]
    assert speakers == ["wire 1: to server", "application", "wire 1: from server"]


def test_the_panel_leads_to_the_other_servers(view):
    cell(view, "request/cancelled_receive", "broken").click()
    reading(view)
    css(view, '#panel a.tab[href$="@odd"]').click()
    until(view, lambda _: "odd" in css(view, "#panel .outcome").text)
    assert "differs, but the text allows it" in css(view, "#panel .outcome").text
    assert "not in the ASGI text" in css(view, "#panel dl").text


def test_the_keyboard_does_all_of_it(view):
    active = view.switch_to.active_element
    active.send_keys("/")
    assert view.switch_to.active_element.get_attribute("id") == "words"
    stops = view.find_elements(By.CSS_SELECTOR, '.matrix td > a[tabindex="0"]')
    assert stops == [cell(view, "request/first_event", "plain")]
    for _ in range(10):  # from the filter into the table
        view.switch_to.active_element.send_keys(Keys.TAB)
        if view.switch_to.active_element == stops[0]:
            break
    for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.END, Keys.ARROW_LEFT, Keys.ARROW_UP):
        view.switch_to.active_element.send_keys(key)
    reached = cell(view, "request/cancelled_receive", "broken")
    assert view.switch_to.active_element == reached
    reached.send_keys(Keys.ENTER)
    reading(view)
    assert view.switch_to.active_element == panel(view)
    view.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not panel(view).is_displayed()
    assert view.switch_to.active_element == reached
    assert "#" not in view.current_url
    assert view.get_log("browser") == []


def test_a_permalink_opens_its_cell(browser, address):
    view = opened(browser, f"{address}#response/error_page@broken")
    reading(view)
    assert "the server crashed or hung" in css(view, "#panel .outcome").text
    assert cell(view, "response/error_page", "broken").get_attribute("aria-current") == "true"
    css(view, "#close").click()
    assert not panel(view).is_displayed()


@pytest.mark.parametrize(
    "fragment", ["nothing@nobody", "request/order_kept@nobody", "%E0%A4%A", "@", "a%22%5D@b"]
)
def test_a_broken_link_opens_nothing(browser, address, fragment):
    view = opened(browser, f"{address}#{fragment}")
    assert not panel(view).is_displayed()
    assert view.get_log("browser") == []


def test_a_phone_shows_lists_and_scrolls_one_way_only(browser, address):
    view = opened(browser, address, width=390, height=844)
    assert view.execute_script("return document.documentElement.scrollWidth") <= 390
    assert visible_cases(view) == []  # folded: the groups first
    css(view, "#group-0 button").click()
    chips = [cell(view, "request/order_kept", server) for server in ("plain", "broken", "odd")]
    assert all(chip.size["height"] >= 30 for chip in chips)
    assert (
        view.execute_script("return getComputedStyle(arguments[0], '::after').content", chips[1])
        == '"broken"'
    )
    chips[1].click()
    reading(view)
    assert view.execute_script("return document.documentElement.scrollWidth") <= 390
    assert panel(view).size["width"] == 390
    assert css(view, "#close").is_displayed()


@pytest.mark.parametrize("width", [320, 800, 900, 1024, 1280, 1920])
def test_no_width_scrolls_sideways(browser, address, width):
    view = opened(browser, address, width=width)
    assert view.execute_script("return document.documentElement.scrollWidth") <= width


def luminance(view, element, name):
    colour = view.execute_script(f"return getComputedStyle(arguments[0]).{name}", element)
    parts = [float(it) / 255 for it in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """WCAG 2.2, "contrast ratio"."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_colour_scheme_and_can_be_read(browser, address, scheme):
    view = opened(browser, address, color_scheme=scheme)
    body = css(view, "body")
    back = luminance(view, body, "backgroundColor")
    assert (back < 0.1) is (scheme == "dark")
    assert contrast(back, luminance(view, body, "color")) > 7
    assert contrast(back, luminance(view, css(view, ".facts"), "color")) > 4.5
    for case, server in (("first_event", "plain"), ("order_kept", "broken"), ("cancelled_receive", "odd")):
        link = cell(view, f"request/{case}", server)
        ratio = contrast(luminance(view, link, "backgroundColor"), luminance(view, link, "color"))
        assert ratio > 4.5, (case, ratio)


def test_every_outcome_reads_without_colour(view):
    told = {
        (
            link.text.replace("\ufe0e", ""),
            link.find_element(By.CLASS_NAME, "unseen").get_attribute("textContent"),
        )
        for link in (
            cell(view, "request/order_kept", "plain"),
            cell(view, "request/order_kept", "broken"),
            cell(view, "request/cancelled_receive", "odd"),
            cell(view, "response/error_page", "broken"),
            cell(view, "response/hints", "plain"),
            cell(view, "response/hints", "odd"),
        )
    }
    words = {(sign.split()[0], word) for sign, word in told}
    assert words == {(sign.rstrip("\ufe0e"), outcome.value) for outcome, sign in SIGNS.items()}


def test_a_practice_is_not_drawn_as_a_breach_of_the_text(view):
    def style(case):
        link = cell(view, case, "broken")
        names = ("backgroundColor", "borderTopStyle")
        return [view.execute_script(f"return getComputedStyle(arguments[0]).{name}", link) for name in names]

    assert style("request/order_kept") != style("request/cancelled_receive")
    assert style("request/cancelled_receive") == ["rgba(0, 0, 0, 0)", "dashed"]


def test_the_head_of_the_table_stays_in_sight(browser, address, many, tmp_path):
    path = tmp_path / "many.html"
    path.write_text(page([replace(it, results=it.results[:60]) for it in many]), encoding="utf-8")
    view = opened(browser, path.as_uri())
    view.execute_script("window.scrollTo({top: 2000, behavior: 'instant'})")
    top = view.execute_script("return document.querySelector('.matrix thead th').getBoundingClientRect().top")
    assert 0 <= top < 100


def processor_seconds(view):
    """What the page's thread has worked: unlike the clock, the same on a busy machine."""
    metrics = view.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(it["value"] for it in metrics if it["name"] == "TaskDuration")


def test_the_largest_run_opens_in_time(browser, many, tmp_path):
    path = tmp_path / "many.html"
    path.write_text(page(many), encoding="utf-8")
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    opened(browser, "about:blank")
    before = processor_seconds(browser)
    view = opened(browser, path.as_uri())
    assert processor_seconds(view) - before < 2
    assert css(view, "#status").text == "450 of 450 cases"


def test_a_browser_that_cannot_unpack_says_where_the_evidence_is(browser, address):
    source = "delete window.DecompressionStream"
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    try:
        view = opened(browser, address)
        cell(view, "request/order_kept", "broken").click()
        reading(view)
        assert "results.json has it, too" in panel(view).text
        css(view, "#close").click()
        assert not panel(view).is_displayed()
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
