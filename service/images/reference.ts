import { isAbsolute, resolve } from 'node:path';
import { ImageError } from './image-error.ts';

/** Where an image comes from. */
export type ImageReference =
  | {
      readonly kind: 'registry';
      /** With its port. */
      readonly host: string;
      readonly repository: string;
      readonly tag?: string;
      readonly digest?: string;
    }
  /** A folder in the OCI layout. */
  | { readonly kind: 'layout'; readonly folder: string; readonly tag?: string }
  /** What buildah has built on this machine. */
  | { readonly kind: 'built'; readonly name: string };

const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+|\/)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

const invalid = (text: string, why: string): ImageError =>
  new ImageError('invalid', `"${text}" does not name an image: ${why}`);

/**
 * `HOST/REPOSITORY:TAG`, `HOST/REPOSITORY@sha256:HEX`, or `oci:FOLDER[:TAG]`. The registry must be named: what a short
 * name means depends on the machine.
 * @throws ImageError `invalid`
 */
export const parseReference = (text: string, cwd = '/'): ImageReference => {
  if (text.startsWith('oci:')) return parseLayout(text, cwd);
  const plain = text.replace(/^docker:\/\//, '');
  const slash = plain.indexOf('/');
  const host = slash < 0 ? '' : plain.slice(0, slash);
  if (!/[.:]/.test(host) && host !== 'localhost') {
    throw invalid(text, 'it begins with a registry, as in docker.io/library/debian:bookworm-slim');
  }
  if (!hostPattern.test(host)) throw invalid(text, `${host} is not a registry`);
  const [rest = '', digest, ...more] = plain.slice(slash + 1).split('@');
  if (more.length > 0 || (digest !== undefined && !digestPattern.test(digest))) {
    throw invalid(text, 'a digest is sha256: and 64 hexadecimal digits');
  }
  const colon = rest.indexOf(':');
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (!repositoryPattern.test(repository) || repository.length > 255) {
    throw invalid(text, `"${repository}" is not a repository; it has lower-case letters, digits and ./_-`);
  }
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  return {
    kind: 'registry',
    host,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
};

const parseLayout = (text: string, cwd: string): ImageReference => {
  const rest = text.slice('oci:'.length);
  const colon = rest.lastIndexOf(':');
  const folder = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (folder === '' || folder.includes(':'))
    throw invalid(text, 'oci: is followed by a folder without colons');
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  return {
    kind: 'layout',
    folder: isAbsolute(folder) ? folder : resolve(cwd, folder),
    ...(tag !== undefined && { tag }),
  };
};

export const formatReference = (reference: ImageReference): string => {
  switch (reference.kind) {
    case 'registry': {
      const end = reference.digest ? `@${reference.digest}` : `:${reference.tag ?? 'latest'}`;
      return `${reference.host}/${reference.repository}${end}`;
    }
    case 'layout':
      return `oci:${reference.folder}${reference.tag === undefined ? '' : `:${reference.tag}`}`;
    case 'built':
      return reference.name;
  }
};

/** As skopeo takes it. */
export const transportAddress = (reference: ImageReference): string => {
  switch (reference.kind) {
    case 'registry':
      return `docker://${formatReference(reference)}`;
    case 'layout':
      return formatReference(reference);
    case 'built':
      return `containers-storage:${reference.name}`;
  }
};

/** A registry on this machine is reached without TLS: nobody is in between. */
export const isLoopback = (host: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host);
