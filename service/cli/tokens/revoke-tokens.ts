import { type CliContext, CliError } from '../context.ts';
import { changeTokens, type TokenOptions, tokenId, tokensPath } from './tokens-file.ts';

export const revokeTokens = async (
  context: CliContext,
  options: TokenOptions & { tenant: string },
): Promise<number> => {
  const path = tokensPath(context, options);
  let revoked = 0;
  await changeTokens(path, (tokens) => {
    const kept = tokens.filter(
      (token) => token.tenant !== options.tenant && tokenId(token) !== options.tenant,
    );
    revoked = tokens.length - kept.length;
    if (revoked === 0) throw new CliError(`no tenant and no token is called "${options.tenant}" in ${path}`);
    return kept;
  });
  if (options.json) context.stdout.write(`${JSON.stringify({ revoked })}\n`);
  else context.stdout.write(`Revoked ${revoked} ${revoked === 1 ? 'token' : 'tokens'}.\n`);
  return 0;
};
