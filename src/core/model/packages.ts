export interface Packages {
  readonly pip?: readonly string[] | undefined;
  readonly npm?: readonly string[] | undefined;
}
export type PackageManager = keyof Packages;

export const findRequestedPackages = ({
  pip = [],
  npm = [],
}: Packages): readonly (readonly [PackageManager, readonly string[]])[] =>
  ([['pip', pip] as const, ['npm', npm] as const] as const).filter(([, names]) => names.length > 0);
