const assert = require('node:assert');
const crypto = require('node:crypto');
const { EventEmitter, once } = require('node:events');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');

if (isMainThread) {
  (async () => {
    const emitter = new EventEmitter();
    setTimeout(() => emitter.emit('ready', 5), 1);
    console.log(await once(emitter, 'ready'), [3, 10, 2].sort((a, b) => a - b));
    await sleep(2);
    console.log(crypto.createHash('sha256').update('x').digest('hex').slice(0, 8));
    fs.writeFileSync('out.txt', 'written');
    assert.strictEqual(fs.readFileSync('out.txt', 'utf8'), 'written');
    console.log(new Map([['a', 1n]]), new Intl.NumberFormat('de').format(1234.5));
    const worker = new Worker(__filename);
    worker.on('message', (message) => console.log(message));
    await once(worker, 'exit');
    console.log(structuredClone({ a: [1] }), `${[1, [2, [3]]].flat(Infinity)}`);
  })();
} else {
  parentPort.postMessage('from a worker');
}
