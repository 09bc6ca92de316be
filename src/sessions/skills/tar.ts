import { tarEnd, tarHeaders, tarPadding } from '../../core/text/tar.ts';
import type { SkillEntry } from '../api/server/skills.ts';

/** The files as one archive. Paths have at most 200 bytes. */
export function tarOf(files: readonly (SkillEntry & { readonly bytes: Uint8Array })[], folder: string): Buffer {
  const parts = files.flatMap(({ path, bytes, executable }) => [
    ...tarHeaders(`${folder}/${path}`, bytes.length, executable ? 0o555 : 0o444),
    bytes,
    tarPadding(bytes.length),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}
