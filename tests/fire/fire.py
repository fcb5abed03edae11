"""The fire: dice that fall the same with the same seed, and a count of what they broke."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random


class Fire:
    """Everybody throws dice of their own: who comes first must not change what the others throw."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.done = Counter[str]()
        self.is_over = threading.Event()
        self._lock = threading.Lock()

    def dice(self, name: str) -> Random:
        return Random(f"{self.seed} {name}")

    def note(self, what: str, often: int = 1) -> None:
        if often:
            with self._lock:
                self.done[what] += often

    def rounds(self, at_least: int, wanted: set[str]) -> Iterator[int]:
        """So many, and more until all that is wanted has happened: without any of it, it was no fire."""
        for number in itertools.count(1):
            yield number
            missing = wanted - self.done.keys()
            if number >= at_least and not missing:
                return
            assert number < at_least + 20, f"never happened: {missing}"

    @contextmanager
    def side_by_side(self, *works: Callable[[], object]) -> Iterator[None]:
        """All of it goes on for the length of the block, until `is_over`. Raises what one of them raised."""
        failures: list[BaseException] = []

        def run(work: Callable[[], object]) -> None:
            try:
                work()
            except BaseException as error:  # the block's end raises it
                failures.append(error)

        threads = [threading.Thread(target=run, args=[work]) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]
