interface Item {
  name: string;
}

function fail(item: Item): never {
  throw new Error(`no ${item.name}`);
}

try {
  fail({ name: 'x' });
} catch (error) {
  console.log((error as Error).stack!.split('\n')[1]!.trim());
}
fail({ name: 'y' });
