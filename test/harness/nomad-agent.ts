import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentPlan, dataFolder } from './nomad-plan.ts';
import { waitFor } from './wait-for.ts';

/** One Nomad agent, with one configuration, started and ended as often as a test wants. */
export interface NomadAgent {
  /** Resolves when it has ended. Its tasks go on. Safe to call more than once. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  log(): string;
}

interface AgentProcess {
  running(): boolean;
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** Not detached: whoever kills the group of the tests ends the agents too. */
const startProcess = (configFile: string, logFile: string): AgentProcess => {
  const log = openSync(logFile, 'a');
  const environment = Object.entries(process.env).filter(
    ([name]) => name !== 'AWS_CA_BUNDLE' && !name.startsWith('NOMAD_'),
  );
  const child = spawn('nomad', ['agent', `-config=${configFile}`], {
    stdio: ['ignore', log, log],
    env: Object.fromEntries(environment),
  });
  closeSync(log);
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  return {
    running,
    async stop(signal) {
      if (running()) child.kill(signal);
      const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(force);
    },
  };
};

/** @param isReady rejects as long as nothing answers */
export const nomadAgent = (plan: AgentPlan, config: unknown, isReady: () => Promise<boolean>): NomadAgent => {
  const configFile = join(plan.folder, `${plan.name}.json`);
  const logFile = join(plan.folder, `${plan.name}.log`);
  mkdirSync(dataFolder(plan), { mode: 0o711 });
  writeFileSync(configFile, JSON.stringify(config, undefined, 2));
  let agent: AgentProcess | undefined;
  const log = (): string => readFileSync(logFile, 'utf8');
  return {
    log,
    stop: async (signal = 'SIGTERM') => agent?.stop(signal),
    async start() {
      const started = startProcess(configFile, logFile);
      agent = started;
      const ready = async (): Promise<boolean> => {
        if (!started.running()) throw new Error(`the agent ${plan.name} ended:\n${log().slice(-3_000)}`);
        return isReady().catch(() => false);
      };
      const what = `the agent ${plan.name} to be ready`;
      await waitFor(ready, { what, timeoutMs: 60_000, everyMs: 50 });
    },
  };
};
