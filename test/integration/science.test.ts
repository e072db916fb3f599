import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { runtimesResponseSchema } from '../../service/contracts/service.ts';
import { run } from '../harness/client.ts';
import { useService } from '../harness/use-service.ts';

const paddock = useService();

/** These runtimes need packages that few hosts have: where neither an image nor the host has them, the test says so. */
const needs = async (context: TestContext, name: string): Promise<boolean> => {
  const answer = await fetch(`${paddock.url}/v1/runtimes`);
  const { runtimes } = runtimesResponseSchema.parse(await answer.json());
  const info = runtimes.find((runtime) => runtime.name === name);
  assert.ok(info, `there is no runtime ${name}`);
  if (!info.available) context.skip(`${name}: ${info.reason}`);
  return info.available;
};

test('NumPy’s common generator is seeded anew for each program', async (context) => {
  if (!(await needs(context, 'python-science'))) return;
  const code = 'import numpy as np\nprint(np.random.random())';
  const results = await Promise.all(
    Array.from({ length: 4 }, () => run(paddock.url, { runtime: 'python-science', code })),
  );
  const outputs = results.map((result) => result.run?.stdout);
  for (const output of outputs) assert.match(output ?? '', /^0\.\d+|^\d\.\d+e-\d+/);
  assert.equal(new Set(outputs).size, outputs.length, outputs.join(''));
});

test('a plot comes back as a file', async (context) => {
  if (!(await needs(context, 'python-science'))) return;
  const code = 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig("plot.png")';
  const result = await run(paddock.url, { runtime: 'python-science', code, outputs: ['*.png'] });
  assert.equal(result.run?.stderr, '');
  assert.deepEqual(
    result.outputs?.map(({ name }) => name),
    ['plot.png'],
  );
});

test('a variable that shapes an import is heeded, although all is imported ahead', async (context) => {
  if (!(await needs(context, 'python-science'))) return;
  const code = 'import matplotlib\nprint(matplotlib.get_backend())';
  const result = await run(paddock.url, { runtime: 'python-science', code, env: { MPLBACKEND: 'svg' } });
  assert.equal(result.run?.stdout, 'svg\n', result.run?.stderr);
});

test('a notebook comes back with its outputs, images among them', async (context) => {
  if (!(await needs(context, 'jupyter'))) return;
  const result = await run(paddock.url, {
    runtime: 'jupyter',
    files: [
      { name: 'main.py', content: '# %%\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);\n# %%\n6 * 7\n' },
    ],
    outputs: ['*.executed.ipynb'],
  });
  assert.match(result.run?.stdout ?? '', /42\n$/, result.run?.stderr);
  const notebook = result.outputs?.[0]?.content ?? '';
  assert.match(notebook, /"image\/png": "iVBOR/);
});

test('a failing test of a Maven project fails the run and says which', async (context) => {
  if (!(await needs(context, 'java-maven'))) return;
  const dependency =
    '<dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.11.4</version></dependency>';
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version><properties><maven.compiler.release>17</maven.compiler.release></properties><dependencies>${dependency}</dependencies></project>`;
  const source =
    'import org.junit.jupiter.api.*;\nclass OneTest { @Test void fails() { Assertions.assertEquals(1, 2); } }\n';
  const result = await run(paddock.url, {
    runtime: 'java-maven',
    files: [
      { name: 'pom.xml', content: pom },
      { name: 'src/test/java/OneTest.java', content: source },
    ],
  });
  assert.equal(result.compile?.outcome, 'ok', result.compile?.stdout);
  assert.equal(result.run?.exitCode, 1);
  assert.match(result.run?.stdout ?? '', /OneTest\.fails.*expected: <1> but was: <2>/);
});
