import { posix } from 'node:path';
import type { EventLog } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ConsoleEntry, FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { formatShellPrompt } from '../../core/model/prompt.ts';
import type { ShellView } from '../../sandboxes/client/client.ts';
import { readEventsFrom } from '../engine/run-fold.ts';

// Views include unfinished tool calls, because some web pages request a view only once, when the call starts.

interface ShellRequest {
  readonly shell: string;
  readonly workdir: string;
}

export async function readShellFromLog(
  log: EventLog,
  id: SessionId,
  { shell, workdir }: ShellRequest,
): Promise<ShellView> {
  let console: readonly ConsoleEntry[] | undefined;
  let open: ConsoleEntry | undefined;
  for await (const event of readEventsFrom(log, id, 1)) {
    if (event.type !== 'tool.called' && event.type !== 'tool.calling') continue;
    if (event.data.tool !== 'shell' || event.data.args.id !== shell) continue;
    if (event.type === 'tool.calling') {
      console ??= [];
      open = begun(event.data, workdir);
      continue;
    }
    const { content, output, reason } = event.data;
    const before: readonly ConsoleEntry[] | undefined = console;
    if (content && 'console' in content) {
      // A cancelled command's result lacks earlier entries, so they are kept.
      const isAlone = reason !== undefined && content.console.length === 1;
      console = isAlone && before ? [...before, ...content.console] : content.console;
      // The command never started; the output explains why.
    } else if (open) console = [...(before ?? []), { ...open, output }];
    open = undefined;
  }
  if (!console) throw new AppError('shell_not_found', `There is no shell session "${shell}" in this session.`);
  return { id: shell, console: open ? [...console, open] : console };
}

function begun({ function: name, args }: FactOf<'tool.calling'>['data'], workdir: string): ConsoleEntry | undefined {
  if (name !== 'shell_exec' || typeof args.command !== 'string') return undefined;
  const cwd = typeof args.exec_dir === 'string' ? posix.resolve(workdir, args.exec_dir) : workdir;
  return { ps1: formatShellPrompt(workdir, cwd), command: args.command, output: '' };
}

interface FileRequest {
  readonly path: string;
  readonly workdir: string;
}

export async function readFileFromLog(log: EventLog, id: SessionId, fileRequest: FileRequest): Promise<Buffer> {
  const { content, isOpen } = await lastOfFile(log, id, fileRequest);
  if (content === undefined && isOpen) return nothingYet;
  if (content === undefined) {
    throw new AppError(
      'file_not_found',
      'There is no such file, or its sandbox is stopped: send a message to start it.',
    );
  }
  return Buffer.from(content);
}

export async function readPlaceholderForOpenFile(
  log: EventLog,
  id: SessionId,
  fileRequest: FileRequest,
): Promise<Buffer | undefined> {
  return (await lastOfFile(log, id, fileRequest)).isOpen ? nothingYet : undefined;
}

const nothingYet = Buffer.alloc(0);

async function lastOfFile(log: EventLog, id: SessionId, { path, workdir }: FileRequest) {
  const below = (value: string) => posix.relative(workdir, posix.resolve(workdir, value));
  const target = below(path);
  if (/^\.\.(\/|$)/.test(target)) throw new AppError('path_outside', `${path} is outside of the workspace.`);
  let content: string | undefined;
  let isOpen = false;
  for await (const event of readEventsFrom(log, id, 1)) {
    if (event.type === 'run.end') isOpen = false;
    if (event.type !== 'tool.called' && event.type !== 'tool.calling') continue;
    const { file } = event.data.args;
    if (event.data.tool !== 'file' || typeof file !== 'string' || below(file) !== target) continue;
    isOpen = event.type === 'tool.calling';
    if (event.type === 'tool.calling' || !event.data.success || !isWhole(event.data)) continue;
    if (event.data.content && 'content' in event.data.content) content = event.data.content.content;
  }
  return { content, isOpen };
}

const isWhole = ({ function: name, args }: FactOf<'tool.called'>['data']): boolean =>
  name !== 'file_find_in_content' && args.start_line === undefined && args.end_line === undefined;
