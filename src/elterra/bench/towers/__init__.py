"""Real towers: the land model calibrated on the first part of a record, judged on the rest (docs/science/towers.md)."""
