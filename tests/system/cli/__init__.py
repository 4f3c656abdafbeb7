"""`kubectl runbook` against the sandbox's AWS and cluster."""
