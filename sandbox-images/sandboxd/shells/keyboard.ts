import { Duplex } from 'node:stream';

/** A stream for everything that one person types. It sends nothing. Input waits until `type` calls back. */
export function keyboard(type: (bytes: Buffer, taken: () => void) => void): Duplex {
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
