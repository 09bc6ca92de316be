import type { Box } from '../../client/index.ts';
import type { AgentSession, AgentsApi } from './agents-api.ts';
import { bashCommand } from './bash.ts';

/** Unpacks into `skills/NAME/`: the archive has one folder of that name, or the files themselves. */
const unpack = `
set -e
a=$1 d=skills/$2 t=$(mktemp -d)
if [ "$(head -c 2 "$a")" = PK ]; then python3 -m zipfile -e "$a" "$t"; else tar -xf "$a" -C "$t" --no-same-owner; fi
from=$t; [ -e "$t/SKILL.md" ] || from=$(find "$t" -mindepth 1 -maxdepth 1 -type d | head -n 1)
[ -e "$from/SKILL.md" ] || { echo 'no SKILL.md' >&2; exit 1; }
rm -rf "$d"; mkdir -p skills; cp -a "$from" "$d"; rm -rf "$t" "$a"
`;

/** Puts the skills of the session's agent into the sandbox. Resolves with a line for each that could not be loaded. */
export async function placeSkills(
  api: AgentsApi,
  session: AgentSession,
  box: Box,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { skill_id: id, version } of session.agent.skills) {
    try {
      const { name, archive } = await api.skill(id, version, signal);
      const draft = `.corral/worker/skill-${name}`;
      await box.files.write(draft, archive, { signal });
      const { exitCode, stderr } = await box.exec(bashCommand(unpack, draft, name), { signal });
      if (exitCode !== 0) throw new Error(stderr.trim().slice(0, 500));
    } catch (error) {
      signal.throwIfAborted();
      problems.push(`The skill ${id} could not be loaded: ${(error as Error).message}`);
    }
  }
  return problems;
}
