import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { StartCommand } from '../../../../src/core/model/sandboxes/built-template.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { runStartCommand } from '../../../../src/sandboxes/services/start-services.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

type Client = Pick<SandboxClient, 'exec' | 'jobs' | 'ports'>;

/** A sandbox that has not started anything yet. `looks`: the result of each check whether the program is ready. */
function sandbox(looks: readonly boolean[] = [], refusal?: AppError) {
  const clock = manualClock();
  const did: string[] = [];
  const reports: string[] = [];
  let [isMarked, at] = [false, 0];
  const look = () => looks[at++] ?? false;
  const client = {
    async exec({ command }: { readonly command: string }) {
      if (command.startsWith('mkdir ')) {
        const exitCode = isMarked ? 1 : 0;
        isMarked = true;
        return { exitCode };
      }
      did.push(command);
      return { exitCode: look() ? 0 : 1 };
    },
    jobs: {
      async start({ argv, cwd }: { readonly argv: readonly string[]; readonly cwd: string }) {
        if (refusal) throw refusal;
        did.push(`start ${argv.at(-1)} in ${cwd}`);
      },
    },
    ports: {
      async list() {
        did.push('ports');
        return look() ? [{ port: 80 }] : [{ port: 8080 }];
      },
    },
  } as unknown as Client;
  /** Time continues whenever nothing else happens. */
  const run = async (start: Omit<StartCommand, 'folder'>, signal = new AbortController().signal) => {
    let isOver = false;
    const running = runStartCommand(
      { client, start: { ...start, folder: '/app' }, clock, tell: (text) => void reports.push(text) },
      signal,
    );
    const ended = running.finally(() => {
      isOver = true;
    });
    ended.catch(() => {});
    while (!isOver) {
      await new Promise(setImmediate);
      clock.advance(500);
    }
    await ended;
  };
  return { did, reports, run };
}

test('the command runs once, and the start waits until it is ready', async () => {
  const { did, reports, run } = sandbox([false, false, true]);
  const start = { command: 'serve', ready: { command: 'test -f ready' } };
  await run(start);
  expect(did).toEqual(['start serve in /app', 'test -f ready', 'test -f ready', 'test -f ready']);
  await run(start); // the same processes, thawed
  expect([did.length, reports]).toEqual([4, ["Starts the template's command: serve"]]);
});

test('a port that listens comes from the daemon, and a wait needs no command', async () => {
  const { did, run } = sandbox([false, true]);
  await run({ ready: { port: 80 } });
  expect(did).toEqual(['ports', 'ports']);
});

test('a program that is never ready, or does not start, is reported and blocks nothing', async () => {
  const never = sandbox();
  await never.run({ command: 'serve', ready: { port: 80 } });
  expect(never.reports.at(-1)).toContain('not ready within 45 s: nothing listens on port 80');
  const refused = sandbox([], new AppError('invalid_request', 'There is no folder /app.'));
  await refused.run({ command: 'serve', ready: { port: 80 } });
  expect(refused.reports.at(-1)).toBe("The template's command did not start: There is no folder /app.");
  expect(refused.did).toEqual([]);
});

test('a sandbox that is lost, or no longer needed, ends the wait', async () => {
  const { run } = sandbox([], new AppError('sandbox_lost', 'gone'));
  await expect(run({ command: 'serve' })).rejects.toMatchObject({ code: 'sandbox_lost' });
  const left = new AbortController();
  left.abort(new AppError('cancelled', 'stopped'));
  await expect(sandbox().run({ ready: { port: 80 } }, left.signal)).rejects.toMatchObject({ code: 'cancelled' });
});
