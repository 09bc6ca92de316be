/** A skill as templates and sessions name it: `pdf`, or `pdf@3` for a version. */
interface SkillPin {
  readonly name: string;
  /** Null: the newest. */
  readonly version: number | null;
}
export function parseSkillPin(pin: string): SkillPin {
  const [name = '', version] = pin.split('@');
  return { name, version: version === undefined ? null : Number(version) };
}
