# nomad job run -var-file=nomad/jobs/gpu-pool.vars.hcl nomad/jobs/executor-pool.nomad.hcl
pool         = "gpu"
node_pool    = "gpu"
capabilities = ["gpu"]
memory_mb    = 8192

# Where clients have the device plugin. Nomad then gives each GPU to one executor at a time.
devices = [{
  name        = "nvidia/gpu"
  count       = 1
  constraints = [{ attribute = "$${device.attr.memory}", operator = ">=", value = "8 GiB" }]
}]
