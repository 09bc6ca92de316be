import { signal } from '@preact/signals';
import { ago, dayAndTime } from '../format.ts';

/** The time, once a minute, for texts that say how long ago something was. */
export const minute = signal(Date.now());
setInterval(() => {
  minute.value = Date.now();
}, 60_000);

/** A time in the past: how long ago it was, and exactly when on hover. */
export function Ago({ at }: { at: number | string }) {
  const ms = typeof at === 'string' ? Date.parse(at) : at;
  return (
    <time dateTime={new Date(ms).toISOString()} title={dayAndTime(ms)}>
      {ago(ms, Math.max(minute.value, Date.now()))}
    </time>
  );
}
