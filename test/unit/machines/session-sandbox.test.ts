import { describe, expect, test } from 'vitest';
import { sandboxIdOf } from '../../../src/core/model/ids.ts';
import { sandboxPolicy, sessionIdOf } from '../../support/machines/machines.ts';
import { sessionAlone } from '../../support/machines/session-machine.ts';

const ok = [{ ok: true, value: undefined }];
const busy = { type: 'sandbox.busy' };
const idle = { type: 'sandbox.idle' };

function ready() {
  const session = sessionAlone({ sandbox: 'start' });
  session.sandbox.says({ type: 'sandbox.ready' });
  return session;
}

describe('session: its sandbox', () => {
  test.each([
    ['start', 'provision'],
    ['adopt', 'adopt'],
  ] as const)('begins as its log says: %s', (begin, how) => {
    const { sandbox } = sessionAlone({ sandbox: begin, sandboxLivedMs: 5 });
    const [sessionId, sandboxId] = [sessionIdOf(1), sandboxIdOf(sessionIdOf(1))];
    const lived = how === 'adopt' ? { livedMs: 5 } : {};
    expect(sandbox.input()).toEqual({ sessionId, sandboxId, begin: how, policy: sandboxPolicy, ...lived });
  });

  test('is made on its first use, and the use is answered when it is ready', () => {
    const { sandbox, use, answerTo } = sessionAlone();
    expect(sandbox.isThere()).toBe(false);
    const command = use();
    expect([sandbox.input().begin, answerTo(command)]).toEqual(['provision', undefined]);
    sandbox.says({ type: 'sandbox.ready' });
    expect(answerTo(command)).toEqual(ok);
  });

  test('stops on request: its files stay, and the caller is answered once it is gone', () => {
    const { sandbox, stopSandbox, answerTo } = ready();
    const command = stopSandbox();
    expect(sandbox.received.at(-1)).toEqual({ type: 'sandbox.release', workspace: 'keep' });
    expect(answerTo(command)).toBeUndefined();
    sandbox.ends({ kind: 'released', workspace: 'keep' });
    expect(answerTo(command)).toEqual([{ ok: true, value: { stopped: true } }]);
  });

  test('is already stopped if it does not run', () => {
    const { stopSandbox, answerTo } = sessionAlone();
    expect(answerTo(stopSandbox())).toEqual([{ ok: true, value: { stopped: false } }]);
  });

  test('answers its waiting callers with cancelled when it is stopped during its start', () => {
    const { use, stopSandbox, answerTo } = sessionAlone();
    const waiting = use();
    stopSandbox();
    expect(answerTo(waiting)).toMatchObject([{ ok: false, code: 'cancelled' }]);
  });

  test('starts again after it proved untrustworthy only when a person asks for it', () => {
    const { sandbox, use, answerTo } = ready();
    const waiting = use();
    sandbox.ends({ kind: 'failed', code: 'sandbox_untrusted', message: 'No.', retryable: false });
    expect(answerTo(waiting)).toEqual(ok); // the use had started before the failure
    const command = use();
    expect(sandbox.isThere()).toBe(false);
    expect(answerTo(command)).toMatchObject([{ ok: false, code: 'sandbox_untrusted' }]);
  });

  test('is destroyed after a restart, not adopted, if it proved untrustworthy before', () => {
    const { sandbox, use, answerTo } = sessionAlone({ sandbox: 'discard', distrusted: true, sandboxLivedMs: 5 });
    expect(sandbox.input().begin).toBe('discard');
    sandbox.ends({ kind: 'failed', code: 'sandbox_untrusted', message: 'No.', retryable: false });
    expect(answerTo(use())).toMatchObject([{ ok: false, code: 'sandbox_untrusted' }]);
  });

  test('knows from the first moment that it is used, so that it does not doze off', () => {
    const { sandbox, use } = sessionAlone();
    use();
    sandbox.says({ type: 'sandbox.ready' });
    expect(sandbox.received).toEqual([busy]);
  });

  test('is idle when its last user is done, not before', () => {
    const { sandbox, use, done } = ready();
    const [a, b] = [use(), use()];
    done(a);
    expect(sandbox.received).toEqual([busy, busy]);
    done(b);
    expect(sandbox.received).toEqual([busy, busy, idle]);
  });

  test('neither answers a caller that gave up nor stays awake for it', () => {
    const { sandbox, use, done, answerTo } = sessionAlone();
    const command = use();
    done(command);
    sandbox.says({ type: 'sandbox.ready' });
    expect([answerTo(command), sandbox.received]).toEqual([undefined, [idle]]);
  });

  test.each([
    ['is being paused or released', { type: 'sandbox.unready' }],
    ['is paused', { type: 'sandbox.phase', phase: 'paused' }],
  ])('makes its users wait until it is ready again after it %s', (_, news) => {
    const { sandbox, use, answerTo } = ready();
    sandbox.says(news);
    const command = use();
    expect([sandbox.received, answerTo(command)]).toEqual([[busy], undefined]);
    sandbox.says({ type: 'sandbox.ready' });
    expect(answerTo(command)).toEqual(ok);
  });

  test('F114 is replaced by a new one on the same files when a caller needs it during its release', () => {
    const { sandbox, use, answerTo, log } = ready();
    sandbox.says({ type: 'sandbox.unready' });
    const command = use();
    sandbox.ends({ kind: 'released', workspace: 'keep' });
    expect([log().at(-1), sandbox.input().begin]).toEqual(['sandbox.phase none released', 'provision']);
    sandbox.says({ type: 'sandbox.ready' });
    expect(answerTo(command)).toEqual(ok);
  });

  test('F017 a lost one is made again on its next use, once, and not before', () => {
    const { sandbox, use, answerTo } = ready();
    sandbox.ends({ kind: 'lost' });
    expect(sandbox.isThere()).toBe(false);
    const uses = [use(), use()];
    expect(sandbox.input().begin).toBe('provision');
    sandbox.says({ type: 'sandbox.ready' });
    expect(uses.map(answerTo)).toEqual([ok, ok]);
  });

  test('an adopted one that is lost is not adopted again', () => {
    const { sandbox, use } = sessionAlone({ sandbox: 'adopt' });
    sandbox.ends({ kind: 'lost' });
    use();
    expect(sandbox.input().begin).toBe('provision');
  });

  test('keeps its callers waiting for the next one when it is lost during its start', () => {
    const { sandbox, use, answerTo } = sessionAlone({ sandbox: 'adopt' });
    const command = use();
    sandbox.ends({ kind: 'lost' });
    sandbox.says({ type: 'sandbox.ready' });
    expect(answerTo(command)).toEqual(ok);
  });

  test.each([
    ['cannot start', { code: 'sandbox_capacity', message: 'No room.' }],
    ['has an actor that breaks', { code: 'internal' }],
  ])('tells its users why where it %s, and the next use tries again', (how, reason) => {
    const { sandbox, use, answerTo } = sessionAlone();
    const command = use();
    if (how !== 'cannot start') sandbox.breaks();
    else sandbox.ends({ kind: 'failed', code: 'sandbox_capacity', message: 'No room.', retryable: true });
    expect(answerTo(command)).toMatchObject([{ ok: false, ...reason }]);
    expect(sandbox.isThere()).toBe(false);
    use();
    expect(sandbox.isThere()).toBe(true);
  });

  test.each(['while the run is stopped', 'while it is removed'])(
    'is refused to every caller during a deletion %s',
    (when) => {
      const { send, use, remove, sandbox, answerTo } = sessionAlone();
      if (when === 'while the run is stopped') send(1);
      remove();
      expect(answerTo(use())).toMatchObject([{ ok: false, code: 'session_not_found' }]);
      expect(sandbox.received).toEqual([]);
    },
  );

  test('is refused to a waiting caller when the session is deleted', () => {
    const { use, remove, sandbox, answerTo } = sessionAlone();
    const command = use();
    remove();
    sandbox.ends({ kind: 'released', workspace: 'remove' });
    expect(answerTo(command)).toMatchObject([{ ok: false, code: 'session_not_found' }]);
  });
});

