import { describe, expect, test } from 'vitest';
import type { AnyEventObject } from 'xstate';
import type { SandboxInput } from '../../../machines/sandbox.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { asChild, ManualActors, sandboxInput, sandboxPolicy, sandboxWith } from '../../support/machines/machines.ts';

const noRoom = new AppError('sandbox_capacity', 'No room.');
const lost = new AppError('sandbox_lost', 'The sandbox ended unexpectedly.');

function start(input: Partial<SandboxInput> = {}) {
  const holes = new ManualActors();
  const sandbox = asChild(sandboxWith(holes), sandboxInput(input));
  const { actor, reports } = sandbox;
  const tell = (event: AnyEventObject) => holes.the('hold').tell(event);
  const toReady = async () => {
    actor.send({ type: 'slot.granted' });
    await holes.the('provision').resolve();
    tell({ type: 'hold.ready', ms: 7 });
  };
  return {
    ...sandbox,
    holes,
    tell,
    phases: () => reports.filter(({ type }) => type === 'sandbox.phase').map(({ phase }) => phase),
    count: (type: string) => reports.filter((event) => event.type === type).length,
    grant: () => actor.send({ type: 'slot.granted' }),
    toReady,
    toPaused: async () => {
      await toReady();
      sandbox.clock.advance(60_000);
      await holes.the('pause').resolve();
    },
  };
}

describe('sandbox: its start', () => {
  test('a sandbox waits for a slot, is provisioned, and then reports that it is ready', async () => {
    const { reports, toReady } = start();
    await toReady();
    expect(reports).toEqual([
      { type: 'sandbox.wantsSlot' },
      { type: 'sandbox.phase', phase: 'queued' },
      { type: 'sandbox.phase', phase: 'starting' },
      { type: 'sandbox.phase', phase: 'ready', ms: 7 },
      { type: 'sandbox.ready' },
    ]);
  });

  test('F115 a sandbox that waits for its slot and is released never provisions', async () => {
    const { actor, holes, end, grant } = start();
    actor.send({ type: 'sandbox.release', workspace: 'keep' });
    grant();
    await holes.the('release').resolve();
    expect([end(), holes.named('provision')]).toEqual([{ kind: 'released', workspace: 'keep' }, []]);
  });

  test('an adopted sandbox is held at once, without a slot', () => {
    const { holes, tell, phases, count } = start({ begin: 'adopt' });
    tell({ type: 'hold.ready', ms: 0 });
    expect([phases(), count('sandbox.wantsSlot') + holes.named('provision').length]).toEqual([['ready'], 0]);
  });

  test('a failure that may pass is tried again with growing pauses, so often as allowed', async () => {
    const { clock, holes, grant, end } = start();
    grant();
    for (const wait of [1_000, 2_000]) {
      await holes.the('provision').reject(noRoom);
      clock.advance(wait - 1);
      expect(holes.open).toEqual([]);
      clock.advance(1);
    }
    await holes.the('provision').reject(noRoom);
    expect(end()).toEqual({ kind: 'failed', code: 'sandbox_capacity', message: 'No room.', retryable: true });
  });

  test('F026 a missing image is not tried again, and the session gets the reason', async () => {
    const { holes, grant, end, reports } = start();
    grant();
    await holes.the('provision').reject(new AppError('image_missing', 'No such image.'));
    expect(end()).toMatchObject({ kind: 'failed', code: 'image_missing', retryable: false });
    expect(reports.at(-1)).toEqual({ type: 'sandbox.phase', phase: 'lost', detail: 'No such image.' });
  });

  test('F106 a release during the provision aborts it and removes its result', async () => {
    const { actor, holes, grant, end } = start();
    grant();
    const provision = holes.the('provision');
    actor.send({ type: 'sandbox.release', workspace: 'remove' });
    expect([provision.signal.aborted, holes.the('release').input.workspace]).toEqual([true, 'remove']);
    await provision.resolve();
    await holes.the('release').resolve();
    expect(end()).toEqual({ kind: 'released', workspace: 'remove' });
  });

  test.each(['resource.failed', 'resource.closed'])(
    'a sandbox that dies in its start (%s) starts a limited number of times',
    async (type) => {
      const { clock, holes, grant, tell, end, phases } = start();
      grant();
      for (const wait of [1_000, 2_000, 0]) {
        await holes.the('provision').resolve();
        tell({ type, error: lost });
        clock.advance(wait);
      }
      expect(end()).toMatchObject({ kind: 'failed', code: 'sandbox_lost' });
      expect(phases()).toEqual(['queued', 'starting', 'starting', 'starting', 'lost']);
    },
  );

  test('packages that cannot be installed are not tried again, and the session gets the reason', async () => {
    const { holes, grant, tell, end } = start();
    grant();
    await holes.the('provision').resolve();
    tell({ type: 'resource.failed', error: new AppError('packages_failed', 'No such package.') });
    expect(end()).toMatchObject({ kind: 'failed', code: 'packages_failed', message: 'No such package.' });
  });

  test('an adopted one that is gone is lost at once', () => {
    const { tell, end, phases } = start({ begin: 'adopt' });
    tell({ type: 'resource.failed', error: lost });
    expect([end(), phases()]).toEqual([{ kind: 'lost' }, ['lost']]);
  });
});

