"""A real Kubernetes API and an AWS that refuses what AWS refuses, on one machine."""
