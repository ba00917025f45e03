"""Seconds and memory to make each product of a full-size CR2, beside the libraries' own.

``python bench/bench_products.py``: the service's work alone and its whole request, the floor,
and other ways to such a picture; see ``products.py``.
"""

# The processes that are measured begin by importing this file: it imports nothing itself.
if __name__ == "__main__":
    from products import main

    main()
