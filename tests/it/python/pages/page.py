"""Reads an HTML page of the Simple API with Python's own parser, as pip does, and prints it as JSON."""

import html.parser
import json
import sys


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.anchors, self.metas, self.anchor = [], {}, None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a":
            self.anchor = {"attributes": attributes, "text": ""}
            self.anchors.append(self.anchor)
        elif tag == "meta" and "name" in attributes:
            self.metas[attributes["name"]] = attributes["content"]

    def handle_data(self, data):
        if self.anchor is not None:
            self.anchor["text"] += data

    def handle_endtag(self, tag):
        if tag == "a":
            self.anchor = None


page = Page()
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    page.feed(file.read())
page.close()
json.dump({"anchors": page.anchors, "metas": page.metas}, sys.stdout)
