import { Duplex } from 'node:stream';

/** Write-only. Further input waits until `type` calls back. */
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
