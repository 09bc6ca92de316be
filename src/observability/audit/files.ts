import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type AuditPosition, parseAuditRow } from './row.ts';

const form = /^\d{8}T\d{9}Z-[0-9a-z]+-\d{6}\.jsonl$/;

export const formatAuditFileName = (since: number, process: string, part: number): string =>
  `${new Date(since).toISOString().replaceAll(/[-:.]/g, '')}-${process}-${String(part).padStart(6, '0')}.jsonl`;

export const parseAuditFilePrefix = (file: string): string => file.slice(0, file.lastIndexOf('-'));

export function listAuditFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => form.test(name))
      .sort();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  }
}

/** `torn`: the last line is incomplete, because the server was killed during a write. */
export function readAuditLines(folder: string, file: string): { lines: string[]; torn: boolean } {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  return { torn: lines.pop() !== '', lines };
}

export function findLatestAuditPosition(folder: string): AuditPosition | undefined {
  for (const file of listAuditFiles(folder).reverse()) {
    const mac = parseAuditRow(readAuditLines(folder, file).lines.at(-1) ?? '')?.mac;
    if (mac !== undefined) return { file, mac };
  }
  return undefined;
}

export const readFileSize = (folder: string, file: string): number => statSync(join(folder, file)).size;
