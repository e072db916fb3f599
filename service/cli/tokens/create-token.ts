import { tenantSchema } from '../../contracts/service.ts';
import { createToken as generateToken, hashToken } from '../../contracts/token.ts';
import { type CliContext, UsageError } from '../context.ts';
import { parseCount, parseLimits } from '../option-values.ts';
import { changeTokens, type TokenOptions, tokenId, tokensPath } from './tokens-file.ts';

export interface CreateTokenOptions extends TokenOptions {
  tenant: string;
  weight?: string | undefined;
  maxWaiting?: string | undefined;
  maxRunning?: string | undefined;
  maxLimit?: string[] | undefined;
  allowImages?: string[] | undefined;
}

export const createToken = async (context: CliContext, options: CreateTokenOptions): Promise<number> => {
  const count = (option: string, value: string | undefined) =>
    value === undefined ? undefined : parseCount(option, value);
  const token = generateToken(context.randomBytes);
  const parsed = tenantSchema.safeParse({
    tenant: options.tenant,
    tokenHash: hashToken(token),
    createdAt: context.date().toISOString(),
    weight: count('--weight', options.weight),
    maxWaiting: count('--max-waiting', options.maxWaiting),
    maxRunning: count('--max-running', options.maxRunning),
    maxLimits: parseLimits(options.maxLimit ?? []),
    images: options.allowImages ?? [],
  });
  if (!parsed.success) {
    throw new UsageError(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    );
  }
  const path = tokensPath(context, options);
  await changeTokens(path, (tokens) => [...tokens, parsed.data]);
  if (options.json) {
    context.stdout.write(
      `${JSON.stringify({ tenant: parsed.data.tenant, id: tokenId(parsed.data), token, file: path }, null, 2)}\n`,
    );
  } else {
    context.stdout.write(`${token}\n`);
    context.stderr.write(
      `This is the token of ${parsed.data.tenant}, shown only now: only its hash is in ${path}.\nSend it as "Authorization: Bearer TOKEN"; the service reads the file named by --tokens-file.\n`,
    );
  }
  return 0;
};
