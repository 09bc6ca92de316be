// Loaded into the server by the soak: a full collection now and then. Without it V8 lets an idle heap grow for hours, which
// looks the same as a leak.

const everyMs = 30_000;
const { gc } = globalThis;
if (!gc) throw new Error('start this with --expose-gc');
setInterval(() => gc(), everyMs).unref();
