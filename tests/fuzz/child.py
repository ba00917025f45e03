"""The process that fuzzes a module's parsers: ``python -m tests.fuzz.child MODULE INPUTS SEED``."""

import faulthandler
import importlib
import json
import sys
from dataclasses import asdict

from tests.fuzz.harness import fuzz


def main(module: str, inputs: str, random_seed: str) -> None:
    faulthandler.enable()
    for name, parser in importlib.import_module(module).PARSERS.items():
        result = fuzz(parser, int(inputs), int(random_seed))
        print(json.dumps({name: asdict(result)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
