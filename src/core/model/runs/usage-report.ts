export const usageDimensions = ['person', 'model', 'project', 'session', 'day'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export const maxUsageGroups = 1_000;

interface GroupPage {
  readonly groups: readonly unknown[];
  readonly nextCursor: string | null;
}
export async function readAllUsageGroups<Page extends GroupPage>(
  read: (cursor: string | undefined) => Promise<Page>,
): Promise<Page> {
  const first = await read(undefined);
  const groups = [...first.groups];
  for (let cursor = first.nextCursor; cursor !== null; ) {
    const page = await read(cursor);
    groups.push(...page.groups);
    cursor = page.nextCursor;
  }
  return { ...first, groups, nextCursor: null };
}
