"""The operator's costs at scale: its own program, on a real API server, beside an AWS that limits as AWS does."""
