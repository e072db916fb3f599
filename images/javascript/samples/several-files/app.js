const { area } = require('./lib/shapes');
console.log(area(3), __filename, __dirname, require.main.filename);
console.log(new Error('x').stack.split('\n').filter((line) => line.includes('paddock')));
