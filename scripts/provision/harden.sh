#!/usr/bin/env bash
# Closes what a node does not need: ssh with passwords and as root, core dumps, programs and devices in shared memory.
#
# Variables:
#   HARDEN_TMP=yes      no: /tmp stays a folder of the disk, without nosuid and nodev
#   START_SERVICES=yes  no: takes effect with the next boot
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${HARDEN_TMP:=yes}"
one_of HARDEN_TMP yes no

# The first value counts, and files are read in their order, so this comes before what cloud-init writes.
new=''
if put_file /etc/ssh/sshd_config.d/00-paddock.conf 600 <<'END'; then new=changed; fi
# Written by scripts/provision/harden.sh.
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
PermitRootLogin no
X11Forwarding no
AllowAgentForwarding no
MaxAuthTries 4
LoginGraceTime 30
END
if [[ -e /etc/ssh/sshd_config ]] && ! grep -Eq '^ *Include +/etc/ssh/sshd_config\.d/\*\.conf' /etc/ssh/sshd_config; then
  sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config
  changed 'made /etc/ssh/sshd_config read /etc/ssh/sshd_config.d'
  new=changed
fi
if [[ $new ]] && may_start && systemctl is-active --quiet ssh.service; then
  quietly sshd -t || fail 'sshd refuses its configuration'
  systemctl reload ssh.service
fi
if live && ! compgen -G '/home/*/.ssh/authorized_keys' >/dev/null; then
  say 'note: no user has an ssh key here, and passwords are off now'
fi

# A dump holds what a program knew; those of sandboxes are limited to nothing anyway.
put_file /etc/security/limits.d/60-paddock.conf <<'END' || true
# Written by scripts/provision/harden.sh.
* hard core 0
root hard core 0
END
settings=''
if put_file /etc/sysctl.d/61-paddock-harden.conf <<'END'; then settings=changed; fi
# Written by scripts/provision/harden.sh.
fs.suid_dumpable = 0
kernel.core_pattern = |/bin/false
END
if [[ $settings ]] && may_start; then quietly sysctl --system || fail 'cannot set the kernel settings'; fi
put_file /etc/systemd/system.conf.d/60-paddock.conf <<'END' || true
# Written by scripts/provision/harden.sh.
[Manager]
DefaultLimitCORE=0
END

# systemd mounts /dev/shm itself; a line in fstab gives its options.
if ! grep -qs '^[^#]*[[:space:]]/dev/shm[[:space:]]' /etc/fstab; then
  echo 'tmpfs /dev/shm tmpfs nosuid,nodev,noexec 0 0' >>/etc/fstab
  changed 'wrote the options of /dev/shm to /etc/fstab'
fi
if may_start && mountpoint -q /dev/shm && [[ $(findmnt -n -o OPTIONS /dev/shm) != *noexec* ]]; then
  mount -o remount,nosuid,nodev,noexec /dev/shm
  changed 'mounted /dev/shm with its options'
fi

if [[ $HARDEN_TMP == yes ]]; then
  # What lies in /tmp now is not hidden: it is mounted with the next boot.
  put_file /etc/systemd/system/tmp.mount <<'END' || true
# Written by scripts/provision/harden.sh.
[Unit]
Description=/tmp in memory
DefaultDependencies=no
Conflicts=umount.target
Before=local-fs.target umount.target
After=swap.target

[Mount]
What=tmpfs
Where=/tmp
Type=tmpfs
Options=mode=1777,strictatime,nosuid,nodev,size=50%,nr_inodes=1m

[Install]
WantedBy=local-fs.target
END
  enable_unit tmp.mount
elif [[ -e /etc/systemd/system/tmp.mount ]] && grep -q provision/harden.sh /etc/systemd/system/tmp.mount; then
  quietly systemctl disable tmp.mount || fail 'cannot disable tmp.mount'
  remove_file /etc/systemd/system/tmp.mount
fi
end
