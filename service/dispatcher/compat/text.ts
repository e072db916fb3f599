import type { Encoding } from '../../contracts/execution.ts';

/** Output for interfaces that know only text: bytes that are not UTF-8 are replaced. */
export const textOf = (content: string, encoding: Encoding): string =>
  encoding === 'utf8' ? content : Buffer.from(content, 'base64').toString('utf8');
