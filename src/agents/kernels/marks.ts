export type KernelOutputPart =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'message'; readonly bytes: Buffer };

/** Maximum bytes of a kernel message: a picture of 5 MiB as base64, and some text. */
const maxMessage = 8 * 1024 * 1024;
const lineEnd = 0x0a;

/**
 * Separates a kernel's messages from the output around them. A message is between `mark` and a line end. Only the start of a mark
 * and one incomplete message are kept; `push` throws a RangeError for an oversized message.
 */
export function createKernelOutputParser(nonce: string): { push(chunk: Buffer): KernelOutputPart[] } {
  const mark = Buffer.from(`\0corral:${nonce}:`);
  let held: Buffer = Buffer.alloc(0);
  let message: Buffer[] | undefined;
  let size = 0;

  const inMessage = (data: Buffer, parts: KernelOutputPart[]): Buffer => {
    const end = data.indexOf(lineEnd);
    const piece = end < 0 ? data : data.subarray(0, end);
    size += piece.length;
    if (size > maxMessage) throw new RangeError('a message of more than 8 MiB');
    message?.push(Buffer.from(piece));
    if (end < 0) return data.subarray(data.length);
    parts.push({ kind: 'message', bytes: Buffer.concat(message ?? []) });
    message = undefined;
    return data.subarray(end + 1);
  };
  const inText = (data: Buffer, parts: KernelOutputPart[]): Buffer => {
    const at = data.indexOf(mark);
    const end = at < 0 ? data.length - beginningAtEnd(data, mark) : at;
    if (end > 0) parts.push({ kind: 'text', bytes: Buffer.from(data.subarray(0, end)) });
    if (at < 0) {
      held = Buffer.from(data.subarray(end));
      return data.subarray(data.length);
    }
    message = [];
    size = 0;
    return data.subarray(at + mark.length);
  };
  return {
    push(chunk) {
      const parts: KernelOutputPart[] = [];
      let data = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      held = Buffer.alloc(0);
      while (data.length > 0) data = message ? inMessage(data, parts) : inText(data, parts);
      return parts;
    },
  };
}

function beginningAtEnd(data: Buffer, mark: Buffer): number {
  const most = Math.min(mark.length - 1, data.length);
  for (let length = most; length > 0; length--) {
    if (data.subarray(data.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}
