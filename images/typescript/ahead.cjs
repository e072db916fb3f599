// Preloaded by `node --require`, which runs it after Node's own start and before the program is looked up. Waiting
// here means that Node itself then starts the program: no frame, module or name of ours is left around it.
// The runtimes javascript and typescript have the same copy of this file.
// What it does is paid for in every sandbox, used or not: only what nearly every program needs stands here.
'use strict';
const Module = require('node:module');
const fs = require('node:fs');

/** Variables that Node or its libraries read at their own start begin with one of these, up to the first underscore. */
const READ_AT_START = new Set(['NODE', 'UV', 'LD', 'LC', 'LANG', 'OPENSSL', 'SSL', 'MALLOC', 'GLIBC']);

/** Loads and compiles what nearly every program needs on its way in and out. Nothing is written or read. */
function warmUp() {
  // Makes the stream, with all the modules behind it. To write nothing to a pipe is to compile the way there.
  process.stdout.write('');
  parse(Buffer.from('main.js\x001\0argument\0NAME=value\0'));
  // Ways of loading a program that take long the first time: TypeScript's, which compiles what takes types away.
  for (const name of fs.readdirSync(__dirname)) if (name.startsWith('warm.')) require(`${__dirname}/${name}`);
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
  const message = exactly(exactly(4).readUInt32LE());
  fs.closeSync(3);
  return parse(message);
}

function parse(message) {
  const [entry, count, ...rest] = message.toString().split('\0').slice(0, -1);
  const env = {};
  for (const pair of rest.slice(Number(count))) {
    const at = pair.indexOf('=');
    env[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return { entry, args: rest.slice(0, Number(count)), env };
}

/** True where Node would have started otherwise with this environment. */
function mustStartAfresh(env) {
  return Object.keys({ ...process.env, ...env }).some(
    (name) => READ_AT_START.has(name.split('_', 1)[0]) && process.env[name] !== env[name],
  );
}

/** Makes the state that of `node main.js` started with these arguments and this environment. */
function become({ entry, args, env }) {
  const flags = process.execArgv.filter((flag) => !flag.startsWith('--require='));
  if (process.execve && mustStartAfresh(env)) {
    // The command line would win over the request's own options, for example over a larger heap.
    const own = flags.filter((flag) => !env.NODE_OPTIONS?.includes(flag.split('=', 1)[0]));
    process.execve(process.execPath, [process.execPath, ...own, entry, ...args], env);
  }
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  for (const [name, value] of Object.entries(env)) if (process.env[name] !== value) process.env[name] = value;
  process.execArgv.splice(0, process.execArgv.length, ...flags);
  for (const id of Object.keys(require.cache)) {
    if (id.startsWith(__dirname)) delete require.cache[id];
  }
  const path = `${process.cwd()}/${entry}`;
  if (path !== process.argv[1]) enterAt(path);
  process.argv.push(...args);
  process.on('exit', endQuickly);
}

/** The program's file was given on the command line. Another one is put in its place at the last moment. */
function enterAt(path) {
  process.argv[1] = path;
  const { runMain } = Module;
  Object.defineProperty(Module, 'runMain', {
    configurable: true,
    get() {
      Object.defineProperty(Module, 'runMain', {
        configurable: true,
        enumerable: true,
        writable: true,
        value: runMain,
      });
      // A bound function leaves no frame in stack traces.
      return runMain.bind(Module, path);
    },
  });
}

/**
 * Spares a program that ends well the dismantling of its heap, which takes 2 ms. One that failed (its message comes
 * after this event) or that listens to the event itself ends in Node's own way.
 */
function endQuickly(code) {
  if (code === 0 && process.listenerCount('exit') === 1) process.reallyExit(0);
}

// Worker threads preload this file too. They cannot change folder, and say so; to ask node:worker_threads would load it.
if (!process.chdir.disabled) {
  warmUp();
  become(waitForGo());
}
