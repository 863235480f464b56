"""Pages: they read the state, call the API and arrange widgets."""
