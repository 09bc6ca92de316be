const [finalText, finalBinary] = [0x81, 0x82];

/**
 * Encodes one whole server message in one buffer, because `ws` writes the head of a frame separately, at the same cost
 * again.
 */
export const textFrame = (text: string | Buffer): Buffer => frame(finalText, text);
/** Only for small messages, because the bytes are copied. */
export const binaryFrame = (bytes: Buffer): Buffer => frame(finalBinary, bytes);

function frame(kind: number, content: string | Buffer): Buffer {
  const length = Buffer.byteLength(content);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const made = Buffer.allocUnsafe(head + length);
  made[0] = kind;
  if (head === 2) made[1] = length;
  else if (head === 4) {
    made[1] = 126;
    made.writeUInt16BE(length, 2);
  } else {
    made[1] = 127;
    made.writeBigUInt64BE(BigInt(length), 2);
  }
  if (typeof content === 'string') made.write(content, head);
  else content.copy(made, head);
  return made;
}
