"""Reports: typed results, statistics, figures and pages."""
