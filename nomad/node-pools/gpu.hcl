# Register it before a client or a job names it: nomad node pool apply nomad/node-pools/gpu.hcl
# Clients join it with `client { node_pool = "gpu" }`; other jobs then stay away from their hardware.

node_pool "gpu" {
  description = "Nodes with GPUs, for the Paddock pool that needs them"
}
