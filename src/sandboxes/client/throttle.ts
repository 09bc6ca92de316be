import { setTimeout as pause } from 'node:timers/promises';

const turnMs = 50;
const bytesPerTurn = 2 * 1024 * 1024;

/** Limits a reader to 40 MiB a second, so that one terminal with endless output does not starve the others. */
export function throttle(onBytes: (chunk: Uint8Array) => void | Promise<void>): (chunk: Uint8Array) => Promise<void> {
  let began = performance.now();
  let bytes = 0;
  return async (chunk) => {
    const now = performance.now();
    if (now - began >= turnMs) [began, bytes] = [now, 0];
    bytes += chunk.length;
    await onBytes(chunk);
    if (bytes < bytesPerTurn) return;
    await pause(Math.max(1, began + turnMs - performance.now()));
  };
}
