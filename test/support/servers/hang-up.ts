import { expect, test } from 'vitest';
import type { ExecResult } from '../../../src/sandboxes/client/client.ts';

interface CommandCall {
  /** The address to which the test posts a command. */
  readonly url: string;
  readonly body: object;
  /** All requests that the server has seen to their end. */
  readonly requests: readonly unknown[];
  /** Puts this in the place of the service that runs commands. */
  onExec(exec: (signal: AbortSignal) => Promise<ExecResult>): void;
}

const cases = [
  ['with a key goes on when its client hangs up, and is not done again', { 'idempotency-key': 'k' }, false],
  ['without one ends with its client', {}, true],
] as const;

/** Tests the fate of a command whose client hangs up. `open` starts the facade's server; `stdout` names the answer's field. */
export function testHangingUp(open: () => Promise<CommandCall & AsyncDisposable>, stdout: string): void {
  test.each(cases)('F095 a command %s', async (_name, headers, isAborted) => {
    await using call = await open();
    const signals: AbortSignal[] = [];
    const done = Promise.withResolvers<void>();
    call.onExec(async (signal) => {
      signals.push(signal);
      await done.promise;
      return { exitCode: 0, stdout: 'once', stderr: '', timedOut: false };
    });
    const hangUp = new AbortController();
    const init = { method: 'POST', headers, body: JSON.stringify(call.body) };
    const first = fetch(call.url, { ...init, signal: hangUp.signal });
    await expect.poll(() => signals.length).toBe(1);
    const before = call.requests.length;
    hangUp.abort();
    await expect(first).rejects.toThrow();
    await expect.poll(() => call.requests.length).toBe(before + 1); // the server has seen it too
    expect(signals[0]?.aborted).toBe(isAborted);
    done.resolve();
    if (isAborted) return;
    const again = async () => await fetch(call.url, init);
    await expect.poll(async () => await (await again()).json()).toMatchObject({ [stdout]: 'once' });
    expect([(await again()).headers.get('idempotency-replayed'), signals.length]).toEqual(['true', 1]);
  });
}
