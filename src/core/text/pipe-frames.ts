// Frame: channel (1 byte), big-endian payload length (4 bytes), payload.

/** An empty `input` closes standard input. `end` carries the exit status as JSON. */
export const pipeChannels = ['input', 'output', 'errors', 'end'] as const;
export type PipeChannel = (typeof pipeChannels)[number];
export interface PipeFrame {
  readonly channel: PipeChannel;
  readonly payload: Buffer;
}

const headBytes = 5;
/** The maximum payload of a frame, in bytes. */
export const maxPipeFrameBytes = 256 * 1024;

export function toPipeFrames(channel: PipeChannel, bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += maxPipeFrameBytes) {
    const payload = bytes.subarray(at, at + maxPipeFrameBytes);
    const head = Buffer.alloc(headBytes);
    head[0] = pipeChannels.indexOf(channel);
    head.writeUInt32BE(payload.length, 1);
    parts.push(head, payload);
  }
  return Buffer.concat(parts);
}

/** `push` throws a RangeError for an unknown channel or an oversized frame. */
export function createPipeFrameReader(): { push(chunk: Buffer): PipeFrame[] } {
  let head: Buffer = Buffer.alloc(0);
  let open: (PipeFrame & { filled: number }) | undefined;

  function fill(chunk: Buffer): Buffer {
    if (!open) return head.length > 0 ? Buffer.concat([head, chunk]) : chunk;
    const copied = chunk.copy(open.payload, open.filled);
    open.filled += copied;
    return chunk.subarray(copied);
  }
  /** Copies, because a slice would keep the whole chunk in memory. */
  function keep(rest: Buffer, next: Head | undefined): void {
    head = next ? Buffer.alloc(0) : Buffer.from(rest);
    open = next && { channel: next.channel, payload: Buffer.allocUnsafe(next.length), filled: 0 };
    if (next) fill(rest.subarray(headBytes));
  }
  return {
    push(chunk) {
      const data = fill(chunk);
      if (open && open.filled < open.payload.length) return [];
      const frames: PipeFrame[] = open ? [{ channel: open.channel, payload: open.payload }] : [];
      let at = 0;
      let next = headAt(data, at);
      while (next && data.length - at >= headBytes + next.length) {
        const begin = at + headBytes;
        at = begin + next.length;
        frames.push({ channel: next.channel, payload: data.subarray(begin, at) });
        next = headAt(data, at);
      }
      keep(data.subarray(at), next);
      return frames;
    },
  };
}

interface Head {
  readonly channel: PipeChannel;
  readonly length: number;
}

function headAt(data: Buffer, at: number): Head | undefined {
  if (data.length - at < headBytes) return undefined;
  const channel = pipeChannels[data[at] as number];
  const length = data.readUInt32BE(at + 1);
  if (!channel) throw new RangeError(`there is no channel ${data[at]}`);
  if (length > maxPipeFrameBytes) throw new RangeError(`a frame of ${length} bytes`);
  return { channel, length };
}
