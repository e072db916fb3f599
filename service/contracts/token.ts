import { hash } from 'node:crypto';

/** A service token as a caller sends it. The prefix lets secret scanners find one that leaked. */
export const tokenPattern = /^pdk_[A-Za-z0-9_-]{43}$/;

/** Makes a token of 32 random bytes. It is shown once; only its hash is kept. */
export const createToken = (randomBytes: (size: number) => Buffer): string =>
  `pdk_${randomBytes(32).toString('base64url')}`;

/** SHA-256 is enough here: a token has 256 bits of randomness, so there is nothing to guess slowly. */
export const hashToken = (token: string): string => hash('sha256', token, 'hex');

/** Where tokens are kept unless PADDOCK_TOKENS_FILE names another file. */
export const defaultTokensFile = (user: {
  uid: number;
  home: string;
  configHome?: string | undefined;
}): string =>
  user.uid === 0
    ? '/etc/paddock/tokens.json'
    : `${user.configHome || `${user.home}/.config`}/paddock/tokens.json`;
