// @module-tag all
import { describe, expect, test } from 'vitest';
import { fromPromise } from 'xstate';
import { sessionMachine } from '../../../machines/session.ts';
import { doneEvent, errorEvent, explore } from '../../support/machines/machine-graph.ts';
import { begun, messageIdOf, queuedRun, runIdOf, sessionInput } from '../../support/machines/machines.ts';

const never = fromPromise(() => new Promise(() => {})) as never;
const send = (mode: string) => ({
  type: 'cmd.send',
  commandId: `send ${mode}`,
  mode,
  text: 'go on',
  attachments: [],
  clientTimestamp: undefined,
  messageId: messageIdOf(9),
  runId: runIdOf(9),
});
const approvals = ['c', 'd'].map((callId) => ({ callId, tool: 'bash', remainingMs: 1_000 }));
const breach = { reason: 'wrong_shape', call: 'GET /health', detail: 'it' };
const small = { maxQueued: 2 };
const released = doneEvent('sandbox', { kind: 'released', workspace: 'keep' });
const graph = explore({
  machine: sessionMachine.provide({
    actors: { run: never, sandbox: never },
    actions: { record: () => {}, answer: () => {}, abandon: () => {}, request: () => {}, release: () => {} },
  }),
  starts: [
    sessionInput(small),
    sessionInput({ ...small, sandbox: 'start', runs: [queuedRun(1)] }),
    sessionInput({ ...small, sandbox: 'adopt', runs: [queuedRun(1, { resume: { ...begun, unseen: 20 } })] }),
    sessionInput({ ...small, runs: [queuedRun(1, { resume: { ...begun, waiting: '?' } })] }),
    sessionInput({ ...small, runs: [queuedRun(1, { resume: { ...begun, waiting: '?', approvals } })] }),
    sessionInput({ ...small, deleting: true }),
    sessionInput({ ...small, distrusted: true }),
  ],
  events: [
    ...['inject', 'queue', 'replace'].map(send),
    ...['stop', 'delete', 'touch'].map((what) => ({ type: `cmd.${what}`, commandId: what })),
    ...['use', 'done'].map((what) => ({ type: `sandbox.${what}`, commandId: 'use' })),
    ...['stop', 'pause', 'permit'].map((what) => ({ type: `sandbox.${what}`, commandId: `${what} it` })),
    { type: 'sandbox.distrust', commandId: 'distrust', breach },
    { type: 'sandbox.untrusted', breach },
    ...['run', 'start'].map((slot) => ({ type: 'slot.granted', slot })),
    { type: 'run.waiting', question: '?' },
    { type: 'run.waiting', question: '?', approvals },
    ...['c', 'd'].map((callId) => ({
      type: 'cmd.decide',
      commandId: 'decide',
      callId,
      decision: 'approved',
      by: 'me',
    })),
    { type: 'run.questionLogged', seen: 0 },
    { type: 'run.wantsToEnd', seen: 0 },
    { type: 'sandbox.phase', phase: 'paused' },
    ...['run.ending', 'sandbox.wantsSlot', 'sandbox.ready', 'sandbox.rest', 'sandbox.unready'].map((type) => ({
      type,
    })),
    doneEvent('run', { reason: 'completed' }),
    errorEvent('run', new Error('bug')),
    released,
    doneEvent('sandbox', { kind: 'released', workspace: 'remove' }),
    doneEvent('sandbox', { kind: 'lost' }),
    doneEvent('sandbox', { kind: 'failed', code: 'quota', message: 'No.', retryable: false }),
    errorEvent('sandbox', new Error('bug')),
  ],
  key: ({ queue, active, forwarded, dropped, uses, waiters, isPresent, distrusted, ...rest }) => [
    queue.length,
    active !== undefined,
    Math.min(forwarded, 1) + Math.floor(forwarded / 20),
    [rest.ending, dropped.length > 0, rest.isDeleting, uses.length, waiters.length, isPresent],
    [rest.isReady, rest.arrived],
    distrusted && queue.length === 0 && !active && !isPresent && waiters.length === 0,
  ],
  mayHear: ({ stops, deletes, releases, uses, waiters, forwarded, dropped }, { type }) => {
    if (type === 'cmd.stop') return stops.length < 1 && dropped.length < 1;
    if (type === 'cmd.delete') return deletes.length < 2;
    if (type === 'sandbox.stop') return releases.length < 1;
    if (type === 'sandbox.use') return uses.length + waiters.length < 1;
    return type !== 'cmd.send' || forwarded !== 1;
  },
});

describe('session graph', () => {
  test('every state can be reached, every transition is taken, and none breaks it', () =>
    expect([graph.unreached, graph.untaken, graph.broken]).toEqual([[], [], []]));

  test('F110 a delete and the ends of its children end the session from every state', { tags: ['all'] }, () => {
    for (const state of graph.states) {
      if (state.status !== 'active') continue;
      const sandboxes = [released, released].slice(
        'removing' === (state.value as { live: { sandbox: string } }).live.sandbox ? 1 : 0,
      );
      const hasRun = state.children.run !== undefined;
      const ends = [...(hasRun ? [doneEvent('run', { reason: 'deleted' })] : []), ...sandboxes];
      const deleted = graph.after(state, { type: 'cmd.delete', commandId: 'last' }, ...ends);
      expect(deleted, JSON.stringify(state.value)).toMatchObject({ status: 'done', output: 'deleted' });
      expect(deleted.context.deletes).toContain('last');
    }
  });

  test('F109 a stop and the end of the run leave nothing active or queued, from every state', () => {
    for (const state of graph.states) {
      if (state.status !== 'active' || state.context.isDeleting) continue;
      const stopped = graph.after(state, { type: 'cmd.stop', commandId: 'last' });
      const hasRun = stopped.children.run !== undefined;
      const { context } = hasRun ? graph.after(stopped, doneEvent('run', { reason: 'stopped' })) : stopped;
      const { active, queue, dropped, stops } = context;
      expect([active, queue, dropped, stops], JSON.stringify(state.value)).toEqual([undefined, [], [], []]);
    }
  });
});
