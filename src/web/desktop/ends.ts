import type { ScreenCover } from './state.ts';

/** Ends after which the page asks before it connects again, by their WebSocket code. */
const final: Readonly<Record<number, ScreenCover>> = {
  1000: { key: 'screen.stopped', retry: 'screen.startAgain' },
  1002: { key: 'screen.refused', retry: 'screen.tryAgain' },
  1003: { key: 'screen.refused', retry: 'screen.tryAgain' },
  1011: { key: 'screen.absent', retry: 'screen.tryAgain' },
};
/** The session is not there, so another try can find nothing. */
const gone: Readonly<Record<number, ScreenCover>> = {
  1008: { key: 'screen.noSession' },
  4410: { key: 'screen.deleted' },
};
/** The relay's few words where the page has a whole sentence. */
const absent = 'VNC is not available';

/** The words for an ended connection; undefined: the page may try again by itself. */
export function endOf({ code, reason }: CloseEvent, signed: boolean): ScreenCover | undefined {
  const said = reason === '' || reason === absent ? {} : { said: reason };
  if (signed) return { key: reason === '' ? 'screen.signedEnded' : 'screen.signed', ...said };
  const known = gone[code] ?? final[code];
  if (known === undefined || said.said === undefined) return known;
  return { said: reason, ...(known.retry !== undefined && { retry: known.retry }) };
}
