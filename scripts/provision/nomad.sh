#!/usr/bin/env bash
# A Nomad client, server or both: the binary, /etc/nomad.d made from nomad/config, the unit. Prints no secret.
#
# Variables:
#   NOMAD_ROLE=client        client, server or both
#   NOMAD_BINARY             path of a nomad to install as /usr/local/bin/nomad
#   NOMAD_ZIP_URL, NOMAD_ZIP_SHA256
#                            an archive of releases.hashicorp.com (a URL or a path), and its sum
#   NOMAD_RELEASE            a version: fetched from NOMAD_RELEASES=https://releases.hashicorp.com, and checked against the
#                            sums that lie there beside it
#   NOMAD_APT=no             yes: the package nomad, from a repository that the machine has already
#   NOMAD_VERSION            with NOMAD_APT: this version of the package
#   NOMAD_SERVERS            servers to join: addresses, or one cloud auto-join text ("provider=aws tag_key=…")
#   NOMAD_BOOTSTRAP_EXPECT   how many servers make the first cluster; as many as NOMAD_SERVERS has
#   NOMAD_META               node meta: "rack=a gpu=nvidia". Hardware is found at boot, see hardware.sh
#   NOMAD_NODE_POOL, NOMAD_NODE_CLASS
#                            as in Nomad; the class is HARDWARE_CLASS where it is set
#   NOMAD_NAME, NOMAD_REGION, NOMAD_DATACENTER
#   NOMAD_ADVERTISE          address that others reach this node at, or a go-sockaddr template
#   NOMAD_INTERFACE          network interface of the executors
#   NOMAD_CLOUD=none         aws, gce, azure or digitalocean: what the client asks the metadata service about
#   NOMAD_GOSSIP_KEY_FILE    file with the servers' gossip key
#   NOMAD_TLS_DIR            folder with ca.pem, cert.pem and key.pem
#   NOMAD_ACL=no             yes: rights are checked
#   START_SERVICES=yes       no: the unit is only enabled
# With none of the first, the nomad that is there is used.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${NOMAD_ROLE:=client}" "${NOMAD_BINARY:=}" "${NOMAD_ZIP_URL:=}" "${NOMAD_ZIP_SHA256:=}" "${NOMAD_APT:=no}"
: "${NOMAD_RELEASE:=}" "${NOMAD_RELEASES:=https://releases.hashicorp.com}" "${NOMAD_VERSION:=}" "${NOMAD_SERVERS:=}" "${NOMAD_META:=}" "${NOMAD_NODE_POOL:=}" "${NOMAD_CLOUD:=none}"
: "${NOMAD_NODE_CLASS:=${HARDWARE_CLASS:-}}" "${NOMAD_NAME:=}" "${NOMAD_REGION:=}" "${NOMAD_DATACENTER:=}"
: "${NOMAD_ADVERTISE:=}" "${NOMAD_INTERFACE:=}" "${NOMAD_GOSSIP_KEY_FILE:=}" "${NOMAD_TLS_DIR:=}" "${NOMAD_ACL:=no}"
one_of NOMAD_ROLE client server both
one_of NOMAD_APT yes no
one_of NOMAD_ACL yes no
one_of NOMAD_CLOUD none aws gce azure digitalocean
is_client() { [[ $NOMAD_ROLE != server ]]; }
is_server() { [[ $NOMAD_ROLE != client ]]; }

# One auto-join text has blanks in it, so it is one server.
if [[ $NOMAD_SERVERS == provider=* ]]; then servers=("$NOMAD_SERVERS"); else read -ra servers <<<"$NOMAD_SERVERS"; fi
if [[ $NOMAD_SERVERS == provider=* ]]; then
  : "${NOMAD_BOOTSTRAP_EXPECT:=3}"
else
  : "${NOMAD_BOOTSTRAP_EXPECT:=$((${#servers[@]} > 0 ? ${#servers[@]} : 1))}"
fi
[[ $NOMAD_BOOTSTRAP_EXPECT =~ ^[1-9]$ ]] || fail "NOMAD_BOOTSTRAP_EXPECT is no number of servers: $NOMAD_BOOTSTRAP_EXPECT"

# string TEXT: as HCL writes it. Templates of HCL stay what they are in text: ${ is written $${.
string() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  [[ $text != *[$'\n\r']* ]] || fail "a value has a line break: ${1@Q}"
  # shellcheck disable=SC2016
  text=${text//'${'/'$${'}
  printf '"%s"' "${text//'%{'/'%%{'}"
}

