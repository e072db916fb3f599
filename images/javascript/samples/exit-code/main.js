process.on('exit', (code) => console.log('exit', code));
console.log('x'.repeat(100000).length);
process.exitCode = 3;
