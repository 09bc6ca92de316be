import { toRequestInit } from './bodies.ts';
import type { Connection } from './connection.ts';
import { type FileContent, toBody } from './files.ts';
import type { Snapshot } from './types.ts';

/** A snapshot as one file, which another installation can import. `idOrName`: for the caller's own snapshots. */
export async function exportSnapshot(
  server: Connection,
  idOrName: string,
  options: { signal?: AbortSignal } = {},
): Promise<{ size: number; body: ReadableStream<Uint8Array> }> {
  const all = await server.call((api) => api.snapshots.list.query());
  const id = all.find((one) => one.id === idOrName || one.name === idOrName)?.id ?? idOrName;
  const at = `/api/v1/snapshots/${encodeURIComponent(id)}/archive`;
  const { headers, body } = await server.request(at, options);
  return { size: Number(headers.get('content-length')), body: body ?? new Blob([]).stream() };
}

/** Imports a snapshot that another installation exported. */
export async function importSnapshot(
  server: Connection,
  content: FileContent,
  { name, ...options }: { name?: string; signal?: AbortSignal } = {},
): Promise<Snapshot> {
  const init = { method: 'POST', headers: { 'content-type': 'application/x-tar' }, ...options };
  const query = name === undefined ? '' : `?name=${encodeURIComponent(name)}`;
  const body = await toRequestInit(toBody(content));
  const response = await server.request(`/api/v1/snapshots/archive${query}`, { ...init, ...body });
  return (await response.json()) as Snapshot;
}
