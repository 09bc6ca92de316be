import { describe, expect, test } from 'vitest';
import { begun, queuedRun, runIdOf } from '../../support/machines/machines.ts';
import { sessionAlone } from '../../support/machines/session-machine.ts';

type Session = ReturnType<typeof sessionAlone>;
const ok = [{ ok: true, value: undefined }];

describe('F109 stop', () => {
  test('an idle session: the stop succeeds and appends nothing', () => {
    const { stop, answerTo, log } = sessionAlone();
    expect([answerTo(stop()), log()]).toEqual([[{ ok: true, value: { stopped: false } }], []]);
  });

  test('is answered when the run has ended, not before; twice and repeated: a success each time, one end', () => {
    const { send, stop, run, answerTo, log } = sessionAlone();
    send(1);
    const stops = [stop(), stop()];
    expect(run.received[0]).toEqual({ type: 'run.stop', reason: 'stopped' });
    expect(stops.map(answerTo)).toEqual([undefined, undefined]);
    run.ends({ reason: 'stopped' });
    stops.push(stop());
    expect(stops.map(answerTo)).toEqual([true, true, false].map((stopped) => [{ ok: true, value: { stopped } }]));
    expect(log()).toEqual(['message.user 1', 'run.started 1', 'run.end 1 stopped']);
  });

  test('drops the queued runs, each with an end of its own, after that of the active one', () => {
    const { send, stop, run, log, actor } = sessionAlone();
    for (const n of [1, 2, 3]) send(n);
    stop();
    send(4);
    stop();
    run.ends({ reason: 'stopped' });
    expect(log().slice(-4)).toEqual([
      ...['run.end 1 stopped', 'run.end 2 stopped', 'run.end 3 stopped', 'run.end 4 stopped'],
    ]);
    expect(actor.getSnapshot().context.queue).toEqual([]);
  });

  test('a run that waits for its slot ends before it begins', () => {
    const { send, stop, answerTo, log } = sessionAlone({}, 'held');
    send(1);
    expect(answerTo(stop())).toEqual([{ ok: true, value: { stopped: true } }]);
    expect(log()).toEqual(['message.user 1', 'run.end 1 stopped']);
  });

  test.each(['waits', 'was answered'])('a run that %s ends', (state) => {
    const { send, stop, run, answerTo } = asks(sessionAlone({}, 'held'));
    if (state === 'was answered') send(2);
    const command = stop();
    run.ends({ reason: 'stopped' });
    expect(answerTo(command)).toEqual([{ ok: true, value: { stopped: true } }]);
  });

  test('a run that is about to end ends with its own reason', () => {
    const { send, stop, run, answerTo, log } = sessionAlone();
    send(1);
    run.says({ type: 'run.wantsToEnd', seen: 0 });
    const command = stop();
    run.ends({ reason: 'completed' });
    expect(answerTo(command)).toEqual([{ ok: true, value: { stopped: true } }]);
    expect(log().at(-1)).toBe('run.end 1 completed');
  });
});

describe('F106 stop while the sandbox is on its way', () => {
  test('the session releases the sandbox, keeps its files, and tells the ended run nothing about it', () => {
    const { send, stop, run, sandbox, log } = sessionAlone({ sandbox: 'start' });
    send(1);
    sandbox.says({ type: 'sandbox.phase', phase: 'starting' });
    stop();
    expect(sandbox.received.at(-1)).toEqual({ type: 'sandbox.release', workspace: 'keep' });
    sandbox.says({ type: 'sandbox.phase', phase: 'queued' });
    run.ends({ reason: 'stopped' });
    sandbox.ends({ kind: 'released', workspace: 'keep' });
    expect(log().slice(2)).toEqual([
      ...['sandbox.phase 1 starting', 'sandbox.phase none queued', 'run.end 1 stopped'],
      'sandbox.phase none released',
    ]);
  });

  test('a caller that waits for the sandbox learns that the run was stopped', () => {
    const { send, stop, use, answerTo } = sessionAlone({ sandbox: 'start' });
    send(1);
    const user = use();
    stop();
    expect(answerTo(user)).toMatchObject([{ ok: false, code: 'cancelled' }]);
  });

  test('a run that only waits for its place is no reason to keep it either', () => {
    const { send, stop, sandbox } = sessionAlone({ sandbox: 'start' }, 'held');
    send(1);
    stop();
    expect(sandbox.received).toEqual([{ type: 'sandbox.release', workspace: 'keep' }]);
  });

  test.each(['ready', 'paused', 'adopted'])('a sandbox that is %s stays, because others can use it', (state) => {
    const { send, stop, sandbox } = sessionAlone({ sandbox: state === 'adopted' ? 'adopt' : 'start' });
    if (state !== 'adopted') sandbox.says({ type: 'sandbox.ready' });
    if (state === 'paused') sandbox.says({ type: 'sandbox.phase', phase: 'paused' });
    send(1);
    stop();
    expect(sandbox.received).toEqual([]);
  });

  test('a stop of an idle session leaves it alone', () => {
    const { stop, sandbox } = sessionAlone({ sandbox: 'start' });
    stop();
    expect(sandbox.received).toEqual([]);
  });
});

