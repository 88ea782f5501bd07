"""The experiments that come with the package, one YAML each: `rrm run NAME` finds them from anywhere."""
