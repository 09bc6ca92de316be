import { AppError } from '../../../core/errors/errors.ts';
import type { FileStream } from '../../api/streams.ts';

export type TransferHeader = Pick<FileStream, 'size' | 'version'>;
export const maxFileVersionChars = 100;

/** Strips the header line from a transfer. Passes its size and version to `found`. */
export function createTransferHeaderReader(
  found: (heading: TransferHeader) => void,
): (bytes: Uint8Array) => Uint8Array {
  let line = '';
  let isDone = false;
  return (bytes) => {
    if (isDone) return bytes;
    const end = bytes.indexOf(10);
    line += Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
    if (end < 0 && line.length < maxFileVersionChars) return new Uint8Array();
    isDone = true;
    const [size = '', version = ''] = line.split(' ', 2);
    if (!/^\d{1,16}$/.test(size)) throw missingSizeError();
    found({ size: Number(size), version: parseFileVersion(version) });
    return bytes.subarray(end + 1);
  };
}

export const missingSizeError = () => new AppError('sandbox_untrusted', "The sandbox did not send the file's size.");

/** Validates the version, because it comes from the sandbox and goes into a response header. */
export function parseFileVersion(message: string): string {
  if (/^\d{1,16}-\d{1,12}\.\d{9}$/.test(message)) return message;
  throw new AppError('sandbox_untrusted', "The sandbox did not send the file's version.");
}
