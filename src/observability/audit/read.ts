import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditQuery, AuditRowPage } from '../../core/model/access/audit.ts';
import { listAuditFiles } from './files.ts';
import { parseAuditRow } from './row.ts';

const pieceBytes = 256 * 1024;
const mostBytes = 8 * 1024 * 1024; // maximum bytes read by one call

type Row = AuditRowPage['rows'][number];

/** Newest file first, newest row first. `next` is null at the end. */
export async function readAuditRows(folder: string, query: AuditQuery): Promise<AuditRowPage> {
  const rows: Row[] = [];
  const matches = matcher(query);
  const [lastFile = '', lastAt = ''] = query.before?.split(':') ?? [];
  let left = mostBytes;
  for (const file of listAuditFiles(folder).reverse()) {
    if (lastFile !== '' && file > lastFile) continue;
    await using handle = await openIfThere(join(folder, file));
    if (!handle) continue;
    const { size } = await handle.stat();
    let end = file === lastFile ? Math.min(Number(lastAt), size) : size;
    while (end > 0) {
      const start = Math.max(0, end - pieceBytes);
      const piece = await readPiece(handle, start, end);
      const first = start === 0 ? 0 : piece.indexOf(newline) + 1; // a piece can start in the middle of a line
      for (const { from, line } of linesBackwards(piece, first)) {
        const row = toRow(line, `${file}:${start + from}`);
        if (!row || !matches(row, line)) continue;
        rows.push(row);
        if (rows.length === query.limit) return { rows, next: row.id };
      }
      left -= end - start;
      end = start === 0 || first === 0 ? start : start + first;
      if (left <= 0) return { rows, next: `${file}:${end}` };
    }
  }
  return { rows, next: null };
}

const newline = 10;

function* linesBackwards(piece: Buffer, first: number) {
  for (let end = piece.length; end > first; ) {
    const from = Math.max(first, piece.lastIndexOf(newline, end - 2) + 1);
    yield { from, line: piece.toString('utf8', from, end).trimEnd() };
    end = from;
  }
}

async function readPiece(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const piece = Buffer.alloc(end - start);
  const { bytesRead } = await handle.read(piece, 0, piece.length, start);
  return piece.subarray(0, bytesRead);
}

/** Returns undefined if the file was removed to make room. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return await open(path, 'r').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
}

function toRow(line: string, id: string): Row | undefined {
  const row = parseAuditRow(line)?.row as Partial<Row> | undefined;
  if (!row) return undefined;
  const { n = 0, at = '', action = '', outcome = '', by = '', detail = {} } = row;
  const { target = null, key = null, role = null, address = null, request = null } = row;
  return { id, n, at, action, target, outcome, by, key, role, address, request, detail };
}

function matcher({ from = 0, to = Infinity, action, target, key, outcome, text }: AuditQuery) {
  const needle = text?.toLowerCase();
  return (row: Row, line: string): boolean => {
    const at = Date.parse(row.at);
    return (
      at >= from &&
      at < to &&
      (action === undefined || row.action === action || row.action.startsWith(`${action}.`)) &&
      (target === undefined || row.target === target) &&
      (key === undefined || row.key === key) &&
      (outcome === undefined || (row.outcome === 'done') === (outcome === 'done')) &&
      (needle === undefined || line.slice(0, line.lastIndexOf(',"mac":"')).toLowerCase().includes(needle))
    );
  };
}
