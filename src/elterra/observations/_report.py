"""What was read and what became of it: every value that is refused is counted with its reason."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """Counts of one reading.

    Attributes
    ----------
    source : name of the file
    reader : name of the reader
    read : variable -> finite values that were read
    rejected : variable -> reason -> number of values refused
    treated : what was done to the time axis or the file -> number of steps concerned
    """

    source: str = ""
    reader: str = ""
    read: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, dict[str, int]] = field(default_factory=dict)
    treated: dict[str, int] = field(default_factory=dict)

    def reject(self, variable: str, reason: str, count: int) -> None:
        """Add `count` refused values of a variable."""
        if count:
            reasons = self.rejected.setdefault(variable, {})
            reasons[reason] = reasons.get(reason, 0) + int(count)

    def treat(self, what: str, count: int) -> None:
        """Add `count` steps that were treated."""
        if count:
            self.treated[what] = self.treated.get(what, 0) + int(count)

    def lines(self) -> list[str]:
        """Human-readable lines."""
        out = [f"{self.source} ({self.reader})"]
        out += [f"  {name}: {count} values read" for name, count in sorted(self.read.items())]
        for name, reasons in sorted(self.rejected.items()):
            out += [f"  {name}: {count} rejected: {reason}" for reason, count in sorted(reasons.items())]
        out += [f"  {what}: {count}" for what, count in sorted(self.treated.items())]
        return out
