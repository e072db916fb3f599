export * from './errors.ts';
export * from './execution.ts';
export * from './executor-api.ts';
export * from './executor-load.ts';
export * from './limits.ts';
export * from './runtime.ts';
export * from './service.ts';
