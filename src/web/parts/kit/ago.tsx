import { signal } from '@preact/signals';
import { formatAge, formatDateTime } from '../format.ts';

export const minuteClock = signal(Date.now());
setInterval(() => {
  minuteClock.value = Date.now();
}, 60_000);

export function RelativeTime({ at }: { at: number | string }) {
  const ms = typeof at === 'string' ? Date.parse(at) : at;
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatDateTime(ms)}>
      {formatAge(ms, Math.max(minuteClock.value, Date.now()))}
    </time>
  );
}
