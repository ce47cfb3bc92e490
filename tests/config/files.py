"""The vectors of the configuration, and our own files written on the spot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config import load
from gateway.config.model import Config
from gateway.errors import ConfigError

VECTORS = Path(__file__).parent.parent / "vectors" / "nncp"
TRICKY = VECTORS / "config" / "tricky.hjson"
EXPECTED: Mapping[str, str] = json.loads((VECTORS / "config" / "tricky.expected.json").read_text())["files"]
EBLOB = VECTORS / "config" / "bob.eblob"

ALICE = load(str(VECTORS / "nodes" / "alice" / "nncp.hjson"), environ={})
HUB, BOB = ALICE.neighbours["hub"], ALICE.neighbours["bob"]

SELF = """\
spool = "/var/spool/gateway"
[self]
id = "RMZLBYP5WDS5HGHV265IVU4CAK5QTB7FV6FPFVILZP5SDOOVV2BA"
exchpub = "ARJIDMUKT2JTY4GQ6B2YZRELBC7FAPSBP3TMC5R7MYRW3IWL4RMA"
exchprv = "JCFZDWC7R5UB7WTV7IUYCIWOXL3DIAOJSFE5PT7AXHIBYCECMEBA"
signpub = "NMDHHVT4NBPDE2JXGV7T3HAC5T2FD4D7RRCLQLUFAE662AU7DCMQ"
signprv = "SIGNPRV"
noisepub = "N56VQ3WOJCC6THMCQOZK7E4XRHGDV5WRD35QVFBCJ52TIQGLTFKA"
noiseprv = "AA2YEAWDHD5TV2EIMK7PWE3RW5DNSCURP4BSJ6DMIIXRGES4ZTNQ"
""".replace(
    "SIGNPRV",
    "JCMTKVZLIUPYA7AM32OSMAYFCLSALXBPQQWON4EPUO5FGEZDTZAGWBTT2Z6GQXRSNE3TK7Z5TQBOZ5CR6B7YYRFYF2CQCPPNAKPRRGI",
)
HUB_KEYS = """\
[neigh.hub]
id = "F4PF76BHAMYTGEYDZ77DWQL7NMGASMR2NL2VLUQKHUL4BDDIDCBA"
exchpub = "A4BHIM4GZJJABJPZ67QHT5LYWCBSG2XLFQ7ZARWCJHNVFHMYAUTA"
signpub = "E5LHBTQXJZM6CJPTDDGG6RYYTV5O6U6MBFGGIFDSU7RUB5CE5SYA"
noisepub = "BVSBT5SSISR7UV7NJMSIV5ST4NER36QPHQE6TNIV4I6NW2Q2VFQA"
"""
BOB_KEYS = """\
[neigh.bob]
id = "KFXYB75DW3A3GSSEP3F3PIULPXQT74OAUURNFT4SEPPMN345AQPA"
exchpub = "HOJG4OPFKBAJYRMRTXHPSDIXVNZ2MTGWD72ID2ZJ6B6TL4OUTBUA"
signpub = "B7RH6CDGAXYIXU4NRCDILL5YUQRMWGZR2PR5EL5GRQ4C5JTN6JOA"
noisepub = "4XLR45IKQUVOB7QKSP2ZSATWBA7BNXMHYS7Z27T33DBEDRWYMZXQ"
"""


def ours(tmp_path: Path, *, bob: str = "", root: str = "", tail: str = "") -> Config:
    """Load a file of our dialect with hub and bob; `bob` goes into his table, `root` to the top."""
    path = tmp_path / "gateway.toml"
    path.write_text(f"{root}\n{SELF}\n{HUB_KEYS}\n{BOB_KEYS}\n{bob}\n{tail}\n")
    return load(str(path), environ={})


def mistakes(tmp_path: Path, **parts: str) -> list[str]:
    """Return what is wrong with such a file, without its name."""
    with pytest.raises(ConfigError) as caught:
        ours(tmp_path, **parts)
    return [line.removeprefix(f"{tmp_path}/gateway.toml: ") for line in caught.value.mistakes]
