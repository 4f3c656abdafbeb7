"""The main job, end to end, to look at: `make demo`."""
