const fs = require('node:fs');
const lines = fs.readFileSync(0, 'utf8').trim().split('\n');
console.log(lines.map(Number).reduce((a, b) => a + b));
console.log(fs.readFileSync('/dev/stdin', 'utf8') === lines.join('\n') + '\n');
console.log(process.argv.slice(1), process.execArgv.filter((flag) => flag.includes('paddock')));
