import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Tenant, type TokensFile, tokensFileSchema } from '../../contracts/service.ts';
import { defaultTokensFile } from '../../contracts/token.ts';
import { type CliContext, CliError } from '../context.ts';
import { single } from '../option-values.ts';
import { reasonOf } from '../service-options.ts';

export interface TokenOptions {
  tokensFile?: string | undefined;
  json?: boolean | undefined;
}

export const tokensPath = (context: CliContext, options: TokenOptions): string => {
  const given = options.tokensFile ?? context.env.PADDOCK_TOKENS_FILE;
  if (given) return resolve(context.cwd, single('--tokens-file', given));
  return defaultTokensFile({
    uid: context.uid,
    home: context.env.HOME ?? context.cwd,
    configHome: context.env.XDG_CONFIG_HOME,
  });
};

/** A file that is not there holds no tokens; one that cannot be read or is not ours is an error. */
export const readTokens = async (path: string): Promise<TokensFile> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return { tokens: [] };
    throw new CliError(`cannot read ${path}: ${reasonOf(cause)}`, 1, { cause });
  }
  try {
    return tokensFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError(`${path} is not a file of tokens; it is left as it is`, 1, { cause });
  }
};

/** Changes the file under a lock and by renaming, so that readers see the old or the new one and no writer is lost. */
export const changeTokens = async (
  path: string,
  change: (tokens: readonly Tenant[]) => Tenant[],
): Promise<void> => {
  const lock = `${path}.lock`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await (await open(lock, 'wx', 0o600)).close();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new CliError(`another command is changing ${path}; if none is, remove ${lock}`, 1, { cause });
    }
    throw new CliError(`cannot write ${path}: ${reasonOf(cause)}`, 1, { cause });
  }
  try {
    const { tokens } = await readTokens(path);
    await replaceFile(path, `${JSON.stringify({ tokens: change(tokens) }, null, 2)}\n`);
  } finally {
    await rm(lock, { force: true });
  }
};

const replaceFile = async (path: string, content: string): Promise<void> => {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(content);
    await file.sync();
  }
  await rename(temporary, path);
};

/** What a token is called without telling it. */
export const tokenId = (tenant: Tenant): string => tenant.tokenHash.slice(0, 8);
