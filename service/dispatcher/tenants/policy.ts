import { type LimitName, type Limits, limitsSchema } from '../../contracts/limits.ts';
import type { Tenant } from '../../contracts/service.ts';

/** A calling application and what it may do. */
export interface TenantPolicy {
  readonly name: string;
  readonly weight: number;
  readonly maxWaiting: number;
  readonly maxRunning: number;
  readonly maxLimits: Limits;
  /** Registries, or repositories below them, whose images it may ask for. */
  readonly images: readonly string[];
}

export const limitNames = Object.keys(limitsSchema.shape) as readonly LimitName[];

/** A tenant's own maxima count where they are lower than the service's. */
export const policyOf = (tenant: Tenant, serviceMax: Limits): TenantPolicy => {
  const maxLimits = { ...serviceMax };
  for (const name of limitNames) {
    maxLimits[name] = Math.min(serviceMax[name], tenant.maxLimits[name] ?? serviceMax[name]);
  }
  return {
    name: tenant.tenant,
    weight: tenant.weight,
    maxWaiting: tenant.maxWaiting,
    maxRunning: tenant.maxRunning ?? Number.POSITIVE_INFINITY,
    maxLimits,
    images: tenant.images,
  };
};

/** Whole parts of the path count: `registry.example/team` is no beginning of `registry.example/teams/app`. */
export const mayUseImage = ({ images }: Pick<TenantPolicy, 'images'>, image: string): boolean => {
  const repository = image.slice(0, image.indexOf('@'));
  return images.some((allowed) => repository === allowed || repository.startsWith(`${allowed}/`));
};

/** Everybody on this machine, where no tokens are set. */
export const openPolicy = (
  serviceMax: Limits,
  queueLimit: number,
  images: readonly string[],
): TenantPolicy => ({
  name: 'local',
  weight: 1,
  maxWaiting: queueLimit,
  maxRunning: Number.POSITIVE_INFINITY,
  maxLimits: serviceMax,
  images,
});
