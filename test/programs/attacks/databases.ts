import { readFileSync } from 'node:fs';
import type { Attack, Check } from '../attack.ts';

const limits = { wallMs: 8_000 };
const FILE = '.paddock/result-sets.json';
/** Runs a command line inside the database's own sandbox: a superuser may. */
const shell = (command: string): string => `COPY (SELECT 1) TO PROGRAM $$cat >/dev/null; ${command}$$;\n`;

const omitted: Check = (_, stage) => [
  ...(stage.resultSets ? ['result sets came back'] : []),
  ...(stage.resultSetsOmitted ? [] : ['nobody says why there are no result sets']),
];
/** An image has a file of that name itself: only the host's own lines count, and all of them. */
const noSecret: Check = (_, stage) => {
  const lines = readFileSync('/etc/shadow', 'utf8').split('\n').filter(Boolean);
  return lines.every((line) => stage.stdout.includes(line)) ? ["the host's shadow file was read"] : [];
};

/** The file that result sets are read from is the program's to write: what it makes of it harms its own result only. */
const forged = (name: string, command: string, check: Check = omitted): Attack => ({
  name: `sql-results-${name}`,
  runtime: 'postgresql',
  code: `SELECT 1 AS one;\n${shell(`cd /work && rm -f ${FILE} && ${command}`)}`,
  request: { limits },
  outcome: 'ok',
  check,
  maxMs: 9_000,
});

export const databases: readonly Attack[] = [
  forged('no-json', `echo nonsense >${FILE}`),
  forged('deep', `head -c 400000 /dev/zero | tr "\\\\0" "[" >${FILE}`),
  forged('huge', `head -c 60000000 /dev/zero >${FILE}`),
  forged('sparse', `truncate -s 60000000 ${FILE}`),
  forged('link', `ln -s /etc/passwd ${FILE}`),
  forged('hard-link', `ln /etc/passwd ${FILE} 2>/dev/null || true`),
  forged('fifo', `mkfifo ${FILE}`),
  forged('folder', `mkdir ${FILE}`),
  forged('linked-folder', 'rm -r .paddock && ln -s /etc .paddock'),
  forged('other-shape', `echo "[{\\"rows\\":{\\"__proto__\\":1}}]" >${FILE}`),
  forged('no-utf8', `printf "[\\"\\\\377\\"]" >${FILE}`),
  {
    name: 'sql-results-swapped-while-it-ends',
    runtime: 'postgresql',
    code: `SELECT 1 AS one;\n${shell(`cd /work && (while :; do ln -sf /etc/passwd ${FILE}; rm -f ${FILE}; echo "[]" >${FILE}; done) >/dev/null 2>&1 &`)}`,
    request: { limits },
    outcome: 'ok',
    check: (_, stage) =>
      /root/.test(JSON.stringify(stage.resultSets ?? [])) ? ['a file of somewhere else came back'] : [],
    maxMs: 9_000,
  },
  {
    name: 'sql-kills-the-server',
    runtime: 'postgresql',
    code: `${shell('kill -9 -1')}SELECT 1;\n`,
    request: { limits },
    outcome: ['nonzero-exit', 'signal'],
    maxMs: 9_000,
  },
  {
    name: 'sql-shuts-the-server-down',
    runtime: 'mariadb',
    // The first statement after it may still be answered, as interrupted; later ones find nobody.
    code: `SHUTDOWN;\n${'SELECT sleep(2);\n'.repeat(4)}`,
    request: { limits },
    outcome: 'nonzero-exit',
    maxMs: 9_000,
  },
  {
    name: 'sql-sleeps',
    runtime: 'postgresql',
    code: 'SELECT pg_sleep(3600);\n',
    request: { limits: { wallMs: 1_000 } },
    outcome: 'time-limit',
    maxMs: 4_000,
  },
  {
    name: 'sql-sleeps-mariadb',
    runtime: 'mariadb',
    code: 'SELECT sleep(3600);\n',
    request: { limits: { wallMs: 1_000 } },
    outcome: 'time-limit',
    maxMs: 4_000,
  },
  {
    name: 'sql-memory-rows',
    runtime: 'postgresql',
    code: "SELECT n, repeat('x', 1000) FROM generate_series(1, 100000000) AS n;\n",
    request: { limits },
    // The last: the server may clear its files away before its client has ended, and the disk is no longer full then.
    outcome: ['memory-limit', 'disk-limit', 'time-limit', 'nonzero-exit'],
    maxMs: 10_000,
  },
  {
    name: 'sql-memory-array',
    runtime: 'postgresql',
    code: "SET work_mem = '2GB';\nSELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 1000);\n",
    request: { limits },
    outcome: ['memory-limit', 'nonzero-exit'],
    maxMs: 10_000,
  },
  {
    name: 'sql-recursion',
    runtime: 'mariadb',
    code: 'SET max_recursive_iterations = 4294967295;\nWITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r;\n',
    request: { limits },
    outcome: ['memory-limit', 'disk-limit', 'time-limit', 'nonzero-exit'],
    maxMs: 10_000,
  },
  {
    name: 'sql-fills-the-disk',
    runtime: 'postgresql',
    code: 'CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 100000000) AS n;\n',
    request: { limits: { wallMs: 9_000 } },
    outcome: ['disk-limit', 'memory-limit', 'nonzero-exit', 'time-limit'],
    maxMs: 12_000,
  },
  {
    name: 'sql-reads-files',
    runtime: 'postgresql',
    code: "SELECT pg_read_file('/etc/shadow');\n",
    request: { limits },
    outcome: ['nonzero-exit', 'ok'],
    check: noSecret,
    maxMs: 9_000,
  },
  {
    name: 'sql-loads-files',
    runtime: 'mariadb',
    code: "SELECT load_file('/etc/shadow'), load_file('/proc/1/environ');\nCREATE TABLE t (line text);\nLOAD DATA LOCAL INFILE '/etc/shadow' INTO TABLE t;\nSELECT * FROM t;\n",
    request: { limits },
    outcome: ['nonzero-exit', 'ok'],
    check: noSecret,
    maxMs: 9_000,
  },
  {
    name: 'sql-leaves-processes',
    runtime: 'postgresql',
    code: `SELECT 1;\n${shell('(sleep 3600; true) >/dev/null 2>&1 </dev/null & setsid sleep 3600 >/dev/null 2>&1 &')}`,
    request: { limits },
    outcome: 'ok',
    maxMs: 9_000,
  },
];
