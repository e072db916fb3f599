import { randomUUID } from 'node:crypto';
import { openImageStore } from '../../../service/images/store.ts';
import { type Program, python } from '../programs.ts';
import { type Bench, type Row, type Scenario, Skip } from '../scenario.ts';
import { type Pair, summarise } from '../statistics.ts';

const NAME = 'image-root';
/** A store without images: the service's own toolchains are the host's then. */
const NO_STORE = '/nonexistent/paddock-images';
const STORES = [
  process.env.PADDOCK_IMAGE_STORE,
  '/var/lib/paddock/images',
  '/var/cache/paddock/test/images/all',
];

const storeWith = (name: string): string | undefined =>
  STORES.find((folder) => folder !== undefined && openImageStore(folder).find(name) !== undefined);

const ask = async (bench: Bench, program: Program): Promise<number> => {
  await bench.client.untilWarm([program.runtime]);
  const { runtime, version } = program;
  const code = program.source(randomUUID());
  return (await bench.client.execute({ runtime, version, code }, program.stdout)).ms;
};

/** A warm execution whose sandbox has an image as its root, against one with the host's toolchain: A B A B. */
export const imageRoot: Scenario = {
  name: NAME,
  runtimes: [],
  async run(bench): Promise<Row[]> {
    const store = storeWith('python');
    if (store === undefined) throw new Skip('no store has the image of python: paddock images build python');
    if (!bench.another) throw new Skip('needs services of its own');
    const inImage = await bench.another({ PADDOCK_IMAGE_STORE: store });
    const onHost = await bench.another({ PADDOCK_IMAGE_STORE: NO_STORE });
    try {
      const [warmUp, count] = bench.quick ? [40, 20] : [200, 100];
      for (let done = 0; done < warmUp; done++) {
        await ask(inImage.bench, python);
        await ask(onHost.bench, python);
      }
      const measured: Pair[] = [];
      for (let done = 0; done < count; done++) {
        bench.say(`${NAME} ${done + 1}/${count}`);
        measured.push({ value: await ask(inImage.bench, python), baseline: await ask(onHost.bench, python) });
      }
      const target = { on: 'ratio', at: 'most', limit: 1.1 } as const;
      const against = 'the same with the host’s toolchain';
      return [{ name: NAME, ...summarise(measured), unit: 'ms', target, against }];
    } finally {
      await inImage.stop();
      await onHost.stop();
    }
  },
};
