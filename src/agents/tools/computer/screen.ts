export interface Size {
  readonly width: number;
  readonly height: number;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Models point most precisely on a screen of at most this size. */
const most: Size = { width: 1280, height: 800 };

export function toModelScreenSize({ width, height }: Size): Size {
  const scale = Math.min(1, most.width / width, most.height / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

export const scalePoint = ({ x, y }: Point, from: Size, to: Size): Point => ({
  x: within(Math.round((x * to.width) / from.width), to.width),
  y: within(Math.round((y * to.height) / from.height), to.height),
});

const within = (value: number, size: number): number => Math.min(Math.max(value, 0), size - 1);

export const geminiGrid: Size = { width: 1000, height: 1000 };
