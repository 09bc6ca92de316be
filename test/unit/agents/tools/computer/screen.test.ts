import { expect, test } from 'vitest';
import { decodePicture } from '../../../../../src/agents/tools/computer/codecs.ts';
import { encodeRasterPng, scaleRaster } from '../../../../../src/agents/tools/computer/png.ts';
import { geminiGrid, scalePoint, toModelScreenSize } from '../../../../../src/agents/tools/computer/screen.ts';

test.each([
  [1280, 800, 1280, 800],
  [1024, 768, 1024, 768],
  [2560, 1600, 1280, 800],
  [1920, 1080, 1280, 720],
  [1000, 1600, 500, 800],
])('a desktop of %i × %i is shown as %i × %i', (width, height, shownWidth, shownHeight) =>
  expect(toModelScreenSize({ width, height })).toEqual({ width: shownWidth, height: shownHeight }),
);

test('a point comes out where the model meant it, and one beyond the screen is brought to its edge', () => {
  const desktop = { width: 2560, height: 1600 };
  const screen = toModelScreenSize(desktop);
  expect(scalePoint({ x: 640, y: 400 }, screen, desktop)).toEqual({ x: 1280, y: 800 });
  expect(scalePoint({ x: 500, y: 250 }, geminiGrid, screen)).toEqual({ x: 640, y: 200 });
  expect(scalePoint({ x: 1000, y: -3 }, geminiGrid, screen)).toEqual({ x: 1279, y: 0 });
});

test('a picture is read as it was written', async () => {
  const rgba = new Uint8Array(Array.from({ length: 4 * 3 * 4 }, (_, n) => (n % 4 === 3 ? 255 : (n * 37) % 256)));
  const picture = { width: 4, height: 3, rgba };
  expect(await decodePicture(encodeRasterPng(picture))).toEqual(picture);
  await expect(decodePicture(Buffer.from('no picture'))).rejects.toThrow();
});

test('a smaller picture averages, a larger one repeats, and what is clear is white', () => {
  const gray = (...levels: number[]) => Buffer.from(levels.flatMap((level) => [level, level, level, 255]));
  const picture = { width: 2, height: 2, rgba: gray(0, 100, 200, 100) };
  const whole = { x: 0, y: 0, width: 2, height: 2 };
  expect(scaleRaster(picture, whole, { width: 1, height: 1 }).rgba).toEqual(gray(100));
  const corner = scaleRaster(picture, { x: 1, y: 0, width: 1, height: 1 }, { width: 2, height: 1 });
  expect(corner.rgba).toEqual(gray(100, 100));
  expect(scaleRaster({ ...picture, rgba: Buffer.alloc(16) }, whole, { width: 1, height: 1 }).rgba).toEqual(gray(255));
});
