import { posix } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { ConsoleEntry, FactOf } from '../../core/events.ts';
import type { SessionId } from '../../core/ids.ts';
import type { EventLog } from '../../core/ports.ts';
import type { ShellView } from '../../sandbox/client.ts';
import { eventsFrom } from '../engine/run-fold.ts';

// What a session's panels show while no sandbox runs: what the log has of it.

export async function shellFromLog(log: EventLog, id: SessionId, shellId: string): Promise<ShellView> {
  let console: readonly ConsoleEntry[] | undefined;
  for await (const event of eventsFrom(log, id, 1)) {
    if (event.type !== 'tool.called' || event.data.tool !== 'shell' || event.data.args.id !== shellId) continue;
    if (!event.data.content || !('console' in event.data.content)) continue;
    const { console: shown } = event.data.content;
    // A command that was cut short tells of itself alone; what was there before it is there still.
    const isAlone = event.data.reason !== undefined && shown.length === 1;
    console = isAlone && console ? [...console, ...shown] : shown;
  }
  if (!console) throw new AppError('shell_not_found', `There is no shell session "${shellId}" in this session.`);
  return { id: shellId, console };
}

interface Asked {
  readonly path: string;
  readonly workdir: string;
}

export async function fileFromLog(log: EventLog, id: SessionId, { path, workdir }: Asked): Promise<Buffer> {
  const below = (given: string) => posix.relative(workdir, posix.resolve(workdir, given));
  const wanted = below(path);
  if (/^\.\.(\/|$)/.test(wanted)) throw new AppError('path_outside', `${path} is outside of the workspace.`);
  let content: string | undefined;
  for await (const event of eventsFrom(log, id, 1)) {
    if (event.type !== 'tool.called' || event.data.tool !== 'file' || !event.data.success) continue;
    const { file } = event.data.args;
    if (typeof file !== 'string' || below(file) !== wanted || !isWhole(event.data)) continue;
    if (event.data.content && 'content' in event.data.content) content = event.data.content.content;
  }
  if (content === undefined) {
    throw new AppError(
      'file_not_found',
      'There is no such file, or its sandbox is stopped: send a message to start it.',
    );
  }
  return Buffer.from(content);
}

/** Whether what a call shows is the file, and not some of its lines. */
const isWhole = ({ function: name, args }: FactOf<'tool.called'>['data']): boolean =>
  name !== 'file_find_in_content' && args.start_line === undefined && args.end_line === undefined;
