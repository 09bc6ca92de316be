import { query } from '../../../data/server.ts';
import { t } from '../../../text/text.ts';
import type { FileStore } from '../store.ts';
import { decodeExactText, isTruncated, mergeEdit } from './file-text.ts';
import type { Comparison } from './review.tsx';
import type { FileWrite } from './steps.ts';

const maxBytes = 512_000;
const lost = '\ufffd'; // replaces bytes that are not UTF-8

export async function compareWithRunStart(store: FileStore, path: string): Promise<Comparison> {
  const { sessionId } = store;
  const { files } = await query('files.changes', { sessionId });
  const file = files.find((one) => one.path === path);
  const merge = async (edited: string) => edited;
  if (!file) return { before: '', after: '', isReadOnly: false, version: undefined, merge };
  if (Math.max(file.before ?? 0, file.after ?? 0) > maxBytes) throw new Error(t('files.tooLargeToCompare'));
  const before = file.before === null ? '' : (await query('files.before', { sessionId, path })).content;
  const read = file.after === null ? undefined : await store.read(path, true);
  const now = decodeExactText(read?.bytes ?? new Uint8Array());
  const after = `${now.mark}${now.text}`;
  if (before.includes('\0') || after.includes('\0')) throw new Error(t('files.binary'));
  const isReadOnly = !now.isExact || before.includes(lost);
  return { before, after, isReadOnly, version: read?.version, merge };
}

/**
 * Compares the file before and after a step. A revert changes the current file, which can be newer, where its lines
 * still match.
 */
export async function compareStep(store: FileStore, path: string, { before, after }: FileWrite): Promise<Comparison> {
  if (isTruncated(before ?? '') || isTruncated(after)) throw new Error(t('files.tooLargeToCompare'));
  const now = await store.read(path, true).catch(() => undefined); // the file may have been deleted
  const exact = decodeExactText(now?.bytes ?? new Uint8Array());
  const text = `${exact.mark}${exact.text}`;
  return {
    before: before ?? '',
    after,
    isReadOnly: !exact.isExact || `${before}${after}`.includes(lost),
    version: now?.version,
    merge: async (edited) => mergeEdit(text, { after, edited }),
  };
}
