"""Building blocks: components that take values and texts, and know nothing of the API or of each other's pages."""
