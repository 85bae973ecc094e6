"""Makes a failing stream short: drops what is not needed for the two servers to disagree.

A trial runs a candidate from a clean state and asks whether a mismatch with the same signature is still there.
"""

from runner import is_command


def shrink(items, mismatch, run, trials_max=2000):
    """The shortest failing list of items found; `run` returns the mismatch of a list of items, or None."""
    budget = [trials_max]

    def fails(candidate):
        if budget[0] <= 0 or not candidate:
            return False
        budget[0] -= 1
        found = run(candidate)
        return found is not None and found.signature == mismatch.signature

    items = list(items[: mismatch.position + 1])
    if not fails(items):
        return None
    items = shortest_suffix(items, fails)
    items = without_chunks(items, fails)
    return with_plain_arguments(items, fails)


def shortest_suffix(items, fails):
    """Most mismatches need only what came shortly before them."""
    length = 1
    while length < len(items):
        if fails(items[-length:]):
            return items[-length:]
        length *= 2
    return items


def without_chunks(items, fails):
    """Drops ever smaller pieces as long as the rest still fails."""
    size = max(1, len(items) // 2)
    while True:
        has_shrunk = False
        start = 0
        while start < len(items) and len(items) > 1:
            candidate = items[:start] + items[start + size :]
            if fails(candidate):
                items = candidate
                has_shrunk = True
            else:
                start += size
        if size == 1:
            if not has_shrunk:
                return items
        else:
            size = max(1, size // 2)


def with_plain_arguments(items, fails):
    """Replaces long arguments by short ones and drops options, where that changes nothing."""
    for position, item in enumerate(items):
        if not is_command(item):
            continue
        for simpler in simpler_commands(item[1]):
            candidate = list(items)
            candidate[position] = (item[0], simpler)
            if fails(candidate):
                items = candidate
                item = candidate[position]
    return items


def simpler_commands(command):
    for place in range(len(command) - 1, 0, -1):
        yield command[:place] + command[place + 1 :]
    for place in range(1, len(command)):
        if len(command[place]) > 8:
            yield command[:place] + [b"x"] + command[place + 1 :]
