// The JavaScript kernel: runs cells one after another and keeps their variables. Requests and messages are as in
// kernel.py. Cells run in V8's own mode for consoles, which allows `await` and declaring a name again.
const { writeSync } = require('node:fs');
const { createRequire, stripTypeScriptTypes } = require('node:module');
const { resolve } = require('node:path');
const { createInterface } = require('node:readline');
const { Readable, Writable } = require('node:stream');
const { pathToFileURL } = require('node:url');
const { inspect } = require('node:util');
const { Script } = require('node:vm');
const { Session } = require('node:inspector');

const [mostText, mostBinary, mostJson] = [1_000_000, 5 * 2 ** 20, 64 * 1024];
const session = new Session();
session.connect();
const requests = process.stdin;
const [stdout, stderr] = [direct('stdout', 1), direct('stderr', 2)];
let nonce = '';
let count = 0;
/** Rejects the cell that waits for a promise. */
let interrupt = () => {};
/** How many servers have reported in. */
let servers = 0;

/**
 * Replaces a stream of the process by one that keeps nothing. An interrupt can end a cell in the middle of a write, after
 * which a stream of Node's would keep all further output.
 */
function direct(name, fd) {
  const stream = new Writable();
  stream.write = (chunk, encoding, done) => {
    const isNamed = typeof encoding === 'string';
    writeAll(fd, typeof chunk === 'string' ? Buffer.from(chunk, isNamed ? encoding : 'utf8') : chunk);
    const callback = isNamed || encoding == null ? done : encoding;
    if (callback) process.nextTick(callback);
    return true;
  };
  stream.end = (chunk, encoding, done) => {
    if (chunk !== undefined && typeof chunk !== 'function') stream.write(chunk, encoding, done);
    return stream;
  };
  Object.defineProperty(process, name, { configurable: true, get: () => stream });
  return Object.assign(stream, { fd });
}

function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (thrown) {
      if (thrown.code !== 'EAGAIN') throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // the reader is slow
    }
  }
}

const emit = (stream, message) => stream.write(`\0corral:${nonce}:${JSON.stringify(message)}\n`);
const cut = (text) => (text.length <= mostText ? text : `${text.slice(0, mostText)}…`);
const shown = (value) =>
  inspect(value, { depth: 4, maxArrayLength: 100, maxStringLength: 10_000, breakLength: 100, compact: 3 });

const pictures = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
];
function bundleOf(value) {
  const data = { 'text/plain': cut(shown(value)) };
  if (value instanceof Uint8Array && value.length <= mostBinary) {
    const [mime] = pictures.find(([, head]) => head.every((byte, at) => value[at] === byte)) ?? [];
    if (mime) data[mime] = Buffer.from(value).toString('base64');
  }
  const own = value?.[Symbol.for('Jupyter.display')];
  if (typeof own === 'function') {
    for (const [mime, text] of Object.entries(own.call(value))) {
      const content = typeof text === 'string' ? text : JSON.stringify(text);
      if (content.length <= mostBinary) data[mime] = content;
    }
  }
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value ?? 0) === Object.prototype;
  if (isPlain && data['text/plain'].length <= mostJson) {
    try {
      const json = JSON.stringify(value);
      if (json.length <= mostJson) data['application/json'] ??= json;
    } catch {} // a cycle or a bigint
  }
  return data;
}

