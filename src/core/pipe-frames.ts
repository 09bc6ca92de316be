// The frames of a program's stream: one byte for the channel, four for the length (big-endian), then the payload.

/** `input` without a payload closes the program's standard input. `end` carries how the program ended, as JSON. */
export const pipeChannels = ['input', 'output', 'errors', 'end'] as const;
export type PipeChannel = (typeof pipeChannels)[number];
export interface PipeFrame {
  readonly channel: PipeChannel;
  readonly payload: Buffer;
}

const headBytes = 5;
/** The largest payload of one frame, in bytes. */
export const maxFrameBytes = 256 * 1024;

/** The frames of these bytes, each with at most `maxFrameBytes`. No bytes: one frame without a payload. */
export function framesOf(channel: PipeChannel, bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += maxFrameBytes) {
    const payload = bytes.subarray(at, at + maxFrameBytes);
    const head = Buffer.alloc(headBytes);
    head[0] = pipeChannels.indexOf(channel);
    head.writeUInt32BE(payload.length, 1);
    parts.push(head, payload);
  }
  return Buffer.concat(parts);
}

/**
 * Splits a stream into frames, and keeps at most one incomplete frame. `push` throws a RangeError for an unknown channel
 * or a frame that is too long.
 */
export function pipeFrameReader(): { push(chunk: Buffer): PipeFrame[] } {
  let held: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const data = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const frames: PipeFrame[] = [];
      let at = 0;
      while (data.length - at >= headBytes) {
        const channel = pipeChannels[data[at] as number];
        const length = data.readUInt32BE(at + 1);
        if (!channel) throw new RangeError(`there is no channel ${data[at]}`);
        if (length > maxFrameBytes) throw new RangeError(`a frame of ${length} bytes`);
        if (data.length - at < headBytes + length) break;
        frames.push({ channel, payload: data.subarray(at + headBytes, at + headBytes + length) });
        at += headBytes + length;
      }
      held = at < data.length ? Buffer.from(data.subarray(at)) : Buffer.alloc(0);
      return frames;
    },
  };
}
