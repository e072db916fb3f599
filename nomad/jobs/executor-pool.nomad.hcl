# A pool of executors: each dispatch of this job is one executor, started and ended by Paddock's dispatchers.
#
# Dispatchers register this job themselves, from the pools file, and put it back when it is changed by hand. This file
# is the same job for people: to read, to plan with, to register ahead of the dispatchers.
#
#   nomad job plan nomad/jobs/executor-pool.nomad.hcl
#   nomad job run -var-file=nomad/jobs/gpu-pool.vars.hcl nomad/jobs/executor-pool.nomad.hcl
#
# Variables mean what the fields of the pools file mean, see service/contracts/pool.ts.

variable "pool" {
  type    = string
  default = "default"
}

variable "prefix" {
  type        = string
  description = "The job is called PREFIX-POOL; PADDOCK_NOMAD_PREFIX of the dispatchers."
  default     = "paddock"
}

variable "namespace" {
  type    = string
  default = "default"
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "node_pool" {
  type    = string
  default = "default"
}

variable "node_class" {
  type        = string
  description = "Only on nodes of this class; of any where it is empty."
  default     = ""
}

variable "priority" {
  type    = number
  default = 50
}

variable "capabilities" {
  type        = list(string)
  description = "What the nodes have: amd64, arm64, or any key of node meta, such as gpu."
  default     = []
}

variable "constraints" {
  type        = list(object({ attribute = string, operator = string, value = string }))
  description = "Further ones, for example [{ attribute = \"$${meta.rack}\", operator = \"=\", value = \"a\" }]."
  default     = []
}

variable "devices" {
  type = list(object({
    name        = string
    count       = number
    constraints = list(object({ attribute = string, operator = string, value = string }))
  }))
  description = "For nodes with a device plugin, for example nvidia/gpu."
  default     = []
}

variable "home" {
  type        = string
  description = "Where Paddock lies on the nodes."
  default     = "/opt/paddock"
}

variable "cpu_mhz" {
  type    = number
  default = 500
}

variable "memory_mb" {
  type        = number
  description = "Sandboxes count against it."
  default     = 2048
}

variable "memory_max_mb" {
  type        = number
  description = "Works where the scheduler's memory oversubscription is on."
  default     = null
}

variable "max_running" {
  type        = number
  description = "Executions at once; twice the cores where it is null."
  default     = null
}

variable "kill_timeout_seconds" {
  type        = number
  description = "How long what runs may go on when the executor is stopped. Clients cap it with max_kill_timeout."
  default     = 120
}

variable "environment" {
  type    = map(string)
  default = {}
}

variable "tls" {
  type        = object({ ca = string, cert = string, key = string })
  description = "Paths of PEM files on the nodes."
  default     = null
}

variable "ui_link" {
  type        = string
  description = "Where Nomad's UI points from the job."
  default     = ""
}

job "executor-pool" {
  id          = "${var.prefix}-${var.pool}"
  name        = "${var.prefix}-${var.pool}"
  namespace   = var.namespace
  type        = "batch"
  priority    = var.priority
  datacenters = var.datacenters
  node_pool   = var.node_pool

  ui {
    description = "Executors of the Paddock pool \"${var.pool}\". Dispatchers start and end them; each dispatch is one executor."
    dynamic "link" {
      for_each = var.ui_link == "" ? [] : [var.ui_link]
      content {
        label = "Paddock"
        url   = link.value
      }
    }
  }

  # Dispatchers know their jobs by it.
  meta {
    paddock_pool = var.pool
  }

  # An architecture is what the client finds out; any other capability is a key of node meta, and "false" takes it away.
  dynamic "constraint" {
    for_each = [for name in var.capabilities : name if contains(["amd64", "arm64"], name)]
    content {
      attribute = "$${attr.cpu.arch}"
      value     = constraint.value
    }
  }
  dynamic "constraint" {
    for_each = [for name in var.capabilities : name if !contains(["amd64", "arm64"], name)]
    content {
      attribute = "$${meta.${constraint.value}}"
      operator  = "is_set"
    }
  }
  dynamic "constraint" {
    for_each = [for name in var.capabilities : name if !contains(["amd64", "arm64"], name)]
    content {
      attribute = "$${meta.${constraint.value}}"
      operator  = "!="
      value     = "false"
    }
  }
  dynamic "constraint" {
    for_each = var.node_class == "" ? [] : [var.node_class]
    content {
      attribute = "$${node.class}"
      value     = constraint.value
    }
  }
  dynamic "constraint" {
    for_each = var.constraints
    content {
      attribute = constraint.value.attribute
      operator  = constraint.value.operator
      value     = constraint.value.value
    }
  }

  # Where dispatchers are, and how to check their tokens.
  parameterized {
    payload = "required"
  }

  group "executor" {
    count = 1

    # An executor that fails is replaced by the dispatchers, with another dispatch, wherever there is room.
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }

    # A lost node's executors are replaced by the dispatchers as well, within seconds. Nomad's own replacement would
    # come on top, so it is left for the day on which no dispatcher is there.
    disconnect {
      lost_after = "24h"
      replace    = false
      reconcile  = "keep_original"
    }

    # More than the logs below can take, or Nomad refuses the job.
    ephemeral_disk {
      size = 100
    }

    network {
      mode = "host"
      port "http" {}
    }

    task "executor" {
      driver       = "raw_exec"
      kill_signal  = "SIGTERM"
      kill_timeout = "${var.kill_timeout_seconds}s"

      config {
        command = "${var.home}/scripts/paddock-executor"
      }

      dispatch_payload {
        file = "order.json"
      }

      # What the executor shows to dispatchers. Every local user of the node could read a file of it. A variable is never
      # renewed: without a ttl it does not expire, and dispatchers refuse it once its allocation has ended.
      identity {
        name        = "paddock"
        aud         = ["paddock"]
        env         = true
        file        = false
        change_mode = "noop"
      }

      env = merge(
        { PADDOCK_STATE_DIR = "/run/paddock", PADDOCK_CACHE_DIR = "/var/cache/paddock" },
        var.tls == null ? {} : {
          PADDOCK_TLS_CA   = var.tls.ca
          PADDOCK_TLS_CERT = var.tls.cert
          PADDOCK_TLS_KEY  = var.tls.key
        },
        var.environment,
        var.max_running == null ? {} : { PADDOCK_MAX_RUNNING = "${var.max_running}" },
        {
          PADDOCK_CAPABILITIES = join(" ", var.capabilities)
          PADDOCK_NODE         = "$${node.unique.name}"
        },
      )

      resources {
        cpu        = var.cpu_mhz
        memory     = var.memory_mb
        memory_max = var.memory_max_mb

        dynamic "device" {
          for_each = var.devices
          labels   = [device.value.name]
          content {
            count = device.value.count
            dynamic "constraint" {
              for_each = device.value.constraints
              content {
                attribute = constraint.value.attribute
                operator  = constraint.value.operator
                value     = constraint.value.value
              }
            }
          }
        }
      }

      logs {
        max_files     = 3
        max_file_size = 10
      }

      # nomad action -job JOB -group executor -task executor status
      action "status" {
        command = "${var.home}/scripts/paddock-executor"
        args    = ["status"]
      }
      action "drain" {
        command = "${var.home}/scripts/paddock-executor"
        args    = ["drain"]
      }
    }
  }
}
