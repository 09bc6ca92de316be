import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';

/** Where displays have their sockets: `X100` for the display `:100`. */
export const displaySockets = '/tmp/.X11-unix';
const [least, beyond] = [100, 10_000] as const;
const attempts = 1_000;

/**
 * A display number without a socket. It is chosen at random, because displays that start at once on one machine would take
 * the same first free one. A socket stays when its display is killed, and another user's Xvnc cannot replace it.
 */
export async function unusedDisplayNumber(folder = displaySockets): Promise<number> {
  const names = await readdir(folder).catch(() => []); // Xvnc makes the folder
  const taken = new Set(names);
  let number = randomInt(least, beyond);
  for (let left = attempts; left > 0 && taken.has(`X${number}`); left--) number = randomInt(least, beyond);
  return number;
}