describe('session: the place among the sandboxes that start', () => {
  test('is requested, handed on, and returned when it is ready', () => {
    const { sandbox, grant, slots } = sessionAlone({ sandbox: 'start' }, 'held');
    sandbox.says({ type: 'sandbox.wantsSlot' });
    grant('run');
    expect(sandbox.received).toEqual([]);
    grant('start');
    expect(sandbox.received).toEqual([{ type: 'slot.granted' }]);
    sandbox.says({ type: 'sandbox.ready' });
    expect(slots()).toEqual(['request start', 'release start']);
  });

  test.each(['is abandoned, not when that is done', 'fails'])('is returned when the start %s', (how) => {
    const { sandbox, slots } = sessionAlone({ sandbox: 'start' });
    if (how === 'fails') sandbox.ends({ kind: 'failed', code: 'quota', message: 'No.', retryable: false });
    else sandbox.says({ type: 'sandbox.unready' });
    expect(slots()).toEqual(['release start']);
  });
});

describe('session: its sandbox in the log', () => {
  test('the log has each phase, with the run at work', () => {
    const { sandbox, send, run, facts } = sessionAlone({ sandbox: 'start' });
    sandbox.says({ type: 'sandbox.phase', phase: 'starting' });
    send(1);
    sandbox.says({ type: 'sandbox.phase', phase: 'ready', ms: 7 });
    run.ends({ reason: 'completed' });
    sandbox.says({ type: 'sandbox.phase', phase: 'lost', detail: 'it ended' });
    const phases = facts.filter(({ type }) => type === 'sandbox.phase');
    const expected = [{ phase: 'starting' }, { phase: 'ready', ms: 7 }, { phase: 'lost', detail: 'it ended' }];
    expect(phases.map(({ data }) => data)).toEqual(expected);
    expect(phases.map(({ runId }) => runId === null)).toEqual([true, false, true]);
  });

  test.each(['was let go', 'ends by itself'])(
    'a phase is not part of a run that %s: no event of a run follows its end',
    (how) => {
      const { sandbox, send, run, log } = sessionAlone({ sandbox: 'start' });
      send(1);
      run.says(how === 'was let go' ? { type: 'run.wantsToEnd', seen: 0 } : { type: 'run.ending' });
      sandbox.says({ type: 'sandbox.phase', phase: 'starting' });
      expect(log().at(-1)).toBe('sandbox.phase none starting');
    },
  );
});
