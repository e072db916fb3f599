# Configuration of a Nomad client that runs executors, as an example: nomad agent -config=/etc/nomad.d
# The client runs as root, and Paddock lies in /opt/paddock, set up with scripts/provision/setup.

data_dir  = "/var/lib/nomad"
bind_addr = "0.0.0.0"

client {
  enabled = true

  server_join {
    retry_join = ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
  }

  # Nodes with rare hardware are best kept for it: see nomad/node-pools.
  # node_pool = "gpu"

  # What pools ask for by their capabilities. `scripts/provision/detect-hardware --output /etc/nomad.d/hardware.hcl`
  # finds it out and writes it down beside this file.
  meta {
    # gpu  = "nvidia"
    # fpga = "xilinx"
    # arm  = "arm64"
    rack = "a"
  }

  # What executors may not have: for the system, the client itself, and a dispatcher.
  reserved {
    cpu    = 500
    memory = 1024
    disk   = 2048
  }

  # Executors let what runs finish when they are stopped. Nomad would cut that to 30s, whatever killTimeoutSeconds says.
  max_kill_timeout = "10m"

  # How long it waits for its allocations when the machine goes down.
  drain_on_shutdown {
    deadline           = "5m"
    ignore_system_jobs = true
  }

  # Where no cloud is, looking for it only takes time.
  options = {
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean"
  }
}

# Off unless it is told: executors make their own sandboxes, and need cgroups and users for that.
plugin "raw_exec" {
  config {
    enabled = true
  }
}

# For pools with `driver: docker`.
# plugin "docker" {
#   config {
#     allow_privileged = true
#     volumes {
#       enabled = true
#     }
#   }
# }

# For pools with `devices`: https://developer.hashicorp.com/nomad/plugins/devices/nvidia
# plugin "nomad-device-nvidia" {
#   config {
#     enabled            = true
#     fingerprint_period = "1m"
#   }
# }

telemetry {
  prometheus_metrics         = true
  publish_allocation_metrics = true
  publish_node_metrics       = true
}

# acl {
#   enabled = true
# }

# Certificates for Nomad itself: `nomad tls cert create -client`.
# tls {
#   http      = true
#   rpc       = true
#   ca_file   = "/etc/nomad.d/tls/nomad-agent-ca.pem"
#   cert_file = "/etc/nomad.d/tls/global-client-nomad.pem"
#   key_file  = "/etc/nomad.d/tls/global-client-nomad-key.pem"
#
#   verify_server_hostname = true
#   verify_https_client    = true
# }