describe('sandbox: its life', () => {
  test('F017 a sandbox that is lost says why and ends', async () => {
    const { reports, tell, toReady, end } = start();
    await toReady();
    tell({ type: 'resource.failed', error: lost });
    expect(reports.at(-1)).toEqual({ type: 'sandbox.phase', phase: 'lost', detail: 'The sandbox ended unexpectedly.' });
    expect(end()).toEqual({ kind: 'lost' });
  });

  test('unused it is paused, then released; its files stay', async () => {
    const { clock, holes, toPaused, phases, end } = start();
    await toPaused();
    expect(phases().at(-1)).toBe('paused');
    clock.advance(300_000);
    await holes.the('release').resolve();
    expect(end()).toEqual({ kind: 'released', workspace: 'keep' });
  });

  test('with a driver that cannot pause, an idle sandbox is only released', async () => {
    const { clock, holes, toReady } = start({ policy: { ...sandboxPolicy, idlePauseMs: undefined } });
    await toReady();
    clock.advance(299_999);
    expect(holes.open.map(({ name }) => name)).toEqual(['hold']);
    clock.advance(1);
    expect(holes.the('release').input.workspace).toBe('keep');
  });

  test('a sandbox in use is neither paused nor released', async () => {
    const { actor, clock, holes, toReady, isIn } = start();
    await toReady();
    actor.send({ type: 'sandbox.busy' });
    clock.advance(3_000_000);
    expect(holes.named('pause')).toEqual([]);
    actor.send({ type: 'sandbox.idle' });
    clock.advance(59_999);
    expect(isIn('ready.idle')).toBe(true);
  });

  test('a user that came before the sandbox was ready keeps it awake', async () => {
    const { actor, clock, toReady, isIn } = start();
    actor.send({ type: 'sandbox.busy' });
    await toReady();
    clock.advance(1_000_000);
    expect(isIn('ready.busy')).toBe(true);
  });

  test('a paused one resumes for its next user and says when it is ready', async () => {
    const { actor, holes, toPaused, phases, count } = start();
    await toPaused();
    actor.send({ type: 'sandbox.busy' });
    await holes.the('unpause').resolve();
    expect(phases().slice(-4)).toEqual(['pausing', 'paused', 'resuming', 'resumed']);
    expect(count('sandbox.ready')).toBe(2);
  });

  test('a sandbox is unready from the moment a pause or a release begins', async () => {
    const { actor, clock, toReady, count } = start();
    await toReady();
    clock.advance(60_000);
    expect(count('sandbox.unready')).toBe(1);
    actor.send({ type: 'sandbox.release', workspace: 'keep' });
    expect(count('sandbox.unready')).toBe(2);
  });

  test('a user who comes while it is being paused gets it back', async () => {
    const { actor, clock, holes, toReady, count } = start();
    await toReady();
    clock.advance(60_000);
    actor.send({ type: 'sandbox.busy' });
    await holes.the('pause').resolve();
    await holes.the('unpause').resolve();
    expect(count('sandbox.ready')).toBe(2);
  });

  test.each(['by itself', 'requested'])(
    'a pause (%s) that fails is undone, and not tried again at once',
    async (how) => {
      const { actor, clock, holes, toReady, isIn } = start();
      await toReady();
      if (how === 'requested') actor.send({ type: 'sandbox.pause' });
      else clock.advance(60_000);
      await holes.the('pause').reject(noRoom);
      await holes.the('unpause').resolve();
      expect(isIn('ready.idle')).toBe(true);
    },
  );

  test('a pause that is requested while the sandbox is attached comes right after', async () => {
    const { actor, holes, grant, tell, phases } = start();
    grant();
    await holes.the('provision').resolve();
    actor.send({ type: 'sandbox.pause' });
    tell({ type: 'hold.ready', ms: 7 });
    expect(phases().at(-1)).toBe('pausing');
  });

  test('a pause that is requested while the sandbox resumes comes right after', async () => {
    const { actor, holes, toPaused, phases } = start();
    await toPaused();
    actor.send({ type: 'sandbox.busy' });
    actor.send({ type: 'sandbox.pause' });
    await holes.the('unpause').resolve();
    expect(phases().at(-1)).toBe('pausing');
  });

  test('a sandbox that does not resume is lost', async () => {
    const { actor, holes, toPaused, end } = start();
    await toPaused();
    actor.send({ type: 'sandbox.busy' });
    await holes.the('unpause').reject(noRoom);
    expect(end()).toEqual({ kind: 'lost' });
  });

  test('F015 the ttl of an adopted sandbox continues where it stood', () => {
    const { actor, clock, holes, tell } = start({ begin: 'adopt', livedMs: 3_000_000 });
    tell({ type: 'hold.ready', ms: 0 });
    actor.send({ type: 'sandbox.busy' });
    clock.advance(599_999);
    expect(holes.named('release')).toEqual([]);
    clock.advance(1);
    holes.the('release');
  });
});

