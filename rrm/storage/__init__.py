"""Storage: the files of a run folder, verified when they are read."""
