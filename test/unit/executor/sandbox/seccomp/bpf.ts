/** What the kernel hands to a seccomp filter (struct seccomp_data). */
export interface Call {
  /** As the kernel has it, an unsigned 32-bit number. */
  readonly number: number;
  /** AUDIT_ARCH_*. */
  readonly architecture: number;
  /** Up to six 64-bit arguments; missing ones are zero. */
  readonly args?: readonly bigint[];
}

const seccompData = ({ number, architecture, args = [] }: Call): Buffer => {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of args.entries())
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * index);
  return data;
};

/**
 * Interprets a classic BPF program as the kernel would, limited to what seccomp's own checker admits.
 * @returns the action
 * @throws for what the kernel would refuse to load: unknown instructions, jumps or loads out of bounds, no return
 */
export const runFilter = (program: Buffer, call: Call): number => {
  if (program.length === 0 || program.length % 8 !== 0) throw new Error('not an array of instructions');
  const data = seccompData(call);
  let accumulator = 0;
  let at = 0;
  for (;;) {
    if (at * 8 >= program.length) throw new Error(`ran off the end at ${at}`);
    const code = program.readUInt16LE(at * 8);
    const jumpTrue = program.readUInt8(at * 8 + 2);
    const jumpFalse = program.readUInt8(at * 8 + 3);
    const value = program.readUInt32LE(at * 8 + 4);
    const jump = (condition: boolean): void => {
      at += condition ? jumpTrue : jumpFalse;
    };
    at += 1;
    switch (code) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        if (value % 4 !== 0) throw new Error(`unaligned load at ${value}`);
        accumulator = data.readUInt32LE(value);
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        jump(accumulator === value);
        break;
      case 0x35: // BPF_JMP | BPF_JGE | BPF_K
        jump(accumulator >= value);
        break;
      case 0x45: // BPF_JMP | BPF_JSET | BPF_K
        jump((accumulator & value) !== 0);
        break;
      case 0x06: // BPF_RET | BPF_K
        return value;
      default:
        throw new Error(`unknown instruction 0x${code.toString(16)} at ${at - 1}`);
    }
  }
};
