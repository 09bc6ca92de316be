import { listAuditFiles, parseAuditFilePrefix, readAuditLines } from './files.ts';
import { type AuditKey, type AuditPosition, parseAuditRow } from './row.ts';

interface AuditReport {
  readonly files: number;
  readonly rows: number;
  readonly broken: readonly string[];
  /** Findings that may have harmless causes, such as a killed server. */
  readonly notes: readonly string[];
  readonly head: AuditPosition | undefined;
}
interface VerifiedFile {
  readonly file: string;
  readonly macs: ReadonlySet<string>;
  readonly last: string;
  readonly lastRow: number;
  readonly ends: boolean;
  readonly before: AuditPosition | undefined;
  readonly firstRow: number;
}

/** `kept`: a position stored outside the log. Its row must exist, unless its file was removed to make room. */
export function verifyAuditLog(folder: string, keys: readonly AuditKey[], kept?: AuditPosition): AuditReport {
  const files = listAuditFiles(folder);
  const [broken, notes]: [string[], string[]] = [[], []];
  const read = new Map<string, VerifiedFile>();
  let rows = 0;
  for (const file of files) {
    const one = readFile(folder, file, { keys, broken, notes });
    if (!one) continue;
    rows += one.macs.size;
    follows(one, read, { oldest: files[0] ?? '', broken, notes });
    read.set(file, one);
  }
  const newest = read.get(files.at(-1) ?? '');
  for (const { file, ends } of endsOf(read)) {
    if (ends || file === newest?.file) continue;
    notes.push(`${file} has no end: its server was killed or still runs, or rows at its end are gone.`);
  }
  if (kept) stands(kept, read, { oldest: files[0] ?? '', broken, notes });
  return { files: files.length, rows, broken, notes, head: newest && { file: newest.file, mac: newest.last } };
}

interface AuditFindings {
  readonly broken: string[];
  readonly notes: string[];
}

function readFile(
  folder: string,
  file: string,
  { keys, broken, notes }: AuditFindings & { keys: readonly AuditKey[] },
): VerifiedFile | undefined {
  const { lines, torn } = readAuditLines(folder, file);
  if (torn) notes.push(`${file}: the last line is not whole; its server was killed while it wrote.`);
  const first = parseAuditRow(lines[0] ?? '');
  const { action, detail } = (first?.row ?? {}) as { action?: string; detail?: Record<string, string> };
  if (!first || action !== 'audit.begin') {
    broken.push(`${file}: the first row, audit.begin, is missing.`);
    return undefined;
  }
  const key = keys.find(({ id }) => id === detail?.key);
  if (!key) {
    broken.push(`${file}: it was sealed with the key ${detail?.key}, which is not configured.`);
    return undefined;
  }
  const macs = new Set<string>();
  const firstRow = Number(first.row.n);
  let [last, row, ends] = ['', firstRow - 1, false];
  for (const line of lines) {
    const opened = parseAuditRow(line);
    if (!opened || opened.row.n !== row + 1 || key.mac(last, opened.text) !== opened.mac) {
      broken.push(`${file}: row ${row + 1} was changed, or is missing.`);
      break;
    }
    row += 1;
    last = opened.mac;
    macs.add(last);
    ends = opened.row.action === 'audit.end';
  }
  const before = detail?.file && detail.mac ? { file: detail.file, mac: detail.mac } : undefined;
  return { file, macs, last, lastRow: row, ends, before, firstRow };
}

function follows(
  { file, before, firstRow }: VerifiedFile,
  read: ReadonlyMap<string, VerifiedFile>,
  { oldest, broken, notes }: AuditFindings & { oldest: string },
): void {
  if (!before) {
    if (file !== oldest) notes.push(`${file} names no file before it, although there are older files.`);
    return;
  }
  const other = read.get(before.file);
  if (!other) {
    if (before.file < oldest) notes.push(`The log begins with ${file}; what was before was removed.`);
    else broken.push(`${before.file} is missing, or cannot be read: ${file} follows it.`);
    return;
  }
  const isSame = parseAuditFilePrefix(other.file) === parseAuditFilePrefix(file);
  const isRight = isSame ? other.last === before.mac && firstRow === other.lastRow + 1 : other.macs.has(before.mac);
  if (!isRight)
    broken.push(`${other.file}: rows at its end are missing or changed: ${file} follows one that is not there.`);
}

function stands(
  { file, mac }: AuditPosition,
  read: ReadonlyMap<string, VerifiedFile>,
  { oldest, broken, notes }: AuditFindings & { oldest: string },
): void {
  if (read.get(file)?.macs.has(mac)) return;
  if (file < oldest) notes.push(`${file} was removed, as old files are, so its recorded row cannot be checked.`);
  else broken.push(`${file}: the recorded row is missing.`);
}

function endsOf(read: ReadonlyMap<string, VerifiedFile>): VerifiedFile[] {
  return [...new Map([...read.values()].map((one) => [parseAuditFilePrefix(one.file), one])).values()];
}
