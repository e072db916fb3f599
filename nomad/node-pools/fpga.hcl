# Register it before a client or a job names it: nomad node pool apply nomad/node-pools/fpga.hcl
# Clients join it with `client { node_pool = "fpga" }`; other jobs then stay away from their hardware.

node_pool "fpga" {
  description = "Nodes with FPGAs, for the Paddock pool that needs them"
}
