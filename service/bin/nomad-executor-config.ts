import { join } from 'node:path';
import { z } from 'zod';
import type { TlsIdentity } from '../cluster/port.ts';
import { type LaunchOrder, launchOrderSchema } from '../contracts/cluster-api.ts';
import { faultsOf } from '../contracts/errors.ts';
import type { ExecutorConfig } from '../executor/agent.ts';
import { ConfigError, type Environment } from './config.ts';
import {
  type ExecutorMachine,
  executorConfigOf,
  executorVariables,
  readVariables,
} from './executor-config.ts';

/** What runs may go on for long: Nomad's kill_timeout is what bounds it. */
const DRAIN_MS = 3_600_000;
/** The payload of the dispatch and the identity, as the job of a pool has Nomad hand them over (cluster/nomad/job-spec.ts). */
const ORDER_FILE = 'order.json';
export const IDENTITY_VARIABLE = 'NOMAD_TOKEN_paddock';
export const CONTROL_SOCKET = 'control.sock';

const absolute = z.string().startsWith('/', 'must be an absolute path');

const nomadVariables = executorVariables.extend({
  NOMAD_ALLOC_ID: z.guid(),
  NOMAD_TASK_DIR: absolute,
  NOMAD_SECRETS_DIR: absolute,
  [IDENTITY_VARIABLE]: z.string().min(1),
  NOMAD_IP_http: z.union([z.ipv4(), z.ipv6()]),
  NOMAD_PORT_http: z.coerce.number().int().min(1).max(65_535),
  /** MiB that the task may use, its sandboxes included. */
  NOMAD_MEMORY_LIMIT: z.coerce.number().int().min(1).optional(),
  PADDOCK_NODE: z.string().max(256).optional(),
  PADDOCK_DRAIN_MS: z.coerce.number().int().min(0).max(86_400_000).default(DRAIN_MS),
  PADDOCK_TLS_CA: absolute.optional(),
  PADDOCK_TLS_CERT: absolute.optional(),
  PADDOCK_TLS_KEY: absolute.optional(),
});
type Values = z.output<typeof nomadVariables>;

/** An executor that is a task of Nomad. */
export interface NomadExecutorConfig {
  readonly executor: ExecutorConfig;
  readonly order: LaunchOrder;
  readonly host: string;
  readonly port: number;
  /** Where dispatchers reach it. */
  readonly url: string;
  /** Its workload identity, a JWT that does not expire. A secret. */
  readonly identity: string;
  readonly controlSocket: string;
  readonly drainMs: number;
  readonly tls: TlsIdentity | undefined;
}

/** A file's text; throws where there is none. */
export type ReadText = (path: string) => string;

const readOrder = (path: string, read: ReadText, faults: string[]): LaunchOrder | undefined => {
  try {
    const parsed = launchOrderSchema.safeParse(JSON.parse(read(path)));
    if (parsed.success) return parsed.data;
    faults.push(...faultsOf(parsed.error).map((fault) => `${path}: ${fault.path}: ${fault.message}`));
  } catch (error) {
    faults.push(`${path}: ${(error as Error).message}`);
  }
  return undefined;
};

const readTls = (values: Values, read: ReadText, faults: string[]): TlsIdentity | undefined => {
  const paths = { ca: values.PADDOCK_TLS_CA, cert: values.PADDOCK_TLS_CERT, key: values.PADDOCK_TLS_KEY };
  if (Object.values(paths).every((path) => path === undefined)) return undefined;
  const text = (name: keyof typeof paths): string => {
    const variable = `PADDOCK_TLS_${name.toUpperCase()}`;
    const path = paths[name];
    try {
      if (path !== undefined) return read(path);
      faults.push(`${variable}: is missing, while others of TLS are set`);
    } catch (error) {
      faults.push(`${variable}: ${(error as Error).message}`);
    }
    return '';
  };
  return { ca: text('ca'), cert: text('cert'), key: text('key') };
};

/**
 * The configuration of an executor as Nomad and its pool's job hand it over: variables, the order that it was
 * dispatched with, and the files of TLS.
 * @throws ConfigError that lists every fault
 */
export const readNomadExecutorConfig = (
  env: Environment,
  machine: ExecutorMachine,
  read: ReadText,
): NomadExecutorConfig => {
  const values = readVariables(nomadVariables, env);
  const faults: string[] = [];
  const order = readOrder(join(values.NOMAD_TASK_DIR, ORDER_FILE), read, faults);
  const tls = readTls(values, read, faults);
  if (!order || faults.length > 0) throw new ConfigError(faults);
  const task: ExecutorMachine = {
    ...machine,
    hostname: values.PADDOCK_NODE ?? machine.hostname,
    memoryMb: Math.min(machine.memoryMb, values.NOMAD_MEMORY_LIMIT ?? machine.memoryMb),
  };
  const host = values.NOMAD_IP_http;
  const port = values.NOMAD_PORT_http;
  return Object.freeze({
    executor: executorConfigOf(values, values.NOMAD_ALLOC_ID, task, true),
    order,
    host,
    port,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    identity: values[IDENTITY_VARIABLE],
    controlSocket: join(values.NOMAD_SECRETS_DIR, CONTROL_SOCKET),
    drainMs: values.PADDOCK_DRAIN_MS,
    tls,
  });
};
