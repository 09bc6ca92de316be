import { describe, expect, test } from 'vitest';
import { begun, messageIdOf, queuedRun, runIdOf } from '../../support/machines/machines.ts';
import { sessionAlone } from '../../support/machines/session-machine.ts';

type Mode = 'inject' | 'queue' | 'replace';
const modes: Mode[] = ['inject', 'queue', 'replace'];
const accepted = (n: number, messageId = n) => [
  { ok: true, value: { runId: runIdOf(n), messageId: messageIdOf(messageId) } },
];

function working() {
  const session = sessionAlone();
  session.send(1);
  return session;
}
function waiting() {
  const session = working();
  session.run.says({ type: 'run.waiting', question: 'Which one?' });
  return session;
}
function stopping() {
  const session = working();
  session.stop();
  return session;
}

describe('session: a message', () => {
  test.each(modes)('to an idle session starts a run (%s)', (mode) => {
    const { send, answerTo, log, run } = sessionAlone();
    const command = send(1, mode);
    expect([log(), answerTo(command)]).toEqual([['message.user 1', 'run.started 1'], accepted(1)]);
    expect(run.input()).toMatchObject({ runId: runIdOf(1), task: 'task 1', messageId: messageIdOf(1) });
  });

  test('waits for a place among the runs that may work, and starts nothing before', () => {
    const { send, grant, log, slots } = sessionAlone({}, 'held');
    send(1);
    expect([log(), slots()]).toEqual([['message.user 1'], ['request run']]);
    grant('start');
    expect(log()).toHaveLength(1);
    grant('run');
    expect(log()).toEqual(['message.user 1', 'run.started 1']);
  });

  test('keeps when its sender wrote it, and what it brought along', () => {
    const { actor, facts } = sessionAlone();
    const ids = { commandId: 'c', messageId: messageIdOf(1), runId: runIdOf(1) };
    const content = { text: 'look', attachments: ['a.png'], clientTimestamp: 1_700_000_000 };
    actor.send({ type: 'cmd.send', ...ids, mode: 'inject', ...content });
    expect(facts[0]?.data).toMatchObject(content);
  });
});

