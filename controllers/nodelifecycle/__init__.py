"""Node health: conditions become taints, silence becomes `Unknown`, and events tell of both."""
