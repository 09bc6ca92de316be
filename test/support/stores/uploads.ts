import { projectRecordKind } from '../../../src/sessions/projects/projects.ts';
import { createUploadStore } from '../../../src/sessions/projects/uploads.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../machines/manual-clock.ts';
import { memoryBlobs } from './memory-blobs.ts';

const { signal } = new AbortController();
const maxBytes = 100;

async function* content(text: string) {
  yield Buffer.from(text);
}

/** The uploads of the projects p, pp and q in memory. Their ids count up, and each is kept later than the one before. */
export async function uploadBench() {
  const { records } = createInMemoryStore();
  const [clock, blobs] = [manualClock(1_000), memoryBlobs()];
  let n = 0;
  for (const id of ['p', 'pp', 'q']) await records.put({ kind: projectRecordKind, id, doc: {} });
  const uploads = createUploadStore({ records, blobs, clock, newId: () => `id-${n++}`, maxBytes });
  const stage = (name: string, text = name, projectId: string | null = 'p', by = uploads) =>
    by.stage({ projectId, name, type: 'input', mimeType: null, content: content(text) }, signal);
  return {
    ...{ records, blobs, clock, uploads, stage },
    /** Resolves with the id of the kept file. */
    async put(...of: Parameters<typeof stage>): Promise<string> {
      await using staged = await stage(...of);
      const [file] = await uploads.keep([staged]);
      clock.advance(1);
      return file?.id ?? '';
    },
    /** The uploads as the server has them that starts at `at`. */
    restarted: (at: number) =>
      createUploadStore({ records, blobs, clock: manualClock(at), newId: () => 'fresh', maxBytes }),
  };
}
