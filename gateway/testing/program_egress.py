"""What an egress owes the gateway that runs a program, beside what every egress owes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.mail.envelope import Envelope, Recipient
from gateway.mta import Verdict
from gateway.testing.egress import EgressContract, Mood

# The pause lets an outcome that comes before the program's end be seen.
_TAKES = """\
part=$(mktemp {folder}/part.XXXXXX)
for word; do printf 'word: %s\\n' "$word"; done > $part
cat >> $part
sleep 0.1
mv $part {folder}/kept.$$"""
_BODIES: dict[Mood, str] = {
    "takes": _TAKES,
    "busy": "cat >/dev/null; echo try again >&2; exit 75",
    "hangs": "exec sleep 300",
}
_OPTION = Recipient("-oQx@b.example")


class ProgramEgressContract(EgressContract):
    """Set `egress`, and `words` if the program needs some of its own in front."""

    words: tuple[str, ...] = ()

    def program(self, body: str) -> tuple[str, ...]:
        """Make a program that stands in for the MTA's; return its command line."""
        path = self.folder / f"program{len(list(self.folder.iterdir()))}"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path), *self.words

    def bring(self, mood: Mood) -> Mapping[str, object]:
        """Make a program of that mood, or name one that is not there."""
        if mood == "gone":
            return {"command": (str(self.folder / "none"), *self.words)}
        return {"command": self.program(_BODIES[mood].format(folder=self.folder))}

    def kept(self) -> list[bytes]:
        """Return what the programs that ended were given: a line for each argument, then the input."""
        return [file.read_bytes() for file in sorted(self.folder.glob("kept.*"))]

    @pytest.mark.parametrize("body", ["exit 75", "kill -9 $$", "exit 127", "cat >/dev/null; exit 1"])
    def test_an_end_that_is_not_about_the_mail_keeps_it(self, body: str) -> None:
        """Only what a program says of this very mail may refuse it."""
        assert self.verdicts(self.deliveries({"command": self.program(body)})) <= {Verdict.DEFERRED}

    def test_no_recipient_stands_where_an_option_could(self) -> None:
        """Behind ``--``, or in the input; an address that begins with a dash is an address."""
        (one,) = self.deliveries(self.bring("takes"), numbers=(1,))
        assert one.envelope is not None
        self.verdicts([one._replace(envelope=Envelope(one.envelope.sender, (_OPTION,)))])
        for kept in self.kept():
            words = [line[6:] for line in kept.splitlines() if line.startswith(b"word: ")]
            options = words[: words.index(b"--")] if b"--" in words else words
            assert str(_OPTION).encode() not in options, "the recipient was taken for an option"

    def test_the_environment_of_the_program_is_the_one_given(self) -> None:
        """Nothing of ours gets into it, and nothing is left out."""
        command = self.program(f"cat >/dev/null; env > {self.folder}/env")
        (one,) = self.deliveries({"command": command}, numbers=(1,))
        self.outcomes([one._replace(environ={"PATH": "/usr/bin:/bin", "NNCP_SELF": "ME"})])
        names = {line.partition("=")[0] for line in Path(self.folder, "env").read_text().splitlines()}
        assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "NNCP_SELF"}
