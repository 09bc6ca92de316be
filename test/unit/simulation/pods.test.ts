import { PassThrough } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { KubeApi } from '../../../drivers/kubernetes/api/api.ts';
import { openCollection } from '../../../drivers/kubernetes/api/collection.ts';
import { essence } from '../../../drivers/kubernetes/pods/pod-table.ts';
import { watchObjects } from '../../../drivers/kubernetes/pods/pod-watch.ts';
import { ManualClock } from '../../support/machines/manual-clock.ts';
import { Dice } from '../../support/simulation/dice.ts';

const seeds = Array.from({ length: 25 }, (_, n) => n + 1);

/** Pods that are created, change and end, and a watch that reports them through `news`. */
function followed(seed: number, news: (dice: Dice) => 'tell' | 'drop' | 'twice' | 'late') {
  const dice = new Dice(seed);
  const time = new ManualClock(1_700_000_000_000);
  const there = new Map<string, V1Pod>();
  const streams = new Set<PassThrough>();
  const history: { readonly version: number; readonly line: string }[] = [];
  const goneAt = new Map<string, number>();
  const reportedGoneAt = new Map<string, number>();
  const last = new Map<string, string | undefined>();
  let version = 1;
  let mishaps = 0;
  const send = (line: string) => {
    for (const stream of streams) stream.write(line);
  };
  const tell = (type: string, object: V1Pod) => {
    const line = `${JSON.stringify({ type, object })}\n`;
    history.push({ version, line });
    const way = news(dice);
    if (way !== 'tell') mishaps += 1;
    if (way === 'drop') return;
    if (way === 'late') {
      time.setTimeout(() => send(line), dice.between(1, 3_000));
      return;
    }
    send(line);
    if (way === 'twice') send(line);
  };
  const api = {
    async ask() {
      await time.sleep(dice.between(0, 200));
      return {
        items: [...there.values()].map((it) => structuredClone(it)),
        metadata: { resourceVersion: String(version) },
      };
    },
    askFor: async () => undefined,
    async stream({ path }: { path: string }, signal: AbortSignal) {
      const stream = new PassThrough();
      const from = Number(new URLSearchParams(path.split('?')[1]).get('resourceVersion'));
      for (const missed of history) if (missed.version > from) stream.write(missed.line);
      streams.add(stream);
      signal.addEventListener('abort', () => {
        streams.delete(stream);
        stream.destroy();
      });
      return stream;
    },
  } as unknown as KubeApi;
  const watch = watchObjects({
    api,
    objects: openCollection<V1Pod>(api, '', 'pods'),
    selector: {},
    keep: essence,
    clock: time,
    random: () => dice.number(),
    onTrouble: undefined,
  });
  const step = () => {
    const uid = dice.pick([...there.keys()]);
    version += 1;
    const phase = dice.pick(['Pending', 'Running']);
    const make = (name: string): V1Pod => ({
      metadata: { name, uid: name, resourceVersion: String(version) },
      status: { phase },
    });
    if (uid === undefined || dice.chance(0.4)) {
      const pod = make(`pod-${version}`);
      there.set(pod.metadata?.uid ?? '', pod);
      watch.follow(pod, (now) => {
        const id = pod.metadata?.uid ?? '';
        last.set(id, now?.status?.phase);
        if (!now) reportedGoneAt.set(id, time.now());
      });
      tell('ADDED', pod);
    } else if (dice.chance(0.5)) {
      const pod = make(uid);
      there.set(uid, pod);
      tell('MODIFIED', pod);
    } else {
      there.delete(uid);
      goneAt.set(uid, time.now());
      tell('DELETED', make(uid));
    }
  };
  return { dice, time, watch, step, there, goneAt, reportedGoneAt, last, mishaps: () => mishaps };
}

test('F047 a watch that falls silent: every end of a pod is reported within 30 s, and the end state is the true one', async () => {
  for (const seed of seeds) {
    let isSilent = false;
    const run = followed(seed, () => (isSilent ? 'drop' : 'tell'));
    const { dice, time } = run;
    for (let n = 0; n < 40; n++) {
      if (n === 10) isSilent = true;
      run.step();
      await time.pass(dice.between(0, 4_000));
    }
    await time.pass(31_000);
    for (const [uid, at] of run.goneAt) {
      expect(
        (run.reportedGoneAt.get(uid) ?? Number.POSITIVE_INFINITY) - at,
        `${uid}, seed ${seed}`,
      ).toBeLessThanOrEqual(30_000);
    }
    expect(truth(run.last), `seed ${seed}`).toEqual(phases(run.there));
    expect(run.mishaps()).toBeGreaterThan(0);
    await run.watch[Symbol.asyncDispose]();
    expect(time.pending()).toBe(0);
  }
});

test('F048 after repeated, late or reordered pod events, no deleted pod returns and the last state is right', async () => {
  for (const seed of seeds) {
    const run = followed(seed, (dice) => dice.pick(['tell', 'twice', 'late', 'late']));
    const { dice, time } = run;
    for (let n = 0; n < 60; n++) {
      run.step();
      await time.pass(dice.pick([0, 10, 500, 2_000]));
    }
    const gone = [...run.reportedGoneAt.keys()];
    await time.pass(31_000);
    expect(
      gone.filter((uid) => run.last.get(uid) !== undefined),
      `seed ${seed}`,
    ).toEqual([]);
    expect(truth(run.last), `seed ${seed}`).toEqual(phases(run.there));
    expect(run.mishaps()).toBeGreaterThan(0);
    await run.watch[Symbol.asyncDispose]();
  }
});

const truth = (last: ReadonlyMap<string, string | undefined>) =>
  Object.fromEntries([...last].filter(([, phase]) => phase !== undefined).toSorted());
const phases = (there: ReadonlyMap<string, V1Pod>) =>
  Object.fromEntries([...there].map(([uid, { status }]) => [uid, status?.phase]).toSorted());
