import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';

/** The entries of a zip file, in its order: name, content, time (of the file, to the second) and mode. */
export async function unzip(archive: Buffer) {
  const zip = await fromBufferPromise(archive, { lazyEntries: true });
  const entries: { name: string; content: string; time: string; mode: string }[] = [];
  for await (const entry of zip.eachEntry()) {
    entries.push({
      name: entry.fileName,
      content: (await buffer(await zip.openReadStreamPromise(entry))).toString(),
      time: entry.getLastModDate({ timezone: 'UTC', forceDosFormat: true }).toISOString(),
      mode: ((entry.externalFileAttributes >>> 16) & 0xffff).toString(8),
    });
  }
  return entries;
}
