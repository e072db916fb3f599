# What people need who only look: jobs, executors, nodes and logs, in Nomad's UI, with the nomad CLI and with
# `paddock nomad status|logs`. Nothing can be changed with it.
#
#   nomad acl policy apply paddock-viewer nomad/acl/viewer.policy.hcl
#   nomad acl token create -name=wallboard -policy=paddock-viewer

namespace "default" {
  capabilities = [
    "list-jobs",
    "read-job",
    "read-logs", # what programs print is not in them
  ]
}

node {
  policy = "read"
}

node_pool "*" {
  policy = "read"
}

agent {
  policy = "read"
}
