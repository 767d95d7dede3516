"""The page as text: self-contained, escaped, complete. What it does in a browser is in test_browser.py."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import pytest

from asgate.conformance.report.page import link, packed, page


class Elements(HTMLParser):
    """The start tags and the texts of scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.scripts = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append((self.tags[-1][1], data))


@pytest.fixture(scope="module")
def text(judgements):
    return page(judgements)


@pytest.fixture(scope="module")
def elements(text):
    return Elements(text)


def test_nothing_is_loaded_from_anywhere(elements, text):
    sources = [
        attributes.get(name) for _, attributes in elements.tags for name in ("src", "srcset", "action")
    ]
    links = [attributes["href"] for tag, attributes in elements.tags if tag in ("a", "link")]
    assert set(sources) == {None}
    assert {it for it in links if not it.startswith(("#", "data:"))} == set()
    assert "url(" not in text and "@import" not in text


def test_the_policy_allows_the_pages_own_script_only(elements, text):
    policy = next(it["content"] for tag, it in elements.tags if tag == "meta" and "http-equiv" in it)
    script = next(data for attributes, data in elements.scripts if not attributes)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_evidence_stays_text(elements, text):
    scripts = sum(tag == "script" for tag, _ in elements.tags)
    assert scripts == 2 + 1  # a block for each group, and the page's own
    assert not re.search("[\x00\x1b\u202e\u2028\ud800]", text)
    text.encode("utf-8")


def test_every_case_has_its_evidence(elements, judgements):
    groups = {it["data-evidence"]: unpacked(data) for it, data in elements.scripts if it}
    names = [case for group in groups.values() for case in group]
    assert names == [result.case for result in judgements[0].results]
    cell = groups["group-0"]["request/order_kept"]["cells"][1]
    assert (cell["server"], cell["outcome"], cell["sign"]) == ("broken", "fail", "✗")
    assert cell["evidence"][0] == r"wire 1 > GET /order_kept HTTP/1.1\r\nhost: probe\r\n\r\n"
    assert "</script><script>" in cell["detail"]


def test_the_head_names_kit_date_servers_and_commands(text):
    assert "Kit: asgate 0.3.0, 2026-11-22." in text
    assert "6 cases in 2 groups on 3 servers" in text
    assert "python -m broken probe:app" in text


def test_names_are_escaped_in_markup_and_in_links(judgements):
    from dataclasses import replace

    odd = replace(
        judgements[0], server="\"><b>&'", version="<i>", command="</code>\u202e", kit="<u>", python="<p>"
    )
    text = page([odd])
    assert not re.search("<b>&'|<i>|<u>|\u202e", text.replace("</code><", ""))
    assert "%22%3E%3Cb%3E%26%27" in text


def unpacked(text):
    return json.loads(zlib.decompress(base64.b64decode(text)))


def test_packed_evidence_cannot_end_its_element():
    text = packed("</script><!--&\u2028\ud800")
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)
    assert unpacked(text) == "</script><!--&\u2028\ud800"


def test_evidence_that_servers_share_takes_no_room(many):
    """Nine servers, thirteen megabytes of evidence."""
    evidence = sum(len(line) for it in many for result in it.results for line in result.evidence)
    assert evidence > 10_000_000
    assert len(page(many)) < 2_000_000


def test_a_link_is_case_and_server():
    assert link("request/first event", "a@b") == "request/first%20event@a%40b"


def test_a_group_in_which_the_kit_failed_is_not_called_free_of_faults(judgements):
    heads = re.findall(r'<td data-server="odd" title="odd, (\w+): [^"]*">(.*?)</td>', page(judgements))
    assert [("no fault" in told, "errors of the kit" in told) for _, told in heads] == [
        (True, False),
        (False, True),
    ]


def test_a_run_that_was_interrupted_is_marked(judgements, text):
    from dataclasses import replace

    told = "interrupted: only 6 cases were judged"
    assert told in page([replace(judgements[0], complete=False)])
    assert told not in text


def test_a_case_that_was_not_run_is_said_so(judgements):
    from dataclasses import replace

    text = page([judgements[0], replace(judgements[1], results=())])
    assert text.count('data-outcome=""') == 6
