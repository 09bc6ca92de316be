import { describe, expect, test } from 'vitest';
import { type AnyEventObject, createActor } from 'xstate';
import { withSharedEndEvents } from '../../../machines/nameless-ends.ts';
import { type SessionInput, sessionMachine } from '../../../machines/session.ts';
import { supervisorMachine } from '../../../machines/supervisor.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import {
  begun,
  calls,
  ManualActors,
  messageIdOf,
  queuedRun,
  runIdOf,
  runWith,
  sandboxWith,
  sessionIdOf,
  sessionInput,
  settled,
} from '../../support/machines/machines.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const a = sessionIdOf(0xa);
const b = sessionIdOf(0xb);
const poison = 'crash';

/** A supervisor over real sessions, whose placeholders the test fills. */
function start(limits = { run: 10, start: 10 }) {
  const clock = manualClock();
  const holes = new ManualActors();
  const hydrations = new ManualActors();
  const answers: string[] = [];
  const session = sessionMachine.provide({
    actors: { run: runWith(holes), sandbox: sandboxWith(holes) },
    actions: {
      record: (_, { facts, answer, stops }) => {
        for (const fact of facts)
          if (fact.type === 'message.user' && fact.data.text === poison) throw new Error('a bug in an action');
        if (answer) answers.push(answer.commandId);
        answers.push(...(stops?.commandIds ?? []));
      },
      answer: (_, { commandIds, answer }) => {
        answers.push(...commandIds.map((id) => (answer.ok ? id : `${id} ${answer.code}`)));
      },
      abandon: () => {},
    },
  });
  const machine = withSharedEndEvents(
    supervisorMachine.provide({ actors: { session, hydrate: hydrations.promise('hydrate') } }),
  );
  const types = new Set<string>(); // XState keeps an entry for each event type
  const root = machine.root as unknown as { next(snapshot: unknown, event: AnyEventObject): unknown };
  const nextOf = root.next.bind(root);
  root.next = (snapshot, event) => {
    types.add(event.type);
    return nextOf(snapshot, event);
  };
  const policy = { maxRestarts: 3, windowMs: 60_000, backoffMs: (restart: number) => restart * 1_000 };
  const supervisor = createActor(machine, { clock, input: { now: () => clock.now(), policy, limits } });
  const emitted: AnyEventObject[] = [];
  supervisor.on('*', (event) => emitted.push(event));
  supervisor.start();
  let commands = 0;
  const next = () => `cmd-${++commands}`;
  const send = (id: SessionId, text = 'tidy up') => {
    commands += 1;
    const ids = { commandId: `cmd-${commands}`, messageId: messageIdOf(commands), runId: runIdOf(commands) };
    const command = { type: 'cmd.send', ...ids, mode: 'queue', text, attachments: [], clientTimestamp: undefined };
    supervisor.send({ type: 'session.command', id, command: command as never });
    return ids.commandId;
  };
  /** Sends each session a command that makes it, one after the other. */
  const begin = async (ids: readonly SessionId[], by: (id: SessionId) => void = send) => {
    for (const id of ids) {
      by(id);
      await made(id);
    }
  };
  const simple = (type: 'cmd.stop' | 'cmd.delete' | 'sandbox.use') => (id: SessionId) => {
    const commandId = next();
    supervisor.send({ type: 'session.command', id, command: { type, commandId } });
    return commandId;
  };
  const hydrating = (id: SessionId) => {
    const call = hydrations.open.find((it) => it.input.id === id);
    if (!call) throw new Error(`session ${id} is not being made from its log`);
    return call;
  };
  const made = (id: SessionId, input: Partial<SessionInput> = {}) =>
    hydrating(id).resolve(sessionInput({ sessionId: id, ...input }));
  return {
    supervisor,
    clock,
    holes,
    hydrations,
    types,
    answers,
    made,
    begin,
    hydrating,
    send,
    stop: simple('cmd.stop'),
    remove: simple('cmd.delete'),
    use: simple('sandbox.use'),
    wake: (id: SessionId) => supervisor.send({ type: 'session.wake', id }),
    child: (id: SessionId) => supervisor.getSnapshot().children[id],
    emitted: () => emitted.map(({ type, id, output }) => [type, id, output].filter(Boolean).join(' ')),
    last: () => emitted.at(-1),
    /** Breaks the session's actor, which comes back after its back-off unless it crashed too often. */
    crash: (id: SessionId) => send(id, poison),
    /** The sessions whose run has a slot, in the order in which they got it. */
    working: () => holes.named('act').map(({ input }) => input.sessionId),
  };
}

