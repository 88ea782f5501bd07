"""Foreign Gymnasium environments, wrapped as worlds."""
