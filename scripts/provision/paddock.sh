#!/usr/bin/env bash
# Paddock itself: copied to where executors start it, set up there with its own Node 24, and `paddock` put in the PATH.
#
# Variables:
#   PADDOCK_SOURCE=(the checkout that this script lies in)
#                              a folder, a tar archive, or a git URL (https://… .git, ssh://…, git@…, file://…)
#   PADDOCK_REF                with a git URL: branch or tag
#   PADDOCK_HOME=/opt/paddock  the same on all nodes of a cluster
#   PADDOCK_SERVICE=no         yes: a dispatcher runs here as a unit of systemd. Otherwise it is a job of Nomad
#   PADDOCK_ENVIRONMENT        for that unit: "PADDOCK_HOST=0.0.0.0 PADDOCK_CLUSTER=nomad", see docs/operating.md
#   START_SERVICES=yes         no: the unit is only enabled
# A source with node_modules is taken with it, and no npm is needed; otherwise npm fetches them, see node-runtime.sh.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${PADDOCK_SOURCE:=$(readlink -f "$here/../..")}" "${PADDOCK_REF:=}" "${PADDOCK_HOME:=/opt/paddock}"
: "${PADDOCK_SERVICE:=no}" "${PADDOCK_ENVIRONMENT:=}"
one_of PADDOCK_SERVICE yes no
[[ $PADDOCK_HOME =~ ^/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$ ]] || fail "PADDOCK_HOME is not a path of plain characters, two folders deep: $PADDOCK_HOME"
need_packages rsync

# --- where it comes from, as a folder
folder=$PADDOCK_SOURCE
case $PADDOCK_SOURCE in
  *.git | ssh://* | git@* | file://*)
    need_packages ca-certificates git
    temporary_folder
    folder=$temporary/source
    quietly git clone --quiet --depth 1 ${PADDOCK_REF:+--branch "$PADDOCK_REF"} "$PADDOCK_SOURCE" "$folder" ||
      fail "cannot clone $PADDOCK_SOURCE"
    # Each clone dates its files anew; the commit's date makes the same commit the same files.
    find "$folder" -path "$folder/.git" -prune -o -exec touch --no-dereference --date="@$(git -C "$folder" log -1 --format=%ct)" {} +
    ;;
  *.tar | *.tar.* | *.tgz)
    temporary_folder
    folder=$temporary/source
    mkdir "$folder"
    tar -xf "$PADDOCK_SOURCE" -C "$folder" --no-same-owner || fail "cannot unpack $PADDOCK_SOURCE"
    inside=("$folder"/*)
    if [[ ${#inside[@]} -eq 1 && -d ${inside[0]} ]]; then folder=${inside[0]}; fi
    ;;
esac
grep -qs '"name": "paddock"' "$folder/package.json" || fail "there is no Paddock in $PADDOCK_SOURCE"

# --- copied
if [[ $(readlink -f "$folder") != "$(readlink -m "$PADDOCK_HOME")" ]]; then
  put_folder "$PADDOCK_HOME"
  # What is left out here is not deleted there: it was made there.
  keep=(--exclude=/.git --exclude=/.build/compile-cache --exclude=/.build/.\* --exclude=/node_modules/.paddock-lock)
  for made in node_modules .build; do
    if [[ ! -d $folder/$made ]]; then keep+=("--exclude=/$made"); fi
  done
  copied=$(rsync -a --delete --chown=root:root --chmod=go-w,a+rX "${keep[@]}" --out-format='%i %n' "$folder/" "$PADDOCK_HOME/" |
    grep -vc '^\.d' || true)
  if ((copied > 0)); then changed "copied $copied files to $PADDOCK_HOME"; fi
fi

# --- set up there. Whether sandboxes can be made says nothing where this is not the machine that will run them.
steps=("$PADDOCK_HOME/scripts/provision/packages" "$PADDOCK_HOME/scripts/provision/node-packages" "$PADDOCK_HOME/scripts/build-native")
if live; then steps+=("$PADDOCK_HOME/scripts/provision/sandbox-check"); fi
if [[ ! -x $PADDOCK_HOME/node_modules/.bin/node ]]; then "$here/node-runtime.sh"; fi
before=$(cat "$PADDOCK_HOME/node_modules/.paddock-lock" "$PADDOCK_HOME"/.build/paddock-* 2>/dev/null | sha256sum || true)
for step in "${steps[@]}"; do
  PATH="$PADDOCK_HOME/node_modules/.bin:$PATH" "$step" </dev/null || fail "$step failed"
done
after=$(cat "$PADDOCK_HOME/node_modules/.paddock-lock" "$PADDOCK_HOME"/.build/paddock-* 2>/dev/null | sha256sum || true)
if [[ $before != "$after" ]]; then changed "set up $PADDOCK_HOME"; fi
put_link "$PADDOCK_HOME/scripts/paddock" /usr/local/bin/paddock
put_folder /etc/paddock

# --- the unit
unit=/etc/systemd/system/paddock.service
if [[ $PADDOCK_SERVICE == yes ]]; then
  new=''
  if put_file /etc/paddock/paddock.env 600 < <(
    echo '# Written by scripts/provision/paddock.sh; the variables are described in docs/operating.md.'
    for pair in $PADDOCK_ENVIRONMENT; do echo "$pair"; done
  ); then new=changed; fi
  if put_file "$unit" <<END; then new=changed; fi
# Written by scripts/provision/paddock.sh.
[Unit]
Description=Paddock
Wants=network-online.target
After=network-online.target nomad.service paddock-firewall.service
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=-/etc/paddock/paddock.env
ExecStart=$PADDOCK_HOME/scripts/paddock serve
KillMode=mixed
TimeoutStopSec=60
# Without tokens it does not open its port to others; it tries again until there are some.
Restart=on-failure
RestartSec=5
LimitNOFILE=65536
TasksMax=infinity
Delegate=yes

[Install]
WantedBy=multi-user.target
END
  enable_unit paddock.service
  start_unit paddock.service "$new"
elif [[ -e $unit ]]; then
  if may_start; then systemctl stop paddock.service; fi
  quietly systemctl disable paddock.service || fail 'cannot disable paddock.service'
  remove_file "$unit"
fi
end
