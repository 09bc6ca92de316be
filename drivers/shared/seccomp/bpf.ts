/** The part of classic BPF that a seccomp filter needs. Every path ends in a `return`. */
export type Instruction =
  | { readonly op: 'load'; readonly offset: number }
  | { readonly op: 'and'; readonly mask: number }
  | { readonly op: 'skip'; readonly count: number }
  | { readonly op: 'return'; readonly value: number }
  /** The number of instructions to skip, at most 255. */
  | {
      readonly op: 'equal' | 'atLeast';
      readonly value: number;
      readonly whenTrue: number;
      readonly whenFalse: number;
    };
export type Code = readonly Instruction[];

const opcodes = { load: 0x20, and: 0x54, skip: 0x05, return: 0x06, equal: 0x15, atLeast: 0x35 } as const;
const most = 4_096; // the kernel's limit
const size = 8;

export const ret = (value: number): Code => [{ op: 'return', value }];

export const jump = (op: 'equal' | 'atLeast', value: number, whenTrue = 0, whenFalse = 0): Instruction => ({
  op,
  value,
  whenTrue,
  whenFalse,
});

/** Skips `otherwise` if the test is true. */
export const orElse = (test: Instruction, otherwise: Code): Code => [
  { ...test, whenTrue: otherwise.length } as Instruction,
  ...otherwise,
];

/** Encodes as `struct sock_filter[]` of a little-endian machine. Throws if the kernel would reject the program. */
export function assemble(code: Code): Buffer {
  if (code.length > most) throw new RangeError(`A filter has at most ${most} instructions, not ${code.length}.`);
  const out = Buffer.alloc(code.length * size);
  code.forEach((instruction, at) => {
    const { op } = instruction;
    out.writeUInt16LE(opcodes[op], at * size);
    if (op === 'equal' || op === 'atLeast') {
      out.writeUInt8(instruction.whenTrue, at * size + 2); // throws beyond 255
      out.writeUInt8(instruction.whenFalse, at * size + 3);
    }
    out.writeUInt32LE(operand(instruction) >>> 0, at * size + 4);
  });
  return out;
}

function operand(instruction: Instruction): number {
  switch (instruction.op) {
    case 'load':
      return instruction.offset;
    case 'and':
      return instruction.mask;
    case 'skip':
      return instruction.count;
    default:
      return instruction.value;
  }
}
