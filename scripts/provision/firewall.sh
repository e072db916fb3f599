#!/usr/bin/env bash
# The node's firewall (nftables), loaded at boot before the network is up. Sandboxes have no network; should one of
# their programs ever be in the node's, it reaches nothing. The cloud's metadata service, which gives out the node's
# credentials, answers root and the users that are named. From outside, only what a node serves is open.
#
# Variables (networks are separated by blanks; any: from everywhere):
#   CLUSTER_NETWORKS="10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"
#                              who reaches executors and Nomad
#   API_NETWORKS=(those)       who reaches a dispatcher
#   SSH_NETWORKS=any
#   EXECUTOR_PORTS=20000-32000 Nomad's dynamic ports
#   API_PORT=7070
#   FIREWALL_OPEN_PORTS        further TCP ports, open to everybody
#   METADATA_USERS=root        users that may ask the metadata service
#   METADATA_ADDRESSES="169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 fd00:ec2::254 fd20:ce::254"
#   START_SERVICES=yes         no: it is only loaded at boot
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${CLUSTER_NETWORKS:=10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7}" "${SSH_NETWORKS:=any}"
: "${API_NETWORKS:=$CLUSTER_NETWORKS}" "${EXECUTOR_PORTS:=20000-32000}" "${API_PORT:=7070}" "${FIREWALL_OPEN_PORTS:=}"
: "${METADATA_USERS:=root}"
: "${METADATA_ADDRESSES:=169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 fd00:ec2::254 fd20:ce::254}"
need_packages nftables

# The host's uids of sandboxes: 0x60000000 and 64 places of 1,024 (service/executor/place.ts).
sandboxes=$((0x60000000))-$((0x60000000 + 64 * 1024 - 1))

[[ $EXECUTOR_PORTS =~ ^[0-9]+(-[0-9]+)?$ ]] || fail "EXECUTOR_PORTS is no range of ports: $EXECUTOR_PORTS"
for port in $API_PORT $FIREWALL_OPEN_PORTS; do
  [[ $port =~ ^[0-9]+$ ]] || fail "this is no port: $port"
done

# By number: a name that is not known would keep the whole firewall from being loaded.
uids=''
for user in $METADATA_USERS; do
  uid=$(id -u "$user" 2>/dev/null) || fail "METADATA_USERS names $user, who is no user here"
  uids+=${uids:+, }$uid
done

# only VERSION ADDRESS…: those of IPv4 or IPv6, with commas.
only() {
  local version=$1 address list=''
  shift
  for address in "$@"; do
    [[ $address =~ ^[0-9A-Fa-f.:/]+$ ]] || fail "this is no network: $address"
    if [[ $version == 6 && $address == *:* || $version == 4 && $address != *:* ]]; then list+=${list:+, }$address; fi
  done
  echo "$list"
}

# allow NETWORKS MATCH: one rule for each version of IP that the networks are of.
allow() {
  local networks=$1 match=$2 list version
  if [[ $networks == any ]]; then
    echo "    $match accept"
    return
  fi
  for version in 4 6; do
    # shellcheck disable=SC2086
    list=$(only "$version" $networks)
    if [[ $list ]]; then echo "    ip${version/4/} saddr { $list } $match accept"; fi
  done
}

# metadata RULE: for the addresses of both versions.
metadata() {
  local list version
  for version in 4 6; do
    # shellcheck disable=SC2086
    list=$(only "$version" $METADATA_ADDRESSES)
    if [[ $list ]]; then echo "    ip${version/4/} daddr { $list } $1"; fi
  done
}

ruleset() {
  cat <<END
#!/usr/sbin/nft -f
# Written by scripts/provision/firewall.sh. Replaces its own table as one step and leaves all others alone.
table inet paddock
delete table inet paddock

table inet paddock {
  chain output {
    type filter hook output priority filter; policy accept;
    meta skuid $sandboxes counter drop comment "sandboxes"
    # Some clouds answer questions of names and of the time at the same address.
$(metadata 'udp dport { 53, 123 } accept')
$(metadata 'tcp dport 53 accept')
$(metadata "meta skuid != { $uids } counter drop comment \"metadata service\"")
  }

  chain forward {
    type filter hook forward priority filter; policy accept;
$(metadata 'counter drop comment "metadata service"')
  }

  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iif "lo" accept
    # ICMP of both versions, by number: names would need a file that small systems lack.
    meta l4proto { 1, 58 } accept
    udp sport 67 udp dport 68 accept
    ip6 saddr fe80::/10 udp dport 546 accept
$(allow "$SSH_NETWORKS" 'tcp dport 22')
$(allow "$CLUSTER_NETWORKS" 'tcp dport { 4646, 4647, 4648 }')
$(allow "$CLUSTER_NETWORKS" 'udp dport 4648')
$(allow "$CLUSTER_NETWORKS" "tcp dport $EXECUTOR_PORTS")
$(allow "$API_NETWORKS" "tcp dport $API_PORT")
$(for port in $FIREWALL_OPEN_PORTS; do allow any "tcp dport $port"; done)
  }
}
END
}

# A fault in what was given is told here; in a substitution it would only shorten the rules.
# shellcheck disable=SC2086
only 4 ${CLUSTER_NETWORKS/#any/} ${API_NETWORKS/#any/} ${SSH_NETWORKS/#any/} $METADATA_ADDRESSES >/dev/null
text=$(ruleset)
# Where this process may not ask the kernel, nothing is known; the rules are then checked when they are loaded.
if ! said=$(nft --check --file - <<<"$text" 2>&1) && [[ $said != *'not permitted'* ]]; then
  fail "nft refuses the rules: $said"
fi
new=''
if put_file /etc/paddock/firewall.nft 644 <<<"$text"; then new=changed; fi
if put_file /etc/systemd/system/paddock-firewall.service <<'END'; then new=changed; fi
# Written by scripts/provision/firewall.sh.
[Unit]
Description=Paddock's firewall
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target nomad.service paddock.service
Conflicts=shutdown.target
# The distribution's own unit throws away all rules when it starts; this one comes after it, and again with it.
After=nftables.service
PartOf=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/paddock/firewall.nft
ExecReload=/usr/sbin/nft -f /etc/paddock/firewall.nft

[Install]
WantedBy=sysinit.target
END
enable_unit paddock-firewall.service
start_unit paddock-firewall.service "$new"
end
