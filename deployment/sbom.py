"""The command `bin/sbom`: lists of what a service is made of, in CycloneDX's form."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from deployment.service import deployments
from deployment.stage import BUILD, StageError, stage, version
from panoptes_network.commands import Program

FOLDER = BUILD / "sbom"

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*)$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@click.command(cls=Program)
@click.argument("services", nargs=-1)
@click.option(
    "--system-packages",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Output of `dpkg-query --show` in the service's image.",
)
def main(services: tuple[str, ...], system_packages: Path | None) -> None:
    """Write build/sbom/SERVICE.cdx.json for each of SERVICES, or for all services."""
    try:
        for service in services or deployments():
            click.echo(write(service, system_packages))
    except StageError as error:
        sys.exit(f"sbom: {error}")


def write(service: str, system_packages: Path | None = None) -> Path:
    """Stage a service, write the list of its packages, and return the file.

    Parameters
    ----------
    system_packages : Path, optional
        Lines of a Debian package's name, a tab, and its version; in the image of the plate solver
        it is `/usr/share/panoptes/packages.tsv`.

    Raises
    ------
    StageError
        For an unknown service.
    """
    staged = stage(service)
    bom = Bom(components=[*_python((staged / "requirements.txt").read_text())])
    if system_packages:
        bom.components.update(_debian(system_packages.read_text()))
    whole = Component(name=service, type=ComponentType.APPLICATION, version=version(staged))
    bom.metadata.component = whole
    bom.register_dependency(whole, bom.components)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{service}.cdx.json"
    file.write_text(JsonV1Dot6(bom).output_as_string(indent=1))
    return file


def _python(requirements: str) -> Iterator[Component]:
    for line in requirements.replace("\\\n", " ").splitlines():
        if pin := _REQUIREMENT.match(line):
            name, pinned = pin["name"], pin["version"]
            yield _library(PackageURL("pypi", name=name.lower(), version=pinned), line)


def _debian(lines: str) -> Iterator[Component]:
    for line in lines.splitlines():
        name, _, installed = line.partition("\t")
        yield _library(PackageURL("deb", "debian", name, installed))


def _library(url: PackageURL, pin: str = "") -> Component:
    """Return a package, with the hash of its file where the release has only that one."""
    known = [HashType(alg=HashAlgorithm.SHA_256, content=h) for h in _HASH.findall(pin)]
    return Component(
        name=url.name,
        version=url.version,
        type=ComponentType.LIBRARY,
        purl=url,
        bom_ref=url.to_string(),
        hashes=known if len(known) == 1 else None,
    )


if __name__ == "__main__":
    main()
