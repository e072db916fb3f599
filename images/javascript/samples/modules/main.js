import { readFile } from 'node:fs/promises';
import { double } from './lib/double.js';

const { value } = JSON.parse(await readFile('data.json', 'utf8'));
console.log(double(value), import.meta.filename, import.meta.main);
