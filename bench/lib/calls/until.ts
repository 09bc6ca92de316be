import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../measure/generator.ts';

/** Checks the condition every 10 ms. Rejects if it does not hold within the timeout. */
export async function waitUntil(
  isSo: () => boolean | Promise<boolean>,
  awaited: string,
  patienceMs = 30_000,
): Promise<void> {
  const deadline = monotonicMs() + patienceMs;
  while (!(await isSo())) {
    if (monotonicMs() > deadline) throw new Error(`After ${patienceMs / 1_000} s it was not so that ${awaited}.`);
    await pause(10);
  }
}