describe('supervisor: sessions come and go', () => {
  test('a command makes the session from its log, and waits until it is there', async () => {
    const { send, use, wake, made, answers, child, hydrations } = start();
    const commands = [send(a), use(a), send(a)];
    wake(a);
    expect([child(a), hydrations.calls.length]).toEqual([undefined, 1]); // however many commands came
    await made(a);
    expect(answers).toEqual([commands[0], commands[2]]); // the sandbox of the other one is not ready
  });

  test('a session whose log cannot be read refuses what waited, and is tried again by the next command', async () => {
    const { send, hydrating, last, made, answers, child } = start();
    const commandId = send(a);
    const error = new AppError('session_not_found', 'There is no such session.');
    await hydrating(a).reject(error);
    expect(last()).toMatchObject({ type: 'session.unavailable', id: a, error, commands: [{ commandId }] });
    expect(child(a)).toBeUndefined();
    const again = send(a);
    await made(a);
    expect(answers).toEqual([again]);
  });

  test('waking makes a session without a command, and does nothing to one that is there', async () => {
    const { wake, made, child, hydrations } = start();
    wake(a);
    await made(a);
    const first = child(a);
    wake(a);
    expect(child(a)).toBe(first);
    expect(hydrations.calls).toHaveLength(1);
  });

  test('the memory of XState does not grow with the sessions that ended, crashed or could not be read', async () => {
    const { wake, made, hydrating, crash, child, clock, types, supervisor } = start();
    for (let n = 1; n <= 20; n++) {
      const [ends, breaks, unread] = [sessionIdOf(n), sessionIdOf(100 + n), sessionIdOf(200 + n)];
      for (const id of [ends, breaks, unread]) wake(id);
      await made(ends);
      await made(breaks);
      await hydrating(unread).reject(new AppError('session_not_found', 'There is no such session.'));
      crash(breaks);
      supervisor.send({ type: 'session.leave', id: breaks });
      clock.advance(3_600_000);
      await settled();
      expect(child(ends)).toBeUndefined();
    }
    const expected = ['xstate.done.actor.child', 'xstate.error.actor.child'];
    expect([...types].filter((type) => type.startsWith('xstate.')).sort()).toEqual(expected);
    expect(supervisor.getSnapshot()).toMatchObject({ context: { children: new Map() }, children: {} });
  });

  test('a session that nobody uses leaves memory, and the next command finds it again', async () => {
    const { clock, wake, made, send, child, emitted, answers } = start();
    wake(a);
    await made(a);
    clock.advance(900_000);
    expect([child(a), emitted()]).toEqual([undefined, [`session.ended ${a} passivated`]]);
    const command = send(a);
    await made(a);
    expect(answers).toEqual([command]);
  });

  test('a command in the very moment in which a session leaves memory reaches it', async () => {
    const { supervisor, clock, wake, made, send, answers, child } = start();
    wake(a);
    await made(a);
    let command = '';
    // The command comes when the actor is done, but before its supervisor knows.
    child(a)?.subscribe({ complete: () => (command = send(a)) });
    clock.advance(900_000);
    await made(a);
    expect([answers, supervisor.getSnapshot().context.children.has(a)]).toEqual([[command], true]);
  });

  test('F110 a deleted session is gone, and a command behind the delete is refused by its log', async () => {
    const { wake, made, remove, holes, answers, emitted, child, send, hydrating } = start();
    wake(a);
    await made(a);
    const command = remove(a);
    await holes.the('release').resolve();
    expect([answers, child(a)]).toEqual([[command], undefined]);
    send(a);
    await hydrating(a).reject(new AppError('session_not_found', 'There is no such session.'));
    expect(emitted()).toEqual([`session.ended ${a} deleted`, `session.unavailable ${a}`]);
  });
});

