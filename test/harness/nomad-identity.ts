import { listProcesses, readQuietly } from './processes.ts';

/** The workload identity of an allocation whose task runs on this machine, from its environment: only root can read it. */
export const identityOf = (allocation: string, name = 'paddock'): string => {
  const variable = `NOMAD_TOKEN_${name}=`;
  for (const { pid } of listProcesses()) {
    const environment = readQuietly(`/proc/${pid}/environ`).split('\0');
    const found = environment.find((entry) => entry.startsWith(variable));
    if (found !== undefined && environment.includes(`NOMAD_ALLOC_ID=${allocation}`))
      return found.slice(variable.length);
  }
  throw new Error(`no process of allocation ${allocation} has the identity ${name}`);
};
