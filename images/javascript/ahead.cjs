// Preloaded by `node --require`, which runs it after Node's own start and before the program is looked up. Waiting
// here means that Node itself then starts the program: no frame, module or name of ours is left around it.
'use strict';
const { isMainThread } = require('node:worker_threads');
const Module = require('node:module');
const fs = require('node:fs');

/** Loads and compiles what nearly every program needs on its way in and out. Nothing is written or read. */
function warmUp() {
  // The getters make the streams, with all the modules behind them.
  process.stdout;
  process.stderr;
  // Once through the CommonJS loader and once through that for ES modules.
  for (const name of ['warm.cjs', 'warm.mjs']) require(`/opt/paddock/runtime/${name}`);
}

function exactly(size) {
  const data = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) {
    const got = fs.readSync(3, data, at, size - at);
    // The executor is gone, or needs this sandbox no more.
    if (got === 0) process.reallyExit(0);
    at += got;
  }
  return data;
}

function waitForGo() {
  fs.writeSync(3, 'R');
  const message = exactly(exactly(4).readUInt32LE()).toString();
  fs.closeSync(3);
  const [entry, count, ...rest] = message.split('\0').slice(0, -1);
  return { entry, args: rest.slice(0, Number(count)), env: rest.slice(Number(count)) };
}

/** Makes the state that of `node main.js` started with these arguments and this environment. */
function become({ entry, args, env }) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  for (const pair of env) {
    const at = pair.indexOf('=');
    process.env[pair.slice(0, at)] = pair.slice(at + 1);
  }
  process.argv.push(...args);
  const kept = process.execArgv.filter((flag) => !flag.startsWith('--require='));
  process.execArgv.splice(0, process.execArgv.length, ...kept);
  for (const id of Object.keys(require.cache)) {
    if (id.startsWith('/opt/paddock/')) delete require.cache[id];
  }
  if (entry !== 'main.js') enterAt(`${process.cwd()}/${entry}`);
}

/** The program's file was given on the command line. Another one is put in its place at the last moment. */
function enterAt(path) {
  process.argv[1] = path;
  const { runMain } = Module;
  Object.defineProperty(Module, 'runMain', {
    configurable: true,
    get() {
      Object.defineProperty(Module, 'runMain', { configurable: true, writable: true, enumerable: true, value: runMain });
      // A bound function leaves no frame in stack traces.
      return runMain.bind(Module, path);
    },
  });
}

// Worker threads preload this file too.
if (isMainThread) {
  warmUp();
  become(waitForGo());
}
