"""Draws grouped bars of ratios as SVG. The axis is logarithmic: twice and half are equally far."""

import dataclasses
import math
from html import escape

BAR_WIDTH = 20
BAR_GAP = 4
GROUP_GAP = 24
LETTER_WIDTH = 7
PANEL_HEIGHT = 250
PANEL_GAP = 70
MARGIN_LEFT = 64
MARGIN_RIGHT = 24
MARGIN_TOP = 116
GROUP_LABEL_HEIGHT = 46
WIDTH_MIN = 640
OCTAVES_MIN = 1

COLORS = ["#4c78d8", "#e8833a", "#3da57b", "#c2569a", "#8a6fd1", "#8c8c8c", "#c9a227", "#2d9db5"]

STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
         font-size: 12px; fill: #24292f; }
  .title { font-size: 18px; font-weight: 600; }
  .panel { font-size: 14px; font-weight: 600; }
  .quiet { fill: #6e7781; }
  .value { font-size: 10px; fill: #57606a; }
  .background { fill: #ffffff; }
  .grid { stroke: #d8dee4; stroke-width: 1; }
  .one { stroke: #57606a; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet, .value { fill: #9198a1; }
    .background { fill: #0d1117; }
    .grid { stroke: #2a313a; }
    .one { stroke: #9198a1; }
  }
"""


@dataclasses.dataclass
class Panel:
    """One diagram: for each group, the ratio of each series; a series may be missing."""

    title: str
    groups: dict[str, dict[str, float]]


class Drawing:
    """The elements of an SVG in the making."""

    def __init__(self) -> None:
        self.elements: list[str] = []

    def text(self, x: float, y: float, text: str, style: str = "", anchor: str = "start") -> None:
        self.elements.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" '
                             f'text-anchor="{anchor}">{escape(text)}</text>')

    def line(self, x1: float, x2: float, y: float, style: str) -> None:
        self.elements.append(f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
                             f'class="{style}"/>')

    def bar(self, x: float, top: float, bottom: float, color: str, hint: str) -> None:
        self.elements.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{BAR_WIDTH}" '
            f'height="{max(bottom - top, 1):.1f}" rx="2" fill="{color}">'
            f"<title>{escape(hint)}</title></rect>")


@dataclasses.dataclass
class Axis:
    """Where a ratio stands between the top and the bottom of a panel."""

    top: float
    lowest: int  # powers of two
    highest: int

    @staticmethod
    def around(values: list[float], top: float) -> "Axis":
        logs = [math.log2(value) for value in values] or [0.0]
        return Axis(top, min(math.floor(min(logs)), -OCTAVES_MIN),
                    max(math.ceil(max(logs)), OCTAVES_MIN))

    def y(self, ratio: float) -> float:
        share = (self.highest - math.log2(ratio)) / (self.highest - self.lowest)
        return self.top + share * PANEL_HEIGHT


def tick_label(power: int) -> str:
    return f"{2 ** power}×" if power >= 0 else f"1/{2 ** -power}×"


def value_label(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def group_width(name: str, group: dict[str, float]) -> float:
    """Room for the bars, or for the name when that is wider; its size can only be guessed."""
    bars = len(group) * (BAR_WIDTH + BAR_GAP)
    text = max(len(line) for line in name.split("\n")) * LETTER_WIDTH
    return max(bars, text) + GROUP_GAP


def panel_width(panel: Panel) -> float:
    return sum(group_width(name, group) for name, group in panel.groups.items())


def draw_axis(drawing: Drawing, axis: Axis, width: float) -> None:
    for power in range(axis.lowest, axis.highest + 1):
        y = axis.y(2.0 ** power)
        drawing.line(MARGIN_LEFT, width - MARGIN_RIGHT, y, "one" if power == 0 else "grid")
        drawing.text(MARGIN_LEFT - 8, y + 4, tick_label(power), "quiet", "end")


def draw_bar(drawing: Drawing, axis: Axis, x: float, value: float, color: str, hint: str) -> None:
    y, one = axis.y(value), axis.y(1)
    drawing.bar(x, min(y, one), max(y, one), color, hint)
    label_y = y - 4 if value >= 1 else y + 11
    drawing.text(x + BAR_WIDTH / 2, label_y, value_label(value), "value", "middle")


def draw_group(drawing: Drawing, axis: Axis, x: float, name: str, group: dict[str, float],
               colors: dict[str, str]) -> None:
    bars = len(group) * (BAR_WIDTH + BAR_GAP) - BAR_GAP
    width = group_width(name, group)
    at = x + (width - bars) / 2
    for series, value in group.items():
        draw_bar(drawing, axis, at, value, colors[series], f"{name}, {series}: {value:.2f}×")
        at += BAR_WIDTH + BAR_GAP
    for i, part in enumerate(name.split("\n")):
        drawing.text(x + width / 2, axis.top + PANEL_HEIGHT + 20 + 15 * i, part,
                     "" if i == 0 else "quiet", "middle")


def draw_panel(drawing: Drawing, panel: Panel, top: float, width: float,
               colors: dict[str, str]) -> None:
    values = [value for group in panel.groups.values() for value in group.values()]
    axis = Axis.around(values, top)
    drawing.text(MARGIN_LEFT, top - 16, panel.title, "panel")
    draw_axis(drawing, axis, width)
    x = MARGIN_LEFT
    for name, group in panel.groups.items():
        draw_group(drawing, axis, x, name, group, colors)
        x += group_width(name, group)


def draw_series_names(drawing: Drawing, colors: dict[str, str], y: float) -> None:
    x = float(MARGIN_LEFT)
    for series, color in colors.items():
        drawing.elements.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="2" '
                                f'fill="{color}"/>')
        drawing.text(x + 15, y, series)
        x += 15 + LETTER_WIDTH * len(series) + 20


def bars_svg(title: str, legend: str, panels: list[Panel]) -> str:
    """The whole drawing, panels below each other; a series has the same colour in all of them.

    The legend is a line that explains what the names of the groups leave out.
    """
    series = dict.fromkeys(name for panel in panels for group in panel.groups.values()
                           for name in group)
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(series)}
    width = max([WIDTH_MIN] + [MARGIN_LEFT + panel_width(panel) + MARGIN_RIGHT for panel in panels])
    pitch = PANEL_HEIGHT + GROUP_LABEL_HEIGHT + PANEL_GAP
    height = MARGIN_TOP + pitch * len(panels) - PANEL_GAP + 20

    drawing = Drawing()
    drawing.text(MARGIN_LEFT, 32, title, "title")
    drawing.text(MARGIN_LEFT, 54, legend, "quiet")
    draw_series_names(drawing, colors, 80)
    for i, panel in enumerate(panels):
        draw_panel(drawing, panel, MARGIN_TOP + 14 + pitch * i, width, colors)
    body = "\n".join(drawing.elements)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img">\n'
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
            f'<rect class="background" width="100%" height="100%"/>\n{body}\n</svg>\n')
