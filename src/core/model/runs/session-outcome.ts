interface FetchedRepository {
  readonly state: string;
  readonly environment?: { readonly setup?: string | null } | null;
}
/** A session with an unusable repository counts as failed, even if a run completed. */
export const hasUnusableRepository = ({
  repositories,
}: {
  readonly repositories: readonly FetchedRepository[];
}): boolean => repositories.some(({ state, environment }) => state === 'failed' || environment?.setup === 'failed');
