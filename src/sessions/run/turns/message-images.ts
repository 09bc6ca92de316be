import type { Message, OmittedContent, Picture } from '../../../agents/models/model.ts';
import { pictureScaler } from '../../../agents/tools/computer/picture-scaler.ts';
import { detectPictureType, readPictureSize } from '../../../core/text/pictures.ts';
import { findMessagesWithPictures } from '../context/meter.ts';

const maxBytes = 3_750_000; // providers accept 5 MB in base64
const maxSide = 8_000; // pixels
/** Providers accept only smaller pictures in a request with more than 20. */
const many = { pictures: 20, side: 2_000 };
const maxKept = 16;

export interface LoadedMessages {
  readonly messages: readonly Message[];
  readonly leftOut: readonly OmittedContent[];
}
type Fitted = { readonly mimeType: string; readonly data: string } | { readonly leftOut: string };

/** Recently scaled pictures, because later requests contain them again. */
const scaledBefore = new Map<string, Promise<Fitted>>();

/**
 * Loads pictures in a form that every provider accepts. A picture that no provider accepts is described instead, and reported.
 */
export async function loadPictures(
  messages: readonly Message[],
  load: (file: string) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<LoadedMessages> {
  const all = findMessagesWithPictures(messages);
  if (all.length === 0) return { messages, leftOut: [] };
  const side = all.reduce((sum, { pictures = [] }) => sum + pictures.length, 0) > many.pictures ? many.side : maxSide;
  const leftOut: OmittedContent[] = [];
  const one = async (picture: Picture): Promise<Picture> => {
    const data = await load(picture.file);
    if (data === undefined) return picture;
    const fitted = await fitPicture(Buffer.from(data, 'base64'), { picture, side, signal });
    if ('leftOut' in fitted)
      leftOut.push({
        kind: 'picture',
        name: picture.file,
        detail: `The picture ${picture.file} is not shown to the model: ${fitted.leftOut}.`,
      });
    return { ...picture, ...fitted };
  };
  const loaded = [...messages];
  const fit = async ({ at, pictures = [], ...message }: (typeof all)[number]) => {
    loaded[at] = { ...message, pictures: await Promise.all(pictures.map(one)) };
  };
  await Promise.all(all.map(fit));
  return { messages: loaded, leftOut };
}

interface Fitting {
  readonly picture: Picture;
  /** Maximum length of the longer side, in pixels. */
  readonly side: number;
  readonly signal: AbortSignal;
}

/** Detects the type from the content, because providers refuse a picture with a wrong type. */
async function fitPicture(bytes: Buffer, { picture, side, signal }: Fitting): Promise<Fitted> {
  const mimeType = detectPictureType(bytes);
  if (mimeType === undefined)
    return { leftOut: `it is no PNG, JPEG, GIF or WebP, though it is called ${picture.mimeType}` };
  const size = readPictureSize(bytes);
  if (!size) return { leftOut: 'it is cut off or broken' };
  const longest = Math.max(size.width, size.height);
  if (longest <= side && bytes.length <= maxBytes) return { mimeType, data: bytes.toString('base64') };
  const key = `${picture.file} ${side}`;
  const known = scaledBefore.get(key);
  if (known) return await known;
  const created = smaller(bytes, { size, side, signal });
  const [oldest] = scaledBefore.keys();
  if (scaledBefore.size >= maxKept && oldest !== undefined) scaledBefore.delete(oldest);
  scaledBefore.set(key, created);
  created.catch(() => scaledBefore.delete(key));
  return await created;
}

interface Oversize extends Pick<Fitting, 'side' | 'signal'> {
  readonly size: { readonly width: number; readonly height: number };
}

async function smaller(picture: Buffer, { size: { width, height }, side, signal }: Oversize): Promise<Fitted> {
  const created = await pictureScaler.fit({ picture, side, maxBytes }, signal);
  if (created) return { mimeType: created.mimeType, data: Buffer.from(created.bytes).toString('base64') };
  const why = `it has ${width} × ${height} pixels and ${picture.length} bytes, which is more than providers take`;
  return { leftOut: `${why}, and it could not be made smaller` };
}
