"""One small change of one file."""

from dataclasses import dataclass
from difflib import ndiff


@dataclass(frozen=True)
class Mutant:
    path: str
    # The function, class or statement that is changed.
    where: str
    original: str
    text: str

    def __str__(self) -> str:
        """What was, and what is instead; the same wherever in the file it stands."""
        lines = list(ndiff(self.original.splitlines(), self.text.splitlines()))
        before, after = (" ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+")
        return f"{self.path} {self.where}: `{before}` -> `{after}`"
