import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { parseMultipartFiles } from '../../../src/http/transport/multipart.ts';
import { oddNames } from '../../support/odd-names.ts';

// Names of files in forms, as browsers and programs write them.

async function namesIn(body: Readable, type: string): Promise<string[]> {
  return await parseMultipartFiles(body, type, async ({ filename, content }) => {
    content.resume();
    return filename;
  });
}

test.each([...oddNames, 'a/b c', 'x'.repeat(255)])('the form of a browser has a file named %j', async (name) => {
  const form = new FormData();
  form.set('file', new Blob(['x']), name);
  const answer = new Response(form);
  const body = Readable.fromWeb(answer.body as never);
  expect(await namesIn(body, answer.headers.get('content-type') ?? '')).toEqual([name]);
});

test.each([
  ['curl before 7.81', 'filename="a\\"b"', 'a"b'],
  ['curl, for a backslash', 'filename="a\\\\b"', 'a\\b'],
  ['Python, in lower case', 'filename="a%0ab"', 'a%0ab'],
  ['without quotes', 'filename=a.txt', 'a.txt'],
  ['RFC 5987', "filename*=UTF-8''a%20b%22%C3%A9", 'a b"é'],
  ['Latin-1', "filename*=ISO-8859-1''caf%E9", 'café'],
  ['an empty name', 'filename=""', ''],
])('a name as in %s: %s', async (_, parameter, name) => {
  const part = `--b\r\nContent-Disposition: form-data; name="file"; ${parameter}\r\n\r\nx\r\n--b--\r\n`;
  expect(await namesIn(Readable.from([Buffer.from(part)]), 'multipart/form-data; boundary=b')).toEqual([name]);
});
