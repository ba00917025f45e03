"""The products of a full-size CR2: the service's work and whole request, beside the libraries.

A database and a storage server of its own, a simulated sequence; and for each product, in turn
and again: the work alone, the request, the floor, the peers.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from statistics import median
from typing import Any

import table
from product_table import Measured, Side, cpu_s, measure, print_ratio, print_side, wall_s
from product_worker import CONVERTER, HERE, IMPORTS, Run, Stages, Worker
from servers import database, object_storage, open_folder
from services import own_process

from panoptes_network import storage
from panoptes_network.config import settings
from panoptes_network.database.engine import run_transaction
from panoptes_network.database.images import record_image
from panoptes_network.events import FilmRequest, ImageObject
from panoptes_network.frames.metadata import identify
from panoptes_network.ids import ObjectPath
from simulator import Observation, simulate
from simulator.cr2 import write_cr2

SERVICE = "bench"
AIM = "<= 1.3"
MORE = 4
"""Times as many frames has the film that shows whether memory grows with them; the encoder alone,
which keeps pictures until it has looked ahead, is given two and four times as many again."""

REQUEST_STAGES = {
    "download": "panoptes_network.storage.download",
    "convert, in the other process": "panoptes_network.processing.isolation.run",
    "upload": "panoptes_network.storage.upload",
    "database": "panoptes_network.processing.conversion.run_transaction",
}
WRITE_FITS_STAGES = {
    "look at the file": "make_fits.read_structure",
    "decode": "make_fits.read_mosaic",
    "compress and write": "astropy.io.fits.HDUList.writeto",
}
WRITE_PLANES_STAGES = {
    "look at the file": "make_rgb_fits.read_structure",
    "decode and interpolate": "make_rgb_fits.interpolate",
    "compress and write": "astropy.io.fits.HDUList.writeto",
}
WRITE_PICTURES_STAGES = {
    "decode": "make_jpg.read_image",
    "planes": "make_jpg.colour_planes",
    "sky and noise": "make_jpg.measure_look",
    "stretch": "make_jpg.render",
    "caption": "make_jpg.with_caption",
    "thumbnail": "make_jpg.thumbnail",
    "encode and write both": "PIL.Image.Image.save",
}
FILM_STAGES = {
    "download": "panoptes_network.storage.download",
    "measure and draw, in the other process": "panoptes_network.processing.isolation.run",
    "upload": "panoptes_network.storage.upload",
    "database": "make_timelapse.run_transaction",
}
DRAWING_STAGES = {
    "read": "drawing.read_image",
    "planes": "drawing.colour_planes",
    "sky and noise": "drawing.measure_look",
    "stretch": "drawing.render",
    "shrink": "drawing.resize",
    "caption": "drawing.with_caption",
}


@dataclass(frozen=True, slots=True)
class Cr2:
    """A file, and where it lies in the raw bucket."""

    file: Path
    path: ObjectPath

    @property
    def message(self) -> ImageObject:
        """What a service is told of it."""
        return ImageObject(bucket_path=self.path.path)


def main() -> None:
    """Measure and print."""
    options = _options()
    observation = Observation(
        field="Bench", ra_deg=options.ra, dec_deg=options.dec, count=options.frames
    )
    with (
        open_folder() as folder,
        database(folder / "postgres"),
        object_storage(folder / "storage"),
    ):
        cr2, frames = _render(observation, folder)
        table.heading(
            f"products of one frame of 5208x3476 at {options.ra} {options.dec:+};"
            f" median of {options.repeat}, after one to warm up"
        )
        _bench_fits(cr2, options.repeat)
        _bench_planes(cr2, options.repeat)
        _bench_pictures(cr2, folder, options.repeat)
        _bench_film(observation, frames, folder, options.repeat)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench_products.py", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--frames", type=int, default=10, help="of the film (default: 10)")
    parser.add_argument("--ra", type=float, default=192.0)
    parser.add_argument("--dec", type=float, default=27.0)
    options = parser.parse_args()
    if options.repeat < 1 or options.frames < 3:
        parser.error("--repeat is at least 1 and --frames at least 3")
    return options


def _render(observation: Observation, folder: Path) -> tuple[Cr2, list[Path]]:
    """Write the first frame as CR2, into the bucket too, and all as packed FITS files."""
    cr2 = Cr2(folder / "frame.cr2", replace(observation, suffix=".cr2").object_path(0))
    files = [folder / f"frame{number}.fits.fz" for number in range(observation.count)]
    for frame, file in zip(simulate(observation), files, strict=True):
        if file == files[0]:
            write_cr2(cr2.file, frame.data, frame.header)
        frame.hdus().writeto(file)
    storage.upload(settings().raw_bucket, cr2.path.path, cr2.file, metadata={})
    return cr2, files


def _bench_fits(cr2: Cr2, repeat: int) -> None:
    stages = {
        "unpack": "product_fits.unpack",
        "plain file": "product_fits.write_plain",
        "fpack": "product_fits.pack",
    }
    sides = [
        _work("make_fits.write_fits", cr2, WRITE_FITS_STAGES),
        _request("make_fits.convert", cr2.message),
        Side(
            "floor",
            lambda worker, to: worker.run("product_fits.write_mosaic", [cr2.file, to], stages),
            "rawpy.imread(cr2).raw_image_visible.copy(); PrimaryHDU(it).writeto('plain.fits');"
            " fpack -O packed.fits.fz plain.fits",
        ),
    ]
    _print("FITS: the mosaic, in one packed file", measure(sides, repeat))


def _bench_planes(cr2: Cr2, repeat: int) -> None:
    stages = {
        "decode and interpolate": "product_fits.demosaic",
        "plain files": "product_fits.write_plain",
        "fpack": "product_fits.pack",
    }
    options = resolve_name("rawpy_options.RawpyOptions")()
    message = resolve_name("make_rgb_fits.RgbRequest")(bucket_path=cr2.path.path)
    sides = [
        _work("make_rgb_fits.write_planes", cr2, WRITE_PLANES_STAGES, options),
        _request("make_rgb_fits.convert", message),
        Side(
            "floor",
            lambda worker, to: worker.run(
                "product_fits.write_planes", [cr2.file, to, options.parameters], stages
            ),
            "rawpy.imread(cr2).postprocess(RawpyOptions().parameters); of each colour"
            " PrimaryHDU(it).writeto('plain.fits'); fpack -O packed.fits.fz plain.fits",
        ),
    ]
    _print("RGB FITS: three interpolated planes, packed", measure(sides, repeat))


def _bench_pictures(cr2: Cr2, folder: Path, repeat: int) -> None:
    stages = {"unpack": "product_pictures.unpack", "encode and write": "product_pictures.save"}
    noted = folder / "pictures"
    noted.mkdir()
    arguments = [cr2.file, cr2.path, noted]
    ready, options = _note(
        "product_pictures.note_saved", noted, "make_jpg.write_pictures", arguments
    )
    save = f"save({', '.join(f'{name}={value!r}' for name, value in options.items())})"
    sides = [
        _work("make_jpg.write_pictures", cr2, WRITE_PICTURES_STAGES),
        _request("make_jpg.convert", cr2.message),
        Side(
            "floor",
            lambda worker, to: worker.run(
                "product_pictures.write_pictures", [cr2.file, to, ready, options], stages
            ),
            f"rawpy.imread(cr2).raw_image_visible.copy(); of both pictures, ready, {save}",
        ),
        Side(
            "peer: LibRaw's own picture, no thumbnail",
            lambda worker, to: worker.run(
                "product_pictures.postprocess", [cr2.file, to, options], {}
            ),
            f"rawpy.imread(cr2).postprocess(half_size=True, use_camera_wb=True); {save}",
        ),
        Side(
            "peer of the stretch alone",
            lambda worker, _: worker.run("product_lupton.stretch", [cr2.file], {}),
            "astropy.visualization.make_lupton_rgb(r, g, b, minimum=medians, stretch=200, Q=8)",
        ),
    ]
    measured = measure(sides, repeat)
    _print("JPG: picture and thumbnail", measured)
    ours, *_, postprocess, lupton = measured
    print_ratio("peer / ours, with its thumbnail and caption", postprocess, ours, wall_s)
    ratios = [
        peer.seconds.wall / run.stages["stretch"]
        for run, peer in zip(ours.runs, lupton.runs, strict=True)
    ]
    table.ratio("peer of the stretch / our stretch", median(ratios))


def _bench_film(
    observation: Observation, frames: Sequence[Path], folder: Path, repeat: int
) -> None:
    count = len(frames)
    _arrive(observation, frames, range(count))
    message = FilmRequest(sequence_id=observation.image_id(0))
    noted = folder / "film"
    noted.mkdir()
    ready, options = _note("product_pictures.note_filmed", noted, "make_timelapse.work", message)
    _forget_film(observation)
    sides = [_film(observation, message), _encoder(ready, options), _reading(frames)]
    measured = measure(sides, repeat, warm_up=False)
    ours, encoder, reading = measured
    table.heading(f"film: of {count} frames; seconds of one frame")
    for one in measured:
        print_side(one, count)
    table.heading("film: ratios")
    _print_film_ratios(ours, encoder, reading)
    _arrive(observation, frames, range(count, MORE * count))
    longer = [_film(observation, message), _encoder(MORE * 2 * ready, options)]
    film, many = measure(longer, 1, warm_up=False)
    [twice] = measure([_encoder(MORE * 4 * ready, options)], 1, warm_up=False)
    table.heading("film: does its memory grow with the frames?")
    _print_growth(f"{MORE * count} frames, as a ratio to {count}", film, ours)
    _print_growth(f"{MORE * 4 * count} frames to {MORE * 2 * count}, encoder alone", twice, many)


def _print_film_ratios(ours: Measured, encoder: Measured, reading: Measured) -> None:
    both = Measured(
        encoder.side,
        [
            replace(a, seconds=a.seconds + b.seconds)
            for a, b in zip(encoder.runs, reading.runs, strict=True)
        ],
    )
    print_ratio("ours / the encoder alone, which sees no frame", ours, encoder, wall_s)
    print_ratio("  by CPU seconds", ours, encoder, cpu_s)
    table.ratio("  by peak memory, of all processes together", _all_mb(ours) / _all_mb(encoder))
    print_ratio("ours / reading each frame once, then the encoder", ours, both, wall_s)
    print_ratio("  by CPU seconds", ours, both, cpu_s)
    share = ours.median(lambda run: run.inner_stages["read"] / run.seconds.wall)
    table.line("share of reading in ours", 100 * share, "%")


def _all_mb(measured: Measured) -> float:
    return sum(peak for name, peak in measured.peaks_mb.items() if name != IMPORTS)


def _print_growth(label: str, longer: Measured, shorter: Measured) -> None:
    for name in filter(IMPORTS.__ne__, longer.peaks_mb):
        peak = longer.peaks_mb[name]
        growth = f"{peak / shorter.peaks_mb[name]:.2f} x"
        table.line(f"{label}: {name}", peak, "MB", note=growth)


def _film(observation: Observation, message: FilmRequest) -> Side:
    def call(worker: Worker, _: Path) -> Run:
        run = worker.request("make_timelapse.work", message, FILM_STAGES, DRAWING_STAGES)
        _check_made(run)
        _forget_film(observation)
        return run

    return Side("ours: the whole request", call, rest="the rest: the encoder, looking up")


def _encoder(ready: Sequence[Path], options: Mapping[str, Any]) -> Side:
    words = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return Side(
        "floor: the encoder alone, pictures ready",
        lambda worker, to: worker.run(
            "product_pictures.encode", [to / "film.mp4", ready, options], {}
        ),
        f"imageio_ffmpeg.write_frames('film.mp4', size, {words})",
    )


def _reading(frames: Sequence[Path]) -> Side:
    return Side(
        "floor: reading each frame once, by astropy",
        lambda worker, _: worker.run("product_fits.read_frames", [frames], {}),
        "fits.open(frame)[1].data",
    )


def _work(function: str, cr2: Cr2, stages: Stages, *more: Any) -> Side:
    def call(worker: Worker, folder: Path) -> Run:
        return worker.run(function, [cr2.file, cr2.path, folder, *more], stages)

    return Side(f"ours: {function}", call, rest="the rest")


def _request(function: str, message: ImageObject) -> Side:
    def call(worker: Worker, _: Path) -> Run:
        run = worker.request(function, message, REQUEST_STAGES, {})
        _check_made(run)
        for path in run.answer["paths"]:
            _delete(run.answer["bucket"], path)
        return run

    return Side("ours: the whole request", call, rest="the rest: looking up, temporary files")


def _check_made(run: Run) -> None:
    if not run.answer["made"]:
        raise RuntimeError(f"nothing was made: {run.answer}")


def _delete(bucket: str, path: str) -> None:
    storage.client().bucket(bucket).blob(path).delete()


def _forget_film(observation: Observation) -> None:
    path = observation.object_path(0)
    _delete(settings().processed_bucket, path.path.replace(path.suffix, ".mp4"))


def _note(function: str, folder: Path, noted: str, about: Any) -> tuple[list[Path], dict[str, Any]]:
    with own_process() as process:
        run = Worker(process).run(function, [folder, noted, about], {})
    answer: tuple[list[Path], dict[str, Any]] = run.answer
    return answer


def _arrive(observation: Observation, frames: Sequence[Path], numbers: range) -> None:
    """Put images of the sequence into the bucket and the database; the files come round again."""
    for number in numbers:
        path, bucket = observation.object_path(number), settings().raw_bucket
        stored = storage.upload(bucket, path.path, frames[number % len(frames)], metadata={})
        _record(path, stored)


def _record(path: ObjectPath, stored: storage.StoredObject) -> None:
    identity = identify(path, {})
    run_transaction(lambda session: record_image(session, identity, {}, stored, SERVICE).state)


def _print(title: str, measured: Sequence[Measured]) -> None:
    """Print a product whose sides begin with the work, the request and the floor."""
    work, request, floor = measured[:3]
    table.heading(title)
    for one in measured:
        print_side(one)
    table.heading(f"{title.partition(':')[0]}: ratios")
    print_ratio("ours / floor", work, floor, wall_s, AIM)
    print_ratio("  by CPU seconds", work, floor, cpu_s, AIM)
    table.ratio("  by peak memory", work.peaks_mb[HERE] / max(floor.peaks_mb.values()), AIM)
    print_ratio("whole request / floor", request, floor, wall_s)
    table.ratio(
        "  by peak memory, of its other process",
        request.peaks_mb[CONVERTER] / max(floor.peaks_mb.values()),
    )
