import { onTestFinished } from 'vitest';
import { temporaryFolder } from './store.ts';

/** The path of a new folder, which is removed with all that is in it after the test. */
export function folderOfTest(): string {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return folder.path;
}
