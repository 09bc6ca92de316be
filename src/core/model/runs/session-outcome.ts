interface FetchedRepository {
  readonly state: string;
  readonly environment?: { readonly setup?: string | null } | null;
}
/** A run that needs no files can complete before a repository turns out to be unusable: the session has then failed. */
export const hasUnusableRepository = ({
  repositories,
}: {
  readonly repositories: readonly FetchedRepository[];
}): boolean => repositories.some(({ state, environment }) => state === 'failed' || environment?.setup === 'failed');
