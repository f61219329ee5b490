# SPDX-License-Identifier: GPL-3.0-only
"""A person at a browser: opens a page and fills in the forms that follow.

    BROWSER="PYTHON browse.py %s"

The forms' fields come from the environment, as JSON: PERSON maps the name of a
field to what is typed there, one entry after the other each time the field is
asked for. Other fields keep the value that the page gives them, and of several
buttons the first is pressed. What the person saw, a title and a status per
page, is written to the file SEEN.
"""

import html.parser
import json
import os
import sys
import urllib.parse

import requests

MOST_PAGES = 8


class Page(html.parser.HTMLParser):
    """The title of a page and its form, if it has one."""

    def __init__(self):
        super().__init__()
        self.title, self.action, self.fields = "", None, {}
        self.in_title, self.pressed = False, False

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "title":
            self.in_title = True
        elif tag == "form":
            self.action = a["action"]
        elif tag == "input":
            self.fields[a["name"]] = a.get("value") or ""
        elif tag == "button" and "name" in a and not self.pressed:
            self.pressed, self.fields[a["name"]] = True, a["value"]

    def handle_endtag(self, tag):
        self.in_title = self.in_title and tag != "title"

    def handle_data(self, data):
        if self.in_title:
            self.title += data


def browse(url, person):
    seen, browser = [], requests.Session()
    response = browser.get(url)
    for _ in range(MOST_PAGES):
        page = Page()
        page.feed(response.text)
        seen.append({"title": page.title.strip(), "status": response.status_code})
        if page.action is None:
            break
        for field, typed in person.items():
            if field in page.fields and typed:
                page.fields[field] = typed.pop(0)
        response = browser.post(urllib.parse.urljoin(response.url, page.action), data=page.fields)
    return seen


if __name__ == "__main__":
    pages = browse(sys.argv[1], json.loads(os.environ["PERSON"]))
    with open(os.environ["SEEN"], "w") as file:
        json.dump(pages, file)