describe('supervisor: crashes', () => {
  const both = async (world = start()) => {
    await world.begin([a, b], world.wake);
    return world;
  };

  test('F008 the crash of one session does not touch its sibling', async () => {
    const { child, crash, emitted, supervisor, send, working } = await both();
    send(b);
    const sibling = child(b);
    crash(a);
    expect(emitted()).toEqual([`session.crashed ${a}`]);
    expect(child(b)).toBe(sibling);
    expect([child(b)?.getSnapshot().status, working()]).toEqual(['active', [b]]);
    expect(supervisor.getSnapshot().status).toBe('active');
  });

  test('F008 a crashed session is made again from its log after its back-off, not before', async () => {
    const { child, clock, crash, send, answers, made, hydrations } = await both();
    crash(a);
    const command = send(a); // waits for the session
    clock.advance(999);
    expect([child(a), hydrations.open.length]).toEqual([undefined, 0]);
    clock.advance(1);
    await made(a);
    expect([child(a)?.getSnapshot().status, answers]).toEqual(['active', [command]]);
  });

  test('F008 a crashed session ends the work that it started', async () => {
    const { send, use, crash, holes } = await both();
    send(a);
    use(a);
    use(b);
    await settled();
    const running = holes.open.filter(({ input }) => input.sessionId === a);
    expect(running.map(({ name }) => name).toSorted()).toEqual(['act', 'provision']);
    crash(a);
    expect(running.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(holes.open.map(({ input }) => input.sessionId)).toEqual([b]);
  });

  test('a session whose memory and log have parted is made again from its log', async () => {
    const { supervisor, clock, child, made, last, hydrations } = await both();
    const error = new AppError('fenced', 'Another server writes this session.');
    supervisor.send({ type: 'session.broken', id: a, error });
    expect(last()).toMatchObject({ type: 'session.crashed', id: a, error });
    supervisor.send({ type: 'session.broken', id: a, error });
    clock.advance(1_000);
    await made(a);
    expect([child(a)?.getSnapshot().status, hydrations.calls.length]).toEqual(['active', 3]);
  });

  test('F009 a session that crashes too often inside the window is abandoned; its siblings live', async () => {
    const { child, clock, crash, made, emitted, last, supervisor } = await both();
    for (const restart of [1, 2, 3]) {
      crash(a);
      clock.advance(restart * 1_000);
      await made(a);
    }
    crash(a);
    expect(emitted().at(-1)).toBe(`session.abandoned ${a}`);
    expect(last()).toMatchObject({ error: new Error('a bug in an action'), commands: [] });
    clock.advance(60_000);
    expect([child(a), child(b)?.getSnapshot().status]).toEqual([undefined, 'active']);
    expect(supervisor.getSnapshot().status).toBe('active');
  });

  test('F009 crashes far apart are forgiven', async () => {
    const { child, clock, crash, made } = await both();
    for (const _ of [1, 2, 3, 4, 5, 6]) {
      crash(a);
      clock.advance(60_000);
      await made(a);
    }
    expect(child(a)?.getSnapshot().status).toBe('active');
  });

  test('a session that crashes at its very start counts as any other', async () => {
    const { wake, made, emitted, child } = start();
    wake(a);
    await made(a, { runs: undefined as never });
    expect([emitted(), child(a)]).toEqual([[`session.crashed ${a}`], undefined]);
  });
});

describe('supervisor: slots', () => {
  const ids = [1, 2, 3, 4].map(sessionIdOf);
  const [first, second, third] = ids as [SessionId, SessionId, SessionId];

  test('so many runs work at once as may, the others in their order', async () => {
    const { begin, working, holes, stop } = start({ run: 2, start: 1 });
    await begin(ids);
    expect(working()).toEqual([first, second]);
    stop(first);
    await holes.the('end').resolve();
    expect(working()).toEqual(ids.slice(0, 3));
  });

  test('a run that waits for an answer lets another one work', async () => {
    const { begin, send, working, holes } = start({ run: 1, start: 1 });
    await begin([first, second]);
    await holes.the('act').resolve(calls('c'));
    await holes.the('calls').resolve([{ kind: 'ask', question: 'Which one?' }]);
    expect(working()).toEqual([first, second]);
    send(first);
    await settled();
    const open = holes.open.map(({ name, input }) => `${name} ${input.sessionId}`);
    expect(open.toSorted()).toEqual([`act ${second}`, `wait ${first}`]);
  });

  test('a crash gives back what the session held', async () => {
    const { begin, crash, working } = start({ run: 1, start: 1 });
    await begin([first, second]);
    crash(first);
    expect(working()).toEqual([first, second]);
  });

  test('a crash takes the session out of the queue', async () => {
    const { begin, crash, working, holes, stop } = start({ run: 1, start: 1 });
    await begin([first, second, third]);
    crash(second);
    stop(first);
    await holes.the('end').resolve();
    expect(working()).toEqual([first, third]);
  });

  test('after a restart no more runs continue at once than may', async () => {
    const { wake, made, holes } = start({ run: 1, start: 1 });
    for (const id of ids) {
      wake(id);
      await made(id, { runs: [queuedRun(1, { resume: begun })] });
    }
    expect(holes.open.map(({ name }) => name)).toEqual(['act']);
  });

  test('F115 of 50 sessions that wait for one start slot, the deleted half never provisions and the rest does in order', async () => {
    const { wake, made, holes, remove } = start({ run: 10, start: 1 });
    const fifty = Array.from({ length: 50 }, (_, n) => sessionIdOf(n + 1));
    for (const id of fifty) {
      wake(id);
      await made(id, { sandbox: 'start' });
    }
    const provisioned = () => holes.named('provision').map(({ input }) => input.sessionId);
    expect(provisioned()).toEqual(fifty.slice(0, 1));
    const deleted = fifty.filter((_, n) => n % 2 === 1);
    for (const id of deleted) remove(id);
    await settled();
    const kept = fifty.filter((id) => !deleted.includes(id));
    for (const _ of kept) {
      await holes.the('provision').resolve();
      for (const hold of holes.open.filter(({ name }) => name === 'hold')) hold.tell({ type: 'hold.ready', ms: 1 });
    }
    expect(provisioned()).toEqual(kept);
  });

  test.each(['cannot start', 'is deleted in its start'])(
    'a sandbox that %s frees the place for the next',
    async (how) => {
      const { begin, use, remove, holes } = start({ run: 1, start: 1 });
      await begin([first, second], use);
      if (how === 'cannot start') await holes.the('provision').reject(new AppError('image_missing', 'No such image.'));
      else {
        remove(first);
        await holes.the('release').resolve();
      }
      expect(holes.the('provision').input.sessionId).toBe(second);
    },
  );
});
