console.log(process.env.NODE_OPTIONS, process.execArgv.some((flag) => flag.includes('paddock')), new Error('x').stack.split('\n').length);
