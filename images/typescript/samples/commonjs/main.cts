const { sep }: { sep: string } = require('node:path');
const greet = (name: string): string => `Hello, ${name}${sep}`;
module.exports = { greet };
console.log(greet('CommonJS'), require.main === module);
