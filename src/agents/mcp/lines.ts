export const maxLineBytes = 4 * 1024 * 1024;
const keptBytes = 4 * 1024;

export type ParsedLine =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'too_long'; readonly head: string; readonly tail: string };

export function createLineSplitter(most = maxLineBytes): (chunk: Buffer) => ParsedLine[] {
  let parts: Buffer[] = [];
  let size = 0;
  let head: Buffer | undefined;
  let tail = Buffer.alloc(0);

  const add = (part: Buffer) => {
    size += part.length;
    if (head === undefined && size <= most) return void parts.push(Buffer.from(part));
    if (head === undefined) {
      const whole = Buffer.concat(parts);
      parts = [];
      head = Buffer.concat([whole, part]).subarray(0, keptBytes);
      tail = Buffer.from(whole.subarray(-keptBytes));
    }
    tail = Buffer.from(Buffer.concat([tail, part.subarray(-keptBytes)]).subarray(-keptBytes));
  };
  const take = (): ParsedLine => {
    const line: ParsedLine =
      head === undefined
        ? { kind: 'line', text: Buffer.concat(parts).toString() }
        : { kind: 'too_long', head: head.toString(), tail: tail.toString() };
    parts = [];
    size = 0;
    head = undefined;
    tail = Buffer.alloc(0);
    return line;
  };
  return (chunk) => {
    const lines: ParsedLine[] = [];
    let at = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, at)) {
      add(chunk.subarray(at, end));
      lines.push(take());
      at = end + 1;
    }
    if (at < chunk.length) add(chunk.subarray(at));
    return lines;
  };
}

export function findResponseId({ head, tail }: { readonly head: string; readonly tail: string }): number | undefined {
  const reply = /^\{(?:"jsonrpc":"2\.0",)?"id":(\d{1,15})[,}]/.exec(head) ?? /,"id":(\d{1,15})\}\s*$/.exec(tail);
  return reply ? Number(reply[1]) : undefined;
}
