import { readFileSync } from 'node:fs';

/** Rows of a file in `test/unit/inputs` of what public packages contain; each names its package and licence. */
export const publicInputs = <Row>(file: string): Row[] =>
  readFileSync(new URL(`../unit/inputs/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** A piece of a file. */
interface PublicFile {
  readonly path: string;
  readonly encoding: string;
  /** The encoding that it is read as, if another. */
  readonly readAs?: string;
  /** ASCII text that occurs once. */
  readonly word: string;
  /** Base64. */
  readonly bytes: string;
}
export const publicFiles = publicInputs<PublicFile>('encodings.jsonl').map(({ bytes, ...file }) => ({
  ...file,
  bytes: Buffer.from(bytes, 'base64'),
}));
