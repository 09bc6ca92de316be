import type { Framing } from './listener.ts';

const data = Buffer.from('data: ');
const blockEnd = Buffer.from('\n\n');

/** Server-sent events, each with its JSON on one line and the text as `description`. Comments count as no event. */
export const sseFraming: Framing = {
  request: (url) => {
    const { host, pathname } = new URL(url);
    return `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`;
  },
  ...{ accepts: 200, greets: false },
  frameAt(bytes, from) {
    const end = bytes.indexOf(blockEnd, from);
    if (end < 0) return undefined;
    const begin = bytes.indexOf(data, from) + data.length;
    const isText = begin >= data.length && begin < end;
    return { isText, begin, end, next: end + blockEnd.length };
  },
  textOf: (payload) => JSON.parse(payload).description,
};
