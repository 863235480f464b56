"""The planner: which energy goes into which slot of each stay. Solver modules may import ortools; the rest may not."""
