# ARM nodes, 64 bits. For qemu on another architecture, name its UEFI firmware (package qemu-efi-aarch64).
image_version  = "1"
hardware_class = "arm"
architecture   = "arm64"
zone           = { gcp = "europe-west3-a" }
instance_type = {
  aws   = "m7g.large"
  gcp   = "c4a-standard-2"
  azure = "Standard_D2ps_v5"
}
qemu = {
  accelerator = "kvm"
  cpus        = "2"
  memory_mb   = "4096"
  binary      = "qemu-system-aarch64"
  machine     = "virt"
  timeout     = "30m"
}
qemu_arguments = [["-cpu", "max"], ["-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"]]
