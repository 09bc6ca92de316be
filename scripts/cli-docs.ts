// `node scripts/run.mjs scripts/cli-docs.ts`: writes the reference of docs/cli.md again, behind its heading.
import { readFile, writeFile } from 'node:fs/promises';
import { cliReference } from '../src/cli/reference.ts';

const file = 'docs/cli.md';
const heading = '\n## Reference\n\n';
const [introduction] = (await readFile(file, 'utf8')).split(heading);
await writeFile(file, `${introduction}${heading}${cliReference()}`);
