interface FetchedRepository {
  readonly state: string;
  readonly environment?: { readonly setup?: string | null } | null;
}
/** Whether a repository is unusable. The session then counts as failed, even if a run that needed no files completed first. */
export const hasUnusableRepository = ({
  repositories,
}: {
  readonly repositories: readonly FetchedRepository[];
}): boolean => repositories.some(({ state, environment }) => state === 'failed' || environment?.setup === 'failed');
