import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { seccompFilter } from '../../../../../service/executor/sandbox/seccomp/filter.ts';
import { syscallTables } from '../../../../../service/executor/sandbox/seccomp/syscalls.ts';
import { runFilter } from './bpf.ts';

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
const EPERM = ERRNO | 1;
const ENOSYS = ERRNO | 38;
const EAFNOSUPPORT = ERRNO | 97;

/** Audit numbers and call numbers from linux/audit.h and unistd.h, written down apart from the table. */
const machines = {
  x64: {
    audit: 0xc000003e,
    allowed: {
      read: 0,
      write: 1,
      mmap: 9,
      socketpair: 53,
      fork: 57,
      vfork: 58,
      execve: 59,
      kill: 62,
      futex: 202,
      openat: 257,
      prctl: 157,
      seccomp: 317,
      memfd_create: 319,
      mseal: 462,
    },
    refused: {
      ptrace: 101,
      mount: 165,
      unshare: 272,
      setns: 308,
      bpf: 321,
      io_uring_setup: 425,
      keyctl: 250,
      userfaultfd: 323,
      process_vm_writev: 311,
      pidfd_getfd: 438,
    },
    judged: { clone: 56, clone3: 435, socket: 41, ioctl: 16, mknod: 133, mknodat: 259 },
    header: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  },
  arm64: {
    audit: 0xc00000b7,
    allowed: {
      read: 63,
      write: 64,
      mmap: 222,
      socketpair: 199,
      execve: 221,
      kill: 129,
      futex: 98,
      openat: 56,
      prctl: 167,
      seccomp: 277,
      memfd_create: 279,
      mseal: 462,
    },
    refused: {
      ptrace: 117,
      mount: 40,
      unshare: 97,
      setns: 268,
      bpf: 280,
      io_uring_setup: 425,
      keyctl: 219,
      userfaultfd: 282,
      process_vm_writev: 271,
      pidfd_getfd: 438,
    },
    judged: { clone: 220, clone3: 435, socket: 198, ioctl: 29, mknod: undefined, mknodat: 33 },
    header: '/usr/include/asm-generic/unistd.h',
  },
} as const;