// From the wire contract: the fate of a message by its mode and by the session's state.
describe('F111 the table of messages', () => {
  test('inject, while a run works: the run takes it', () => {
    const { send, run, log, answerTo } = working();
    const command = send(2, 'inject');
    expect([log().at(-1), answerTo(command)]).toEqual(['message.user 1', accepted(1, 2)]);
    expect(run.received).toEqual([{ type: 'run.inject' }]);
  });

  test('queue, while a run works: a run of its own after it', () => {
    const { send, run, log, answerTo } = working();
    expect(answerTo(send(2, 'queue'))).toEqual(accepted(2));
    run.ends({ reason: 'completed' });
    expect(log()).toEqual([
      ...['message.user 1', 'run.started 1', 'message.user 2', 'run.end 1 completed', 'run.started 2'],
    ]);
  });

  test('replace, while a run works: it ends as superseded, then the new one starts, before the queued ones, which stay', () => {
    const { send, run, log, answerTo } = working();
    send(2, 'queue');
    const command = send(3, 'replace');
    expect([run.received, answerTo(command)]).toEqual([[{ type: 'run.stop', reason: 'superseded' }], accepted(3)]);
    run.ends({ reason: 'superseded' });
    run.ends({ reason: 'completed' });
    expect(log().slice(-4)).toEqual(['run.end 1 superseded', 'run.started 3', 'run.end 3 completed', 'run.started 2']);
  });

  test.each(modes)('%s, while the run waits: it is the answer, and the same run continues', (mode) => {
    const { send, run, log, answerTo } = waiting();
    const command = send(2, mode);
    expect([log().slice(-2), answerTo(command)]).toEqual([['message.user 1', 'run.resumed 1'], accepted(1, 2)]);
    expect(run.received).toEqual([{ type: 'run.answer' }]);
  });

  test('the answer is taken however full the queue is', () => {
    const { send, run, answerTo } = working();
    for (const n of [2, 3, 4]) send(n, 'queue');
    run.says({ type: 'run.waiting', question: 'Which one?' });
    expect(answerTo(send(5, 'queue'))).toEqual(accepted(1, 5));
  });

  test.each<[Mode, number]>([
    ['inject', 1],
    ['queue', 3],
    ['replace', 3],
  ])('%s, after the answer and before the run has its place again: as while it works', (mode, runs) => {
    const { send, run, answerTo, grant } = sessionAlone({}, 'held');
    send(1);
    grant('run');
    run.says({ type: 'run.waiting', question: 'Which one?' });
    send(2);
    expect(run.received).toEqual([]);
    expect(answerTo(send(3, mode))).toEqual(accepted(runs, 3));
    if (mode === 'replace') expect(run.received).toEqual([{ type: 'run.stop', reason: 'superseded' }]);
    grant('run');
    if (mode !== 'replace') expect(run.received.at(-1)).toEqual({ type: 'run.answer' });
  });

  test.each(modes)('%s, while the run is being stopped: a run of its own after it', (mode) => {
    const { send, run, log, answerTo } = stopping();
    expect(answerTo(send(2, mode))).toEqual(accepted(2));
    run.ends({ reason: 'stopped' });
    expect(log().slice(-2)).toEqual(['run.end 1 stopped', 'run.started 2']);
  });

  test.each(modes)('%s, while a run waits for its place: queued, replace first', (mode) => {
    const { send, grant, run } = sessionAlone({}, 'held');
    send(1);
    send(2, mode);
    grant('run');
    expect(run.input().runId).toBe(runIdOf(mode === 'replace' ? 2 : 1));
  });

  test.each(modes)('%s, after the run may end: a run of its own, because the old one accepts no more', (mode) => {
    const { send, run, answerTo } = working();
    run.says({ type: 'run.wantsToEnd', seen: 0 });
    expect(run.received).toEqual([{ type: 'run.mayEnd' }]);
    expect(answerTo(send(2, mode))).toEqual(accepted(2));
    expect(run.received).toHaveLength(1);
    run.ends({ reason: 'completed' });
    expect(run.input().runId).toBe(runIdOf(2));
  });

  test('inject, in the moment before the run asks leave: it has to read it first', () => {
    const { send, run } = working();
    send(2, 'inject');
    run.says({ type: 'run.wantsToEnd', seen: 0 });
    expect(run.received).toEqual([{ type: 'run.inject' }, { type: 'run.goOn' }]);
    run.says({ type: 'run.wantsToEnd', seen: 1 });
    expect(run.received.at(-1)).toEqual({ type: 'run.mayEnd' });
  });

  test.each(modes)('%s, while the run ends by itself: a run of its own after it', (mode) => {
    const { send, run, answerTo } = working();
    run.says({ type: 'run.ending' });
    expect([answerTo(send(2, mode)), run.received]).toEqual([accepted(2), []]);
    run.ends({ reason: 'failed' });
    expect(run.input().runId).toBe(runIdOf(2));
  });

  test('an answer to a run that cannot wait because it ends is no answer', () => {
    const { send, run, log, answerTo } = waiting();
    run.says({ type: 'run.ending' });
    expect(answerTo(send(2, 'inject'))).toEqual(accepted(2));
    expect(log()).not.toContain('run.resumed 1');
  });

  test.each(modes)('%s, after the end: it starts a run', (mode) => {
    const { send, run, answerTo } = working();
    run.ends({ reason: 'completed' });
    expect(answerTo(send(2, mode))).toEqual(accepted(2));
  });

  test.each(modes)('%s, while a deletion stops the run or removes the sandbox: refused', (mode) => {
    const { send, remove, run, sandbox, log, answerTo } = working();
    remove();
    expect(answerTo(send(2, mode))).toMatchObject([{ ok: false, code: 'session_not_found' }]);
    run.ends({ reason: 'deleted' });
    expect(sandbox.isThere()).toBe(true);
    expect(answerTo(send(3, mode))).toMatchObject([{ ok: false, code: 'session_not_found' }]);
    expect(log()).toEqual(['message.user 1', 'run.started 1', 'run.end 1 deleted']);
  });
});

describe('session: limits', () => {
  test('F112 beyond the queue cap a message is refused, and leaves no trace', () => {
    const { send, answerTo, log } = working();
    for (const n of [2, 3, 4]) send(n, 'queue');
    const before = log();
    for (const mode of ['queue', 'replace'] as const)
      expect(answerTo(send(5, mode))).toMatchObject([{ ok: false, code: 'queue_full' }]);
    expect(log()).toEqual(before);
    expect(answerTo(send(5, 'inject'))).toEqual(accepted(1, 5)); // the active run takes it all the same
  });

  test('one run accepts a limited number of messages', () => {
    const { send, answerTo } = working();
    for (let n = 2; n < 32; n += 1) expect(answerTo(send(n, 'inject'))).toEqual(accepted(1, n));
    expect(answerTo(send(32, 'inject'))).toMatchObject([{ ok: false, code: 'queue_full' }]);
  });

  test.each(['queued', 'stopping'])('the cap holds in %s too', (state) => {
    const { send, stop, answerTo, grant } = sessionAlone({}, 'held');
    send(1);
    if (state === 'stopping') {
      grant('run');
      stop();
      send(2);
    }
    for (const n of [3, 4]) send(n);
    expect(answerTo(send(5))).toMatchObject([{ ok: false, code: 'queue_full' }]);
  });
});

describe('session: its place among the runs that may work', () => {
  test('a waiting run has no slot, and requests one after the answer', () => {
    const { send, slots } = waiting();
    expect(slots()).toEqual(['request run', 'release run']);
    send(2);
    expect(slots()).toEqual(['request run', 'release run', 'request run']);
  });

  test('the end of a run gives it back before the next one asks', () => {
    const { send, run, slots } = working();
    send(2);
    run.ends({ reason: 'completed' });
    expect(slots()).toEqual(['request run', 'release run', 'request run']);
  });

  test('a run that stops before it gets a slot leaves the queue', () => {
    const { send, stop, slots } = sessionAlone({}, 'held');
    send(1);
    stop();
    expect(slots()).toEqual(['request run', 'release run']);
  });
});

