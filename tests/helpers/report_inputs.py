"""Made-up predictions, facts and histories for reports, and a parser of the page."""

import html.parser

import numpy as np

FACTS = {
    "recipe": {"epochs": 2, "learning_rate": 1e-4},
    "versions": {"keras": "3.15.0"},
    "samples": {"train": 8, "test": 4},
    "seconds": {"train": 60.0, "total": 70.5},
    "images_per_second": 412.3,
    "best_epoch": 2,
}


HISTORY = {
    "loss": [0.9, 0.5],
    "val_loss": [0.8, 0.6],
    "accuracy": [0.5, 0.8],
    "val_accuracy": [0.6, 0.7],
}


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def random_answers(samples, classes, *, seed=0, sharpness=2.0):
    """Return random labels, and probabilities that favour them."""
    generator = np.random.default_rng(seed)
    y_true = generator.integers(0, classes, samples)
    logits = generator.normal(size=(samples, classes))
    logits[np.arange(samples), y_true] += sharpness
    return y_true, softmax(logits)


def one_hot(y_pred, classes):
    return np.eye(classes)[y_pred]


class Page(html.parser.HTMLParser):
    """Parse a page into its text, links and tags; `open` holds the tags that are not closed."""

    def __init__(self, source):
        super().__init__()
        self.text, self.links, self.open, self.tags = [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "srcset", "href")]
        if tag not in ("meta", "img", "source", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
