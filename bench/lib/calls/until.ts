import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../measure/generator.ts';

/** Looks every 10 ms. Rejects if the condition does not hold within 30 s, or within the timeout. */
export async function until(
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
