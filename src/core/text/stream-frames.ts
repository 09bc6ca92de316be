// Frame: channel (1 byte), big-endian payload length (4 bytes), payload. Uses no Node APIs, because the client includes
// this file.

/** `ping`: keep-alive without payload. `end`: the last frame, with the outcome as JSON. */
export const streamChannels = ['output', 'errors', 'end', 'ping'] as const;
export type StreamChannel = (typeof streamChannels)[number];
export interface StreamFrame {
  readonly channel: StreamChannel;
  readonly payload: Uint8Array;
}

const headBytes = 5;
const maxPayloadBytes = 16 * 1024 * 1024;

export function encodeStreamFrameHeader(channel: StreamChannel, payloadBytes = 0): Uint8Array {
  const head = new Uint8Array(headBytes);
  head[0] = streamChannels.indexOf(channel);
  new DataView(head.buffer).setUint32(1, payloadBytes);
  return head;
}

/** Throws a RangeError for bytes that are not frames. */
export async function* parseStreamFrames(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<StreamFrame> {
  let held: Uint8Array = new Uint8Array();
  for await (const piece of pieces) {
    held = held.length === 0 ? piece : joined(held, piece);
    let at = 0;
    while (held.length - at >= headBytes) {
      const channel = streamChannels[held[at] as number];
      const length = new DataView(held.buffer, held.byteOffset).getUint32(at + 1);
      if (!channel || length > maxPayloadBytes)
        throw new RangeError('The response is not a stream of a Corral server.');
      const next = at + headBytes + length;
      if (held.length < next) break;
      yield { channel, payload: held.subarray(at + headBytes, next) };
      at = next;
    }
    held = held.subarray(at);
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
