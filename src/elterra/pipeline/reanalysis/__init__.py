"""The reanalysis of a station: ensemble forecast by the land model, analysis, smoothing, booking."""
