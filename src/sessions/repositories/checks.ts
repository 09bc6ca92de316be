import type { CheckResult, RepositoryEnvironment } from '../../core/model/repository-environment.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import { endOf } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { printable } from './environments.ts';

type Check = RepositoryEnvironment['checks'][number];
const checkMs = 15 * 60_000;
const outputChars = 4_000;

/** Runs a check as the sandbox's user in the folder of its repository. */
export async function runCheck(
  client: Pick<SandboxClient, 'exec' | 'workdir'>,
  { path, check: { command } }: { readonly path: string; readonly check: Check },
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<CheckResult> {
  const line = `cd -- ${quoteForShell(`${client.workdir}/${path}`)} && bash -c ${quoteForShell(command)} </dev/null 2>&1`;
  const { exitCode, stdout, timedOut } = await client.exec({ command: line, timeoutMs: checkMs }, signal);
  return {
    status: timedOut ? 'timed_out' : exitCode === 0 ? 'passed' : 'failed',
    exitCode: timedOut ? 124 : exitCode,
    output: endOf(printable(stdout), outputChars),
    at: now(),
  };
}
