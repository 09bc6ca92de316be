import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Driver, ProvisionProgress, ServerImageBuilder } from '../../../drivers/driver.ts';
import { DesktopImageBuilder } from '../../../src/app/images/desktop-image.ts';
import { createBaseImageContext } from '../../../src/app/images/image.ts';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

type EnsureImage = ServerImageBuilder['ensureImage'];

function imageOf(ensureImage?: EnsureImage) {
  const clock = manualClock();
  const received: string[] = [];
  const troubles: string[] = [];
  const driver = (ensureImage ? { ensureImage } : {}) as unknown as Driver;
  const image = new DesktopImageBuilder({
    driver,
    clock,
    onPhase: ({ phase, detail }) => void received.push(`${phase} ${detail}`),
    onTrouble: (error) => void troubles.push((error as AppError).publicMessage),
  });
  return { image, clock, received, troubles };
}
const reported = (detail: string): ProvisionProgress => ({ phase: 'image', detail });

test('the image of every session is made before the larger one, and then new sandboxes have a desktop', async () => {
  const made: string[] = [];
  const { image, received } = imageOf(async (name, _call, news) => {
    made.push(name);
    news(reported(`layer 1 of 1 of ${name}`));
  });
  expect(image.offer.state).toBe('building');
  await image.build(neverAbortingSignal);
  expect([made, image.offer]).toEqual([['corral/sandbox', 'corral/sandbox-desktop'], { state: 'ready' }]);
  expect(received.at(-1)).toBe('ready new sessions have a desktop');
});

test('nothing is reported if the image exists', async () => {
  const { image, received } = imageOf(async () => {});
  await image.build(neverAbortingSignal);
  expect([image.offer.state, received]).toEqual(['ready', []]);
});

test('the offer says the step and the seconds of the build', async () => {
  const end = Promise.withResolvers<void>();
  const { image, clock } = imageOf(async (_name, _call, news) => {
    news(reported('layer 3 of 9'));
    await end.promise;
  });
  const building = image.build(neverAbortingSignal);
  clock.advance(42_000);
  expect(image.offer).toEqual({ state: 'building', detail: 'layer 3 of 9', seconds: 42 });
  end.resolve();
  await building;
});

test('a failed build is reported once, and tried again until it succeeds', async () => {
  let tries = 0;
  const { image, clock, troubles } = imageOf(async () => {
    tries += 1;
    if (tries < 3) throw new AppError('image_missing', 'the registry is away');
  });
  const building = image.build(neverAbortingSignal);
  await expect.poll(() => image.offer).toEqual({ state: 'failed', detail: 'the registry is away' });
  clock.advance(60_000);
  await expect.poll(() => tries).toBe(2);
  await expect.poll(() => clock.advance(60_000) ?? image.offer.state).toBe('ready');
  await building;
  expect(troubles).toEqual(['the registry is away']);
});

test('a driver that makes no images offers no desktop', () => expect(imageOf().image.offer).toEqual({ state: 'none' }));

test('a build still reads its open files while another build replaces them', async () => {
  using folder = temporaryFolder();
  const [daemon, dockerfile] = [join(folder.path, 'sandboxd.mjs'), join(folder.path, 'Dockerfile')];
  await writeFile(daemon, 'daemon');
  await writeFile(dockerfile, 'earlier');
  await using opened = await open(dockerfile);
  await createBaseImageContext(async () => daemon);
  expect(await opened.readFile('utf8')).toBe('earlier');
  expect(await readFile(dockerfile, 'utf8')).toContain('FROM');
});
