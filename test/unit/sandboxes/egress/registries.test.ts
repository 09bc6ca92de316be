import { expect, test } from 'vitest';
import type { StoredRecord } from '../../../../src/core/contracts/ports.ts';
import { discoverRegistries, parseRegistries } from '../../../../src/sandboxes/egress/registries/registries.ts';

const signal = new AbortController().signal;
const output = (...lines: string[]) => `${[...lines, 'end'].join('\n')}\n`;

/** A store with one record kind, an image that prints `printed`, and a web with these pages. */
function world(printed: string, pages: Record<string, string>) {
  const docs = new Map<string, StoredRecord>();
  const did: string[] = [];
  const discovery = {
    imageDigest: 'sha256:1',
    run: async () => {
      did.push('run');
      return printed;
    },
    fetchPage: async (url: string) => {
      did.push(url);
      const text = pages[url];
      if (text === undefined) throw new Error('no answer');
      return text;
    },
    keep: {
      get: async (kind: string, id: string) => docs.get(`${kind} ${id}`),
      put: async ({ kind, id, doc }: { kind: string; id: string; doc: unknown }) => {
        docs.set(`${kind} ${id}`, { id, doc: structuredClone(doc), version: 1 });
        return 1;
      },
    },
  };
  return { discovery, did, pages, docs };
}

test('each line becomes one entry with the port of its URL, without repeats', () => {
  const { entries } = parseRegistries(
    output(
      'npm\thttps://npm.example.test/',
      'npm\thttps://npm.example.test/scoped/',
      'apt\thttp://deb.example.test/debian',
      'pip-files\thttps://files.example.test',
      'go\thttps://go.example.test:8443',
    ),
  );
  expect(entries).toEqual([
    { host: 'npm.example.test', port: 443, for: 'npm' },
    { host: 'deb.example.test', port: 80, for: 'apt' },
    { host: 'files.example.test', port: 443, for: 'pip' },
    { host: 'go.example.test', port: 8443, for: 'go' },
  ]);
});

test('lines without a web address or a known tool are ignored', () => {
  const lines = ['npm\tfile:///srv', 'npm\tnpm warn config', 'npm', '', 'evil\thttps://e.example.test', 'go\tdirect'];
  expect(parseRegistries(output(...lines))).toEqual({ entries: [], pages: [] });
});

test('passwords in an index URL are neither stored nor shown', () => {
  const found = parseRegistries(output('pip\thttps://user:hunter2@pip.example.test/simple/?token=hunter2'));
  expect(JSON.stringify(found)).not.toContain('hunter2');
  expect(found.pages).toEqual([{ for: 'pip', url: 'https://pip.example.test/simple/pip/' }]);
});

test('a script that broke off is an error, not an image without registries', () =>
  expect(() => parseRegistries('npm\thttps://npm.example.test/\n')).toThrow(/could not be read/));

test('output of any length gives at most 64 entries', () => {
  const lines = Array.from({ length: 500 }, (_, n) => `apt\thttp://h${n}.example.test`);
  expect(parseRegistries(output(...lines)).entries).toHaveLength(64);
});

test('the hosts that an index links to are added', async () => {
  const { discovery } = world(
    output('pip\thttps://pip.example.test/simple', 'cargo\thttps://index.example.test/config.json'),
    {
      'https://pip.example.test/simple/pip/':
        '<a href="https://files.example.test/p/pip-1.whl#sha256=1">pip</a><a href="../../own.whl">own</a><a href="mailto:x@y">',
      'https://index.example.test/config.json': '{"dl": "https://crates.example.test:444/{crate}", "api": null}',
    },
  );
  const { entries, unread } = await discoverRegistries(discovery, signal);
  expect(unread).toEqual([]);
  expect(entries.map((entry) => `${entry.for} ${entry.host}:${entry.port}`)).toEqual([
    ...['pip pip.example.test:443', 'cargo index.example.test:443', 'pip files.example.test:443'],
    'cargo crates.example.test:444',
  ]);
});

test('an image is read once, and kept by its digest', async () => {
  const { discovery, did } = world(output('npm\thttps://npm.example.test/'), {});
  const first = await discoverRegistries(discovery, signal);
  expect([await discoverRegistries(discovery, signal), did]).toEqual([first, ['run']]);
  await discoverRegistries({ ...discovery, imageDigest: 'sha256:2' }, signal);
  expect(did).toEqual(['run', 'run']);
});

test('a stored record of another shape is replaced by a new reading', async () => {
  const { discovery, did, docs } = world(output(), {});
  docs.set('egress-registries sha256:1', { id: 'sha256:1', doc: { entries: 'old' }, version: 1 });
  expect(await discoverRegistries(discovery, signal)).toEqual({ entries: [], unread: [], isPartial: false });
  expect(did).toEqual(['run']);
});

test('an image whose package manager took too long is read again next time', async () => {
  const { discovery, did } = world(output('apt\thttp://deb.example.test', 'late\tnpm'), {});
  expect(await discoverRegistries(discovery, signal)).toMatchObject({ entries: [{ for: 'apt' }], isPartial: true });
  await discoverRegistries(discovery, signal);
  expect(did).toEqual(['run', 'run']);
});
