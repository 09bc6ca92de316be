import { posix } from 'node:path';
import type { PendingCall } from '../../../../machines/run.ts';
import { orderKeyOf, type ToolRegistry } from '../../../agents/tools/registry.ts';
import { askUser } from '../../../agents/tools/special.ts';
import { todo } from '../../../agents/tools/todo.ts';
import { familyOf } from '../../../agents/tools/words.ts';
import { shownArgs } from './approval.ts';

type Call = Pick<PendingCall, 'name' | 'args'>;
/** The families whose calls run a command or code. */
const runs: ReadonlySet<string> = new Set(['shell', 'code']);
const writing: ReadonlySet<string> = new Set(['file_write', 'file_str_replace', 'file_edit']);

/**
 * Whether a call must wait for an earlier one of the same turn. Calls with the same key of order do. So do a command after
 * a written file and a read of a file that a command names, because models send such pairs in one turn. A question waits
 * for all calls before it, and all calls after it wait for its answer; a change of the plan does the same, because the
 * calls before it belong to the step that it ends.
 */
export function mustFollow(tools: ToolRegistry, later: Call, earlier: Call): boolean {
  if (isBoundary(later) || isBoundary(earlier)) return true;
  const key = orderKeyOf(tools, later);
  if (key !== null && key === orderKeyOf(tools, earlier)) return true;
  if (runs.has(familyOf(later.name))) return writing.has(earlier.name);
  return runs.has(familyOf(earlier.name)) && mentions(earlier, shownArgs(later.args).file);
}

const isBoundary = ({ name }: Call): boolean => name === askUser.name || name === todo.name;

const mentions = ({ args }: Call, file: unknown): boolean =>
  typeof file === 'string' && textOf(shownArgs(args)).includes(posix.basename(file));
const textOf = ({ command, code }: Readonly<Record<string, unknown>>): string => String(command ?? code);
