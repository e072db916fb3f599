import { readFileSync } from 'node:fs';

const numbers: number[] = readFileSync(0, 'utf8').trim().split(/\s+/).map(Number);
console.log(numbers.reduce((a: number, b: number): number => a + b, 0));
console.log(process.argv.slice(2));
