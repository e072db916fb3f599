import path, { basename } from 'node:path';

console.log(basename(process.argv[1]), path.sep, process.argv.length);
