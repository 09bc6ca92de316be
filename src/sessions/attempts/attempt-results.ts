import { createTimeoutSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { AttemptResult } from '../../core/model/runs/attempts.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { AttemptDiff } from '../api/server/attempts.ts';
import type { SessionService } from '../api/sessions.ts';
import type { ChildBudgets } from '../budgets/children.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import { readRunDiffs } from '../run/goal/changed-files.ts';

interface Deps {
  readonly sessions: Pick<SessionService, 'history'>;
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly spentWithChildren: ChildBudgets['spentWithChildren'];
  readonly clock: Clock;
}
export interface AttemptOutcome {
  readonly result: AttemptResult;
  readonly diff: AttemptDiff | undefined;
}
interface OwnRun {
  readonly runId: string;
  readonly end: FactOf<'run.end'>['data'];
  readonly checked: readonly Checked[];
}
type Checked = Extract<FactOf<'goal'>['data'], { kind: 'checked' }>;

const diffChars = 200_000;
const readMs = 60_000;

/** Undefined until the attempt's own run ends. Skips the forked part of the log. */
async function ownRun(sessions: Deps['sessions'], { id, forkedFrom }: SessionRecord): Promise<OwnRun | undefined> {
  let runId: string | undefined;
  let checked: Checked[] = [];
  for await (const event of sessions.history(id)) {
    if (event.seq <= (forkedFrom?.seq ?? 0)) continue;
    runId ??= event.runId ?? undefined;
    if (runId === undefined || event.runId !== runId) continue;
    if (event.type === 'goal' && event.data.kind === 'checked') {
      const { round } = event.data;
      checked = [...checked.filter((one) => one.round === round), event.data];
    }
    if (event.type === 'run.end') return { runId, end: event.data, checked };
  }
  return undefined;
}

export async function readAttemptOutcome(
  deps: Deps,
  session: SessionRecord,
  signal: AbortSignal,
): Promise<AttemptOutcome | undefined> {
  const run = await ownRun(deps.sessions, session);
  if (!run) return undefined;
  const { end, checked } = run;
  const changed = await readChanges(deps, { session, runId: run.runId }, signal);
  const result: AttemptResult = {
    status: end.status,
    goal: end.goal ?? null,
    checks: checked.flatMap(({ command, result }) => (command === undefined ? [] : [{ command, result }])),
    score: checked.find(({ command }) => command === undefined)?.score ?? null,
    ...changed.counts,
    ...(await deps.spentWithChildren(session.id)),
  };
  return { result, diff: changed.diff };
}

interface Changes {
  readonly counts: Pick<AttemptResult, 'files' | 'added' | 'removed' | 'unknown'>;
  readonly diff: AttemptDiff | undefined;
}

async function readChanges(
  { sandboxes, clock }: Deps,
  { session, runId }: { readonly session: SessionRecord; readonly runId: string },
  signal: AbortSignal,
): Promise<Changes> {
  try {
    using until = createTimeoutSignal(readMs, clock, signal);
    await using used = await sandboxes.use(session.id, until.signal);
    const found = await readRunDiffs(used.client, runId, until.signal);
    if (!found) return unknownChanges('The state of the files before the run was not saved.');
    const { files, truncated, text } = found;
    const diff = { text: truncateEnd(text, diffChars), truncated: truncated || text.length > diffChars };
    return { counts: { files: files.length, ...countChangedLines(text), unknown: null }, diff };
  } catch (thrown) {
    throwIfAborted(signal);
    return unknownChanges(toAppError(thrown).publicMessage);
  }
}

const unknownChanges = (unknown: string): Changes => ({
  counts: { files: null, added: 0, removed: 0, unknown },
  diff: undefined,
});

export function countChangedLines(text: string): { added: number; removed: number } {
  let [added, removed, isInHunk] = [0, 0, false];
  const lines = text.split('\n');
  for (const [n, line] of lines.entries()) {
    const isHeader = line.startsWith('--- ') && lines[n + 1]?.startsWith('+++ ') && lines[n + 2]?.startsWith('@@ ');
    if (isHeader) isInHunk = false;
    if (line.startsWith('@@ ')) isInHunk = true;
    else if (isInHunk && line.startsWith('+')) added++;
    else if (isInHunk && line.startsWith('-')) removed++;
  }
  return { added, removed };
}
