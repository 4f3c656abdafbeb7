"""The parts of the node-runner: what a kubelet does, without containers."""
