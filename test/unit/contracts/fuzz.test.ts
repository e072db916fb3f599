import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { z } from 'zod';
import { faultsOf, problemSchema } from '../../../service/contracts/errors.ts';
import { executionRequestSchema, executionResultSchema } from '../../../service/contracts/execution.ts';
import {
  executorEventSchema,
  executorRequestSchema,
  executorResultSchema,
  executorStatusSchema,
} from '../../../service/contracts/executor-api.ts';
import { limitsSchema } from '../../../service/contracts/limits.ts';
import { runtimeManifestSchema } from '../../../service/contracts/runtime.ts';
import { tokensFileSchema } from '../../../service/contracts/service.ts';

const schemas: Record<string, z.ZodType> = {
  executionRequestSchema,
  executionResultSchema,
  executorEventSchema,
  executorRequestSchema,
  executorResultSchema,
  executorStatusSchema,
  limitsSchema,
  problemSchema,
  runtimeManifestSchema,
  tokensFileSchema,
};

/** Parsing never throws, and what is refused says where and why. */
const holds = (schema: z.ZodType, value: unknown): boolean => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return true;
  const faults = faultsOf(parsed.error);
  assert.ok(faults.length > 0);
  for (const { path, message } of faults) {
    assert.equal(typeof path, 'string');
    assert.ok(message.length > 0);
  }
  return false;
};

for (const [name, schema] of Object.entries(schemas)) {
  test(`no JSON makes ${name} throw`, () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5, noUnicodeString: false }),
        (value) => void holds(schema, value),
      ),
    );
  });
}

const hello = { runtime: 'python', code: 'print(1)' };
const awkward = fc.oneof(
  fc.jsonValue({ maxDepth: 3, noUnicodeString: false }),
  fc.constantFrom(
    '',
    '\0',
    '../x',
    '/etc/passwd',
    '__proto__',
    'constructor',
    '\ud800',
    '%',
    '1e999',
    -0,
    1e308,
    0.5,
    -1,
  ),
  fc.string({ unit: 'binary' }),
);
const fields = Object.keys(executionRequestSchema.shape);

test('a good request stays good or gets faults, whatever one field becomes', () => {
  fc.assert(
    fc.property(fc.constantFrom(...fields), awkward, (field, value) => {
      const parsed = executionRequestSchema.safeParse({ ...hello, [field]: value });
      if (parsed.success) return;
      const paths = faultsOf(parsed.error).map(({ path }) => path.split('.')[0]);
      // A fault may be told of another field only where the two contradict each other.
      assert.ok(
        paths.includes(field) || paths.includes('code') || paths.includes('stdin'),
        `${field}: ${paths}`,
      );
    }),
    { numRuns: 2_000 },
  );
});

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(fc.constantFrom('..', '.', '', 'a', 'b', '~', ' ', '\\'), { maxLength: 20 })
    .map((parts) => parts.join('/')),
);

test('a file name that is taken stays inside the folder it is put into', () => {
  fc.assert(
    fc.property(name, (given) => {
      const value = { runtime: 'python', files: [{ name: given, content: '' }] };
      if (!holds(executionRequestSchema, value)) return;
      const segments = given.split('/');
      assert.equal(given.startsWith('/'), false);
      assert.equal(given.includes('\0'), false);
      assert.ok(segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..'));
    }),
    { numRuns: 2_000 },
  );
});

test('a limit that is taken is at least its minimum, whole where it counts things, and never infinite', () => {
  const value = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(null, 'Infinity', '', true));
  const limit = fc.constantFrom(...Object.keys(limitsSchema.shape));
  fc.assert(
    fc.property(limit, value, (key, given) => {
      if (!holds(executionRequestSchema, { ...hello, limits: { [key]: given } })) return;
      assert.ok(typeof given === 'number' && Number.isFinite(given) && given > 0);
      if (key !== 'cpus') assert.ok(Number.isInteger(given) && given >= 1);
    }),
    { numRuns: 2_000 },
  );
});

test('base64 that is taken decodes to what was encoded', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const content = Buffer.from(bytes).toString('base64');
      assert.ok(holds(executionRequestSchema, { ...hello, stdin: content, stdinEncoding: 'base64' }));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (content) => {
      if (!holds(executionRequestSchema, { ...hello, stdin: content, stdinEncoding: 'base64' })) return;
      assert.equal(Buffer.from(content, 'base64').toString('base64').length, content.length);
    }),
  );
});

test('names that mean something to JavaScript change no prototype', () => {
  const text =
    '{"runtime":"python","code":"","env":{"__proto__":"x","constructor":"y"},"metadata":{"__proto__":"z"},"limits":{}}';
  const parsed = executionRequestSchema.safeParse(JSON.parse(text));
  assert.ok(parsed.success);
  assert.equal(({} as Record<string, unknown>).x, undefined);
  assert.equal(Object.getPrototypeOf(parsed.data.env), Object.prototype);
});
