# shellcheck shell=bash
# What the provision scripts do to a machine: packages, files, units. Each says what it changed and keeps what is as it
# should be, so that a script may run as often as one likes. Sourced by scripts/provision/*.sh, not run.
#
# A machine is live where systemd runs on it. In a chroot, a container or an image that is being made, units are only
# enabled; START_SERVICES=no does the same on a live machine that becomes an image.

script=$(basename "$0" .sh)
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=help.bash
source "$here/help.bash"
changes=0

say() { echo "$script: $*"; }
changed() {
  changes=$((changes + 1))
  say "$*"
}
fail() {
  echo "$script: $*" >&2
  exit 1
}

# begin "$@": answers --help with the header of the script, refuses what it does not know, and asks for root.
begin() {
  answer_help "$@"
  if (($# > 0)); then
    echo "$script: what is $1? Everything is given by variables, see $script.sh --help" >&2
    exit 2
  fi
  [[ $(id -u) -eq 0 ]] || fail "needs root, for example: sudo --preserve-env=VARIABLE $0"
  command -v apt-get >/dev/null || fail "is made for Debian 12 and its relatives: there is no apt-get here"
  # Login shells of plain users leave these out, and what is called here lies in them.
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export PATH LC_ALL=C.UTF-8
  umask 022
}

end() {
  if ((changes == 0)); then say 'nothing to do'; else say "done, $changes changes"; fi
}

# one_of NAME VALUE…: the variable NAME has one of the values.
one_of() {
  local name=$1 value
  shift
  for value in "$@"; do
    if [[ ${!name} == "$value" ]]; then return; fi
  done
  fail "$name is \"${!name}\"; it may be: $*"
}

live() { [[ -d /run/systemd/system ]] && ! systemd-detect-virt --quiet --chroot 2>/dev/null; }
may_start() { [[ ${START_SERVICES:-yes} == yes ]] && live; }

apt() {
  env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "$@" </dev/null
}
# Told only where it fails: apt says much, and nothing of use where all is well.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

has_package() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need_packages PACKAGE…
need_packages() {
  local package missing=()
  for package in "$@"; do
    if ! has_package "$package"; then missing+=("$package"); fi
  done
  ((${#missing[@]} > 0)) || return 0
  # Lists that are absent or old name files that mirrors no longer have.
  if ! quietly apt install -y --no-install-recommends --simulate "${missing[@]}" 2>/dev/null; then
    quietly apt update || fail 'cannot read the lists of packages'
  fi
  if ! quietly apt install -y --no-install-recommends "${missing[@]}"; then
    quietly apt update || fail 'cannot read the lists of packages'
    quietly apt install -y --no-install-recommends "${missing[@]}" || fail "cannot install ${missing[*]}"
  fi
  changed "installed ${missing[*]}"
}

# put_file PATH [MODE [OWNER]] <CONTENT: the file has this content. True where it was changed.
# A file that others read meanwhile is the old one or the new one, nothing between.
put_file() {
  local path=$1 mode=${2:-644} owner=${3:-root:root} new
  # In a condition `set -e` is off, so each step says for itself that it failed.
  mkdir -p "$(dirname "$path")" || fail "cannot write $path"
  new=$(mktemp "$(dirname "$path")/.provision.XXXXXX") || fail "cannot write $path"
  { cat >"$new" && chmod "$mode" "$new" && chown "$owner" "$new"; } || fail "cannot write $path"
  if [[ -f $path && ! -L $path ]] && cmp -s "$new" "$path" &&
    [[ $(stat -c '%a %U:%G' "$path") == $(stat -c '%a %U:%G' "$new") ]]; then
    rm "$new"
    return 1
  fi
  mv -T "$new" "$path" || fail "cannot write $path"
  changed "wrote $path"
}

# remove_file PATH: true where there was one.
remove_file() {
  [[ -e $1 || -L $1 ]] || return 1
  rm -f "$1"
  changed "removed $1"
}

# put_link TARGET PATH
put_link() {
  [[ $(readlink "$2" 2>/dev/null) != "$1" ]] || return 0
  mkdir -p "$(dirname "$2")"
  ln -sfn "$1" "$2"
  changed "linked $2 to $1"
}

# put_folder PATH [MODE [OWNER]]
put_folder() {
  local path=$1 mode=${2:-755} owner=${3:-root:root}
  if [[ -d $path && $(stat -c '%a %U:%G' "$path") == "$mode $owner" ]]; then return; fi
  install -d -m "$mode" -o "${owner%:*}" -g "${owner#*:}" "$path"
  changed "made $path"
}

# enable_unit UNIT: it starts at boot.
enable_unit() {
  if systemctl is-enabled --quiet "$1" 2>/dev/null; then return; fi
  quietly systemctl enable "$1" || fail "cannot enable $1"
  changed "enabled $1"
}

# start_unit UNIT [changed]: it runs now, started anew where its second word is not empty. Nothing in a chroot.
start_unit() {
  may_start || return 0
  systemctl daemon-reload
  if [[ ${2:-} ]] || ! systemctl is-active --quiet "$1"; then
    quietly systemctl restart "$1" || fail "cannot start $1; see: journalctl -u $1"
    changed "started $1"
  fi
}

# fetch FROM TO ALGORITHM SUM: a file from a path or a URL, which has the sum.
fetch() {
  local from=$1 to=$2 algorithm=$3 sum=${4,,} found
  [[ $sum ]] || fail "the ${algorithm^^} sum of $from is not given"
  case $from in
    http://* | https://*)
      need_packages ca-certificates curl
      curl --fail --silent --show-error --location --retry 3 --output "$to" "$from" || fail "cannot fetch $from"
      ;;
    *) cp "$from" "$to" || fail "cannot read $from" ;;
  esac
  found=$("${algorithm}sum" "$to" | cut -d ' ' -f 1)
  [[ $found == "$sum" ]] || fail "$from has the ${algorithm^^} sum $found, not $sum as it should"
}

# A folder for what is only needed now; gone when the script ends.
temporary=''
temporary_folder() {
  if [[ ! $temporary ]]; then
    temporary=$(mktemp -d)
    trap 'rm -rf "$temporary"' EXIT
  fi
}
