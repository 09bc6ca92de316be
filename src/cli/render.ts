import type { Event, Session } from '../client/index.ts';
import { type EventNotice, eventNoticeOf, eventSummaryOf, isNoteEvent } from '../core/model/event-traits.ts';
import { hasUnusableRepository } from '../core/model/runs/session-outcome.ts';
import { type Io, toOneLine, toPrintable } from './io.ts';

const styles = { info: 'dim', warning: 'yellow', error: 'red' } as const satisfies Record<EventNotice['level'], string>;

type SessionState = Pick<Session, 'status' | 'outcome' | 'repositories'>;
/** Replaces `completed` by the state that the page shows. */
export const withState = <One extends SessionState>(session: One) => ({
  ...session,
  status: session.status === 'completed' ? endStateOf(session) : session.status,
});

function endStateOf({ outcome, repositories }: Omit<SessionState, 'status'>): 'completed' | 'failed' | 'stopped' {
  if (hasUnusableRepository({ repositories })) return 'failed';
  return outcome?.status ?? 'completed';
}

export interface EventRenderer {
  show(event: Event): void;
  /** Ends an unfinished line before other output. */
  settle(): void;
}

/** Only failed calls of these tools are shown: their effects have their own events. */
export const hiddenToolNames: ReadonlySet<string> = new Set(['todo', 'make_plan', 'message_ask_user']);

export const formatSandboxPhase = (event: Extract<Event, { type: 'sandbox.phase' }>): string =>
  toOneLine(eventSummaryOf(event).replace(/^starting: /, ''), 200);

/** Writes the agent's text to stdout and, unless `quiet`, everything else to stderr. */
export function createEventRenderer(io: Io, { quiet }: { readonly quiet: boolean }): EventRenderer {
  let open: 'stdout' | 'stderr' | undefined;
  let phase = false;
  const streamed = new Set<string>();
  const started = new Map<string, number>();
  const paint = (style: Parameters<Io['paint']>[1], text: string) => io.paint('stderr', style, text);

  const settle = () => {
    if (open !== undefined) io[open].write('\n');
    open = undefined;
    phase = false;
  };
  const note = (line: string) => {
    if (quiet) return;
    settle();
    io.say(line);
  };
  const stream = (where: 'stdout' | 'stderr', text: string) => {
    const shown = toPrintable(text);
    if (shown === '' || (quiet && where === 'stderr')) return;
    if (open !== where || phase) settle();
    io[where].write(where === 'stderr' ? paint('dim', shown) : shown);
    open = shown.endsWith('\n') ? undefined : where;
  };
  const phaseLine = (line: string) => {
    if (quiet) return;
    if (!io.stderr.isTTY) return note(line);
    if (!phase) settle();
    io.stderr.write(`\r\u001b[2K${paint('dim', line.slice(0, (io.stderr.columns || 80) - 1))}`);
    [open, phase] = ['stderr', true];
  };

  function notice(event: Event) {
    const reply = eventNoticeOf(event);
    if (!reply) return;
    const text = toOneLine(reply.text, 200);
    note(paint(styles[reply.level], reply.level === 'info' ? text : `! ${text}`));
  }

  function show(event: Event) {
    if (isNoteEvent(event)) return notice(event);
    switch (event.type) {
      case 'sandbox.phase':
        return phaseLine(`sandbox: ${formatSandboxPhase(event)}`);
      case 'plan':
        if (event.data.steps.every(({ status }) => status === 'pending')) {
          note(paint('bold', 'Plan'));
          for (const [at, step] of event.data.steps.entries()) note(`  ${at + 1}. ${toOneLine(step.description, 100)}`);
        }
        return;
      case 'step':
        if (event.data.status === 'running') note(paint('bold', `▸ ${toOneLine(event.data.description, 100)}`));
        return;
      case 'message.delta':
        streamed.add(event.data.messageId);
        return stream('stdout', event.data.text);
      case 'message.assistant':
        if (!streamed.has(event.data.messageId)) stream('stdout', event.data.text);
        return settle();
      case 'tool.calling':
        started.set(event.data.callId, event.ts);
        if (hiddenToolNames.has(event.data.function)) return;
        return note(paint('cyan', formatCallLine(event.data)));
      case 'tool.output':
        streamed.add(event.data.callId);
        return stream('stderr', event.data.text);
      case 'tool.called': {
        if (hiddenToolNames.has(event.data.function) && event.data.success) return;
        if (!streamed.has(event.data.callId) && event.data.output.trim() !== '') {
          for (const line of takeLastLines(event.data.output, 10)) note(paint('dim', line));
        }
        return note(endText(event, started.get(event.data.callId)));
      }
      case 'run.notice':
      case 'run.error':
      case 'goal':
      case 'sandbox.untrusted':
        return notice(event);
      case 'message.user':
      case 'run.started':
      case 'title':
      case 'run.wait':
      case 'run.resumed':
      case 'run.end':
      case 'approval.requested':
      case 'approval.resolved':
      case 'usage':
        return;
      default:
        event satisfies never;
    }
  }

  function endText(event: Extract<Event, { type: 'tool.called' }>, since: number | undefined): string {
    const { success, exitCode, reason } = event.data;
    const took = since === undefined ? '' : ` ${((event.ts - since) / 1_000).toFixed(1)} s`;
    if (success) return paint('green', `✓${took}`);
    return paint('red', `✗${took}${reason ? ` ${reason}` : exitCode === undefined ? '' : ` exit ${exitCode}`}`);
  }

  return { show, settle };
}

export function formatCallLine({ function: name, args }: { function: string; args: Record<string, unknown> }): string {
  if (typeof args.command === 'string') return `$ ${toPrintable(args.command)}`;
  const first = Object.values(args).find((value) => typeof value === 'string');
  return typeof first === 'string' ? `${name} ${toOneLine(first, 100)}` : name;
}

/** If lines are omitted, the first line shows how many. */
export function takeLastLines(text: string, most: number): string[] {
  const lines = toPrintable(text).trimEnd().split('\n');
  const cut = lines.length - most;
  return cut > 0 ? [`… ${cut} earlier lines`, ...lines.slice(-most)] : lines;
}
