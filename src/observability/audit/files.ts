import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type AuditPlace, openRow } from './row.ts';

// Each process writes files of its own, one after another, so that no two ever write to the same: by its start, a name
// that no other has, and their number. In the order of their names they are in the order of their begins.

const form = /^\d{8}T\d{9}Z-[0-9a-z]+-\d{6}\.jsonl$/;

export const auditFile = (since: number, process: string, part: number): string =>
  `${new Date(since).toISOString().replaceAll(/[-:.]/g, '')}-${process}-${String(part).padStart(6, '0')}.jsonl`;

/** What all files of one process begin with. */
export const processOf = (file: string): string => file.slice(0, file.lastIndexOf('-'));

/** The oldest first; none where there is no such folder. */
export function auditFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => form.test(name))
      .sort();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  }
}

/** `torn`: the last line is not whole, as where a server was killed while it wrote. */
export function auditLines(folder: string, file: string): { lines: string[]; torn: boolean } {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  return { torn: lines.pop() !== '', lines };
}

/** The newest row there is. */
export function newestPlace(folder: string): AuditPlace | undefined {
  for (const file of auditFiles(folder).reverse()) {
    const mac = openRow(auditLines(folder, file).lines.at(-1) ?? '')?.mac;
    if (mac !== undefined) return { file, mac };
  }
  return undefined;
}

export const sizeOf = (folder: string, file: string): number => statSync(join(folder, file)).size;
