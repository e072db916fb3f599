# No network at all, loopback of the host included. The runner also watches its own listeners.
def tcp(family, address):
    def go():
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            client.connect(address)
            return 'connected'
    return go
def udp(family, address):
    def go():
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            return client.sendto(b'paddock-attack', address)
    return go
port, api = CONTEXT['tcpPort'], CONTEXT['servicePort']
refused('tcp loopback', tcp(socket.AF_INET, ('127.0.0.1', port)))
refused('tcp loopback other', tcp(socket.AF_INET, ('127.0.0.2', port)))
refused('tcp zero address', tcp(socket.AF_INET, ('0.0.0.0', port)))
refused('tcp api', tcp(socket.AF_INET, ('127.0.0.1', api)))
refused('tcp ipv6 loopback', tcp(socket.AF_INET6, ('::1', port)))
refused('tcp mapped', tcp(socket.AF_INET6, ('::ffff:127.0.0.1', port)))
for address in CONTEXT['hostAddresses']:
    refused(f'tcp host {address}', tcp(socket.AF_INET, (address, port)))
refused('tcp metadata', tcp(socket.AF_INET, ('169.254.169.254', 80)))
refused('tcp outside', tcp(socket.AF_INET, ('1.1.1.1', 443)))
refused('udp outside', udp(socket.AF_INET, ('1.1.1.1', 53)))
refused('broadcast', udp(socket.AF_INET, ('255.255.255.255', 9)))
refused('multicast', udp(socket.AF_INET, ('224.0.0.1', 9)))
refused('resolve', lambda: socket.getaddrinfo('example.com', 80))
refused('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
refused('packet', lambda: socket.socket(17, socket.SOCK_RAW, 0x300))
try:
    # Loopback of its own, if it is up, is its own: what is sent there must not arrive outside (the runner listens).
    udp(socket.AF_INET, ('127.0.0.1', CONTEXT['udpPort']))()
except OSError:
    pass
names = [name for _, name in socket.if_nameindex()]
judge('interfaces', set(names) <= {'lo'}, str(names))
routes = open('/proc/net/route').read().splitlines()[1:] if os.path.exists('/proc/net/route') else []
judge('routes', not routes, str(routes))
def listeners():
    found = []
    for table in ('tcp', 'tcp6', 'udp', 'unix'):
        path = f'/proc/net/{table}'
        if os.path.exists(path):
            found += open(path).read().splitlines()[1:]
    return found
judge('sockets of others', not listeners(), str(listeners()[:3]))
