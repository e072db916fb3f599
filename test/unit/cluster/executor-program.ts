import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// Stands for the executor's program: it does what MODE says and tells what it was given.
const { MODE } = process.env;
process.on('disconnect', () => process.exit(0));
if (MODE === 'refuse') {
  process.send?.({ type: 'failed', message: 'memory limits cannot be enforced here' }, () => process.exit(1));
} else if (MODE === 'crash') {
  process.exit(7);
} else {
  if (MODE === 'stubborn') process.on('SIGTERM', () => {});
  const server = createServer((request, response) => {
    if (request.url === '/exit') process.exit(3);
    response.end(JSON.stringify({ environment: process.env, pid: process.pid }));
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ type: 'nonsense' });
    process.send?.({ type: 'ready', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
}
