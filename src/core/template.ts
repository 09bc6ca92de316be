/** The recipe of an agent that a session names. An unset field leaves the matter to the project or to the server. */
export interface Template {
  readonly name: string;
  /** For people. */
  readonly label: string;
  readonly description: string;
  /** The environment that OpenCodex clients show; only templates with one are listed there. */
  readonly environment?: string | undefined;
  /** `plan-act`: a plan first; `react`: the agent chooses each next action. */
  readonly mode?: 'plan-act' | 'react' | undefined;
  /** The instructions to the agent. */
  readonly prompt?: string | undefined;
  readonly tools: {
    /** Names, groups and globs; undefined: all. */
    readonly allow?: readonly string[] | undefined;
    readonly deny?: readonly string[] | undefined;
  };
}
