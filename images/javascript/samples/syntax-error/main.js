console.log('never shown');
const = 3;
