"""What an HTML page consists of: its elements, text, links and what it would load."""

from html.parser import HTMLParser

VOID_ELEMENTS = {"meta", "img", "br"}
LOADING_ATTRIBUTES = {"src", "srcset", "poster", "background", "data"}


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        errors: Elements that are not closed, or closed where another is open.
        loaded: Addresses that a browser would load to show the page.
        links: Addresses of links.
        images: Attributes of images.
        anchors: Ids of elements.
        text: All text outside of the style.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.errors: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.anchors: list[str] = []
        self._texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.errors += [f"{tag} is not closed" for tag in self._open]
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID_ELEMENTS:
            self._open.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in LOADING_ATTRIBUTES]
        self.loaded += [attributes.get("href") or ""] if tag == "link" else []
        self.loaded += ["script"] if tag == "script" else []
        self.links += [attributes["href"] or ""] if tag == "a" and "href" in attributes else []
        self.images += [attributes] if tag == "img" else []
        self.anchors += [attributes["id"] or ""] if "id" in attributes else []

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.errors.append(f"{tag} is closed at {self.getpos()}, where another element is open")

    def handle_data(self, data):
        if "style" not in self._open:
            self._texts.append(data)
        elif "@import" in data or "url(" in data:
            self.loaded.append(data)
