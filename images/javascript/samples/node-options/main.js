console.log(process.env.NODE_OPTIONS, process.execArgv.length < 2, new Error('x').stack.split('\n').length);
