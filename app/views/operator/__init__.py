"""The operator's pages: desktop first."""
