import type Dockerode from 'dockerode';
import { systemClock } from '../../src/core/contracts/clock.ts';
import { callEngine, readEngineErrorStatus } from './engine.ts';

export const workspacePath = '/workspace';
const blockBytes = 512;

/** Programs such as `cp -a` change the folder's mode and times, so the user must own it. Ignores error responses. */
export async function changeWorkspaceOwner(
  engine: Dockerode,
  { id, user }: { readonly id: string; readonly user: number },
  signal: AbortSignal,
): Promise<void> {
  const options = { path: workspacePath, abortSignal: signal };
  await callEngine(signal, () => engine.getContainer(id).putArchive(createChownArchive(user), options)).catch(
    (error: unknown) => {
      if (readEngineErrorStatus(error) === undefined) throw error;
    },
  );
}

/** The entry is `/`, because the engine would skip `./`. */
export function createChownArchive(user: number): Buffer {
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const header = Buffer.alloc(blockBytes);
  const fields: readonly [at: number, text: string][] = [
    [0, '/'],
    [100, octal(0o755, 8)],
    [108, octal(user, 8)],
    [116, octal(user, 8)],
    [124, octal(0, 12)],
    [136, octal(Math.floor(systemClock.now() / 1_000), 12)],
    [148, ' '.repeat(8)], // the checksum counts its own field as spaces
    [156, '5'],
    [257, 'ustar\x0000'],
  ];
  for (const [at, text] of fields) header.write(text, at, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)} `, 148, 'latin1');
  return Buffer.concat([header, Buffer.alloc(2 * blockBytes)]);
}
