"""A machine of its own for root: this one's directories with others laid over them.

What a page has root change, an account, ``/etc/exim4``, a unit, is changed there and nowhere else, and
goes with the last process. Exim is unpacked into it. No systemd is at work there: a script of that
name starts what it would.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.real.fetch import Unavailable, fetch

NEEDED = ("unshare", "setpriv", "adduser", "useradd", "systemd-sysusers", "systemd-tmpfiles")

_PREPARE = r"""
set -eu
place=$1 exim=$2 config=$3 name=$4
shift 4
mount -t tmpfs -o mode=755 tmpfs "$place"
for one in usr etc var opt root home; do
    below=/$one
    for over in "$exim/root/$one" "$config/root/$one"; do
        [ ! -d "$over" ] || below=$over:$below
    done
    mkdir -p "$place/$one/up" "$place/$one/work"
    mount -t overlay -o "lowerdir=$below,upperdir=$place/$one/up,workdir=$place/$one/work" overlay "/$one"
done
mount -t tmpfs tmpfs /run
chmod 755 /root

# What Debian's packages do when they are installed, and the answers to their questions.
cp -n "$exim"/lib/* /usr/lib/
chmod 4755 /usr/sbin/exim4
mkdir -p /var/spool/exim4 /var/log/exim4 /var/lib/exim4
chown daemon:daemon /var/spool/exim4 /var/log/exim4
echo "$name.example" > /etc/mailname
touch /etc/aliases
sed -i "s#$config/root/etc/mailname#/etc/mailname#" /usr/sbin/update-exim4.conf
cat > /etc/exim4/update-exim4.conf.conf <<END
dc_eximconfig_configtype='local'
dc_other_hostnames='$name.example'
dc_local_interfaces='127.0.0.1'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='true'
dc_hide_mailname='false'
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
END
useradd --create-home bob

cat > /usr/local/bin/systemctl <<'END'
#!/bin/sh
# What nobody has asked of it yet is a failure.
case "$*" in
"restart exim4")
    exim4 -bdf -q1m & ;;
"daemon-reload")
    ;;
"enable --now gateway.service")
    unit=/etc/systemd/system/gateway.service
    user=$(sed -n 's/^User=//p' $unit)
    setpriv --reuid "$user" --regid "$user" --init-groups $(sed -n 's/^ExecStart=//p' $unit) & ;;
*)
    echo "systemctl $*: not known here" >&2
    exit 1 ;;
esac
END
chmod 755 /usr/local/bin/systemctl
exec "$@"
"""


def machine(directory: Path, name: str) -> Sequence[str]:
    """Return the words before a command that is to be root's at a machine with Exim.

    Raises:
        Unavailable: this one does not let us make it; the text says why.
    """
    missing = [program for program in NEEDED if not shutil.which(program)]
    if os.geteuid() or missing:
        raise Unavailable(f"needs root{''.join(f', {program}' for program in missing)}")
    script, place = directory / f"{name}.prepare", directory / f"{name}.machine"
    script.write_text(_PREPARE)
    place.mkdir()
    spaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    words = (*spaces, "sh", str(script), str(place), str(fetch("exim")), str(fetch("exim4-config")), name)
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"no directories can be laid over others here: {done.stderr.strip()}")
    return words
