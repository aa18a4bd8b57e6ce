"""What a figure says."""

from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_of(figure: Figure) -> str:
    """Every text on it, one after the other, as if it were not wrapped."""
    found = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]
    return "\n".join(" ".join(text.split()) for text in found)
