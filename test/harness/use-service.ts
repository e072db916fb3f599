import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { settled } from './client.ts';
import { hostState, leaksSince, placesIn, processesMarked } from './leaks.ts';
import { type Service, type StartOptions, startService } from './start-service.ts';
import { waitFor } from './wait-for.ts';

/**
 * A service for the tests of one file, started before the first and stopped after the last. What it leaves on the
 * machine fails the file.
 */
export const useService = (
  options: StartOptions = {},
): { readonly url: string; readonly service: Service } => {
  const stateDir = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  const host = hostState();
  let service: Service | undefined;
  before(async () => {
    service = await startService({ ...options, stateDir });
    await settled(service.url);
  });
  after(async () => {
    const places = placesIn(stateDir);
    await service?.stop();
    try {
      await assertNothingLeft(host, places, stateDir);
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  });
  const started = (): Service => {
    if (!service) throw new Error('the service is started before the first test only');
    return service;
  };
  return {
    get url() {
      return started().url;
    },
    get service() {
      return started();
    },
  };
};

/** Nothing of an ended service may be on the machine: process, cgroup, mount, ipc object. */
export const assertNothingLeft = async (
  host: ReturnType<typeof hostState>,
  places: readonly string[],
  stateDir: string,
): Promise<void> => {
  const left = (): string[] => [...leaksSince(host, places), ...processesMarked(stateDir)];
  await waitFor(() => left().length === 0, { what: 'everything to be gone', timeoutMs: 8_000 }).catch(
    () => {},
  );
  assert.deepEqual(left(), []);
};
