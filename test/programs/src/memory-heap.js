const kept = [];
for (let i = 0; i < 2048; i++) kept.push(Buffer.alloc(1 << 20, 7));
console.log(`BROKEN: memory (${kept.length} MiB kept)`);
