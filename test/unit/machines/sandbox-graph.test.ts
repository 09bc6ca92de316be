import { describe, expect, test } from 'vitest';
import type { sandboxMachine } from '../../../machines/sandbox.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { toProtocolError } from '../../../src/core/model/protocol-violation.ts';
import { doneEvent, errorEvent, explore } from '../../support/machines/machine-graph.ts';
import { ManualActors, sandboxInput, sandboxPolicy, sandboxWith } from '../../support/machines/machines.ts';

const never = () => {};
const policy = { ...sandboxPolicy, maxRetries: 1 };
const breach = { reason: 'wrong_shape', call: 'GET /health', detail: 'it' } as const;
const lost = new AppError('sandbox_lost', 'Gone.');
const graph = explore({
  machine: sandboxWith(new ManualActors()).provide({
    actions: { tellReady: never, tellUnready: never, phase: never, tellUntrusted: never, wantSlot: never },
  }) as typeof sandboxMachine,
  starts: [
    ...(['provision', 'adopt', 'release', 'discard'] as const).map((begin) => sandboxInput({ begin, policy })),
    sandboxInput({ begin: 'adopt', policy: { ...policy, idlePauseMs: undefined } }), // a driver that cannot pause
  ],
  events: [
    ...['sandbox.busy', 'sandbox.idle', 'sandbox.pause', 'sandbox.rest'].map((type) => ({ type })),
    ...['slot.granted', 'resource.closed'].map((type) => ({ type })),
    ...['keep', 'remove'].map((workspace) => ({ type: 'sandbox.release', workspace })),
    { type: 'hold.ready', ms: 1 },
    { type: 'resource.failed', error: lost },
    { type: 'resource.failed', error: toProtocolError(breach) },
    { type: 'sandbox.distrust', breach },
    ...['provision', 'pause', 'unpause', 'release'].flatMap((id) => [doneEvent(id), errorEvent(id, lost)]),
    errorEvent('provision', toProtocolError(breach)),
    errorEvent('provision', new AppError('image_missing', 'No such image.')),
  ],
  key: ({ begin, busy, frozen, retries, workspace, end, policy: { idlePauseMs } }) => [
    ...[begin, busy, frozen, retries, workspace, end?.kind, idlePauseMs],
  ],
});

describe('sandbox graph', () => {
  test('every state can be reached, every transition is taken, and none breaks it', () =>
    expect([graph.unreached, graph.untaken, graph.broken]).toEqual([[], [], []]));

  test('F106 a release ends the sandbox from every state, as soon as it is done or its grace is over', () => {
    for (const state of graph.states) {
      if (state.status !== 'active') continue;
      for (const last of [doneEvent('release'), { type: 'xstate.after.releaseGrace.sandbox.releasing' }]) {
        const ended = graph.after(state, { type: 'sandbox.release', workspace: 'remove' }, last);
        const expected = { status: 'done', output: { kind: 'released', workspace: 'remove' } };
        expect(ended, JSON.stringify(state.value)).toMatchObject(expected);
      }
    }
  });
});
