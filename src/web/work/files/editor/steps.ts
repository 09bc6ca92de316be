import type { Event } from '../../../../client/types.ts';
import { findFileEdit, type ToolCalledData } from '../../../data/items.ts';

export interface FileStep {
  readonly seq: number;
  readonly description: string;
  /** Keyed by path. */
  readonly files: ReadonlyMap<string, FileWrite>;
}
export interface FileWrite {
  /** Null: the file did not exist. */
  readonly before: string | null;
  readonly after: string;
}

/** Omits changes by commands, which are not in the log. */
export function listFileSteps(events: readonly Event[]): FileStep[] {
  const steps: (FileStep & { readonly files: Map<string, FileWrite> })[] = [];
  const begin = (seq: number, description: string) => steps.push({ seq, description, files: new Map() });
  for (const event of events) {
    if (event.type === 'run.started') begin(event.seq, event.data.task);
    else if (event.type === 'step' && event.data.status === 'running') begin(event.seq, event.data.description);
    else if (event.type === 'tool.called') {
      if (steps.length === 0) begin(event.seq, '');
      addWrite(steps.at(-1)?.files, event.data);
    }
  }
  return steps.filter(({ files }) => files.size > 0);
}

function addWrite(files: Map<string, FileWrite> | undefined, call: ToolCalledData): void {
  const edit = findFileEdit(call);
  if (!files || !edit) return;
  const { path, after } = edit;
  files.set(path, { before: (files.get(path) ?? edit).before, after });
}
