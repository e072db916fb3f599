#!/usr/bin/env bash
# The driver of NVIDIA GPUs, for nodes of the class gpu. It is built for the kernel that is installed, so it can be
# installed on a machine without a GPU; it takes effect with the next boot.
#
# Variables:
#   HARDWARE_CLASS              nothing is done unless it is gpu
#   GPU_PLAN=no                 yes: only says what would be done
#   NVIDIA_REPOSITORY           line of another apt repository for the driver: "deb [signed-by=/path.asc] URL SUITE …".
#                               Otherwise Debian's non-free
#   NVIDIA_PACKAGES             nvidia-kernel-dkms nvidia-smi nvidia-persistenced libcuda1 (Debian's names)
#   NVIDIA_TOOLKIT_REPOSITORY   line of the apt repository of nvidia-container-toolkit, for pools with the docker driver;
#                               Debian has no such package. Without it the toolkit is left out
#   NOMAD_DEVICE_NVIDIA         path of the plugin nomad-device-nvidia, for pools with `devices`; left out without it
#   GPU_KERNEL_HEADERS          linux-headers-ARCHITECTURE, as linux-image-ARCHITECTURE
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${HARDWARE_CLASS:=plain}" "${GPU_PLAN:=no}" "${NVIDIA_REPOSITORY:=}" "${NVIDIA_TOOLKIT_REPOSITORY:=}"
: "${NVIDIA_PACKAGES:=nvidia-kernel-dkms nvidia-smi nvidia-persistenced libcuda1}" "${NOMAD_DEVICE_NVIDIA:=}"
one_of GPU_PLAN yes no

if [[ $HARDWARE_CLASS != gpu ]]; then
  say "HARDWARE_CLASS is $HARDWARE_CLASS, not gpu"
  end
  exit 0
fi
architecture=$(dpkg --print-architecture)
: "${GPU_KERNEL_HEADERS:=linux-headers-$architecture}"
read -ra packages <<<"$GPU_KERNEL_HEADERS $NVIDIA_PACKAGES"
[[ ! $NOMAD_DEVICE_NVIDIA || -r $NOMAD_DEVICE_NVIDIA ]] || fail "there is no plugin at $NOMAD_DEVICE_NVIDIA"

# do_or_plan WORDS… -- COMMAND…
do_or_plan() {
  local words=()
  while [[ $1 != -- ]]; do
    words+=("$1")
    shift
  done
  shift
  if [[ $GPU_PLAN == yes ]]; then say "would ${words[*]}"; else "$@"; fi
}

# repository NAME LINE: a source of packages; its lists are read when it is new.
repository() {
  if put_file "/etc/apt/sources.list.d/$1.list" <<<"$2"; then quietly apt update || fail "cannot read the lists of $2"; fi
}

if [[ $NVIDIA_REPOSITORY ]]; then
  do_or_plan use the repository "$NVIDIA_REPOSITORY" -- repository paddock-nvidia "$NVIDIA_REPOSITORY"
elif [[ $(apt-cache policy nvidia-kernel-dkms 2>/dev/null) != *'Candidate: '[0-9]* ]]; then
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [[ $(. /etc/os-release && echo "$ID") == debian && $suite ]] || fail 'this is not Debian: give NVIDIA_REPOSITORY, and NVIDIA_PACKAGES'
  line="deb http://deb.debian.org/debian $suite contrib non-free non-free-firmware"
  do_or_plan use the repository "$line" -- repository paddock-non-free "$line"
fi
do_or_plan install "${packages[@]}" -- need_packages "${packages[@]}"
# Keeps the device files there without anybody who uses them, for what looks for them at boot.
do_or_plan enable nvidia-persistenced.service -- enable_unit nvidia-persistenced.service

if [[ $NVIDIA_TOOLKIT_REPOSITORY ]]; then
  do_or_plan use the repository "$NVIDIA_TOOLKIT_REPOSITORY" -- repository paddock-nvidia-toolkit "$NVIDIA_TOOLKIT_REPOSITORY"
  do_or_plan install nvidia-container-toolkit -- need_packages nvidia-container-toolkit
fi

device_plugin() {
  put_file /opt/nomad/plugins/nomad-device-nvidia 755 <"$NOMAD_DEVICE_NVIDIA" || true
  put_file /etc/nomad.d/gpu.hcl <<'END' || true
# Written by scripts/provision/gpu.sh.
plugin_dir = "/opt/nomad/plugins"

plugin "nomad-device-nvidia" {
  config {
    enabled            = true
    fingerprint_period = "1m"
  }
}
END
}
if [[ $NOMAD_DEVICE_NVIDIA ]]; then
  do_or_plan install the device plugin and /etc/nomad.d/gpu.hcl -- device_plugin
fi
end
