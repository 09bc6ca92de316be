import { describe, expect, test } from 'vitest';
import { fromPromise } from 'xstate';
import { sessionMachine } from '../../../machines/session.ts';
import { supervisorMachine } from '../../../machines/supervisor.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { doneEvent, errorEvent, explore } from '../../support/machines/machine-graph.ts';
import { sessionIdOf, sessionInput } from '../../support/machines/machines.ts';

const never = fromPromise(() => new Promise(() => {})) as never;
const ids = [1, 2].map(sessionIdOf);
const session = sessionMachine.provide({
  actors: { run: never, sandbox: never },
  actions: { record: () => {}, answer: () => {}, abandon: () => {}, request: () => {}, release: () => {} },
});
const graph = explore({
  machine: supervisorMachine.provide({ actors: { session, hydrate: never } }) as unknown as typeof supervisorMachine,
  starts: [{ now: () => 0, policy: { maxRestarts: 1, windowMs: 1, backoffMs: () => 1 }, limits: { run: 1, start: 1 } }],
  events: ids.flatMap((id) => [
    { type: 'session.command', id, command: { type: 'cmd.stop', commandId: 'stop' } },
    { type: 'session.wake', id },
    { type: 'session.broken', id, error: new Error('parted') },
    { type: 'session.hydrate', id },
    { type: 'session.leave', id },
    { type: 'slot.request', id, slot: 'run' },
    { type: 'slot.release', id, slot: 'run' },
    { ...doneEvent(`hydrate ${id}`, sessionInput({ sessionId: id })) },
    { ...errorEvent(`hydrate ${id}`, new Error('no log')) },
    { ...doneEvent(id, 'passivated') },
    { ...errorEvent(id, new Error('bug')) },
  ]),
  key: ({ children, slots }, actors) => [
    [...children].map(([id, { crashes, pending }]) => [id, crashes.length, pending.length]),
    slots.run,
    Object.keys(actors),
  ],
  mayHear: ({ children }, event, actors) => {
    const { type, id } = event as { type: string; id: SessionId };
    if (type === 'session.command') return (children.get(id)?.pending.length ?? 0) < 1;
    // Only sessions without an actor are hydrated, and only sessions with an actor request a slot.
    if (type === 'session.hydrate') return !(id in actors) && !(`hydrate ${id}` in actors);
    return !type.startsWith('slot.') || id in actors;
  },
});

describe('supervisor graph', () => {
  test('every transition is taken, and none breaks it', () => {
    expect([graph.untaken, graph.broken]).toEqual([[], []]);
  });

  test('every session that has or awaits a slot exists', () => {
    for (const { children, context } of graph.states) {
      const { held, queue } = context.slots.run;
      for (const { id } of [...held, ...queue]) expect(Object.keys(children)).toContain(id);
      expect(held.length).toBeLessThanOrEqual(1);
    }
  });

  test('commands wait only for a session that is on its way or comes back after its back-off', () => {
    for (const { children, context } of graph.states) {
      for (const [id, { pending, crashes }] of context.children)
        if (pending.length > 0) expect(`hydrate ${id}` in children || crashes.length > 0, id).toBe(true);
    }
  });
});
