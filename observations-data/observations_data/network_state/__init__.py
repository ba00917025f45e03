"""Network-wide state: totals, work in progress, readiness."""
