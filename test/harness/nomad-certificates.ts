import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface NomadCertificates {
  readonly ca: string;
  readonly server: Certificate;
  readonly client: Certificate;
  readonly cli: Certificate;
}

/** A certificate authority of its own in a folder of its own, made by `nomad tls`. */
export interface Authority {
  readonly ca: string;
  /** For `server.global.nomad`, `client.global.nomad`, `cli.global.nomad`, and the further names given. */
  issue(role: 'server' | 'client' | 'cli', ...names: readonly string[]): Certificate;
}

export const makeAuthority = (folder: string): Authority => {
  mkdirSync(folder, { recursive: true });
  const ca = join(folder, 'nomad-agent-ca.pem');
  const tls = (cwd: string, ...args: readonly string[]): void => {
    // It warns about what server certificates can do; where it fails, the error holds what it said.
    execFileSync('nomad', ['tls', ...args], { cwd, stdio: 'pipe' });
  };
  tls(folder, 'ca', 'create');
  let issued = 0;
  return {
    ca,
    issue(role, ...names) {
      // It numbers files by what is there already, one folder for each keeps them apart.
      const own = join(folder, `${role}-${issued++}`);
      mkdirSync(own);
      const base = join(own, `global-${role}-nomad`);
      const sign = [`-ca=${ca}`, `-key=${join(folder, 'nomad-agent-ca-key.pem')}`];
      tls(own, 'cert', 'create', `-${role}`, ...sign, ...names.map((name) => `-additional-dnsname=${name}`));
      return { cert: `${base}.pem`, key: `${base}-key.pem` };
    },
  };
};

export const nomadCertificates = (authority: Authority): NomadCertificates => ({
  ca: authority.ca,
  server: authority.issue('server'),
  client: authority.issue('client'),
  cli: authority.issue('cli'),
});
