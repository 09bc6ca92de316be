import { Duplex } from 'node:stream';

/** A stream for all that one person types. It sends nothing. Until `type` calls back, the typing waits. */
export function keyboard(type: (bytes: Buffer, taken: () => void) => void): Duplex {
  const made = new Duplex({
    read() {},
    write: (bytes: Buffer, _encoding, taken) => type(bytes, () => taken()),
    final(done) {
      done();
      made.destroy();
    },
  });
  return made.on('error', () => {});
}
