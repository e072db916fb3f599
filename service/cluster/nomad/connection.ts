/** Where Nomad is and who asks: what the usual NOMAD_* variables say. Holds the token: never to be logged. */
export interface NomadConnection {
  /** What NOMAD_ADDR says, for messages. */
  readonly address: string;
  /** What requests begin with: scheme, host, port, and a path where Nomad is behind a proxy; no slash at the end. */
  readonly url: string;
  /** The socket to connect to instead of the host in `url`. */
  readonly socketPath: string | undefined;
  readonly token: string | undefined;
  readonly namespace: string;
  /** The agent's own where undefined. */
  readonly region: string | undefined;
  /** Undefined unless the address is https. */
  readonly tls: NomadTls | undefined;
}

/** PEM files, not yet read. */
export interface NomadTls {
  /** The system's certificates where neither this nor the folder is given; this one wins where both are. */
  readonly caFile: string | undefined;
  readonly caFolder: string | undefined;
  readonly client: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly serverName: string | undefined;
  readonly verify: boolean;
}

/** The NOMAD_* variables make no sense; every fault is listed. */
export class NomadConnectionError extends Error {
  override readonly name = 'NomadConnectionError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const defaultAddress = 'http://127.0.0.1:4646';
const truths = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const untruths = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

/**
 * Reads NOMAD_ADDR, NOMAD_TOKEN, NOMAD_NAMESPACE, NOMAD_REGION, NOMAD_CACERT, NOMAD_CAPATH, NOMAD_CLIENT_CERT,
 * NOMAD_CLIENT_KEY, NOMAD_TLS_SERVER_NAME and NOMAD_SKIP_VERIFY as Nomad's own command line does; empty ones count as
 * missing. Opens nothing.
 * @throws NomadConnectionError
 */
export const readNomadConnection = (env: Environment): NomadConnection => {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const faults: string[] = [];
  const address = given('NOMAD_ADDR') ?? defaultAddress;
  const target = readAddress(address, faults);
  const token = given('NOMAD_TOKEN');
  if (token && !/^[\x21-\x7e]+$/.test(token)) {
    faults.push('NOMAD_TOKEN: must be one word without spaces or line breaks');
  }
  const tls = readTls(given, faults);
  if (faults.length > 0) throw new NomadConnectionError(faults);
  return Object.freeze({
    address,
    ...target,
    token,
    namespace: readNamespace(given('NOMAD_NAMESPACE')),
    region: given('NOMAD_REGION'),
    tls: target.url.startsWith('https:') ? tls : undefined,
  });
};

// `*` means every namespace to Nomad's lists; a job lives in one, and that is the default one.
const readNamespace = (named: string | undefined): string =>
  named === undefined || named === '*' ? 'default' : named;

const readAddress = (address: string, faults: string[]): Pick<NomadConnection, 'url' | 'socketPath'> => {
  const nowhere = { url: '', socketPath: undefined };
  if (address.startsWith('unix://')) {
    const socketPath = address.slice('unix://'.length);
    if (socketPath.startsWith('/')) return { url: 'http://127.0.0.1', socketPath };
    faults.push(`NOMAD_ADDR: ${address} must name a socket by its whole path, as unix:///path/api.sock`);
    return nowhere;
  }
  const url = URL.parse(address);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    faults.push(
      `NOMAD_ADDR: ${address} must be an address such as ${defaultAddress}, https://… or unix:///…`,
    );
    return nowhere;
  }
  if (url.username || url.password || url.search || url.hash) {
    faults.push('NOMAD_ADDR: must hold no user, password, query or fragment');
    return nowhere;
  }
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, socketPath: undefined };
};

const readTls = (given: (name: string) => string | undefined, faults: string[]): NomadTls => {
  const certFile = given('NOMAD_CLIENT_CERT');
  const keyFile = given('NOMAD_CLIENT_KEY');
  if (certFile && !keyFile) faults.push('NOMAD_CLIENT_KEY: is missing; NOMAD_CLIENT_CERT needs its key');
  if (keyFile && !certFile)
    faults.push('NOMAD_CLIENT_CERT: is missing; NOMAD_CLIENT_KEY needs its certificate');
  const skip = given('NOMAD_SKIP_VERIFY') ?? 'false';
  if (!truths.includes(skip) && !untruths.includes(skip)) {
    faults.push(`NOMAD_SKIP_VERIFY: ${skip} must be true or false`);
  }
  return {
    caFile: given('NOMAD_CACERT'),
    caFolder: given('NOMAD_CAPATH'),
    client: certFile && keyFile ? { certFile, keyFile } : undefined,
    serverName: given('NOMAD_TLS_SERVER_NAME'),
    verify: !truths.includes(skip),
  };
};
