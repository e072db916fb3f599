import type { CliContext } from '../context.ts';
import { formatTable } from '../table.ts';
import { readTokens, type TokenOptions, tokenId, tokensPath } from './tokens-file.ts';

export const listTokens = async (context: CliContext, options: TokenOptions): Promise<number> => {
  const path = tokensPath(context, options);
  const { tokens } = await readTokens(path);
  if (options.json) {
    const shown = tokens.map(({ tokenHash: _, ...tenant }, index) => ({
      id: tokens[index] && tokenId(tokens[index]),
      ...tenant,
    }));
    context.stdout.write(`${JSON.stringify({ tokens: shown }, null, 2)}\n`);
  } else if (tokens.length === 0) {
    context.stdout.write(`No tokens in ${path}. Make one with: paddock token create TENANT\n`);
  } else {
    const rows = tokens.map((tenant) => [
      tenant.tenant,
      tokenId(tenant),
      tenant.createdAt,
      String(tenant.weight),
      String(tenant.maxWaiting),
      tenant.maxRunning === undefined ? '-' : String(tenant.maxRunning),
      Object.entries(tenant.maxLimits)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ') || '-',
    ]);
    const head = ['tenant', 'id', 'created', 'weight', 'max waiting', 'max running', 'max limits'];
    context.stdout.write(formatTable(head, rows));
  }
  return 0;
};
