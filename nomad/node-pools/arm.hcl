# Register it before a client or a job names it: nomad node pool apply nomad/node-pools/arm.hcl
# Clients join it with `client { node_pool = "arm" }`; other jobs then stay away from their hardware.

node_pool "arm" {
  description = "ARM nodes, for programs of that architecture"
}
