import { createHash } from 'node:crypto';

const maxChars = 64; // the shortest limit of the model providers
const hashChars = 8;

/**
 * The name under which a model calls a server's tool: `mcp_<server>_<tool>`. No tool of ours begins with `mcp_`. Names
 * that are too long, or that would be equal, end with a hash of the whole name.
 */
export function mcpNames(server: string, tools: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const tool of tools) {
    const plain = `mcp_${server}_${tool.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
    const isTaken = names.has(plain) && names.get(plain) !== tool;
    names.set(plain.length > maxChars || isTaken ? hashed(plain, tool) : plain, tool);
  }
  return names;
}

const hashed = (plain: string, tool: string) => {
  const hash = createHash('sha256').update(tool).digest('hex').slice(0, hashChars);
  return `${plain.slice(0, maxChars - hashChars - 1)}_${hash}`;
};
