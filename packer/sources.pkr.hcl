# The machines that the image is made on. All begin with Debian 12; Packer logs in with a key that it makes for the build,
# but for qemu, whose disk knows the key of base-disk.

locals {
  image   = "${var.name}-${var.image_version}-${var.hardware_class}-${var.architecture}"
  aws_cpu = var.architecture == "arm64" ? "arm64" : "x86_64"
  tags = {
    project        = "paddock"
    version        = var.image_version
    hardware_class = var.hardware_class
    architecture   = var.architecture
  }
}

source "amazon-ebs" "node" {
  ami_name      = local.image
  region        = var.region["aws"]
  instance_type = var.instance_type["aws"]
  ssh_username  = "admin"
  ena_support   = true
  encrypt_boot  = true
  tags          = local.tags
  run_tags      = local.tags
  snapshot_tags = local.tags

  source_ami_filter {
    filters = {
      name                = "debian-12-${var.architecture}-*"
      architecture        = local.aws_cpu
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = ["136693071363"]
    most_recent = true
  }

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = var.disk_gb
    volume_type           = "gp2"
    encrypted             = true
    delete_on_termination = true
  }
}

source "googlecompute" "node" {
  project_id              = var.gcp_project
  image_name              = local.image
  image_family            = "${var.name}-${var.hardware_class}-${var.architecture}"
  image_labels            = local.tags
  source_image_family     = var.architecture == "arm64" ? "debian-12-arm64" : "debian-12"
  source_image_project_id = ["debian-cloud"]
  zone                    = var.zone["gcp"]
  machine_type            = var.instance_type["gcp"]
  disk_size               = var.disk_gb
  disk_type               = "pd-ssd"
  ssh_username            = "packer"
  on_host_maintenance     = var.hardware_class == "gpu" ? "TERMINATE" : "MIGRATE"
  # The image's disk is encrypted by the cloud in any case. Nobody else's keys get onto the machine while it is made.
  metadata = {
    block-project-ssh-keys = "true"
  }
}

source "azure-arm" "node" {
  subscription_id                   = var.azure["subscription"]
  client_id                         = var.azure["client"]
  client_secret                     = var.azure["secret"]
  tenant_id                         = var.azure["tenant"]
  managed_image_name                = local.image
  managed_image_resource_group_name = var.azure["resource_group"]
  location                          = var.region["azure"]
  vm_size                           = var.instance_type["azure"]
  os_type                           = "Linux"
  image_publisher                   = "Debian"
  image_offer                       = "debian-12"
  image_sku                         = var.architecture == "arm64" ? "12-arm64" : "12-gen2"
  os_disk_size_gb                   = var.disk_gb
  ssh_username                      = "packer"
  azure_tags                        = local.tags
}

source "qemu" "node" {
  vm_name              = "${local.image}.qcow2"
  output_directory     = "${var.output}/qemu"
  iso_url              = var.base_disk
  iso_checksum         = "none"
  disk_image           = true
  disk_size            = "${var.disk_gb}G"
  format               = "qcow2"
  disk_interface       = "virtio"
  disk_cache           = "unsafe"
  disk_discard         = "unmap"
  net_device           = "virtio-net"
  headless             = true
  accelerator          = var.qemu["accelerator"]
  qemu_binary          = var.qemu["binary"]
  machine_type         = var.qemu["machine"]
  cpus                 = var.qemu["cpus"]
  memory               = var.qemu["memory_mb"]
  qemuargs             = var.qemu_arguments
  boot_wait            = "5s"
  ssh_username         = "builder"
  ssh_private_key_file = var.base_key
  ssh_timeout          = var.qemu["timeout"]
  shutdown_timeout     = var.qemu["timeout"]
  # The build's login ends with the build: from here on there is no key, no sudo and no way in for it.
  shutdown_command = "sudo sh -c 'rm -rf /home/builder/.ssh /etc/sudoers.d/builder && usermod --lock --expiredate 1 --shell /usr/sbin/nologin builder && systemctl poweroff'"
}
