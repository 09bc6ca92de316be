/** Epoch ms. No test starts later, because the whole run has to end soon after. */
const until = Number(process.env.TEST_UNTIL ?? Number.POSITIVE_INFINITY);

/** Milliseconds until no more test starts; negative once none does. Infinite in a run without TEST_UNTIL. */
export const msLeft = (): number => until - Date.now();

/** How long a test that started before TEST_UNTIL can go on after it, ms. */
export const lastWaitMs = 120_000;
