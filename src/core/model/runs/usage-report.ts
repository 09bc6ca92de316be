/** The dimensions of a usage report. */
export const usageDimensions = ['person', 'model', 'project', 'session', 'day'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

/** The most groups that a report splits by day. */
export const maxDailyGroups = 10_000;
