import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export const tryReadText = (file: string): string | undefined => ifReadable(() => readFileSync(file, 'utf8'));
export const tryReadLink = (file: string): string | undefined => ifReadable(() => readlinkSync(file));
export const tryListFolder = (folder: string): string[] => ifReadable(() => readdirSync(folder)) ?? [];

function ifReadable<Content>(read: () => Content): Content | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
