"""An example or two for every command: at the end of its help, and in its manual page."""

from __future__ import annotations

import click

EXAMPLES = {
    "bundle": (
        "gateway bundle --tx bob > /mnt/stick/for-bob.tar",
        "gateway bundle --rx < /mnt/stick/for-us.tar",
    ),
    "call": ("gateway call bob", "gateway call --list bob"),
    "caller": ("gateway caller", "gateway caller bob carol"),
    "canary": ("gateway canary bob", "gateway canary --last --no-wait --timeout 6h bob"),
    "completion": ("gateway completion bash > ~/.local/share/bash-completion/completions/gateway",),
    "config check": ("gateway config check",),
    "config export": ("gateway config export > nncp.hjson",),
    "config import": ("gateway config import --output /etc/gateway/gateway.toml /etc/nncp.hjson",),
    "config reference": ("gateway config reference",),
    "config show": ("gateway config show --json",),
    "daemon": ("gateway daemon --bind '[::]:5400'", "gateway daemon --stdio"),
    "demo": ("gateway demo",),
    "doctor": ("gateway doctor", "gateway doctor --fix"),
    "exec": ("gateway exec bob rsmtp < batch", "gateway exec --nice FLASH bob rmail x@b.example < message"),
    "init": ("gateway init --name alice /etc/gateway",),
    "lmtp": ("gateway lmtp --node bob",),
    "node add": ("gateway node add < bob.toml",),
    "node list": ("gateway node list",),
    "node probe": ("gateway node probe bob",),
    "node remove": ("gateway node remove bob",),
    "node self": ("gateway node self --addr internet=alice.example:5400",),
    "node show": ("gateway node show bob",),
    "plugin check": ("gateway plugin check exim",),
    "plugin list": ("gateway plugin list",),
    "plugin new": ("gateway plugin new opensmtpd",),
    "queue check": ("gateway queue check", "gateway queue check --repair"),
    "queue export": ("gateway queue export --output job.tar AO3D7ZSI",),
    "queue hold": ("gateway queue hold --node bob --reason 'bob moves house'",),
    "queue import": ("gateway queue import job.tar",),
    "queue list": ("gateway queue list --node bob --older 1h", "gateway queue list --shape"),
    "queue release": ("gateway queue release AO3D7ZSI",),
    "queue remove": ("gateway queue remove --reason spam AO3D7ZSI",),
    "queue restore": ("gateway queue restore AO3D7ZSI",),
    "queue retry": ("gateway queue retry --node bob",),
    "queue show": ("gateway queue show AO3D7ZSI",),
    "serve": ("gateway serve",),
    "setup systemd": ("gateway setup systemd --mta exim",),
    "submit": ("gateway submit exim --node bob < batch",),
    "top": ("gateway top", "gateway top --once --json"),
    "toss": ("gateway toss", "gateway toss --node bob --dry-run"),
    "trace": ("gateway trace 1@a.example", "gateway trace --follow x@b.example"),
    "xfer": ("gateway xfer /mnt/stick", "gateway xfer --mkdir --node bob /mnt/stick"),
}


def with_examples(command: click.Command, *path: str) -> click.Command:
    """Return a command, and all below it, with examples at the end of the help."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            with_examples(below, *path, name)
    elif (examples := EXAMPLES.get(" ".join(path))) and command.epilog is None:
        command.epilog = "\b\n" + "\n".join(("Example:" if len(examples) == 1 else "Examples:", *examples))
    return command
