"""Seconds per full frame from the bucket to its stamps, beside the floor and the older way.

``python bench/bench_plate_solver.py``: the plate solver, the C programs alone, and the way of
before; see ``solver.py``.
"""

# The plate solver's processes begin by importing this file: it imports nothing itself.
if __name__ == "__main__":
    from solver import main

    main()