describe('session: a run that breaks', () => {
  test('F008 the session ends a broken run in the log, answers its stop, and starts the next run', () => {
    const { send, stop, run, broken, log, answerTo, actor } = working();
    const command = stop();
    send(2);
    run.breaks();
    expect([broken.length, log().slice(-2)]).toEqual([1, ['run.end 1 failed', 'run.started 2']]);
    expect(answerTo(command)).toMatchObject([{ ok: true }]);
    expect(actor.getSnapshot().status).toBe('active');
  });

  test('a run that breaks during a deletion does not end the deletion', () => {
    const { remove, run, sandbox, answerTo, end, log } = working();
    const command = remove();
    run.breaks();
    expect(log().at(-1)).toBe('run.end 1 failed');
    sandbox.ends({ kind: 'released', workspace: 'remove' });
    expect(answerTo(command)).toMatchObject([{ ok: true }]);
    expect(end()).toBe('deleted');
  });
});

describe('session: after a restart', () => {
  const resume = { ...begun, unseen: 2 };
  const cut = queuedRun(1, { resume });
  const cutWaiting = queuedRun(1, { resume: { ...resume, waiting: 'Which one?' } });

  test('a run that had begun continues when it has its place, and is not begun again', () => {
    const { run, log, grant, slots } = sessionAlone({ runs: [cut, queuedRun(2)] }, 'held');
    expect([slots(), [run.input().resume, run.received]]).toEqual([['request run'], [resume, []]]);
    grant('run');
    expect(run.received).toEqual([{ type: 'run.answer' }]);
    run.ends({ reason: 'completed' });
    grant('run');
    expect(log()).toEqual(['run.end 1 completed', 'run.started 2']);
  });

  test('F109 a stop before it has its place closes it by its own actor, and the queued ones with it', () => {
    const { run, stop, log, answerTo } = sessionAlone({ runs: [cut, queuedRun(2)] }, 'held');
    const command = stop();
    expect([run.received, answerTo(command)]).toEqual([[{ type: 'run.stop', reason: 'stopped' }], undefined]);
    run.ends({ reason: 'stopped' });
    expect(log()).toEqual(['run.end 1 stopped', 'run.end 2 stopped']);
    expect(answerTo(command)).toEqual([{ ok: true, value: { stopped: true } }]);
  });

  test('F111 messages find it as they find a run that works', () => {
    const { run, send, answerTo } = sessionAlone({ runs: [cut] }, 'held');
    expect([answerTo(send(2, 'inject')), answerTo(send(3, 'replace'))]).toEqual([accepted(1, 2), accepted(3)]);
    expect(run.received).toEqual([{ type: 'run.inject' }, { type: 'run.stop', reason: 'superseded' }]);
  });

  test('messages that no turn had seen are seen before it may end', () => {
    const { run } = sessionAlone({ runs: [cut] });
    run.says({ type: 'run.wantsToEnd', seen: 1 });
    run.says({ type: 'run.wantsToEnd', seen: 2 });
    expect(run.received.slice(1)).toEqual([{ type: 'run.goOn' }, { type: 'run.mayEnd' }]);
  });

  test('F111 a message that came while its question was on its way lets it continue; one that it knew does not', () => {
    const { run, send, log } = sessionAlone();
    send(1);
    send(2, 'inject');
    run.says({ type: 'run.waiting', question: 'Which one?' });
    run.says({ type: 'run.questionLogged', seen: 0 });
    expect(log().slice(-2)).toEqual(['message.user 1', 'run.resumed 1']);
    expect(run.received).toEqual([{ type: 'run.inject' }, { type: 'run.answer' }]);
    run.says({ type: 'run.waiting', question: 'And now?' });
    run.says({ type: 'run.questionLogged', seen: 1 });
    expect(run.received).toHaveLength(2);
  });

  test('F111 a message that came before a question about a call decides nothing about it', () => {
    const { run, send, log } = sessionAlone();
    send(1);
    send(2, 'inject');
    const approvals = [{ tool: 'bash', callId: 'c1', remainingMs: 1_000 }];
    run.says({ type: 'run.waiting', question: 'May I?', approvals });
    run.says({ type: 'run.questionLogged', seen: 0 });
    expect([log().at(-1), run.received]).toEqual(['message.user 1', [{ type: 'run.inject' }]]);
  });

  test('a run that waited waits on, holds no place, and takes its answer', () => {
    const { run, send, log, slots } = sessionAlone({ runs: [cutWaiting] });
    expect(slots()).toEqual(['release run']);
    send(2);
    expect([log(), run.received]).toEqual([['message.user 1', 'run.resumed 1'], [{ type: 'run.answer' }]]);
  });

  test('runs that had not begun start in their order', () => {
    const { run, log } = sessionAlone({ runs: [queuedRun(1), queuedRun(2)] });
    run.ends({ reason: 'completed' });
    expect(log()).toEqual(['run.started 1', 'run.end 1 completed', 'run.started 2']);
  });
});
