import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { maxUntruncatedChars } from '../../src/agents/tools/output.ts';
import type { CommandTerminal } from '../../src/app/commands/command.ts';
import { resolveServerAddress, sendServerRequest, urlOption } from '../../src/app/commands/server-request.ts';
import { type CorralClient, createCorralClient, type Event } from '../../src/client/index.ts';
import { throwIfAborted } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { readCapturedRun } from './captured.ts';
import { createTaskFiles, isSafeRelativePath, type WorkspaceFile } from './task-files.ts';

export const captureUsage = '<session> [--to FOLDER] [--url <address>]';

const maxFiles = 500;
const maxBytes = 1024 * 1024; // per file; larger files are omitted

/** Rejects with invalid_request (arguments, unknown session) or conflict (the folder exists, too many files). */
export async function captureSession(
  args: readonly string[],
  { print, say, signal }: CommandTerminal,
): Promise<number> {
  const { session, to, url, token } = parsed(args);
  if (existsSync(to)) throw new AppError('conflict', `${to} already exists. Choose another folder with --to.`);
  const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  await sendServerRequest(`${url}/api/v1/sessions`, { signal, ...headers });
  using corral = createCorralClient({ url, transport: 'ws', ...(token && { token }) });
  const events = await eventsOf(corral, session);
  const captured = readCapturedRun(events, maxUntruncatedChars);
  if (!captured) throw new AppError('invalid_request', `The session ${session} has no task yet.`);
  const { workdir } = await corral.sandbox.status.query({ sessionId: session });
  const { files, left } = await workspaceOf(corral, session, signal);
  for (const [path, content] of createTaskFiles({ session, captured, workdir, files })) {
    const file = join(to, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: path.endsWith('.sh') ? 0o755 : 0o644 });
  }
  const changed = files.filter(({ modified }) => modified >= captured.at).length;
  print(
    `${to}: ${captured.recording.length} recorded turns, ${changed} changed files, ${files.length - changed} others`,
  );
  if (captured.furtherMessages > 0) {
    say(
      `Only the first message became the task; the session had ${captured.furtherMessages} more. Edit instruction.md.`,
    );
  }
  if (left.length > 0) say(`Skipped, because they are larger than ${maxBytes} bytes: ${left.join(', ')}`);
  say(`Review tests/check.py, then verify it: npm run eval -- --check --tasks ${to}`);
  return 0;
}

async function eventsOf(corral: CorralClient, sessionId: string): Promise<Event[]> {
  const all: Event[] = [];
  for (;;) {
    const afterSeq = all.at(-1)?.seq ?? 0;
    const { events, lastSeq } = await corral.events.list.query({ sessionId, afterSeq, limit: 1_000 }).catch(refused);
    all.push(...events);
    if (events.length === 0 || (all.at(-1)?.seq ?? 0) >= lastSeq) return all;
  }
}
const refused = (cause: Error): never => {
  throw new AppError('invalid_request', `The session cannot be read: ${cause.message}.`, { cause });
};

async function workspaceOf(corral: CorralClient, sessionId: string, signal: AbortSignal) {
  const skipped = ['.git', '.corral', 'node_modules', '.venv', '__pycache__']
    .map((name) => `-name ${name}`)
    .join(' -o ');
  const command = `find . -type d \\( ${skipped} \\) -prune -o -type f -printf '%T@ %s %P\\0'`;
  await corral.sandbox.start.mutate({ sessionId }).catch(refused);
  const { stdout, exitCode, stderr } = await corral.sandbox.exec.mutate({ sessionId, command });
  if (exitCode !== 0) throw new AppError('invalid_request', `The workspace cannot be listed: ${stderr.slice(0, 300)}`);
  const listed = stdout.split('\0').flatMap((line) => {
    const [, modified, size, path = ''] = /^([\d.]+) (\d+) (.+)$/s.exec(line) ?? [];
    return isSafeRelativePath(path) ? [{ path, size: Number(size), modified: Number(modified) * 1_000 }] : [];
  });
  const requested = listed.filter(({ size }) => size <= maxBytes);
  if (requested.length > maxFiles) {
    throw new AppError('conflict', `The workspace has ${requested.length} files; a task has at most ${maxFiles}.`);
  }
  const files: WorkspaceFile[] = [];
  for (const { path, modified } of requested) {
    throwIfAborted(signal);
    const { content } = await corral.files.read.query({ sessionId, path, encoding: 'base64' }).catch(refused);
    files.push({ path, modified, bytes: Buffer.from(content, 'base64') });
  }
  return { files, left: listed.filter(({ size }) => size > maxBytes).map(({ path }) => path) };
}

function parsed(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { to: { type: 'string' }, ...urlOption },
    });
    const [session, ...more] = positionals;
    if (session === undefined || !/^[0-9a-f]{16}$/.test(session) || more.length > 0) {
      throw new Error('capture needs the id of one session');
    }
    return { session, to: values.to ?? `captured-${session}`, ...resolveServerAddress(values.url) };
  } catch (error) {
    throw new AppError('invalid_request', `${(error as Error).message}. It takes capture ${captureUsage}.`);
  }
}
