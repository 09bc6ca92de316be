import { describe, expect, test } from 'vitest';
import { type Architecture, systemCallNumbers } from '../../../drivers/shared/seccomp/numbers.ts';
import { createSeccompProfile } from '../../../drivers/shared/seccomp/oci.ts';
import { buildSeccompProgram } from '../../../drivers/shared/seccomp/program.ts';
import {
  conditionalSystemCalls,
  deniedSystemCalls,
  permittedSystemCalls,
  unimplementedSystemCalls,
} from '../../../drivers/shared/seccomp/rules.ts';

const allow = 0x7fff_0000;
const kill = 0x8000_0000;
const errno = (code: number) => 0x0005_0000 | code;
const [perm, nosys] = [errno(1), errno(38)];
const arches = { x64: 0xc000_003e, arm64: 0xc000_00b7 };

interface SystemCall {
  readonly number: number;
  readonly arch: number;
  readonly args?: readonly bigint[];
}
/** Interprets the filter program for one system call, as the kernel does. */
function verdict(program: Buffer, { number, arch, args = [] }: SystemCall): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const [code, whenTrue, whenFalse] = [
      program.readUInt16LE(at * 8),
      program.readUInt8(at * 8 + 2),
      program.readUInt8(at * 8 + 3),
    ];
    const operand = program.readUInt32LE(at * 8 + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0;
    else if (code === 0x05) at += operand;
    else if (code === 0x15) at += accumulator === operand ? whenTrue : whenFalse;
    else if (code === 0x35) at += accumulator >= operand ? whenTrue : whenFalse;
    else if (code === 0x06) return operand;
    else throw new Error(`There is no instruction ${code}.`);
  }
  throw new Error('The program runs past its end.');
}

const machines: Architecture[] = ['x64', 'arm64'];
const groups = [
  permittedSystemCalls,
  unimplementedSystemCalls,
  Object.keys(conditionalSystemCalls),
  ...Object.values(deniedSystemCalls),
];

test('every system call is in exactly one list', () => {
  const names = groups.flat();
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  const known = new Set(machines.flatMap((machine) => [...systemCallNumbers(machine).keys()]));
  expect([...known].filter((name) => !names.includes(name))).toEqual([]);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

describe.each(machines)('the program for %s', (machine) => {
  const program = buildSeccompProgram(machine) as Buffer;
  const numbers = systemCallNumbers(machine);
  const requested = (name: string, ...args: (number | bigint)[]) =>
    verdict(program, { number: numbers.get(name) as number, arch: arches[machine], args: args.map(BigInt) });

  test('decides each call by its name', () => {
    for (const name of numbers.keys()) {
      if (name in conditionalSystemCalls) continue;
      const expected = permittedSystemCalls.includes(name)
        ? allow
        : unimplementedSystemCalls.includes(name)
          ? nosys
          : perm;
      expect([name, requested(name)]).toEqual([name, expected]);
    }
  });

  test('lets sockets of four families be made, and no others', () => {
    for (const family of [1, 2, 10, 16]) expect(requested('socket', family)).toBe(allow);
    for (const family of [0, 3, 15, 17, 31, 38, 40, 44])
      expect([family, requested('socket', family)]).toEqual([family, perm]);
    expect(requested('socket', (1n << 32n) | 2n)).toBe(perm);
  });

  test('lets threads and processes be made, and no name spaces', () => {
    expect(requested('clone', 0x003d_0f00)).toBe(allow);
    for (const bit of [17, 25, 26, 27, 28, 29, 30])
      expect([bit, requested('clone', 1n << BigInt(bit))]).toEqual([bit, perm]);
  });

  test('lets a program ask who it is, and be of the usual kinds', () => {
    expect(requested('personality', 0xffff_ffff)).toBe(allow);
    expect(requested('personality', 0x0400_000)).toBe(perm);
  });

  test("kills calls of another machine's convention and refuses unknown numbers", () => {
    expect(verdict(program, { number: 0, arch: 0x4000_0003 })).toBe(kill);
    for (const number of [0x4000_0000, 0x4000_0000 + 1, 0xffff_ffff, 999])
      expect(verdict(program, { number, arch: arches[machine] })).toBe(nosys);
  });
});

test('an unknown machine has no program', () => expect(buildSeccompProgram('riscv64')).toBeUndefined());

test('the profile for engines has the same lists', () => {
  const profile = JSON.parse(createSeccompProfile());
  expect(profile).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1 });
  expect(profile.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64']);
  const [plain, ...others] = profile.syscalls;
  expect(plain).toEqual({ names: permittedSystemCalls, action: 'SCMP_ACT_ALLOW' });
  expect(others.filter((it: { action: string }) => it.action !== 'SCMP_ACT_ALLOW')).toEqual([
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
  ]);
  const conditional = others.filter((it: { args?: unknown }) => it.args !== undefined);
  expect(new Set(conditional.flatMap((it: { names: string[] }) => it.names))).toEqual(
    new Set(Object.keys(conditionalSystemCalls)),
  );
});