function begins(session: Session): Session {
  session.send(1);
  session.grant('run');
  return session;
}
function asks(session: Session): Session {
  begins(session).run.says({ type: 'run.waiting', question: '?' });
  return session;
}
/** The states of a session's work, how the session gets there, and whether it then has a run to end. */
const work: [string, (session: Session) => void, run: boolean][] = [
  ['idle', () => {}, false],
  ['waiting for its place', ({ send }) => void send(1), false],
  ['working', begins, true],
  ['waiting for an answer', asks, true],
  ['answered', (session) => void asks(session).send(2), true],
  ['stopping', (session) => void begins(session).stop(), true],
];
const computer: [string, Partial<Parameters<typeof sessionAlone>[0]>, (session: Session) => void][] = [
  ['no sandbox', {}, () => {}],
  ['its sandbox on its way', { sandbox: 'start' }, () => {}],
  ['its sandbox ready', { sandbox: 'adopt' }, ({ sandbox }) => sandbox.says({ type: 'sandbox.ready' })],
  ['its sandbox lost', { sandbox: 'adopt' }, ({ sandbox }) => sandbox.ends({ kind: 'lost' })],
];
const everyState = work.flatMap(([doing, doIt, hasRun]) =>
  computer.map(([having, input, haveIt]) => ({ doing, having, input, hasRun, enter: [haveIt, doIt] })),
);

describe('F110 delete', () => {
  test.each(everyState)(
    '$doing, with $having: the session ends, everything is removed, both deletes are answered',
    (it) => {
      const session = sessionAlone(it.input, 'held');
      for (const act of it.enter) act(session);
      const { remove, run, sandbox, answerTo, end, log } = session;
      const deletes = [remove(), remove()];
      if (it.hasRun) {
        expect(run.received.at(-1)).toEqual({ type: 'run.stop', reason: 'deleted' });
        run.ends({ reason: 'deleted' });
      }
      if (sandbox.input().begin !== 'release') {
        expect(sandbox.received.at(-1)).toEqual({ type: 'sandbox.release', workspace: 'remove' });
      }
      expect(deletes.map(answerTo)).toEqual([undefined, undefined]);
      sandbox.ends({ kind: 'released', workspace: 'remove' });
      expect([deletes.map(answerTo), end()]).toEqual([[ok, ok], 'deleted']);
      expect(log().filter((line) => line.startsWith('run.end 1'))).toHaveLength(it.doing === 'idle' ? 0 : 1);
    },
  );

  test('a sandbox that could not be removed at once is tried again', () => {
    const { remove, sandbox, answerTo, end } = sessionAlone({ sandbox: 'start' });
    const command = remove();
    sandbox.ends({ kind: 'released', workspace: 'remove', unfinished: true });
    expect([sandbox.input().begin, answerTo(command)]).toEqual(['release', undefined]);
    sandbox.ends({ kind: 'released', workspace: 'remove' });
    expect([answerTo(command), end()]).toEqual([ok, 'deleted']);
  });

  test('the stop that it overtakes is answered too', () => {
    const { send, stop, remove, run, answerTo } = sessionAlone();
    send(1);
    const command = stop();
    remove();
    run.ends({ reason: 'stopped' });
    expect(answerTo(command)).toEqual([{ ok: true, value: { stopped: true } }]);
  });

  test('a stop that comes after it is refused once there is nothing left to stop', () => {
    const { stop, remove, answerTo } = sessionAlone();
    remove();
    expect(answerTo(stop())).toMatchObject([{ ok: false, code: 'session_not_found' }]);
  });

  test('a sandbox whose actor breaks does not keep the session alive', () => {
    const { remove, sandbox, end } = sessionAlone({ sandbox: 'start' });
    remove();
    sandbox.breaks();
    expect(sandbox.input().begin).toBe('release');
    sandbox.breaks();
    expect(end()).toBe('deleted');
  });

  test('after a restart only the cleaning up is left to do, and a repeated delete is answered by it', () => {
    const runs = [queuedRun(1, { resume: begun })];
    const { remove, run, sandbox, answerTo, end } = sessionAlone({ deleting: true, sandbox: 'adopt', runs });
    expect(run.isThere()).toBe(false);
    const command = remove();
    expect(sandbox.input().begin).toBe('release');
    sandbox.ends({ kind: 'released', workspace: 'remove' });
    expect([answerTo(command), end()]).toEqual([ok, 'deleted']);
  });
});

describe('session: passivation', () => {
  const hour = 900_000;

  test('a session that nobody uses leaves memory', () => {
    const { clock, end } = sessionAlone();
    clock.advance(hour - 1);
    expect(end()).toBeUndefined();
    clock.advance(1);
    expect(end()).toBe('passivated');
  });

  test('a session with a sandbox stays until the sandbox is gone', () => {
    const { clock, sandbox, end } = sessionAlone({ sandbox: 'start' });
    clock.advance(10 * hour);
    expect(end()).toBeUndefined();
    sandbox.ends({ kind: 'released', workspace: 'keep' });
    clock.advance(hour);
    expect(end()).toBe('passivated');
  });

  test.each(['works', 'waits'])('a session whose run %s stays', (state) => {
    const { clock, send, run, end } = sessionAlone();
    send(1);
    if (state === 'waits') run.says({ type: 'run.waiting', question: '?' });
    clock.advance(10 * hour);
    expect(end()).toBeUndefined();
    run.ends({ reason: 'completed' });
    clock.advance(hour);
    expect(end()).toBe('passivated');
  });

  test('a user that was left behind by a lost sandbox does not keep it in memory', () => {
    const { clock, sandbox, use, end } = sessionAlone({ sandbox: 'adopt' });
    sandbox.says({ type: 'sandbox.ready' });
    use();
    sandbox.ends({ kind: 'lost' });
    clock.advance(hour);
    expect(end()).toBe('passivated');
  });

  test('a message in time starts the wait again', () => {
    const { clock, send, run, end } = sessionAlone();
    clock.advance(hour - 1);
    send(1);
    expect(run.input().runId).toBe(runIdOf(1));
    run.ends({ reason: 'completed' });
    clock.advance(hour - 1);
    expect(end()).toBeUndefined();
  });
});
