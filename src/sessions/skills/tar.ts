import { createTarHeaders, createTarPadding, tarEnd } from '../../core/text/tar.ts';
import type { SkillFileEntry } from '../api/server/skills.ts';

interface TarEntry extends Pick<SkillFileEntry, 'path' | 'executable'> {
  readonly bytes: Uint8Array;
}

export function createTar(files: readonly TarEntry[], folder: string): Buffer {
  const parts = files.flatMap(({ path, bytes, executable }) => [
    ...createTarHeaders(`${folder}/${path}`, bytes.length, executable ? 0o555 : 0o444),
    bytes,
    createTarPadding(bytes.length),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}
