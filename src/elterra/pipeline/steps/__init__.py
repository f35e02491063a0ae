"""The stages of a station reanalysis, one module each: ``run(context) -> StageResult``."""
