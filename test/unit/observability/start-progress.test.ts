import { expect, test } from 'vitest';
import { createSandboxStartProgress } from '../../../src/observability/start-progress.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

function started(isTTY: boolean) {
  const clock = manualClock();
  const written: string[] = [];
  const screen = { isTTY, columns: 80, write: (text: string) => written.push(text) };
  return { clock, written, progress: createSandboxStartProgress(screen, clock) };
}

test('on a terminal one line is written again with each second, so that it never stands still', () => {
  const { clock, written, progress } = started(true);
  progress.record('sandbox abc', { phase: 'image', detail: 'Step 3/9 : RUN apt-get install' });
  clock.advance(3_000);
  const lines = written.filter((text) => text.startsWith('sandbox abc'));
  expect(lines.at(0)).toBe('sandbox abc: image: Step 3/9 : RUN apt-get install, 0.0 s');
  expect(lines.at(-1)).toBe('sandbox abc: image: Step 3/9 : RUN apt-get install, 3.0 s');
  expect(written.join('')).not.toContain('\n');
});

test('at the end the line says how long the start took, and nothing is written any more', () => {
  const { clock, written, progress } = started(true);
  progress.record('sandbox abc', { phase: 'starting' });
  progress.record('sandbox abc', { phase: 'ready', ms: 1_500 });
  expect(written.at(-1)).toBe('corral: sandbox abc: ready after 1.5 s\n');
  clock.advance(10_000);
  expect(written.at(-1)).toBe('corral: sandbox abc: ready after 1.5 s\n');
});

test('a text of others stands above the line, which is drawn again below it', () => {
  const { written, progress } = started(true);
  progress.record('sandbox abc', { phase: 'starting' });
  written.length = 0;
  progress.around(() => written.push('a log line\n'));
  expect(written).toEqual(['\r\u001b[2K', 'a log line\n', 'sandbox abc: starting, 0.0 s']);
});

test('without a terminal the news of an image are lines, and a quick start is none', () => {
  const { clock, written, progress } = started(false);
  progress.record('sandbox quick', { phase: 'starting' });
  progress.record('sandbox quick', { phase: 'ready', ms: 300 });
  progress.record('sandbox abc', { phase: 'image', detail: 'Step 1/9' });
  progress.record('sandbox abc', { phase: 'image', detail: 'Step 2/9' });
  clock.advance(5_000);
  progress.record('sandbox abc', { phase: 'image', detail: 'Step 3/9' });
  progress.record('sandbox abc', { phase: 'ready', ms: 9_000 });
  expect(written).toEqual([
    'corral: sandbox abc: image: Step 1/9\n',
    'corral: sandbox abc: image: Step 3/9\n',
    'corral: sandbox abc: ready after 9.0 s\n',
  ]);
});

test('a detail of a registry cannot steer the terminal', () => {
  const { written, progress } = started(true);
  progress.record('sandbox abc', { phase: 'image', detail: 'a\u001b[2Jb\nc' });
  expect(written.at(-1)).toBe('sandbox abc: image: a [2Jb c, 0.0 s');
});

test('a start that somebody waits for precedes an image in the background', () => {
  const { written, progress } = started(true);
  progress.record('sandbox abc', { phase: 'starting' });
  progress.record('images', { phase: 'image', detail: 'layer 1 of 9' }, 'background');
  expect(written.at(-1)).toBe('sandbox abc: starting (and 1 more), 0.0 s');
  progress.record('sandbox abc', { phase: 'ready' });
  expect(written.at(-1)).toBe('images: image: layer 1 of 9, 0.0 s');
});
