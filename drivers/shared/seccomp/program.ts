import { type Architecture, systemCallNumbers } from './numbers.ts';
import {
  type ArgumentComparison,
  conditionalSystemCalls,
  deniedCallErrno,
  permittedSystemCalls,
  unimplementedSystemCalls,
  unknownCallErrno,
} from './rules.ts';

type Instruction =
  | { readonly op: 'load'; readonly offset: number }
  | { readonly op: 'and'; readonly mask: number }
  | { readonly op: 'skip'; readonly count: number }
  | { readonly op: 'return'; readonly value: number }
  /** `whenTrue` and `whenFalse` are the numbers of instructions to skip, each at most 255. */
  | {
      readonly op: 'equal' | 'atLeast';
      readonly value: number;
      readonly whenTrue: number;
      readonly whenFalse: number;
    };
type Code = readonly Instruction[];

const opcodes = { load: 0x20, and: 0x54, skip: 0x05, return: 0x06, equal: 0x15, atLeast: 0x35 } as const;
const most = 4_096; // the kernel's limit on the number of instructions
const size = 8;

const ret = (value: number): Code => [{ op: 'return', value }];

const jump = (op: 'equal' | 'atLeast', value: number, whenTrue = 0, whenFalse = 0): Instruction => ({
  op,
  value,
  whenTrue,
  whenFalse,
});

const orElse = (test: Instruction, otherwise: Code): Code => [
  { ...test, whenTrue: otherwise.length } as Instruction,
  ...otherwise,
];

/** Encodes little-endian `struct sock_filter[]`. Throws if the program or a conditional jump is too long. */
function assemble(code: Code): Buffer {
  if (code.length > most) throw new RangeError(`A filter has at most ${most} instructions, not ${code.length}.`);
  const out = Buffer.alloc(code.length * size);
  code.forEach((instruction, at) => {
    const { op } = instruction;
    out.writeUInt16LE(opcodes[op], at * size);
    if (op === 'equal' || op === 'atLeast') {
      out.writeUInt8(instruction.whenTrue, at * size + 2);
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

const auditArch: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
const action = { allow: 0x7fff_0000, kill: 0x8000_0000, errno: (code: number) => 0x0005_0000 | code };
// Offsets in `struct seccomp_data`. Both architectures are little-endian.
const offset = { call: 0, arch: 4, low: (argument: number) => 16 + 8 * argument };
/** Bit set in the numbers of x32 calls. */
const x32 = 0x4000_0000;

interface Segment {
  readonly from: number;
  readonly code: Code;
}

/** Builds the filter for bubblewrap's `--seccomp`. Undefined if the architecture is unknown; sandboxes then run unfiltered. */
export function buildSeccompProgram(machine: string): Buffer | undefined {
  if (machine !== 'x64' && machine !== 'arm64') return undefined;
  return assemble([
    { op: 'load', offset: offset.arch },
    ...orElse(jump('equal', auditArch[machine]), ret(action.kill)),
    { op: 'load', offset: offset.call },
    ...chosen(computeSegments(machine)),
  ]);
}

function computeSegments(machine: Architecture): readonly Segment[] {
  const numbers = systemCallNumbers(machine);
  const known = [...numbers].sort(([, a], [, b]) => a - b);
  const last = known.at(-1)?.[1] ?? 0;
  const codes = new Map(known.map(([name, number]) => [number, codeOf(name)]));
  const segments: Segment[] = [];
  for (let number = 0; number <= last; number += 1) {
    const code = codes.get(number) ?? ret(action.errno(unknownCallErrno));
    if (JSON.stringify(segments.at(-1)?.code) !== JSON.stringify(code)) segments.push({ from: number, code });
  }
  // Newer calls, x32 calls and calls that a tracer skipped (-1) fail with ENOSYS.
  return [...segments, { from: Math.min(last + 1, x32), code: ret(action.errno(unknownCallErrno)) }];
}

function codeOf(name: string): Code {
  if (permittedSystemCalls.includes(name)) return ret(action.allow);
  if (unimplementedSystemCalls.includes(name)) return ret(action.errno(unknownCallErrno));
  const comparisons = conditionalSystemCalls[name];
  return comparisons ? whereAny(comparisons) : ret(action.errno(deniedCallErrno));
}

function whereAny(comparisons: readonly ArgumentComparison[]): Code {
  const tests = comparisons.flatMap((comparison): Code => {
    const low = offset.low(comparison.argument);
    const yes = ret(action.allow);
    if (comparison.kind === 'without') {
      const skip = jump('equal', 0, 0, yes.length);
      return [{ op: 'load', offset: low }, { op: 'and', mask: comparison.mask }, skip, ...yes];
    }
    return [
      { op: 'load', offset: low + 4 },
      jump('equal', 0, 0, 2 + yes.length),
      { op: 'load', offset: low },
      jump('equal', comparison.value, 0, yes.length),
      ...yes,
    ];
  });
  return [...tests, ...ret(action.errno(deniedCallErrno))];
}

function chosen(segments: readonly Segment[]): Code {
  const [first] = segments;
  if (!first || segments.length === 1) return first?.code ?? ret(action.kill);
  const half = segments.length >> 1;
  const below = chosen(segments.slice(0, half));
  const above = chosen(segments.slice(half));
  // Conditional jumps skip at most 255 instructions, so an unconditional one reaches `above`.
  return [jump('atLeast', segments[half]?.from ?? 0, 0, 1), { op: 'skip', count: below.length }, ...below, ...above];
}
