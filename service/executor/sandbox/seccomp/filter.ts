import { endianness } from 'node:os';
import { type SyscallTable, syscallTables } from './syscalls.ts';

/*
 * The seccomp filter as a classic BPF program (linux/filter.h, linux/seccomp.h). Refused calls answer EPERM, newer
 * than known ones ENOSYS, so that a program sees what it would see on an older kernel; a foreign architecture (32-bit
 * calls from a 64-bit process) kills. Denying a list instead of allowing one keeps every runtime working; calls that
 * the list does not know are covered by `newest`.
 */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const JUMP_SET = 0x45;
const AND = 0x54;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (code: number): number => 0x00050000 | code;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

const CLONE_NAMESPACES =
  0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
/** Interfaces and addresses of the own namespace, which libc asks for; the other protocols reach the kernel at large. */
const NETLINK_ROUTE = 0;
const FILE_TYPE = 0o170000;
const CHARACTER_DEVICE = 0o020000;
const BLOCK_DEVICE = 0o060000;
const X32_BIT = 0x40000000;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

const load = (offset: number): Instruction => [LOAD, 0, 0, offset];
const loadNumber = load(0);
const loadArchitecture = load(4);
/** The low half of argument `index`; the high half is of no meaning for the int arguments judged here. */
const loadArgument = (index: number): Instruction => load(16 + 8 * index);
const ret = (action: number): Instruction => [RETURN, 0, 0, action];
const skipUnlessEqual = (value: number, skip: number): Instruction => [JUMP_EQUAL, 0, skip, value];

/** `body` runs when the loaded value is this one; it must end in a return. */
const onValue = (value: number, body: readonly Instruction[]): Instruction[] => [
  skipUnlessEqual(value, body.length),
  ...body,
];

const allowOnly = (values: readonly number[], otherwise: number): Instruction[] => [
  ...values.flatMap((value) => [skipUnlessEqual(value, 1), ret(ALLOW)]),
  ret(otherwise),
];
const refuseOnly = (values: readonly number[]): Instruction[] => [
  ...values.flatMap((value) => [skipUnlessEqual(value, 1), ret(EPERM)]),
  ret(ALLOW),
];

const judgeDevice = (argument: number): Instruction[] => [
  loadArgument(argument),
  [AND, 0, 0, FILE_TYPE],
  ...refuseOnly([CHARACTER_DEVICE, BLOCK_DEVICE]),
];

type Judged = readonly [number: number, body: readonly Instruction[]];

const LEAF = 3;
const LONGEST_JUMP = 255;

/**
 * Finds the loaded number by halving: the kernel goes through the whole filter once for every call there is when it is
 * put on a process, which is done for each sandbox. What is not among them is allowed.
 */
const search = (judged: readonly Judged[]): Instruction[] => {
  const sorted = [...judged].sort(([a], [b]) => a - b);
  if (sorted.length <= LEAF)
    return [...sorted.flatMap(([number, body]) => onValue(number, body)), ret(ALLOW)];
  const middle = sorted.length >> 1;
  const lower = search(sorted.slice(0, middle));
  const upper = search(sorted.slice(middle));
  if (lower.length > LONGEST_JUMP) throw new Error('the seccomp filter is too long for a jump');
  return [[JUMP_GREATER_EQUAL, lower.length, 0, sorted[middle]?.[0] ?? 0], ...lower, ...upper];
};

const instructionsFor = (table: SyscallTable): Instruction[] => {
  const { judged } = table;
  return [
    loadArchitecture,
    [JUMP_EQUAL, 1, 0, table.audit],
    ret(KILL),
    loadNumber,
    [JUMP_GREATER_EQUAL, 0, 1, X32_BIT],
    ret(ENOSYS),
    [JUMP_GREATER_EQUAL, 0, 1, table.newest + 1],
    ret(ENOSYS),
    ...search([
      [judged.clone3, [ret(ENOSYS)]],
      [judged.clone, [loadArgument(0), [JUMP_SET, 0, 1, CLONE_NAMESPACES], ret(EPERM), ret(ALLOW)]],
      [
        judged.socket,
        [
          loadArgument(0),
          ...onValue(AF_NETLINK, [loadArgument(2), ...allowOnly([NETLINK_ROUTE], EAFNOSUPPORT)]),
          ...allowOnly([AF_UNIX, AF_INET, AF_INET6], EAFNOSUPPORT),
        ],
      ],
      [judged.ioctl, [loadArgument(1), ...refuseOnly([TIOCSTI, TIOCLINUX])]],
      ...(judged.mknod === undefined ? [] : [[judged.mknod, judgeDevice(1)] as const]),
      [judged.mknodat, judgeDevice(2)],
      ...Object.values(table.refused).map((number) => [number, [ret(EPERM)]] as const),
    ]),
  ];
};

/**
 * The filter for an architecture as the bytes that `bwrap --seccomp FD` reads: an array of struct sock_filter.
 * @throws where there is no table for the architecture: running without a filter is never a silent choice.
 */
export const seccompFilter = (architecture: string): Buffer => {
  if (architecture !== 'x64' && architecture !== 'arm64') {
    throw new Error(`no seccomp filter for ${architecture}; known: ${Object.keys(syscallTables).join(', ')}`);
  }
  if (endianness() !== 'LE') throw new Error('the seccomp filter is written for little-endian machines');
  const instructions = instructionsFor(syscallTables[architecture]);
  const program = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, value]] of instructions.entries()) {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(jumpTrue, index * 8 + 2);
    program.writeUInt8(jumpFalse, index * 8 + 3);
    program.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return program;
};
