#!/usr/bin/env bash
# The unified cgroup hierarchy (v2), and its delegation to what runs executors. Says what the machine has.
#
# Executors work with v1 and hybrid hierarchies too, so a node that was not started anew yet goes on working.
#
# Variables:
#   START_SERVICES=yes  no: for images that are being made
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"

unified='systemd.unified_cgroup_hierarchy=1'

mounted() {
  case $(stat -f -c %T /sys/fs/cgroup 2>/dev/null) in
    cgroup2fs) echo unified ;;
    tmpfs) if [[ -d /sys/fs/cgroup/unified ]]; then echo hybrid; else echo v1; fi ;;
    *) echo none ;;
  esac
}

temporary_folder
settings=$temporary/settings
# The boot loader's settings are those of this root; what is mounted in a chroot is its host's.
asks_for_old() {
  # Files that are not there are no fault.
  grep -hsv '^ *#' /etc/default/grub /etc/default/grub.d/*.cfg /etc/kernel/cmdline >"$settings" || true
  grep -Eq 'unified_cgroup_hierarchy=(0|false|no)|legacy_systemd_cgroup_controller' "$settings"
}

found=unknown
if live; then
  found=$(mounted)
  say "the cgroup hierarchy that is mounted: $found"
fi

if [[ $found == v1 || $found == hybrid ]] || asks_for_old; then
  if [[ -e /etc/default/grub ]]; then
    # Of two such words the last one counts, and this file is read after /etc/default/grub.
    if put_file /etc/default/grub.d/60-paddock-cgroups.cfg <<END; then
# Written by scripts/provision/cgroups.sh.
GRUB_CMDLINE_LINUX="\$GRUB_CMDLINE_LINUX $unified"
END
      if command -v update-grub >/dev/null && [[ -d /boot/grub ]]; then quietly update-grub || fail 'update-grub failed'; fi
      say 'the unified hierarchy comes with the next boot'
    fi
  elif [[ -e /etc/kernel/cmdline ]]; then
    if ! grep -q "$unified" /etc/kernel/cmdline; then
      put_file /etc/kernel/cmdline <<<"$(cat /etc/kernel/cmdline) $unified"
    fi
  else
    say "this machine asks for an old hierarchy and has no boot loader that is known here: add $unified to its kernel's command line"
  fi
fi

# Executors are Nomad's tasks or children of the service; they make groups below their own.
for unit in nomad paddock; do
  put_file "/etc/systemd/system/$unit.service.d/20-delegate.conf" <<'END' || true
# Written by scripts/provision/cgroups.sh.
[Service]
Delegate=yes
END
done
# The same for people who start Paddock as themselves.
put_file /etc/systemd/system/user@.service.d/20-delegate.conf <<'END' || true
# Written by scripts/provision/cgroups.sh.
[Service]
Delegate=cpu cpuset io memory pids
END
if ((changes > 0)) && may_start; then systemctl daemon-reload; fi
end
