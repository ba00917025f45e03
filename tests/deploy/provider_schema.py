"""Makes `google_provider.json` of the provider's bindings for Python, a wheel on PyPI.

    pip download --no-deps cdktf-cdktf-provider-google==16.12.1
    .venv/bin/python -m tests.deploy.provider_schema cdktf_cdktf_provider_google-16.12.1-*.whl

The wheel is generated from the provider's own schema. It is read, not imported: 47 MB that need
Node.js to run. Only what `infra/` uses is kept.
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tests.deploy.terraform import data_sources, resources

SCHEMA = Path(__file__).with_name("google_provider.json")
PACKAGE = "cdktf_cdktf_provider_google"

# Of Terraform and of the bindings, not of the provider.
_OTHERS = frozenset(
    {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
)


def main() -> None:
    """Read the wheel that the command line names."""
    names = {kind for kind, *_ in resources()}
    names |= {f"data_{kind}" for kind, *_ in data_sources()}
    with ZipFile(sys.argv[1]) as wheel:
        schema = {name: _read(wheel, name) for name in sorted(names)}
    SCHEMA.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")


def _read(wheel: ZipFile, name: str) -> dict[str, Any]:
    """Return a resource's arguments, blocks and attributes."""
    module = name.replace("google_", "", 1)
    module = f"data_google_{module.removeprefix('data_')}" if name.startswith("data_") else module
    tree = ast.parse(wheel.read(f"{PACKAGE}/{module}/__init__.py"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    resource = next(c for c in classes.values() if "Terraform" in ast.unparse(c.bases[0]))
    return {"arguments": _arguments(resource, classes), "attributes": _attributes(resource)}


def _arguments(owner: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, dict[str, Any]]:
    init = next(n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    pairs = zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
    return {
        argument.arg: _argument(argument, required=default is None, classes=classes)
        for argument, default in pairs
        if argument.arg not in _OTHERS
    }


def _argument(
    argument: ast.arg, *, required: bool, classes: dict[str, ast.ClassDef]
) -> dict[str, Any]:
    annotation = argument.annotation
    words = {
        node.value
        for node in ast.walk(annotation or ast.Constant(""))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    described: dict[str, Any] = {"required": required}
    if block := next(iter(words & classes.keys()), None):
        described["block"] = _arguments(classes[block], classes)
        described["many"] = "Sequence" in ast.unparse(annotation or ast.Constant(""))
    return described


def _attributes(resource: ast.ClassDef) -> list[str]:
    """Return what can be read of a resource; arguments are read as `…_input` as well."""
    properties = {
        node.name
        for node in resource.body
        if isinstance(node, ast.FunctionDef)
        and any("property" in ast.unparse(d) for d in node.decorator_list)
    }
    return sorted(name for name in properties if not name.endswith("_input"))


if __name__ == "__main__":
    main()
