import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tenantSchema } from '../../../../service/contracts/service.ts';
import { mayUseImage } from '../../../../service/dispatcher/tenants/policy.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const may = (images: string[], repository: string): boolean =>
  mayUseImage({ images }, `${repository}@${digest}`);

test('an allow-list names registries and whole parts of repositories', () => {
  assert.equal(may([], 'a.example/team/app'), false);
  assert.equal(may(['a.example'], 'a.example/team/app'), true);
  assert.equal(may(['a.example/team'], 'a.example/team/app'), true);
  assert.equal(may(['a.example/team/app'], 'a.example/team/app'), true);
  assert.equal(may(['a.example/team'], 'a.example/teams/app'), false);
  assert.equal(may(['a.example'], 'a.example.evil/app'), false);
  assert.equal(may(['a.example'], 'a.example:5000/app'), false, 'another port is another registry');
  assert.equal(may(['b.example', 'a.example:5000'], 'a.example:5000/app'), true);
});

test('an entry that would allow more than it says is refused', () => {
  const tenant = { tenant: 'a', tokenHash: '0'.repeat(64), createdAt: '2026-01-01T00:00:00.000Z' };
  for (const entry of [
    '',
    '*',
    'a.example/',
    '/team',
    'A.example',
    'a.example/../b',
    'a.example/x@sha256:1',
  ]) {
    assert.equal(tenantSchema.safeParse({ ...tenant, images: [entry] }).success, false, entry);
  }
  assert.deepEqual(tenantSchema.parse(tenant).images, []);
});
