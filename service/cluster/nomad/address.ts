import type { Allocation } from './api/answers.ts';
import { portLabel } from './job-spec.ts';

/**
 * Where Nomad has put an executor; undefined where its allocation has no port of ours. The only word on it that counts:
 * what an executor says of itself, anybody could say who has got hold of its identity.
 */
export const addressOf = ({ AllocatedResources }: Allocation, secure: boolean): string | undefined => {
  const port = AllocatedResources?.Shared.Ports.find(({ Label }) => Label === portLabel);
  if (!port) return undefined;
  const host = port.HostIP.includes(':') ? `[${port.HostIP}]` : port.HostIP;
  return `${secure ? 'https' : 'http'}://${host}:${port.Value}`;
};
