#!/usr/bin/env bash
# What sandboxes are made with: bubblewrap, a C compiler for the launcher, and the right to make user namespaces where
# AppArmor keeps it from plain users (Ubuntu 23.10 and later).
#
# Variables:
#   PADDOCK_HOME=/opt/paddock  where Paddock lies, for the launcher's profile
#   START_SERVICES=yes         no: for images that are being made
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${PADDOCK_HOME:=/opt/paddock}"
[[ $PADDOCK_HOME =~ ^/[A-Za-z0-9._/-]+$ ]] || fail "PADDOCK_HOME is not an absolute path of plain characters: $PADDOCK_HOME"

need_packages bubblewrap gcc libc6-dev

profile=/etc/apparmor.d/paddock-sandbox
# Only AppArmor 4 knows user namespaces, and only where it does are they kept from anybody.
knows_namespaces() {
  command -v apparmor_parser >/dev/null &&
    apparmor_parser --skip-kernel-load --skip-cache --quiet <<<'profile paddock-probe /nonexistent flags=(unconfined) { userns, }' 2>/dev/null
}
# A profile of the distribution's own for the same path would make neither of the two hold.
others_for_bwrap() {
  # It fails for the folders among them as well.
  { grep -lsE '^ *profile [^#]*/usr/bin/bwrap|^ */usr/bin/bwrap' /etc/apparmor.d/* || true; } | grep -vx "$profile"
}

if knows_namespaces; then
  filter=(-e "s|@PADDOCK_HOME@|$PADDOCK_HOME|")
  if others=$(others_for_bwrap); then
    say "bubblewrap has a profile already, in $(paste -sd' ' <<<"$others")"
    filter+=(-e '/^profile paddock-bwrap /,/^}/d')
  fi
  if put_file "$profile" < <(sed "${filter[@]}" "$here/files/apparmor-sandbox"); then
    if may_start && [[ -d /sys/kernel/security/apparmor ]]; then
      quietly apparmor_parser --replace "$profile" || fail "AppArmor refuses $profile"
    fi
  fi
else
  remove_file "$profile" || true
  say 'AppArmor does not keep user namespaces from anybody here: no profile is needed'
fi
end
