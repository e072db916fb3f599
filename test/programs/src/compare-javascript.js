// What Node says of itself, one line `what: value` each.
const show = (what, value) => console.log(`${what}: ${JSON.stringify(value)}`);
for (const name of ['argv', 'execArgv', 'execPath', 'pid', 'ppid', 'platform', 'version', 'title', 'exitCode', 'env', 'argv0', 'features']) show(name, process[name]);
show('identity', [process.getuid(), process.getgid(), process.getgroups(), process.umask(), process.cwd()]);
show('streams', [process.stdin, process.stdout, process.stderr].map((s) => [s.constructor.name, s.isTTY, s.fd]));
show('globals', Object.getOwnPropertyNames(globalThis).sort());
show('listeners', process.eventNames().map(String).sort());
show('modules', [module.id, module.filename, module.paths, Object.keys(require.cache), require.main === module, module.parent]);
// Counted from the start of the process, which may have waited a while for its program.
show('timing', [performance.now() < 86_400_000, process.uptime() < 86_400]);
show('child', require('node:child_process').execFileSync('/usr/bin/env').toString().split('\n').sort());
show('input', require('node:fs').readFileSync(0, 'utf8'));
process.on('exit', (code) => show('exit', code));
throw new Error('on purpose');
