#!/usr/bin/env bash
# The last step before an image is sealed: takes out what is one machine's own, and what can be fetched again. The
# machine makes new keys and a new identity when it boots.
#
# Variables:
#   CLEAN_MACHINE=   must be "yes": on a machine that goes on working this would take its ssh keys away
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
[[ ${CLEAN_MACHINE:-} == yes ]] || fail 'takes away ssh keys, identity and logs of this machine; say CLEAN_MACHINE=yes if you mean it'

# sweep WHAT PATH…: removes what is there of the paths.
sweep() {
  local what=$1 path found=no
  shift
  for path in "$@"; do
    if [[ -e $path || -L $path ]]; then
      rm -rf --one-file-system "$path"
      found=yes
    fi
  done
  if [[ $found == yes ]]; then changed "removed $what"; fi
}
shopt -s nullglob dotglob

# A service that goes on writing would leave what is only this machine's.
if live; then systemctl stop nomad.service paddock.service unattended-upgrades.service 2>/dev/null || true; fi

quietly apt clean
rm -f /var/cache/apt/*.bin
# The folders stay, since apt makes them anew with whatever it does.
mapfile -t lists < <(find /var/lib/apt/lists -type f -not -name lock)
sweep 'lists of packages' "${lists[@]}" /var/cache/debconf/*-old /var/lib/dpkg/*-old
sweep 'caches of npm' /root/.npm /root/.cache
sweep "Nomad's identity and state" /var/lib/nomad/*
sweep 'what was found of the hardware' /etc/nomad.d/hardware.hcl
sweep 'tokens of Paddock' /etc/paddock/tokens.json
sweep 'ssh host keys' /etc/ssh/ssh_host_*
sweep 'random seeds' /var/lib/systemd/random-seed /loader/random-seed
sweep 'leases of addresses' /var/lib/dhcp/* /var/lib/NetworkManager/*.lease
sweep 'histories' /root/.bash_history /home/*/.bash_history /root/.wget-hsts /root/.lesshst
sweep 'temporary files' /var/tmp/*

# Host keys come back at the first boot: cloud-init makes them where it is, and this where it is not.
if [[ -x /usr/bin/ssh-keygen ]]; then
  put_file /etc/systemd/system/paddock-host-keys.service <<'END' || true
# Written by scripts/provision/clean.sh.
[Unit]
Description=ssh host keys for a new machine
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
END
  enable_unit paddock-host-keys.service
fi

if command -v cloud-init >/dev/null && [[ -n $(ls -A /var/lib/cloud/instances 2>/dev/null) ]]; then
  quietly cloud-init clean --logs --seed || quietly cloud-init clean --logs
  changed 'cleaned cloud-init'
fi

# Empty, not absent: so systemd makes a new one and does not take it for a first boot that asks questions.
if [[ -s /etc/machine-id ]]; then
  : >/etc/machine-id
  changed 'emptied /etc/machine-id'
fi
put_link /etc/machine-id /var/lib/dbus/machine-id

if live; then journalctl --quiet --rotate --vacuum-time=1s 2>/dev/null || true; fi
sweep 'the journal' /var/log/journal/*
logs=$(find /var/log -type f \( -name '*.gz' -o -name '*.[0-9]' -o -name '*.old' \) -delete -print -o -type f -size +0 -exec truncate --size=0 {} \; -print)
if [[ $logs ]]; then changed 'emptied the logs'; fi
end
