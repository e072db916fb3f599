import { PaddockError } from '../contracts/errors.ts';
import type { ExecutionRequest } from '../contracts/execution.ts';
import type { ExecutorRequest } from '../contracts/executor-api.ts';
import { defaultLimits, type Limits, type PartialLimits } from '../contracts/limits.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import type { Route, Router } from './pools/routing.ts';
import { limitNames, mayUseImage, type TenantPolicy } from './tenants/policy.ts';

/** A request made concrete: what an executor is sent, and which executors may be sent it. */
export interface Admitted extends Route {
  readonly request: ExecutorRequest;
}

/** No executor serves this version, so what waits for its runtime to be known is sent nowhere. */
const unknown: Pick<RuntimeInfo, 'name' | 'version' | 'fileName' | 'limits'> = {
  name: 'unknown',
  version: '',
  fileName: '',
  limits: defaultLimits,
};

/**
 * Everything that can be refused without a sandbox is refused here: unknown runtime or version, limits above the
 * tenant's maximum, capabilities that nothing holds. Where the runtime is not known yet the request is a placeholder,
 * and it is to be admitted once more when it is.
 */
export const admit = (
  request: ExecutionRequest,
  tenant: TenantPolicy,
  how: { id: string; stream: boolean; router: Router },
): Admitted => {
  const route = how.router.route(request);
  const runtime = route.runtime ?? unknown;
  const limits = limitsFor(runtime.limits, request.limits, tenant.maxLimits);
  if (request.image !== undefined && !mayUseImage(tenant, request.image))
    throw imageNotAllowed(request.image, tenant);
  const files = request.files ?? [
    { name: runtime.fileName, content: request.code ?? '', encoding: 'utf8' as const },
  ];
  return {
    ...route,
    request: {
      id: how.id,
      tenant: tenant.name,
      runtime: runtime.name,
      version: runtime.version,
      files,
      entry: request.entry ?? files[0]?.name ?? runtime.fileName,
      args: request.args,
      stdin: request.stdin,
      stdinEncoding: request.stdinEncoding,
      env: request.env,
      tests: request.tests,
      limits,
      image: request.image,
      outputs: request.outputs,
      // Its answer tells how far the pull is.
      stream: how.stream || request.image !== undefined,
      cache: request.cache,
    },
  };
};

const imageNotAllowed = (image: string, { name, images }: TenantPolicy): PaddockError =>
  new PaddockError('image-not-allowed', {
    detail:
      images.length === 0
        ? `${name} may not ask for images; the operator allows registries to it`
        : `${image} is in none of: ${images.join(', ')}`,
  });

/** What is asked for goes above the runtime's defaults. More than the maximum is refused; only defaults are capped. */
export const limitsFor = (defaults: Limits, asked: PartialLimits, max: Limits): Limits => {
  const limits = { ...defaults };
  const faults: { path: string; message: string }[] = [];
  for (const name of limitNames) {
    const value = asked[name];
    if (value === undefined) limits[name] = Math.min(defaults[name], max[name]);
    else if (value > max[name])
      faults.push({ path: `limits.${name}`, message: `at most ${max[name]} is allowed` });
    else limits[name] = value;
  }
  if (faults.length > 0) {
    throw new PaddockError('invalid-request', { detail: 'A limit is above the maximum', errors: faults });
  }
  return limits;
};