# --- the binary
if [[ $NOMAD_RELEASE && $("$(command -v nomad || echo false)" version 2>/dev/null) != *"v$NOMAD_RELEASE"* ]]; then
  need_packages ca-certificates curl
  name=nomad_${NOMAD_RELEASE}_linux_$(dpkg --print-architecture).zip
  NOMAD_ZIP_URL=$NOMAD_RELEASES/nomad/$NOMAD_RELEASE/$name
  sums=$(curl --fail --silent --show-error --location --retry 3 "${NOMAD_ZIP_URL%/*}/nomad_${NOMAD_RELEASE}_SHA256SUMS") ||
    fail "there is no Nomad $NOMAD_RELEASE at $NOMAD_RELEASES"
  NOMAD_ZIP_SHA256=$(awk -v name="$name" '$2 == name { print $1 }' <<<"$sums")
  [[ $NOMAD_ZIP_SHA256 ]] || fail "Nomad $NOMAD_RELEASE has no $name"
fi
if [[ $NOMAD_ZIP_URL ]]; then
  [[ $NOMAD_ZIP_SHA256 ]] || fail 'NOMAD_ZIP_URL needs NOMAD_ZIP_SHA256'
  # What was installed is known by the sum of its archive, so it is not fetched again.
  if [[ ! -x /usr/local/bin/nomad || $(cat /usr/local/share/nomad.sha256 2>/dev/null) != "${NOMAD_ZIP_SHA256,,}" ]]; then
    need_packages unzip
    temporary_folder
    fetch "$NOMAD_ZIP_URL" "$temporary/nomad.zip" sha256 "$NOMAD_ZIP_SHA256"
    unzip -q -o "$temporary/nomad.zip" nomad -d "$temporary"
    NOMAD_BINARY=$temporary/nomad
  fi
elif [[ $NOMAD_APT == yes ]]; then
  if [[ $NOMAD_VERSION && $(dpkg-query -W -f '${Version}' nomad 2>/dev/null) != "$NOMAD_VERSION" ]]; then
    quietly apt update || fail 'cannot read the lists of packages'
    quietly apt install -y --no-install-recommends --allow-downgrades "nomad=$NOMAD_VERSION" || fail "cannot install nomad $NOMAD_VERSION"
    changed "installed nomad $NOMAD_VERSION"
  fi
  need_packages nomad
fi
new_binary=''
if [[ $NOMAD_BINARY ]]; then
  [[ -r $NOMAD_BINARY ]] || fail "there is no nomad at $NOMAD_BINARY"
  put_file /usr/local/bin/nomad 755 <"$NOMAD_BINARY" && new_binary=changed
fi
if [[ $NOMAD_ZIP_SHA256 ]]; then put_file /usr/local/share/nomad.sha256 <<<"${NOMAD_ZIP_SHA256,,}" || true; fi
binary=$(command -v nomad) || fail 'there is no nomad: give NOMAD_BINARY, NOMAD_ZIP_URL with NOMAD_ZIP_SHA256, or NOMAD_APT=yes'
say "$("$binary" version | head -n 1)"

# --- who runs it: clients make sandboxes and need root, servers need nothing
owner=root
if ! is_client; then
  owner=nomad
  if ! id nomad >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/nomad --shell /usr/sbin/nologin nomad
    changed 'made the user nomad'
  fi
fi
put_folder /etc/nomad.d 755
put_folder /var/lib/nomad 700 "$owner:$owner"

