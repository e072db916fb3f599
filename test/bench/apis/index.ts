import type { OpenApi } from './api.ts';
import { openGoJudge } from './go-judge.ts';
import { openJudge0 } from './judge0.ts';
import { openPiston } from './piston.ts';

/** The interfaces of other systems that can be driven, by the name that --api takes. */
export const apis: Readonly<Record<string, OpenApi>> = {
  piston: openPiston,
  'go-judge': openGoJudge,
  judge0: openJudge0,
};
