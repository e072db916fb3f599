import os from 'node:os';

console.log(typeof os.cpus, os.hostname());
