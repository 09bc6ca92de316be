import { Duplex } from 'node:stream';

/** Write-only. Passes input to `type`; further input waits until `type` calls `taken`. */
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