describe('sandbox: its release', () => {
  test('a sandbox that starts with its release removes its workspace too', async () => {
    const { holes, end } = start({ begin: 'release' });
    expect(holes.the('release').input.workspace).toBe('remove');
    await holes.the('release').resolve();
    expect(end()).toEqual({ kind: 'released', workspace: 'remove' });
  });

  test('F030 a driver that never lets go cannot hold it past its grace', async () => {
    const { actor, clock, toReady, end } = start();
    await toReady();
    actor.send({ type: 'sandbox.release', workspace: 'keep' });
    clock.advance(10_000);
    expect(end()).toEqual({ kind: 'released', workspace: 'keep', unfinished: true });
  });

  test('a release that fails is left to the reconciler', async () => {
    const { actor, holes, toReady, end } = start();
    await toReady();
    actor.send({ type: 'sandbox.release', workspace: 'keep' });
    await holes.the('release').reject(noRoom);
    expect(end()).toMatchObject({ kind: 'released' });
  });

  test('a deletion during a release removes the workspace as well', async () => {
    const { actor, holes, toReady, end } = start();
    await toReady();
    actor.send({ type: 'sandbox.release', workspace: 'keep' });
    actor.send({ type: 'sandbox.release', workspace: 'remove' });
    expect(holes.the('release').input.workspace).toBe('remove');
    await holes.the('release').resolve();
    expect(end()).toEqual({ kind: 'released', workspace: 'remove' });
  });

  test('the way in is returned first', async () => {
    const { actor, holes, toReady } = start();
    await toReady();
    const hold = holes.the('hold');
    actor.send({ type: 'sandbox.release', workspace: 'keep' });
    expect(hold.signal.aborted).toBe(true);
  });
});
