import type { IncomingHttpHeaders } from 'node:http';
import { PaddockError } from '../../contracts/errors.ts';
import type { DispatcherSettings } from '../settings.ts';
import { openPolicy, type TenantPolicy } from './policy.ts';
import type { TokenStore } from './token-store.ts';

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);
const openPaths = new Set(['/', '/healthz', '/readyz', '/openapi.json', '/docs']);

export interface Gate {
  /** Throws `host-not-allowed`. A page that a browser shows could otherwise reach a service on loopback by DNS rebinding. */
  checkHost(headers: IncomingHttpHeaders): void;
  /** The tenant of a request, or throws `unauthorized`. */
  authenticate(headers: IncomingHttpHeaders): TenantPolicy;
  isOpen(path: string): boolean;
}

export const createGate = (settings: DispatcherSettings, tokens: TokenStore): Gate => {
  const anybody = openPolicy(settings.maxLimits, settings.queueLimit, settings.allowedImages);
  const allowed = new Set(settings.allowedHosts.map((host) => host.toLowerCase()));
  return {
    checkHost(headers) {
      const host = headers.host?.toLowerCase() ?? '';
      const name = host.replace(/:\d+$/, '');
      if (allowed.has(host) || allowed.has(name)) return;
      // With tokens required, a rebound page has none; a list of hosts still holds where one is given.
      if (loopbackHosts.has(name) || (!settings.loopback && allowed.size === 0)) return;
      throw new PaddockError('host-not-allowed', {
        detail: `Host "${host}" is not allowed here. Name it in PADDOCK_ALLOWED_HOSTS to allow it.`,
      });
    },
    authenticate(headers) {
      if (!tokens.required()) {
        if (settings.loopback) return anybody;
        throw new PaddockError('unauthorized');
      }
      const header = headers.authorization ?? '';
      // Piston's clients send the bare key.
      const token = header.startsWith('Bearer ') ? header.slice(7).trim() : header;
      const tenant = tokens.find(token);
      if (!tenant) throw new PaddockError('unauthorized', { detail: 'Send Authorization: Bearer TOKEN' });
      return tenant;
    },
    isOpen: (path) => openPaths.has(path) || path.startsWith('/docs/'),
  };
};
