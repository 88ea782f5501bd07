"""What authors of worlds and evaluators can test theirs with."""