const show = (value, isMain) => emit(stdout, { type: 'result', isMain, data: bundleOf(value) });
const hidden = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
const own = createRequire(resolve('cell.js'));
hidden('require', own);
hidden('display', (...values) => {
  for (const value of values) show(value, false);
});
/** A path is relative to the working directory, and a package is looked up from there. */
hidden('__import', async (name) => {
  if (/^\.{0,2}\//.test(name)) return await import(pathToFileURL(resolve(name)).href);
  if (/^(node|file|data):/.test(name)) return await import(name);
  let found;
  try {
    found = own.resolve(name);
  } catch {
    return await import(name);
  }
  return await import(found.startsWith('/') ? pathToFileURL(found).href : found);
});
let kept;
hidden('__keep', (value) => {
  kept = value;
});
let evaluate;
hidden('__evaluate', () => evaluate());
const started = new Script('__evaluate()', { filename: 'kernel' });
/**
 * Node's watch for SIGINT can keep a signal of one script for the next one. This script takes it, so that it does not
 * interrupt a cell.
 */
const pastSignals = new Script('((until) => { while (Date.now() < until); })(Date.now() + 100)', {
  filename: 'kernel',
});
// A cell that reads input finds its end.
hidden('__stdin', new Readable({ read() {} }));
globalThis.__stdin.push(null);
Object.defineProperty(process, 'stdin', { configurable: true, get: () => globalThis.__stdin });

/** Imports exist only in modules, so those of a cell become calls. */
function withImports(code) {
  const names = (list) => list.replace(/\bas\b/g, ':').replace(/\s+/g, ' ');
  return code
    .replace(/^([ \t]*)import\s+(['"][^'"\n]+['"])[ \t]*;?/gm, '$1await __import($2);')
    .replace(
      /^([ \t]*)import\s+(?:([\w$]+)\s*,?\s*)?(?:(\{[^}]*\})|\*\s*as\s+([\w$]+))?\s*from\s*(['"][^'"\n]+['"])[ \t]*;?/gm,
      (_, space, own, list, all, from) => {
        const parts = [own && `default: ${own}`, list && names(list).slice(1, -1).trim()].filter(Boolean);
        if (all) parts.push(`...${all}`);
        const taken = all && !own ? all : `{ ${parts.join(', ')} }`;
        return `${space}const ${taken} = await __import(${from});`;
      },
    )
    .replace(/(?<![\w$.'"`])import\s*\(/g, '__import(');
}

/** The code of a cell without its types; enums and the like need more than to be left out. */
function untyped(code) {
  if (process.argv[1] !== 'typescript') return code;
  if (!stripTypeScriptTypes) throw new Error(`TypeScript needs Node 22.13 or newer; this is ${process.version}.`);
  try {
    return stripTypeScriptTypes(code);
  } catch (thrown) {
    if (thrown.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw thrown;
    return stripTypeScriptTypes(code, { mode: 'transform' });
  }
}

const post = (method, params) =>
  new Promise((done, failed) => {
    session.post(method, params, (error, answer) => (error ? failed(error) : done(answer)));
  });

async function remoteValue({ objectId, type, value, unserializableValue }) {
  if (objectId === undefined) {
    if (type === 'bigint') return BigInt(unserializableValue.slice(0, -1));
    return unserializableValue === undefined ? value : Number(unserializableValue);
  }
  await post('Runtime.callFunctionOn', {
    objectId,
    functionDeclaration: 'function () { "use strict"; __keep(this); }',
  });
  return kept;
}

async function run(code) {
  const interrupted = new Promise((_, reject) => {
    interrupt = () => reject(Object.assign(new Error('The cell was interrupted.'), { name: 'Interrupted' }));
  });
  interrupted.catch(() => {});
  let answer;
  const params = { expression: withImports(untyped(code)), replMode: true, awaitPromise: true, objectGroup: 'cell' };
  evaluate = () => {
    answer = post('Runtime.evaluate', params);
    answer.catch(() => {});
  };
  try {
    started.runInThisContext({ breakOnSigint: true });
  } catch {
    interrupt(); // of code before its first promise, which may leave no answer
  }
  const { result, exceptionDetails } = await Promise.race([answer ?? interrupted, interrupted]);
  const value = await remoteValue(result);
  if (exceptionDetails) return { thrown: value };
  if (value !== undefined) {
    globalThis._ = value;
    show(value, true);
  }
  return undefined;
}

function errorOf(thrown) {
  if (thrown?.code === 'ERR_INSPECTOR_COMMAND') {
    return {
      name: 'Interrupted',
      value: 'The cell was interrupted.',
      traceback: 'Interrupted: The cell was interrupted.',
    };
  }
  if (!(thrown instanceof Error))
    return { name: 'Uncaught', value: shown(thrown), traceback: `Uncaught ${shown(thrown)}` };
  const lines = String(thrown.stack ?? thrown).split('\n');
  const ours = lines.findIndex((line) =>
    /^ +at (Session\.post|new Promise \(<anonymous>\)|post \(\[eval\])/.test(line),
  );
  const traceback = (ours < 0 ? lines : lines.slice(0, ours)).join('\n').slice(0, 20_000);
  return { name: String(thrown.name), value: String(thrown.message).slice(0, 20_000), traceback };
}

function takePastSignals() {
  try {
    pastSignals.runInThisContext({ breakOnSigint: true });
  } catch {} // there was one
}

async function execute(code, env) {
  count++;
  emit(stdout, { type: 'begin', count });
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  Object.assign(process.env, env);
  let error;
  try {
    const failed = await run(code);
    if (failed) error = errorOf(failed.thrown);
  } catch (thrown) {
    error = errorOf(thrown);
  }
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  interrupt = () => {};
  if (error?.name === 'Interrupted') takePastSignals();
  kept = undefined;
  session.post('Runtime.releaseObjectGroup', { objectGroup: 'cell' });
  const end = { type: 'end', count };
  emit(stderr, end);
  emit(stdout, error ? { ...end, error } : end);
}

process.on('SIGINT', () => interrupt());
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (thrown) => {
    if (thrown?.code !== 'ERR_INSPECTOR_COMMAND') stderr.write(`Uncaught ${shown(thrown)}\n`); // else: an interrupted cell
  });
}
let last = Promise.resolve();
createInterface({ input: requests })
  .on('line', (line) => {
    const request = JSON.parse(line);
    if (request.type === 'execute') {
      const asker = servers;
      last = last.then(() => (asker === servers ? execute(request.code, request.env ?? {}) : undefined));
    } else {
      // The cells of an earlier server end first, so that nothing of them reaches this one.
      servers++;
      interrupt();
      last = last.then(() => {
        nonce = request.nonce;
        for (const stream of [stdout, stderr]) emit(stream, { type: 'hello' });
      });
    }
  })
  .on('close', () => void last.then(() => process.exit(0)));
