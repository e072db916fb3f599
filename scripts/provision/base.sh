#!/usr/bin/env bash
# The base of a node: packages, time, security updates, kernel settings, limits of the journal.
#
# Variables:
#   BASE_UPGRADE=no     yes: brings all packages up to date
#   START_SERVICES=yes  no: units are only enabled, for images that are being made
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${BASE_UPGRADE:=no}"
one_of BASE_UPGRADE yes no

if [[ $BASE_UPGRADE == yes ]]; then
  quietly apt update || fail 'cannot read the lists of packages'
  if [[ $(apt --simulate dist-upgrade | grep -c '^Inst') != 0 ]]; then
    quietly apt -y dist-upgrade || fail 'cannot upgrade'
    changed 'upgraded packages'
  fi
fi

need_packages ca-certificates curl dbus iproute2 procps rsync systemd-sysv unattended-upgrades unzip xz-utils

# A machine that keeps time already, as those of most clouds do, goes on with what it has.
if ! has_package chrony && ! has_package ntpsec && ! has_package openntpd; then
  need_packages systemd-timesyncd
  enable_unit systemd-timesyncd.service
  start_unit systemd-timesyncd.service
fi

# Never a reboot: a node is replaced, or drained by an operator.
put_file /etc/apt/apt.conf.d/60paddock-upgrades <<'END' || true
// Written by scripts/provision/base.sh.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
END
enable_unit unattended-upgrades.service
enable_unit apt-daily.timer
enable_unit apt-daily-upgrade.timer

# A minus sign: a kernel that lacks the setting goes on without a complaint.
sysctls=''
put_file /etc/sysctl.d/60-paddock.conf <<'END' && sysctls=changed
# Written by scripts/provision/base.sh.

# Sandboxes are made of user namespaces.
-kernel.unprivileged_userns_clone = 1
user.max_user_namespaces = 65536

# What programs learn of the kernel, and what they reach in it.
kernel.kptr_restrict = 2
kernel.dmesg_restrict = 1
-kernel.kexec_load_disabled = 1
-kernel.unprivileged_bpf_disabled = 1
-net.core.bpf_jit_harden = 2
-kernel.perf_event_paranoid = 3
-kernel.yama.ptrace_scope = 1
-kernel.io_uring_disabled = 2
kernel.sysrq = 0

# Links and pipes that programs leave in shared folders.
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
fs.protected_fifos = 2
fs.protected_regular = 2

# A node forwards nothing and believes no redirection.
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.all.rp_filter = 2
-net.ipv6.conf.all.accept_redirects = 0
-net.ipv6.conf.default.accept_redirects = 0
net.ipv4.tcp_syncookies = 1

# Many executors' connections and files.
net.core.somaxconn = 4096
fs.inotify.max_user_instances = 1024
END
if [[ $sysctls ]] && may_start; then quietly sysctl --system || fail 'cannot set the kernel settings'; fi

journal=''
put_file /etc/systemd/journald.conf.d/60-paddock.conf <<'END' && journal=changed
# Written by scripts/provision/base.sh. The logs of Nomad's tasks are not in it.
[Journal]
SystemMaxUse=1G
SystemKeepFree=2G
RuntimeMaxUse=128M
MaxRetentionSec=1month
RateLimitIntervalSec=30s
RateLimitBurst=10000
END
if [[ $journal ]]; then start_unit systemd-journald.service "$journal"; fi
end
