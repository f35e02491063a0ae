"""Results: the store, its metadata, scores, exports and the page."""
