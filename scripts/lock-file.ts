interface LockedPackage {
  version?: string;
  optional?: boolean;
  dev?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'aix',
  'sunos',
  'netbsd',
  'openbsd',
];
const processors = [
  'arm64',
  'arm',
  'x64',
  'ia32',
  'ppc64',
  'riscv64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
];

/** Platform as the name of such a package tells it: `@biomejs/cli-linux-arm64-musl`. */
const platformOf = (name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> | undefined => {
  const words = name.split(/[-/]/);
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined;
  return { os: [os], cpu: [cpu], ...(libc !== undefined && os === 'linux' && { libc: [libc] }) };
};

/** Optional dependencies that a package names and the lock file does not hold, as `name@version`. */
export const missingOptionals = (
  packages: Readonly<Record<string, LockedPackage>>,
): { name: string; version: string; dev: boolean }[] =>
  Object.values(packages).flatMap((locked) =>
    Object.entries(locked.optionalDependencies ?? {})
      .filter(([name]) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)))
      .map(([name, version]) => ({ name, version, dev: locked.dev === true })),
  );

/** The lock file with what is missing; throws where a platform or an exact version cannot be told. */
export const completeLock = (text: string): { text: string; added: string[] } => {
  const lock: { packages: Record<string, LockedPackage> } = JSON.parse(text);
  const missing = missingOptionals(lock.packages);
  for (const { name, version, dev } of missing) {
    const platform = platformOf(name);
    if (!platform || !/^\d+\.\d+\.\d+[\w.-]*$/.test(version))
      throw new Error(`cannot complete ${name}@${version}`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform,
      ...(dev && { dev }),
      optional: true,
    };
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
  return {
    text: `${JSON.stringify(lock, null, 2)}\n`,
    added: missing.map(({ name, version }) => `${name}@${version}`),
  };
};
