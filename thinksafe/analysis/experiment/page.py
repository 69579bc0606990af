"""The web page of an experiment."""

from collections.abc import Mapping


def render(document: Mapping) -> str:
    """The whole page as HTML."""
    return "<!DOCTYPE html>"