# --- the configuration
# Replaces, in an example of nomad/config, what is this cluster's own. A line that is not there any more is a fault.
settings_from() {
  local file=$here/../../nomad/config/$1 text
  shift
  text=$(<"$file")
  while (($# > 0)); do
    grep -Eq "^ *$1\$" <<<"$text" || fail "$file has no line like $1"
    text=$(PATTERN="^( *)$1\$" LINE=$2 awk '$0 ~ ENVIRON["PATTERN"] {
      match($0, /^ */); indent = substr($0, 1, RLENGTH); n = split(ENVIRON["LINE"], lines, "\n")
      for (i = 1; i <= n; i++) if (lines[i] != "") print indent lines[i]
      next } { print }' <<<"$text")
    shift 2
  done
  printf '# Written by scripts/provision/nomad.sh from nomad/config.\n%s\n' "$text"
}

join='retry_join = ['
for server in "${servers[@]}"; do join+="$(string "$server"), "; done
join="${join%, }]"

meta=''
for pair in $NOMAD_META; do
  [[ $pair =~ ^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$ ]] || fail "NOMAD_META is pairs like gpu=nvidia, and this is none: $pair"
  key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
  if [[ $key == *.* ]]; then key=$(string "$key"); fi
  meta+="$key = $(string "$value")"$'\n'
done

deny=''
for cloud in aws gce azure digitalocean; do
  if [[ $cloud != "$NOMAD_CLOUD" ]]; then deny+=${deny:+,}env_$cloud; fi
done

node_settings() {
  local address
  echo '# Written by scripts/provision/nomad.sh: what is this node'"'"'s own.'
  if [[ $NOMAD_NAME ]]; then echo "name = $(string "$NOMAD_NAME")"; fi
  if [[ $NOMAD_REGION ]]; then echo "region = $(string "$NOMAD_REGION")"; fi
  if [[ $NOMAD_DATACENTER ]]; then echo "datacenter = $(string "$NOMAD_DATACENTER")"; fi
  if [[ $NOMAD_ADVERTISE ]]; then
    address=$(string "$NOMAD_ADVERTISE")
    printf 'advertise {\n  http = %s\n  rpc  = %s\n  serf = %s\n}\n' "$address" "$address" "$address"
  fi
  if is_client; then
    echo 'client {'
    if [[ $NOMAD_NODE_POOL ]]; then echo "  node_pool = $(string "$NOMAD_NODE_POOL")"; fi
    if [[ $NOMAD_NODE_CLASS ]]; then echo "  node_class = $(string "$NOMAD_NODE_CLASS")"; fi
    if [[ $NOMAD_INTERFACE ]]; then echo "  network_interface = $(string "$NOMAD_INTERFACE")"; fi
    echo '}'
  fi
  if [[ $NOMAD_ACL == yes ]]; then printf 'acl {\n  enabled = true\n}\n'; fi
}

new_settings=''
# put_settings NAME [MODE OWNER]
put_settings() { if put_file "/etc/nomad.d/$1" "${@:2}"; then new_settings=changed; fi; }
# Where there is nothing to write, an older file goes.
drop_settings() { if remove_file "/etc/nomad.d/$1"; then new_settings=changed; fi; }

if is_client; then
  settings_from client.hcl 'retry_join = \[.*\]' "$join" 'rack = .*' "$meta" \
    '"fingerprint.denylist" = .*' "\"fingerprint.denylist\" = \"$deny\"" >/dev/null
  put_settings client.hcl < <(settings_from client.hcl 'retry_join = \[.*\]' "$join" 'rack = .*' "$meta" \
    '"fingerprint.denylist" = .*' "\"fingerprint.denylist\" = \"$deny\"")
else
  drop_settings client.hcl
fi
if is_server; then
  settings_from server.hcl 'retry_join = \[.*\]' "$join" 'bootstrap_expect = .*' '' >/dev/null
  put_settings server.hcl < <(settings_from server.hcl 'retry_join = \[.*\]' "$join" \
    'bootstrap_expect = .*' "bootstrap_expect = $NOMAD_BOOTSTRAP_EXPECT")
else
  drop_settings server.hcl
fi
put_settings node.hcl < <(node_settings)
# Not read here, only moved: nothing of it is in this script's output.
if [[ $NOMAD_GOSSIP_KEY_FILE ]] && is_server; then
  [[ -r $NOMAD_GOSSIP_KEY_FILE ]] || fail "cannot read $NOMAD_GOSSIP_KEY_FILE"
  put_settings gossip.hcl 600 "$owner:$owner" < <(printf 'server {\n  encrypt = "%s"\n}\n' "$(tr -d '[:space:]' <"$NOMAD_GOSSIP_KEY_FILE")")
fi
if [[ $NOMAD_TLS_DIR ]]; then
  put_folder /etc/nomad.d/tls 700 "$owner:$owner"
  for name in ca cert key; do
    [[ -r $NOMAD_TLS_DIR/$name.pem ]] || fail "there is no $name.pem in $NOMAD_TLS_DIR"
    put_settings "tls/$name.pem" 600 "$owner:$owner" <"$NOMAD_TLS_DIR/$name.pem"
  done
  put_settings tls.hcl <<'END'
# Written by scripts/provision/nomad.sh.
tls {
  http      = true
  rpc       = true
  ca_file   = "/etc/nomad.d/tls/ca.pem"
  cert_file = "/etc/nomad.d/tls/cert.pem"
  key_file  = "/etc/nomad.d/tls/key.pem"

  verify_server_hostname = true
  verify_https_client    = true
}
END
fi

# --- the unit
unit=/etc/systemd/system/nomad.service
put_file "$unit" <<END && new_settings=changed
# Written by scripts/provision/nomad.sh.
[Unit]
Description=Nomad ($NOMAD_ROLE)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
User=$owner
Group=$owner
ExecStart=$binary agent -config=/etc/nomad.d
ExecReload=/bin/kill -HUP \$MAINPID
KillSignal=SIGINT
# Tasks go on while the agent is started anew.
KillMode=process
Restart=on-failure
RestartSec=2
LimitNOFILE=65536
LimitNPROC=infinity
TasksMax=infinity
OOMScoreAdjust=-1000
Delegate=yes
TimeoutStopSec=330

[Install]
WantedBy=multi-user.target
END
enable_unit nomad.service
start_unit nomad.service "$new_binary$new_settings"
end
