const [finalText, finalBinary] = [0x81, 0x82];

/** One whole message, from a server, in one piece: `ws` writes the head of a frame by itself, which costs as much as the rest. */
export const textFrame = (text: string | Buffer): Buffer => frame(finalText, text);
/** As long as they are few: they are copied. */
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
