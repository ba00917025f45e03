"""What a file is, as the words of its refusal say it."""

import gzip

import pytest

from panoptes_network.errors import PermanentError
from panoptes_network.file_formats import format_of, raw_format
from panoptes_network.ids import parse_path

HEADS = {
    b"": "empty",
    b"SIMPLE  =                    T": "FITS",
    b"\0\0\0\x18ftypcrx \0\0\0\1crx isom": "CR3",
    b"II\x1a\0\0\0HEAPCCDR\2\0\1\0": "CRW",
    b"II*\0\x10\0\0\0CR\2\0": "CR2",
    b"MM\0*\0\0\0\x08\0\x19NIKON CORPORATION": "NEF",
    b"II*\0\x08\0\0\0SONY\0DSLR": "ARW",
    b"II*\0\x08\0\0\0\x2b\0\x12\xc6\x01\0\x04\0\0\0\1\4\0\0": "DNG",
    b"II*\0\x08\0\0\0plain": "TIFF",
    b"FUJIFILMCCD-RAW 0201": "RAF",
    b"IIRO\x08\0\0\0": "ORF",
    b"IIU\0\x18\0\0\0": "RW2",
    gzip.compress(b"x"): "gzip",
    b"\xff\xd8\xff\xe0": "JPEG",
    b"\x89PNG\r\n": "PNG",
    b"PK\x03\x04": "ZIP",
    b"\n<!DOCTYPE HTML><p>502": "web page",
    b"<?xml version='1.0'?>": "XML",
    bytes(5000): "all zeros",
    b"no such file\n": "text",
    b"\x8f" * 100: "in an unknown format",
}


@pytest.mark.parametrize(("head", "name"), HEADS.items(), ids=HEADS.values())
def test_a_file_is_told_by_its_beginning(head: bytes, name: str) -> None:
    assert name in format_of(head)


@pytest.mark.parametrize("suffix", ["cr3", "NEF", "dng", "arw", "crw"])
def test_a_raw_format_that_is_not_taken_is_named_with_what_to_do(suffix: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_path(f"PAN001/14d3bd/20181011T134202/20181011T134333.{suffix}")
    assert f"{suffix.upper()}, " in caught.value.message
    assert "convert it to FITS" in caught.value.message


def test_what_is_taken_and_what_is_no_raw_format_is_not_named() -> None:
    assert raw_format("a.cr2") is raw_format("a.fits") is raw_format("cr3") is None
