"""One function an intent: load, decide, save, announce. A flow never calls another flow."""
