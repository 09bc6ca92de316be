import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { ServerProcess } from '../servers/server-process.ts';

const maxLines = 60;

/** Helps a person to find the cause of a leftover: the folder's content with times, and the session's lines in the server's log. */
export async function evidenceOf(
  sessionId: string,
  server: Pick<ServerProcess, 'data' | 'linesWith'>,
): Promise<string> {
  const folder = join(server.data, 's', sandboxIdOf(sessionId as SessionId));
  const lines = server.linesWith(sessionId);
  const cut = lines.length > maxLines ? [`… ${lines.length - maxLines} earlier lines`] : [];
  return [...(await filesIn(folder)), ...cut, ...lines.slice(-maxLines)].map((line) => `  ${line}`).join('\n');
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const line = async (name: string) => {
    const found = await lstat(join(folder, name)).catch(() => undefined);
    return found && `${found.mtime.toISOString()} ${name} (${found.size} bytes)`;
  };
  return (await Promise.all(['.', ...names.sort()].map(line))).filter((it) => it !== undefined);
}
