import type { Session } from '../../client/types.ts';
import { createWordMatcher } from '../parts/word-search.ts';

export type SessionListRow =
  | { readonly kind: 'heading'; readonly label: string }
  | { readonly kind: 'archive'; readonly count: number }
  | {
      readonly kind: 'session';
      readonly session: Session;
      /** Shown nested below the session that started it or that it branched from. */
      readonly isNested?: true;
    };

interface Words {
  readonly pinned: string;
  readonly today: string;
  readonly yesterday: string;
  readonly date: (at: Date) => string;
}

interface GroupInput {
  readonly sessions: readonly Session[];
  readonly withArchive: boolean;
  readonly now: number;
}

export function toSessionListRows({ sessions, withArchive, now }: GroupInput, words: Words): SessionListRow[] {
  const rows: SessionListRow[] = [];
  let last = '';
  const names = new Map<string, string>();
  const today = new Date(now).toDateString();
  const dayBefore = new Date(now);
  dayBefore.setDate(dayBefore.getDate() - 1); // a calendar day, which can have 23 or 25 hours
  const yesterday = dayBefore.toDateString();
  const formatDay = (session: Session) => {
    const at = new Date(session.latestMessageAt);
    const day = at.toDateString();
    if (day === today) return words.today;
    if (day === yesterday) return words.yesterday;
    const known = names.get(day) ?? words.date(at);
    names.set(day, known);
    return known;
  };
  const archived = sessions.filter((session) => session.archived);
  const used = sessions.filter((session) => !session.archived);
  const shown = new Set(used.map(({ id }) => id));
  const shownParentOf = ({ parent, branch, forkedFrom, pinned }: Session) => {
    const above = parent?.sessionId ?? (branch ? forkedFrom?.sessionId : undefined);
    return above !== undefined && !pinned && shown.has(above) ? above : undefined;
  };
  const nested = Map.groupBy<string | undefined, Session>(used, shownParentOf);
  const addNested = ({ id }: Session) => {
    for (const session of nested.get(id) ?? []) {
      rows.push({ kind: 'session', session, isNested: true });
      addNested(session);
    }
  };
  const add = (label: string, session: Session) => {
    if (label !== last) rows.push({ kind: 'heading', label });
    last = label;
    rows.push({ kind: 'session', session });
    addNested(session);
  };
  for (const session of used) if (session.pinned) add(words.pinned, session);
  for (const session of used)
    if (!session.pinned && shownParentOf(session) === undefined) add(formatDay(session), session);
  if (archived.length > 0) rows.push({ kind: 'archive', count: archived.length });
  if (withArchive) for (const session of archived) rows.push({ kind: 'session', session });
  return rows;
}

export function filterSessions(sessions: readonly Session[], search: string, found: ReadonlySet<string>) {
  if (search.trim() === '') return sessions;
  const fits = createWordMatcher(search);
  return sessions.filter(
    ({ id, title, lastTask, latestMessage }) => found.has(id) || fits(`${title}\n${lastTask}\n${latestMessage}`),
  );
}
