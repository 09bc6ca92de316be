import type { SessionEvent } from '../../core/events.ts';
import { sseFrame } from '../shared/sse.ts';
import { type Profile, type SseEvent, toSheikhbox } from './events.ts';
import type { FileInfos } from './file-infos.ts';

export const toFrame = ({ event, data }: SseEvent): Buffer => sseFrame({ id: String(data.event_id), event, data });

/** An event's frame, made once however many subscribers get it: followers share the event objects, and so the bytes. */
export function frameCache(profile: Profile, infos?: FileInfos): (event: SessionEvent) => Buffer | undefined {
  const frames = new WeakMap<SessionEvent, { readonly frame: Buffer | undefined }>();
  return (event) => {
    const known = frames.get(event);
    if (known) return known.frame;
    const said = toSheikhbox(event, profile, infos && ((file, at) => infos.get(file, at)));
    const frame = said && toFrame(said);
    frames.set(event, { frame });
    return frame;
  };
}
