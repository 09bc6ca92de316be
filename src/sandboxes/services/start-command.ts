import { createTimeoutSignal, sleep } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { StartCommand } from '../../core/model/sandboxes/built-template.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../client/client.ts';

interface Start {
  readonly client: Pick<SandboxClient, 'exec' | 'jobs' | 'ports'>;
  readonly start: StartCommand;
  readonly clock: Clock;
  readonly tell: (detail: string) => void;
}

/** Time limit until the program is ready; shorter than the time that clients wait for a new sandbox. */
const patienceMs = 45_000;
const lookEveryMs = 500;
const markMs = 10_000;
const shownChars = 200;
/**
 * A folder that marks the program as started. The sandbox's memory disk holds it, so it is lost when the sandbox's processes end.
 * A pause that freezes them keeps it.
 */
const mark = '/tmp/.corral-started';

/**
 * Starts a built template's program in a sandbox, once per start of the sandbox's processes, and waits until the program is
 * ready. A program that does not start or is not ready in time is only reported. Rejects when the signal fires, or the sandbox is
 * lost or cannot run programs.
 */
export async function runStartCommand({ client, start, clock, tell }: Start, signal: AbortSignal): Promise<void> {
  const { exitCode } = await client.exec({ command: `mkdir ${mark} 2>/dev/null`, timeoutMs: markMs }, signal);
  if (exitCode !== 0) return;
  const { command, folder, ready } = start;
  if (command !== undefined) {
    tell(`Starts the template's command: ${truncateEnd(command, shownChars)}`);
    const argv = ['/bin/bash', '-l', '-c', command];
    const job = { id: 'start-command', argv, cwd: folder, label: 'start command', input: false };
    const failure = await client.jobs.start(job, signal).then(() => undefined, refusal);
    if (failure !== undefined) return tell(`The template's command did not start: ${failure}`);
  }
  if (ready === undefined) return;
  using until = createTimeoutSignal(patienceMs, clock, signal);
  try {
    while (!(await isReady({ client, ready, folder }, until.signal))) await sleep(lookEveryMs, until.signal, clock);
  } catch (thrown) {
    if (signal.aborted || !until.signal.aborted) throw thrown;
    const what =
      'port' in ready ? `port ${ready.port} does not listen` : `${truncateEnd(ready.command, shownChars)} fails`;
    tell(
      `The template's command was not ready within ${patienceMs / 1_000} s: ${what}. The sandbox continues without it.`,
    );
  }
}

interface ReadinessCheck {
  readonly client: Start['client'];
  readonly ready: NonNullable<StartCommand['ready']>;
  readonly folder: string;
}
async function isReady({ client, ready, folder }: ReadinessCheck, signal: AbortSignal): Promise<boolean> {
  if ('port' in ready) return (await client.ports.list(signal)).some(({ port }) => port === ready.port);
  return (await client.exec({ command: ready.command, cwd: folder, timeoutMs: patienceMs }, signal)).exitCode === 0;
}

function refusal(thrown: unknown): string {
  const isOurs = thrown instanceof AppError && ['file_not_found', 'invalid_request', 'conflict'].includes(thrown.code);
  if (isOurs) return thrown.publicMessage;
  throw thrown;
}
