import { posix } from 'node:path';
import type { CapturedRun } from './captured.ts';

export interface WorkspaceFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Epoch ms. */
  readonly modified: number;
}
interface TaskSource {
  readonly session: string;
  readonly captured: CapturedRun;
  readonly workdir: string;
  readonly files: readonly WorkspaceFile[];
}

const testScript = `#!/bin/bash
# Harbor looks for the reward in /logs/verifier. VERIFIER_DIR names another folder where nobody is root.
python3 "$(dirname "$0")/check.py" && reward=1 || reward=0
echo "$reward" > "\${VERIFIER_DIR:-/logs/verifier}/reward.txt"
`;
const checker = `# A skeleton: each changed file must be, byte for byte, what the session made of it. Where more than one result is right,
# check what the instruction asks for instead, and prove it: npm run eval -- --check --tasks <this folder>
import pathlib

expected = pathlib.Path(__file__).with_name('expected')
paths = [path for path in expected.rglob('*') if path.is_file()]
assert paths, 'the session changed no file: write a checker for its result'
for path in paths:
    name = path.relative_to(expected)
    assert name.is_file(), f'{name} is missing'
    assert name.read_bytes() == path.read_bytes(), f'{name} has another content'
`;
const solution = `#!/bin/bash
cp -R "$(dirname "$0")/files/." .
`;
const dockerfile = `# For Harbor. Corral copies files/ into the workspace of its own sandbox.
FROM node:24-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl git procps python3 ripgrep
WORKDIR /workspace
COPY . /opt/environment
RUN if [ -d /opt/environment/files ]; then cp -R /opt/environment/files/. .; fi
`;
const settings = (session: string): string => `version = "1.0"

[metadata]
author_name = "captured"
category = "captured"
tags = ["session-${session}"]

[verifier]
timeout_sec = 120.0

[agent]
timeout_sec = 900.0

[environment]
allow_internet = false
`;

/**
 * Files of the task, by path in its folder. A file older than the instruction is part of the environment, as is the
 * original content of a file that a tool changed. A newer file is part of the result.
 */
export function createTaskFiles({
  session,
  captured,
  workdir,
  files,
}: TaskSource): ReadonlyMap<string, string | Buffer> {
  const { instruction, recording, originals, at } = captured;
  const task = new Map<string, string | Buffer>([
    ['instruction.md', `${instruction.trim()}\n`],
    ['task.toml', settings(session)],
    ['environment/Dockerfile', dockerfile],
    ['tests/test.sh', testScript],
    ['tests/check.py', checker],
    ['solution/solve.sh', solution],
    ['recorded.json', `${JSON.stringify(recording, null, 2)}\n`],
  ]);
  for (const { path, bytes, modified } of files) {
    if (modified < at) task.set(`environment/files/${path}`, bytes);
    else for (const folder of ['tests/expected', 'solution/files']) task.set(`${folder}/${path}`, bytes);
  }
  for (const [value, content] of originals) {
    const path = posix.relative(workdir, posix.resolve(workdir, value));
    if (content !== null && isSafeRelativePath(path)) task.set(`environment/files/${path}`, content);
  }
  return task;
}

/** Whether a relative path stays inside its folder. A sandbox chooses the paths of its files. */
export const isSafeRelativePath = (path: string): boolean =>
  path !== '' && !posix.isAbsolute(path) && !posix.normalize(path).startsWith('..') && !/[\0\\]/.test(path);
