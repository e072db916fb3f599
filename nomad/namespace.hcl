# A namespace of its own keeps Paddock's rights away from other jobs:
#
#   nomad namespace apply nomad/namespace.hcl
#
# Then name it in nomad/acl/*.policy.hcl, in `nomad acl policy apply -namespace paddock …`, and with
# `nomad job run -var namespace=paddock …`.

name        = "paddock"
description = "Paddock: dispatchers and executors"

capabilities {
  enabled_task_drivers  = ["raw_exec", "docker"]
  enabled_network_modes = ["host"]
}
