import type { SessionEvent } from '../../../../core/model/events.ts';
import { FrameCache } from '../../../../http/transport/newest-frames.ts';
import { toSseFrame } from '../../../../http/transport/sse.ts';
import type { FileInfoCache } from '../files/file-infos.ts';
import { type SheikhboxProfile, toSheikhboxEvent } from './events.ts';

interface Frame {
  readonly event: string;
  readonly data: { readonly event_id: string };
}
export const toSheikhboxFrame = ({ event, data }: Frame): Buffer => toSseFrame({ id: data.event_id, event, data });

/** Hidden events become an empty string. Events with attachments are not cached, because file details can change. */
export function createEventJsonCache(profile: SheikhboxProfile, infos: FileInfoCache): (event: SessionEvent) => string {
  const texts = new WeakMap<SessionEvent, string>();
  return (event) => {
    const known = texts.get(event);
    if (known !== undefined) return known;
    const reply = toSheikhboxEvent(event, profile, (file, at) => infos.get(file, at));
    const text = reply ? JSON.stringify(reply) : '';
    if (!('attachments' in event.data) || event.data.attachments.length === 0) texts.set(event, text);
    return text;
  };
}

export function createFrameCache(
  profile: SheikhboxProfile,
  infos?: FileInfoCache,
): (event: SessionEvent) => Buffer | undefined {
  const frames = new FrameCache<SessionEvent, Buffer | undefined>();
  return (event) =>
    frames.of(event, () => {
      const reply = toSheikhboxEvent(event, profile, infos && ((file, at) => infos.get(file, at)));
      return reply && toSheikhboxFrame(reply);
    });
}
