import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

// Loaded into the server by the soak: a full collection now and then. Without it V8 lets an idle heap grow for hours, which
// looks the same as a leak. The size of the heap after it goes to a file: the resident memory also grows as the allocator
// settles.

const everyMs = 30_000;
const { gc } = globalThis;
const { SOAK_HEAP: file } = process.env;
if (!gc) throw new Error('start this with --expose-gc');
setInterval(() => {
  gc();
  if (!isMainThread || file === undefined) return;
  writeFileSync(`${file}.new`, String(process.memoryUsage().heapUsed));
  renameSync(`${file}.new`, file); // its reader never sees half of it
}, everyMs).unref();
