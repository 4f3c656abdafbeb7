"""The application of the runbook, for the demo and the system tests: its AWS account, and the operator installed."""
