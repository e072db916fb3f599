# The image of a node that runs sandboxes. Everything that is installed is installed by scripts/provision, which also makes
# nodes without Packer. See docs/nodes.md.

locals {
  upload = "/tmp/paddock-node"
  source = "/tmp/paddock-node/source"
  settings = concat([
    "HARDWARE_CLASS=${var.hardware_class}",
    "START_SERVICES=no",
    "PADDOCK_SOURCE=/tmp/paddock-node/source",
    "NOMAD_RELEASE=${var.nomad_release}",
  ], var.settings)
}

build {
  sources = [
    "source.amazon-ebs.node",
    "source.googlecompute.node",
    "source.azure-arm.node",
    "source.qemu.node",
  ]

  # What goes onto the machine, in one folder.
  provisioner "shell-local" {
    environment_vars = [
      "PROJECT=${var.project}",
      "UPLOAD=${var.output}/upload",
      "WITH_NODE_MODULES=${var.with_node_modules}",
      "PINS=${var.pins}",
      "REGISTRIES=${var.registries}",
      "NOMAD=${var.nomad_binary}",
    ]
    inline = [
      "set -eu; mkdir -p \"$UPLOAD\"; test -e \"$PROJECT/scripts/provision/node.sh\"",
      "leave_out='--exclude=./node_modules --exclude=./.build'; [ \"$WITH_NODE_MODULES\" != yes ] || leave_out=--exclude=./.build/compile-cache",
      "tar -C \"$PROJECT\" --exclude=./.git --exclude=./node-image --exclude='*.qcow2' $leave_out -cf - . | gzip -1 > \"$UPLOAD/.project.$$\"",
      "mv \"$UPLOAD/.project.$$\" \"$UPLOAD/project.tar.gz\"",
      "rm -f \"$UPLOAD/pins\" \"$UPLOAD/registries.conf\" \"$UPLOAD/nomad\"",
      "[ -z \"$REGISTRIES\" ] || cp \"$REGISTRIES\" \"$UPLOAD/registries.conf\"",
      "[ -z \"$PINS\" ] || cp \"$PINS\" \"$UPLOAD/pins\"; [ -z \"$NOMAD\" ] || cp \"$NOMAD\" \"$UPLOAD/nomad\"",
    ]
  }

  # A cloud's image is still setting itself up when it first lets one in.
  provisioner "shell" {
    inline = [
      "if command -v cloud-init >/dev/null; then cloud-init status --wait >/dev/null || true; fi",
      "mkdir -p ${local.source}",
    ]
  }

  provisioner "file" {
    source      = "${var.output}/upload/"
    destination = "${local.upload}"
    generated   = true
  }

  # The login of whoever looks after the node, where no cloud makes one.
  provisioner "shell" {
    environment_vars = ["OPERATOR_KEY=${var.operator_key}"]
    execute_command  = "chmod +x {{ .Path }} && sudo env {{ .Vars }} bash {{ .Path }}"
    inline_shebang   = "/bin/bash"
    inline = [
      "set -euo pipefail",
      "if [[ ! $OPERATOR_KEY ]]; then exit 0; fi",
      "useradd --create-home --shell /bin/bash paddock-admin",
      "install -d -m 700 -o paddock-admin -g paddock-admin /home/paddock-admin/.ssh",
      "install -m 600 -o paddock-admin -g paddock-admin /dev/stdin /home/paddock-admin/.ssh/authorized_keys <<<\"$OPERATOR_KEY\"",
      "install -m 440 /dev/stdin /etc/sudoers.d/paddock-admin <<<'paddock-admin ALL=(ALL) NOPASSWD: ALL'",
    ]
  }

  provisioner "shell" {
    environment_vars = local.settings
    execute_command  = "chmod +x {{ .Path }} && sudo env {{ .Vars }} bash {{ .Path }}"
    inline_shebang   = "/bin/bash"
    inline = [
      "set -euo pipefail",
      "tar -C ${local.source} -xzf ${local.upload}/project.tar.gz --no-same-owner",
      "rm ${local.upload}/project.tar.gz",
      "if [[ -e ${local.upload}/pins ]]; then export IMAGES_PINS=${local.upload}/pins; fi",
      "if [[ -e ${local.upload}/registries.conf ]]; then export CONTAINERS_REGISTRIES_CONF=${local.upload}/registries.conf; fi",
      "if [[ -e ${local.upload}/nomad ]]; then export NOMAD_BINARY=${local.upload}/nomad; fi",
      "${local.source}/scripts/provision/node.sh",
    ]
  }

  # Everything that is this machine's alone goes.
  provisioner "shell" {
    environment_vars = ["CLEAN_MACHINE=yes"]
    execute_command  = "chmod +x {{ .Path }} && sudo env {{ .Vars }} bash {{ .Path }}"
    inline_shebang   = "/bin/bash"
    inline = [
      "set -euo pipefail",
      "${local.source}/scripts/provision/clean.sh",
      "rm -rf ${local.upload}",
      "if command -v fstrim >/dev/null; then fstrim / || true; fi",
    ]
  }

  post-processor "manifest" {
    output      = "${var.output}/manifest.json"
    custom_data = local.tags
  }

  # Nodes of the image answer metadata only to sessions (IMDSv2). Done by the AWS command line, since the oldest Packer that
  # this template is for cannot ask for it.
  post-processor "shell-local" {
    only             = ["amazon-ebs.node"]
    environment_vars = ["MANIFEST=${var.output}/manifest.json"]
    inline = [
      "set -eu; id=$(grep -o '\"artifact_id\": *\"[a-z0-9-]*:ami-[0-9a-f]*' \"$MANIFEST\" | tail -n 1 | sed 's/.*\"//')",
      "aws ec2 modify-image-attribute --region \"$${id%%:*}\" --image-id \"$${id##*:}\" --imds-support Value=v2.0",
    ]
  }
}
