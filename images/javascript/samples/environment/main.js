console.log(Object.keys(process.env).sort(), process.env.GREETING);
console.log(require('node:child_process').execSync('echo $GREETING from a child').toString().trim());
console.log(Object.keys(globalThis).includes('warmUp'));
