import { AppError } from '../../../core/errors/errors.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

const maxFileBytes = 10 * 1024 * 1024;

/** Rejects: payload_too_large (the file is larger than 10 MiB), and the codes of `readFile`. */
export async function readWholeFile(
  client: Pick<SandboxClient, 'readFile'>,
  path: string,
  signal: AbortSignal,
): Promise<Buffer> {
  // Requests one byte over the limit to detect a larger file.
  const bytes = await client.readFile(path, signal, { maxBytes: maxFileBytes + 1 });
  if (bytes.length > maxFileBytes)
    throw new AppError('payload_too_large', `The file is larger than ${maxFileBytes} bytes.`);
  return bytes;
}
