import { area, type Square } from './lib/shapes.ts';
import { double } from './lib/double.mts';

const square: Square = { side: 3 };
console.log(area(square), double(21));
