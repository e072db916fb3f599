# Everything that should differ from run to run, on one line.
import json, os, random, secrets, ssl, sys, tempfile, uuid
print(json.dumps({
    'seed': hash('x'), 'order': list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}),
    'random': random.random(), 'system': random.SystemRandom().random(), 'secrets': secrets.token_hex(8),
    'urandom': os.urandom(8).hex(), 'ssl': ssl.RAND_bytes(8).hex(), 'uuid1': str(uuid.uuid1()), 'uuid4': str(uuid.uuid4()),
    'temporary': tempfile.mktemp(),
}))
