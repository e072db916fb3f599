# The runner listens on an abstract name and on a path; neither may be reached.
def connect(address, kind=socket.SOCK_STREAM):
    def go():
        with socket.socket(socket.AF_UNIX, kind) as client:
            client.settimeout(1)
            client.connect(address)
            return 'connected'
    return go
refused('abstract', connect('\0' + CONTEXT['abstractName']))
refused('path', connect(CONTEXT['socketPath']))
for path in ('/run/dbus/system_bus_socket', '/var/run/docker.sock', '/run/docker.sock', '/run/systemd/private', '/run/systemd/journal/socket', '/dev/log', '/run/containerd/containerd.sock', '/run/udev/control', '/tmp/.X11-unix/X0', '/run/nscd/socket'):
    refused(f'path {path}', connect(path))
    refused(f'datagram {path}', connect(path, socket.SOCK_DGRAM))
