/** A skill as templates and sessions name it: `pdf`, or `pdf@3` for one of its versions. */
interface SkillPin {
  readonly name: string;
  /** Null: the newest. */
  readonly version: number | null;
}
export function parsePin(pin: string): SkillPin {
  const [name = '', version] = pin.split('@');
  return { name, version: version === undefined ? null : Number(version) };
}
