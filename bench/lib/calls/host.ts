import { execFileSync, type ExecFileSyncOptionsWithStringEncoding as Options } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import type { BenchResult } from '../report/result.ts';

const quietly: Options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5_000 };

function output(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, quietly).trim();
  } catch {
    return '';
  }
}

export const describeHost = (): BenchResult['host'] => ({
  cpu: cpus()[0]?.model.trim() ?? '',
  cores: cpus().length,
  memGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
  engine: output('docker', 'info', '--format', '{{.ServerVersion}}'),
});

export const describeCommit = (): Pick<BenchResult, 'commit' | 'dirty'> => ({
  commit: output('git', 'rev-parse', 'HEAD'),
  dirty: output('git', 'status', '--porcelain', '--untracked-files=no') !== '',
});
