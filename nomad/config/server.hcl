# Configuration of a Nomad server, as an example: nomad agent -config=/etc/nomad.d/server.hcl
# Three of them make a cluster that survives the loss of one.

data_dir  = "/var/lib/nomad"
bind_addr = "0.0.0.0"

server {
  enabled          = true
  bootstrap_expect = 3

  server_join {
    retry_join = ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
  }

  # Each executor is a dispatched job. Dispatchers forget those that have ended; this is for what they miss, and the
  # usual 4h would make a busy cluster keep thousands of them.
  job_gc_threshold = "1h"

  # How long a client may be silent before its executors are replaced, beside the time that heartbeats are apart.
  heartbeat_grace = "10s"

  # Only used before the cluster's first start; afterwards it is `nomad operator scheduler set-config`.
  default_scheduler_config {
    # For memoryMaxMb of pools.
    memory_oversubscription_enabled = true

    # Lets pools with a priority ten above that of others take their place.
    preemption_config {
      batch_scheduler_enabled = true
    }
  }
}

telemetry {
  prometheus_metrics         = true
  publish_allocation_metrics = true
  publish_node_metrics       = true
  # One set of metrics for each pool instead of one for each executor that ever was.
  disable_dispatched_job_summary_metrics = true
}

# Rights: `nomad acl bootstrap` once, then nomad/acl/*.policy.hcl. On every agent.
# acl {
#   enabled = true
# }

# Certificates for Nomad itself: `nomad tls ca create`, `nomad tls cert create -server`. On every agent.
# tls {
#   http      = true
#   rpc       = true
#   ca_file   = "/etc/nomad.d/tls/nomad-agent-ca.pem"
#   cert_file = "/etc/nomad.d/tls/global-server-nomad.pem"
#   key_file  = "/etc/nomad.d/tls/global-server-nomad-key.pem"
#
#   verify_server_hostname = true
#   verify_https_client    = true
# }
