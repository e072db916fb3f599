function inner() {
  throw new TypeError('on purpose');
}
try {
  inner();
} catch (error) {
  const [first, ...frames] = error.stack.split('\n');
  console.log(first, frames[0].trim());
  console.log(frames.filter((frame) => !/main\.js|node:internal/.test(frame)));
}
console.log(require.main === module, Object.keys(require.cache));
inner();
