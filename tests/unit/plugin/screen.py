"""What a terminal of some width would show."""

import io

from rich.console import Console, Group, RenderableType


def shown(*parts: RenderableType, width: int = 80, colours: bool = False) -> str:
    """The text; with `colours`, with the terminal's codes."""
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=colours, highlight=False)
    console.print(Group(*parts), crop=False)
    return console.export_text(styles=colours)


def words(*parts: RenderableType, width: int = 80) -> str:
    """The same with every space and line break as one space."""
    return " ".join(shown(*parts, width=width).split())
