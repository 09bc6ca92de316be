import { type Architecture, systemCallNumbers } from './numbers.ts';
import {
  type ArgumentComparison,
  conditionalSystemCalls,
  deniedCallErrno,
  permittedSystemCalls,
  unimplementedSystemCalls,
  unknownCallErrno,
} from './rules.ts';

const architectures: Readonly<Record<Architecture, string>> = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };
const machines = Object.keys(architectures) as Architecture[];

/**
 * JSON for Docker's `SecurityOpt` and a kubelet's `Localhost` profile. 32-bit and x32 programs are killed. `also`:
 * further calls that fail with ENOSYS.
 */
export function createSeccompProfile(also: readonly string[] = []): string {
  const known = machines.flatMap((machine) => [...systemCallNumbers(machine).keys()]);
  const there = new Set(known.filter((name) => !also.includes(name)));
  const allow = { action: 'SCMP_ACT_ALLOW' };
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: deniedCallErrno,
    architectures: Object.values(architectures),
    syscalls: [
      { names: permittedSystemCalls.filter((name) => there.has(name)), ...allow },
      ...Object.entries(conditionalSystemCalls).flatMap(([name, comparisons]) =>
        comparisons.map((comparison) => ({ names: [name], ...allow, args: [argumentOf(comparison)] })),
      ),
      { names: [...unimplementedSystemCalls, ...also], action: 'SCMP_ACT_ERRNO', errnoRet: unknownCallErrno },
    ],
  });
}

function argumentOf(comparison: ArgumentComparison) {
  const { argument: index } = comparison;
  return comparison.kind === 'equal'
    ? { index, value: comparison.value, op: 'SCMP_CMP_EQ' }
    : { index, value: comparison.mask, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' };
}