/** `#define __NR_name 123`, also in asm-generic's spellings `__NR3264_name` and `__NR_name __NR3264_name`. */
const numbersIn = (header: string): Map<string, number> =>
  new Map(
    [...readFileSync(header, 'utf8').matchAll(/^#\s*define\s+__NR(?:3264)?_(\w+)\s+(\d+)\s*$/gm)].map(
      ([, name = '', number]) => [name, Number(number)],
    ),
  );

for (const architecture of ['x64', 'arm64'] as const) {
  const machine = machines[architecture];
  const table = syscallTables[architecture];
  const filter = seccompFilter(architecture);
  const action = (number: number, ...args: bigint[]): number =>
    runFilter(filter, { number, architecture: machine.audit, args });

  describe(`the seccomp filter for ${architecture}`, () => {
    test('allows what programs live on', () => {
      for (const [name, number] of Object.entries(machine.allowed)) assert.equal(action(number), ALLOW, name);
    });

    test('refuses what reaches into the kernel or into others, whatever the arguments', () => {
      for (const [name, number] of Object.entries({ ...machine.refused, ...table.refused })) {
        assert.equal(action(number), EPERM, name);
        assert.equal(action(number, 1n, -1n, 0xffff_ffff_ffffn, 4n, 5n, 6n), EPERM, name);
      }
    });

    test('of all numbers there are, exactly the named ones differ from "allow"', () => {
      const named = new Set<number>(Object.values({ ...table.refused, ...table.judged }));
      for (let number = 0; number <= table.newest; number++) {
        if (!named.has(number)) assert.equal(action(number), ALLOW, `call ${number}`);
      }
    });

    test('does not know newer calls, those of x32, and negative numbers', () => {
      for (const number of [463, 512, 547, 100_000, 0x3fff_ffff])
        assert.equal(action(number), ENOSYS, `${number}`);
      for (const number of [0, 1, 520]) assert.equal(action(0x4000_0000 + number), ENOSYS, `x32 ${number}`);
      assert.equal(action(0xffff_ffff), ENOSYS);
      assert.equal(action(0x8000_0000), ENOSYS);
    });

    test('kills on calls of another architecture, whatever they are', () => {
      const foreign = [0x40000003, 0x40000028, 0, machines[architecture === 'x64' ? 'arm64' : 'x64'].audit];
      for (const other of foreign) {
        for (const number of [0, 1, 11, 59, 120, 0x4000_0000]) {
          assert.equal(runFilter(filter, { number, architecture: other }), KILL_PROCESS);
        }
      }
    });

    test('threads and forks are made, namespaces are not', () => {
      const { clone, clone3 } = machine.judged;
      const SIGCHLD = 17n;
      assert.equal(action(clone, SIGCHLD), ALLOW);
      assert.equal(action(clone, 0x3d0f00n), ALLOW, 'pthread_create');
      assert.equal(action(clone, 0x4100n | SIGCHLD), ALLOW, 'vfork');
      for (const bit of [17n, 25n, 26n, 27n, 28n, 29n, 30n]) {
        assert.equal(action(clone, (1n << bit) | SIGCHLD), EPERM, `bit ${bit}`);
      }
      // glibc falls back to clone on ENOSYS; clone3 hides its flags behind a pointer that no filter can read.
      assert.equal(action(clone3), ENOSYS);
      assert.equal(action(clone3, 0x7fff_0000n, 88n), ENOSYS);
    });

    test('sockets: local, internet and netlink, no other family', () => {
      const { socket } = machine.judged;
      for (const family of [1n, 2n, 10n, 16n]) assert.equal(action(socket, family, 1n), ALLOW, `${family}`);
      // AX.25, packet, Bluetooth, ALG, vsock, XDP
      for (const family of [0n, 3n, 17n, 31n, 38n, 40n, 44n, -1n]) {
        assert.equal(action(socket, family, 1n), EAFNOSUPPORT, `${family}`);
      }
    });

    test('netlink tells of interfaces and speaks no other protocol', () => {
      const { socket } = machine.judged;
      for (const protocol of [4n, 6n, 9n, 12n, 15n, 16n]) {
        assert.equal(action(socket, 16n, 3n, protocol), EAFNOSUPPORT, `${protocol}`);
      }
      assert.equal(action(socket, 16n, 3n, 0n), ALLOW);
      assert.equal(action(socket, 2n, 1n, 6n), ALLOW, 'of other families the protocol is their own affair');
    });

    test('judges int arguments by the half that the kernel looks at', () => {
      const high = 1n << 32n;
      assert.equal(action(machine.judged.ioctl, 0n, high | 0x5412n), EPERM);
      assert.equal(action(machine.judged.socket, high | 40n), EAFNOSUPPORT);
      assert.equal(action(machine.judged.socket, high | 1n), ALLOW);
    });

    test('a terminal can be asked, but not typed into', () => {
      const { ioctl } = machine.judged;
      assert.equal(action(ioctl, 0n, 0x5401n), ALLOW, 'TCGETS');
      assert.equal(action(ioctl, 0n, 0x5413n), ALLOW, 'TIOCGWINSZ');
      assert.equal(action(ioctl, 0n, 0x5412n), EPERM, 'TIOCSTI');
      assert.equal(action(ioctl, 0n, 0x541cn), EPERM, 'TIOCLINUX');
      assert.equal(action(ioctl, 0x5412n, 0n), ALLOW, 'the descriptor is not the request');
    });

    test('FIFOs are made, devices are not', () => {
      const { mknod, mknodat } = machine.judged;
      const make = [
        ...(mknod === undefined ? [] : [(mode: bigint) => action(mknod, 0x7000n, mode)]),
        (mode: bigint) => action(mknodat, -100n, 0x7000n, mode),
      ];
      for (const made of make) {
        for (const mode of [0o644n, 0o100644n, 0o010644n, 0o140755n])
          assert.equal(made(mode), ALLOW, `${mode}`);
        for (const mode of [0o020666n, 0o060666n]) assert.equal(made(mode), EPERM, `${mode}`);
      }
    });

    test('is short enough for the kernel', () => {
      assert.ok(filter.length / 8 <= 4_096);
    });

    test('has the numbers of the kernel headers', {
      skip: !existsSync(machine.header) && `no ${machine.header}`,
    }, () => {
      const numbers = numbersIn(machine.header);
      assert.ok(numbers.size > 200);
      for (const [name, number] of Object.entries({ ...table.refused, ...table.judged })) {
        // Headers older than the call do not have it.
        if (numbers.has(name) || number < 425) assert.equal(number, numbers.get(name), name);
      }
    });
  });
}

test('there is no filter, and so no sandbox, for an architecture without a table', () => {
  for (const architecture of ['ia32', 'riscv64', '', '__proto__']) {
    assert.throws(() => seccompFilter(architecture), /no seccomp filter/);
  }
});
