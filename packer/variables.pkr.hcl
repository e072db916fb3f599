# What may be chosen. Values come from packer/variables/CLASS.pkrvars.hcl, and from -var or a file of your own.

variable "name" {
  type        = string
  default     = "paddock-node"
  description = "Beginning of the image's name; version, class and architecture follow."
}

variable "image_version" {
  type        = string
  description = "Of the image, such as 2026-05-20 or 1-4-0: small letters, digits and dashes, as all clouds allow them."
}

variable "architecture" {
  type        = string
  default     = "amd64"
  description = "Either amd64 or arm64."
}

variable "hardware_class" {
  type        = string
  default     = "plain"
  description = "One of plain, gpu, fpga, arm: becomes the class of the Nomad node. With gpu the drivers are installed."
}

variable "region" {
  type = map(string)
  default = {
    aws   = "eu-central-1"
    gcp   = "europe-west3"
    azure = "germanywestcentral"
  }
  description = "Where the image is made, and where it can be used without copying."
}

variable "zone" {
  type        = map(string)
  default     = { gcp = "europe-west3-a" }
  description = "Where the machine stands that the image is made on."
}

variable "instance_type" {
  type = map(string)
  default = {
    aws   = "m6i.large"
    gcp   = "n2-standard-2"
    azure = "Standard_D2s_v5"
  }
  description = "Machines that the image is made on: of the image's architecture, and with the GPU for the gpu class."
}

variable "disk_gb" {
  type        = number
  default     = 20
  description = "Size of the disk. A node started with a larger one grows onto it."
}

# --- what goes in

variable "project" {
  type        = string
  default     = "."
  description = "Paddock's folder: what is in it now goes onto the node."
}

variable "with_node_modules" {
  type        = string
  default     = "no"
  description = "Answer yes to take the folders node_modules and .build along; otherwise the node fetches and builds them."
}

variable "pins" {
  type        = string
  default     = ""
  description = "YAML file with the runtimes' images by digest, as paddock images pull --pins takes it; they are pulled ahead."
}

variable "registries" {
  type        = string
  default     = ""
  description = "A registries.conf for pulling them: mirrors, and registries without TLS. Used for the build only."
}

variable "nomad_binary" {
  type        = string
  default     = ""
  description = "A nomad of this machine to put on the node, for the node's architecture."
}

variable "nomad_release" {
  type        = string
  default     = ""
  description = "Otherwise the version of Nomad to fetch, such as 2.0.5; scripts/provision/nomad.sh has other ways."
}

variable "settings" {
  type        = list(string)
  default     = []
  description = "Further variables of scripts/provision, such as GVISOR=no or NOMAD_SERVERS=10.0.0.5."
}

variable "operator_key" {
  type        = string
  default     = ""
  description = "Public ssh key of the login paddock-admin, who has sudo. Needed where no cloud brings keys: without it nobody can log in."
}

# --- where it is kept

variable "output" {
  type        = string
  default     = "node-image"
  description = "Folder on this machine for the manifest, and for the disk that qemu makes."
}

variable "gcp_project" {
  type    = string
  default = "my-project"
}

variable "azure" {
  type = map(string)
  default = {
    subscription   = "00000000-0000-0000-0000-000000000000"
    resource_group = "paddock-images"
    client         = ""
    secret         = ""
    tenant         = ""
  }
  description = "Subscription, resource group, and the service principal (client, secret, tenant) that makes the image."
}

# --- qemu

variable "base_disk" {
  type        = string
  default     = "paddock-base.qcow2"
  description = "What scripts/images/base-disk made."
}

variable "base_key" {
  type        = string
  default     = ""
  description = "Private key to the public one that base-disk was given."
}

variable "qemu" {
  type = map(string)
  default = {
    accelerator = "kvm"
    cpus        = "2"
    memory_mb   = "4096"
    binary      = "qemu-system-x86_64"
    machine     = "q35"
    timeout     = "30m"
  }
  description = "The virtual machine; accelerator tcg is software emulation, ten times slower."
}

variable "qemu_arguments" {
  type        = list(list(string))
  default     = [["-cpu", "max"]]
  description = "Further arguments, such as the UEFI firmware that arm64 needs."
}
