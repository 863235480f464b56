"""`dalstroom bench`: what the engine costs, measured beside SciPy's HiGHS on the same problems in the same run."""
