import { Duplex } from 'node:stream';

/** A write-only stream for one person's keystrokes. Further input waits until `type` calls back. */
export function createKeystrokeStream(type: (bytes: Buffer, taken: () => void) => void): Duplex {
  const created = new Duplex({
    read() {},
    write: (bytes: Buffer, _encoding, taken) => type(bytes, () => taken()),
    final(done) {
      done();
      created.destroy();
    },
  });
  return created.on('error', () => {});
}
