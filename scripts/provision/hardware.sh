#!/usr/bin/env bash
# Finds out at each boot, before Nomad starts, what hardware the node has, and tells it as node meta: gpu, fpga, arm.
# An image can so be the same for all nodes of an architecture.
#
# HARDWARE_CLASS (plain, gpu, fpga, arm) is what an image is made for; nomad.sh makes it the node's class. Only gpu needs
# a step of its own (gpu.sh). FPGAs are driven by what their boards' makers give, so install that in a script of your
# own after node.sh; what is then there is found here. For ARM it is the image's architecture that counts.
#
# Variables:
#   START_SERVICES=yes  no: the unit is only enabled
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"

program=/usr/local/libexec/paddock/detect-hardware
new=''
if put_file "$program" 755 <"$here/detect-hardware"; then new=changed; fi
put_folder /etc/nomad.d 755
if put_file /etc/systemd/system/paddock-hardware.service <<END; then new=changed; fi
# Written by scripts/provision/hardware.sh.
[Unit]
Description=What hardware this node has, for Nomad
After=systemd-modules-load.service systemd-udev-settle.service nvidia-persistenced.service
Wants=systemd-udev-settle.service
Before=nomad.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$program --output /etc/nomad.d/hardware.hcl

[Install]
WantedBy=multi-user.target
END
# Nomad starts even where this fails: then the node has less to offer, and says so.
enable_unit paddock-hardware.service
start_unit paddock-hardware.service "$new"
end
