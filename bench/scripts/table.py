"""Tables as Markdown that is also easy to read as text."""


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """The first column is text and stands left; the others are numbers and stand right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    rule = "| " + "-" * widths[0] + " | " + " | ".join("-" * (w - 1) + ":" for w in widths[1:])
    return "\n".join([line(header), rule + " |", *map(line, rows)])


def ratio(reference: float | None, value: float | None) -> str:
    """How many times `value` the reference is, with about three digits."""
    if not reference or not value:
        return "–"
    times = reference / value
    return f"{times:.1f}×" if times >= 10 else f"{times:.2f}×"


def thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")
