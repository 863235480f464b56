"""Day-ahead price feeds: Energy-Charts, ENTSO-E, a recorded file, and the typical curve without internet."""
