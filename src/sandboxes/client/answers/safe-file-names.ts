import { isName, isPath } from '../../../core/text/file-names.ts';

// Filters a sandbox's file lists: drops names that no workspace file can have. Such a name would lead out of the
// workspace when it is joined to a folder.

export const withSafeNames = <Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] =>
  entries.filter(({ name }) => isName(name));

export interface SearchMatches<Match> {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}
export const withSafePaths = <Match>(
  found: SearchMatches<Match>,
  pathOf: (match: Match) => string,
): SearchMatches<Match> => ({
  ...found,
  matches: found.matches.filter((match) => isPath(pathOf(match))),
});
